package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.Workflow;
import java.util.Map;

/** A tariff changes: what may change is said with it; runs of old versions are still possible. */
final class Versions {
    private Versions() {}

    static void run(Stage s) {
        ThreadFunc first = wf -> wf.complete(wf.declareInt("kwh").required().multiply(30));
        ThreadFunc dearer = wf -> wf.complete(wf.declareInt("kwh").required().multiply(35));
        ThreadFunc other = wf -> {
            wf.declareStr("customer").required();
            wf.complete(wf.declareInt("kwh").required().multiply(40));
        };
        same("first", "0.0", version(s.put("tariff", first)));
        same("the same again", "0.0", version(s.put("tariff", first)));
        same("a new price", "0.1", version(put(s, dearer, AllowedUpdateType.MINOR_REVISION_UPDATES)));
        refused("a new input", Code.FAILED_PRECONDITION, () -> put(s, other, AllowedUpdateType.MINOR_REVISION_UPDATES));
        refused("any change", Code.ALREADY_EXISTS, () -> put(s, other, AllowedUpdateType.NO_UPDATES));
        same("a new input", "1.0", version(put(s, other, AllowedUpdateType.ALL_UPDATES)));

        same("by the first", 300L, bill(s, RunWfRequest.newBuilder().setMajorVersion(0).setRevision(0)));
        same("by the newest of 0", 350L, bill(s, RunWfRequest.newBuilder().setMajorVersion(0)));
        same("by the newest", 400L, bill(s, RunWfRequest.newBuilder().putVariables("customer", value("ana"))));
        refused("the newest without its input", Code.INVALID_ARGUMENT, () -> bill(s, RunWfRequest.newBuilder()));
        refused("a version to come", Code.NOT_FOUND, () -> bill(s, RunWfRequest.newBuilder().setMajorVersion(2)));
        same("newest", "1.0", version(s.client.getLatestWfSpec(
                GetLatestWfSpecRequest.newBuilder().setName(s.name("tariff")).build())));
    }

    private static WfSpec put(Stage s, ThreadFunc entrypoint, AllowedUpdateType allowed) {
        Workflow tariff = s.workflow("tariff", entrypoint).withUpdateType(allowed);
        return s.put(tariff);
    }

    private static String version(WfSpec spec) {
        return spec.getId().getMajorVersion() + "." + spec.getId().getRevision();
    }

    private static long bill(Stage s, RunWfRequest.Builder request) {
        WfRunId run = s.client
                .runWf(request.setWfSpecName(s.name("tariff")).putVariables("kwh", value(10)).build())
                .getId();
        return s.ended(run, COMPLETED).getThreadRuns(0).getOutput().getInt();
    }
}
