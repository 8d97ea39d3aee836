import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.config.LHConfig;
import io.littlehorse.sdk.common.proto.ExternalEventDefId;
import io.littlehorse.sdk.common.proto.LHStatus;
import io.littlehorse.sdk.common.proto.LittleHorseGrpc.LittleHorseBlockingStub;
import io.littlehorse.sdk.common.proto.PutExternalEventRequest;
import io.littlehorse.sdk.common.proto.RunWfRequest;
import io.littlehorse.sdk.common.proto.VariableId;
import io.littlehorse.sdk.common.proto.VariableValue;
import io.littlehorse.sdk.common.proto.WfRun;
import io.littlehorse.sdk.common.proto.WfRunId;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.Workflow;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** What the examples stand on: a client, definitions, workers, and how to see the end of a run. */
final class Stage implements AutoCloseable {
    private static final long PATIENCE_MS = 60_000;
    private static final Set<LHStatus> ENDED = Set.of(LHStatus.COMPLETED, LHStatus.ERROR, LHStatus.EXCEPTION);

    final LHConfig config = new LHConfig();
    final LittleHorseBlockingStub client = config.getBlockingStub();
    private final PrintStream out;
    private final List<LHTaskWorker> workers = new ArrayList<>();

    Stage(PrintStream out) {
        this.out = out;
    }

    void say(String line) {
        out.println(line);
    }

    /** Registers the task methods of an object, and does them until the stage is closed. */
    void work(Object tasks) {
        for (Method method : tasks.getClass().getDeclaredMethods()) {
            LHTaskMethod task = method.getAnnotation(LHTaskMethod.class);
            if (task == null) continue;
            LHTaskWorker worker = new LHTaskWorker(tasks, task.value(), config);
            worker.registerTaskDef();
            worker.start();
            workers.add(worker);
        }
    }

    @Override
    public void close() {
        workers.forEach(LHTaskWorker::close);
    }

    void put(String name, ThreadFunc entrypoint) {
        Workflow.newWorkflow(name, entrypoint).registerWfSpec(client);
    }

    WfRunId start(String spec, Map<String, ?> variables) {
        RunWfRequest.Builder request = RunWfRequest.newBuilder().setWfSpecName(spec);
        variables.forEach((name, value) -> request.putVariables(name, LHLibUtil.objToVarVal(value)));
        return client.runWf(request.build()).getId();
    }

    void post(WfRunId run, String event, Object content) {
        client.putExternalEvent(PutExternalEventRequest.newBuilder()
                .setWfRunId(run)
                .setExternalEventDefId(ExternalEventDefId.newBuilder().setName(event))
                .setContent(LHLibUtil.objToVarVal(content))
                .build());
    }

    VariableValue variable(WfRunId run, String name) {
        return client.getVariable(VariableId.newBuilder().setWfRunId(run).setName(name).build())
                .getValue();
    }

    /** Asks again and again until the answer is yes. */
    static void until(String what, BooleanSupplier seen) {
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (System.currentTimeMillis() < deadline) {
            try {
                if (seen.getAsBoolean()) return;
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.NOT_FOUND) throw e;
            }
            try {
                Thread.sleep(30);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        throw new IllegalStateException("waited in vain for " + what);
    }

    /** Waits for the end of a run and tells it: the status, and why if it is no good one. */
    String end(WfRunId run) {
        until("the end of " + run.getId(), () -> ENDED.contains(client.getWfRun(run).getStatus()));
        WfRun last = client.getWfRun(run);
        return last.getStatus() == LHStatus.COMPLETED
                ? "COMPLETED"
                : last.getStatus() + ": " + last.getThreadRuns(0).getErrorMessage();
    }
}
