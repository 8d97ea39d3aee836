package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.Map;

/** Letters wait for their signature, whose sender knows the number of the document and not the run: correlated events. */
final class Letters {
    private Letters() {}

    static void run(Stage s) {
        s.put("letter", wf -> {
            WfRunVariable document = wf.declareStr("document").required();
            WfRunVariable signer = wf.declareStr("signer");
            signer.assign(wf.waitForEvent(s.name("signed"))
                    .withCorrelationId(document)
                    .withCorrelatedEventConfig(CorrelatedEventConfig.newBuilder()
                            .setDeleteAfterFirstCorrelation(false)
                            .build())
                    .registeredAs(String.class));
        });
        String contract = s.name("contract"), lease = s.name("lease");

        WfRunId ana = s.start("letter", "letter-ana", Map.of("document", contract));
        WfRunId bo = s.start("letter", "letter-bo", Map.of("document", contract));
        WfRunId other = s.start("letter", "letter-other", Map.of("document", s.name("other")));
        s.waitsAt(ana, 0, 1);
        s.waitsAt(bo, 0, 1);
        sign(s, contract, "Cleo");
        for (WfRunId run : new WfRunId[] {ana, bo}) {
            s.ended(run, COMPLETED);
            same("signer", "Cleo", s.variable(run, "signer").getStr());
        }
        same("the other letter", RUNNING, s.client.getWfRun(other).getStatus());
        CorrelatedEvent kept = s.client.getCorrelatedEvent(eventId(s, contract));
        same("events made of it", 2, kept.getExternalEventsCount());

        sign(s, lease, "Dora");
        WfRunId late = s.start("letter", "letter-late", Map.of("document", lease));
        s.ended(late, COMPLETED);
        same("signer", "Dora", s.variable(late, "signer").getStr());

        refused("a second signature", Code.ALREADY_EXISTS, () -> sign(s, lease, "Eve"));
        refused("a number with a slash", Code.INVALID_ARGUMENT, () -> sign(s, "a/b", "Eve"));
        s.client.deleteCorrelatedEvent(
                DeleteCorrelatedEventRequest.newBuilder().setId(eventId(s, lease)).build());
        refused("the deleted signature", Code.NOT_FOUND, () -> s.client.getCorrelatedEvent(eventId(s, lease)));
        s.post(other, "signed", "by hand");
        s.ended(other, COMPLETED);
        same("signer", "by hand", s.variable(other, "signer").getStr());
    }

    private static CorrelatedEventId eventId(Stage s, String document) {
        return CorrelatedEventId.newBuilder()
                .setKey(document)
                .setExternalEventDefId(ExternalEventDefId.newBuilder().setName(s.name("signed")))
                .build();
    }

    private static CorrelatedEvent sign(Stage s, String document, String signer) {
        return s.client.putCorrelatedEvent(PutCorrelatedEventRequest.newBuilder()
                .setKey(document)
                .setExternalEventDefId(ExternalEventDefId.newBuilder().setName(s.name("signed")))
                .setContent(value(signer))
                .build());
    }
}
