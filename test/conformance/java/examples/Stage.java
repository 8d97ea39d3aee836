package examples;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.config.LHConfig;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.common.proto.LittleHorseGrpc.LittleHorseBlockingStub;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.Workflow;
import io.littlehorse.sdk.worker.LHStructDef;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/** What every example stands on: a client, the definitions it registers, and how to see the end of a run. */
final class Stage {
    private static final long WAIT_MS = 120_000; // for hangs alone
    private static final long POLL_MS = 30;
    /** A server may show the writes of one command one after the other; this long after the first, all are there. */
    private static final long SETTLE_MS =
            Long.parseLong(System.getenv().getOrDefault("LH_CONFORMANCE_SETTLE_MS", "0"));

    final LHConfig config = new LHConfig();
    final LittleHorseBlockingStub client = config.getBlockingStub();
    /** Every name begins with it, in annotations as ${prefix}. */
    final String prefix = System.getenv("LH_CONFORMANCE_PREFIX");

    final Map<String, String> placeholders = Map.of("prefix", prefix);
    private final List<LHTaskWorker> workers = new ArrayList<>();

    String name(String suffix) {
        return prefix + "-" + suffix;
    }

    static void check(boolean holds, Object seen) {
        if (!holds) throw new IllegalStateException(String.valueOf(seen));
    }

    static void same(String what, Object want, Object got) {
        check(Objects.equals(want, got), what + " is " + got + ", want " + want);
    }

    // Tasks

    /** Registers the TaskDefs of an object's task methods, after the StructDefs they need; starts their workers later. */
    void tasks(Object functions, Class<?>... structs) {
        for (Method method : functions.getClass().getDeclaredMethods()) {
            LHTaskMethod task = method.getAnnotation(LHTaskMethod.class);
            if (task == null) continue;
            LHTaskWorker worker = new LHTaskWorker(functions, task.value(), config, placeholders);
            for (Class<?> struct : structs) {
                worker.registerStructDef(struct, StructDefCompatibilityType.NO_SCHEMA_UPDATES);
                String name = struct.getAnnotation(LHStructDef.class).value().replace("${prefix}", prefix);
                known(() -> client.getStructDef(
                        StructDefId.newBuilder().setName(name).setVersion(-1).build()));
            }
            worker.registerTaskDef();
            known(() -> client.getTaskDef(
                    TaskDefId.newBuilder().setName(worker.getTaskDefName()).build()));
            workers.add(worker);
        }
    }

    void startWorkers() {
        workers.forEach(LHTaskWorker::start);
    }

    // Definitions

    /** Repeats a read until a definition that was just put can be seen. */
    <T> T known(Supplier<T> call) {
        long deadline = System.currentTimeMillis() + WAIT_MS;
        while (true) {
            try {
                return call.get();
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.NOT_FOUND || System.currentTimeMillis() > deadline) throw e;
            }
            pause(POLL_MS);
        }
    }

    /** Registers a WfSpec and the events that it brings. */
    WfSpec put(Workflow workflow) {
        PutWfSpecRequest request = workflow.compileWorkflow(config);
        workflow.getExternalEventDefsToRegister().forEach(this::put);
        workflow.getWorkflowEventDefsToRegister().forEach(client::putWorkflowEventDef);
        WfSpec spec = client.putWfSpec(request);
        return known(() -> client.getWfSpec(spec.getId()));
    }

    WfSpec put(String suffix, ThreadFunc entrypoint) {
        return put(workflow(suffix, entrypoint));
    }

    Workflow workflow(String suffix, ThreadFunc entrypoint) {
        return Workflow.newWorkflow(name(suffix), entrypoint, placeholders);
    }

    void put(PutExternalEventDefRequest request) {
        ExternalEventDef def = client.putExternalEventDef(request);
        known(() -> client.getExternalEventDef(def.getId()));
    }

    void event(String suffix) {
        put(PutExternalEventDefRequest.newBuilder().setName(name(suffix)).build());
    }

    // Runs

    static VariableValue value(Object o) {
        return o instanceof VariableValue v ? v : LHLibUtil.objToVarVal(o);
    }

    WfRunId start(String spec, String run, Map<String, ?> variables) {
        RunWfRequest.Builder request =
                RunWfRequest.newBuilder().setWfSpecName(name(spec)).setId(name(run));
        variables.forEach((k, v) -> request.putVariables(k, value(v)));
        return client.runWf(request.build()).getId();
    }

    WfRunId start(String spec, String run) {
        return start(spec, run, Map.of());
    }

    ExternalEvent post(WfRunId run, String event, Object content) {
        return client.putExternalEvent(PutExternalEventRequest.newBuilder()
                .setWfRunId(run)
                .setExternalEventDefId(ExternalEventDefId.newBuilder().setName(name(event)))
                .setContent(value(content))
                .build());
    }

    static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Polls until it sees something that holds. */
    static void until(String what, Supplier<Boolean> seen) {
        long deadline = System.currentTimeMillis() + WAIT_MS;
        while (!seen.get()) {
            check(System.currentTimeMillis() < deadline, "waited " + WAIT_MS + " ms for " + what);
            pause(POLL_MS);
        }
        pause(SETTLE_MS);
    }

    /** Waits for the end of a run, which must have this status. */
    WfRun ended(WfRunId run, LHStatus status) {
        List<LHStatus> last = List.of(LHStatus.COMPLETED, LHStatus.ERROR, LHStatus.EXCEPTION);
        until("the end of " + run.getId(), () -> last.contains(client.getWfRun(run).getStatus()));
        WfRun end = client.getWfRun(run);
        check(end.getStatus() == status, run.getId() + " is " + end.getStatus() + ", want " + status + "; " + failures(run));
        return end;
    }

    /** What went wrong in a run. */
    List<String> failures(WfRunId run) {
        List<String> all = new ArrayList<>();
        for (NodeRun node : client.listNodeRuns(ListNodeRunsRequest.newBuilder().setWfRunId(run).build()).getResultsList()) {
            node.getFailuresList().forEach(f -> all.add(node.getNodeName() + ": " + f.getFailureName() + ": " + f.getMessage()));
        }
        return all;
    }

    NodeRun node(WfRunId run, int thread, int position) {
        return client.getNodeRun(NodeRunId.newBuilder()
                .setWfRunId(run)
                .setThreadRunNumber(thread)
                .setPosition(position)
                .build());
    }

    /** Waits until a thread stands at a node. */
    void waitsAt(WfRunId run, int thread, int position) {
        until(run.getId() + " to wait at " + thread + "/" + position, () -> {
            try {
                return node(run, thread, position).getStatus() == LHStatus.RUNNING;
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() == Status.Code.NOT_FOUND) return false;
                throw e;
            }
        });
    }

    VariableValue variable(WfRunId run, String name) {
        return client.getVariable(
                        VariableId.newBuilder().setWfRunId(run).setName(name).build())
                .getValue();
    }

    List<TaskRun> taskRuns(WfRunId run) {
        return client.listTaskRuns(ListTaskRunsRequest.newBuilder().setWfRunId(run).build()).getResultsList();
    }

    static void refused(String what, Status.Code code, Supplier<?> call) {
        Object answer;
        try {
            answer = call.get();
        } catch (StatusRuntimeException e) {
            same("code of " + what, code, e.getStatus().getCode());
            return;
        }
        throw new IllegalStateException(what + " is not refused: " + answer);
    }
}
