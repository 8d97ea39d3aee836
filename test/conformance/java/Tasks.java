import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.exception.LHTaskException;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.TaskNodeOutput;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;
import io.littlehorse.sdk.worker.WorkerContext;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** Tasks: outputs, retries, timeouts, exceptions, checkpoints. */
final class Tasks {
    private static final Set<String> lateReports = ConcurrentHashMap.newKeySet();

    private Tasks() {}

    /** The functions that the workers run. */
    public static final class Functions {
        @LHTaskMethod("${prefix}-greet")
        public String greet(String name) {
            return "hello " + name;
        }

        @LHTaskMethod("${prefix}-add")
        public long add(long a, long b) {
            return a + b;
        }

        @LHTaskMethod("${prefix}-nothing")
        public void nothing() {}

        @LHTaskMethod("${prefix}-mirror")
        public Map<String, Object> mirror(
                int i, String s, double d, boolean b, Map<String, Object> o, List<Object> a, byte[] y) {
            Map<String, Object> out = new TreeMap<>();
            out.put("int", i);
            out.put("str", s);
            out.put("double", d);
            out.put("bool", b);
            out.put("object", o);
            out.put("array", a);
            out.put("bytes", new String(y));
            return out;
        }

        @LHTaskMethod("${prefix}-context")
        public String context(WorkerContext ctx) {
            ctx.log("looked around");
            NodeRunId node = ctx.getNodeRunId();
            return String.join(
                    " ",
                    ctx.getWfRunId().getId(),
                    ctx.getTaskRunId().getTaskGuid(),
                    node.getThreadRunNumber() + "/" + node.getPosition(),
                    String.valueOf(ctx.getAttemptNumber()),
                    ctx.getIdempotencyKey());
        }

        @LHTaskMethod("${prefix}-flaky")
        public String flaky(int failures, WorkerContext ctx) {
            if (ctx.getAttemptNumber() < failures) {
                throw new IllegalStateException("attempt " + ctx.getAttemptNumber() + " fails");
            }
            return "attempt " + ctx.getAttemptNumber() + " succeeds";
        }

        /** Late in its first attempt only. */
        @LHTaskMethod("${prefix}-slow")
        public String slow(WorkerContext ctx) {
            if (ctx.getAttemptNumber() > 0) return "in time";
            Session.pause(5000);
            lateReports.add(ctx.getWfRunId().getId());
            return "too late";
        }

        @LHTaskMethod("${prefix}-charge")
        public String charge(String item) {
            if (item.equals("rare")) throw new LHTaskException("out-of-stock", "none left", Session.value(item));
            if (item.equals("gone")) throw new LHTaskException("discontinued", "no longer sold");
            return "charged " + item;
        }

        @LHTaskMethod("${prefix}-checkpointed")
        public String checkpointed(WorkerContext ctx) {
            String first = ctx.executeAndCheckpoint(c -> "first in attempt " + ctx.getAttemptNumber(), String.class);
            if (ctx.getAttemptNumber() == 0) throw new IllegalStateException("fails after its first checkpoint");
            String second = ctx.executeAndCheckpoint(c -> "second in attempt " + ctx.getAttemptNumber(), String.class);
            return first + ", " + second;
        }
    }

    static void startWorkers(Session s) {
        Arrays.stream(Functions.class.getDeclaredMethods())
                .filter(m -> m.isAnnotationPresent(LHTaskMethod.class))
                .map(m -> m.getName())
                .sorted()
                .forEach(method -> {
                    LHTaskWorker worker = new LHTaskWorker(
                            new Functions(), "${prefix}-" + method, s.config, Map.of("prefix", s.prefix));
                    worker.registerTaskDef();
                    s.eventually(() -> s.stub.getTaskDef(s.taskDefId(method)));
                    worker.start();
                });
    }

    static void greet(Session s) {
        WfSpec spec = s.put("greet", wf -> {
            WfRunVariable name = wf.declareStr("name").required();
            WfRunVariable result = wf.declareStr("result");
            result.assign(wf.execute(s.name("greet"), name));
        });
        s.transcript.step("greet/spec", spec);
        s.run("greet", "greet", Map.of("name", "Ana"));
        s.record("greet/run", "greet", COMPLETED);
        Transcript.expect(s.variable("greet", "result").getStr().equals("hello Ana"), "wrong greeting");
        WfRun run = s.stub.getWfRun(s.wfRunId("greet"));
        Transcript.expect(
                !LHLibUtil.fromProtoTs(run.getEndTime()).before(LHLibUtil.fromProtoTs(run.getStartTime())),
                "ends before it starts");
    }

    static void generatedId(Session s) {
        WfRun run = s.stub.runWf(RunWfRequest.newBuilder()
                .setWfSpecName(s.name("greet"))
                .putVariables("name", Session.value("Bo"))
                .build());
        Transcript.expect(run.getId().getId().length() == 32, "generated id " + run.getId());
        s.transcript.step("generated-id/run", run);
    }

    static void arguments(Session s) {
        s.put("arguments", wf -> {
            WfRunVariable object = wf.declareJsonObj("object").withDefault(new TreeMap<>(Map.of("k", List.of(1, "two"))));
            WfRunVariable array = wf.declareJsonArr("array").withDefault(List.of(1, Map.of("x", 2)));
            WfRunVariable result = wf.declareJsonObj("result");
            result.assign(wf.execute(
                    s.name("mirror"), 7, "text", 2.5, true, object, array, "bytes".getBytes()));
        });
        s.run("arguments", "arguments");
        s.record("arguments/run", "arguments", COMPLETED);
    }

    static void nothing(Session s) {
        s.put("void", wf -> wf.execute(s.name("nothing")));
        s.run("void", "void");
        s.record("void/run", "void", COMPLETED);
    }

    static void context(Session s) {
        s.put("context", wf -> wf.declareStr("result").assign(wf.execute(s.name("context"))));
        s.run("context", "context");
        s.record("context/run", "context", COMPLETED);
    }

    static void dynamic(Session s) {
        s.put("dynamic", wf -> wf.execute(wf.declareStr("which").required(), "Cleo"));
        s.run("dynamic", "dynamic", Map.of("which", s.name("greet")));
        s.record("dynamic/run", "dynamic", COMPLETED);
        s.run("dynamic", "dynamic-unknown", Map.of("which", "no-such-task"));
        s.record("dynamic/unknown", "dynamic-unknown", ERROR);
    }

    static void retries(Session s) {
        s.put("retries", wf -> {
            WfRunVariable failures = wf.declareInt("failures").required();
            wf.declareStr("result").assign(wf.execute(s.name("flaky"), failures).withRetries(2));
        });
        s.run("retries", "retries-enough", Map.of("failures", 2));
        s.record("retries/enough", "retries-enough", COMPLETED);
        Transcript.expect(
                s.variable("retries-enough", "result").getStr().equals("attempt 2 succeeds"), "wrong attempt");
        s.run("retries", "retries-exhausted", Map.of("failures", 9));
        s.record("retries/exhausted", "retries-exhausted", ERROR);
    }

    /** Reports of attempts that are over are answered OK and change nothing. */
    static void repeatedReport(Session s) {
        TaskRun before = s.taskRun("retries-enough", "0-1");
        s.stub.reportTask(ReportTaskRun.newBuilder()
                .setTaskRunId(before.getId())
                .setStatus(TaskStatus.TASK_SUCCESS)
                .setOutput(Session.value("again"))
                .build());
        Session.pause(200); // a server may answer before it looks at the report
        Transcript.expect(s.taskRun("retries-enough", "0-1").equals(before), "a second report counted");
        s.transcript.step("repeated-report/finished", "dropped");
    }

    static void backoff(Session s) {
        long base = 400, ceiling = 600;
        s.put("backoff", wf -> wf.execute(s.name("flaky"), 2)
                .withRetries(2)
                .withExponentialBackoff(ExponentialBackoffRetryPolicy.newBuilder()
                        .setBaseIntervalMs((int) base)
                        .setMultiplier(2.0f)
                        .setMaxDelayMs(ceiling)
                        .build()));
        s.run("backoff", "backoff");
        s.waitFor("a pending attempt", () -> { // or, where time was short, the end
            TaskStatus status = s.taskRun("backoff", "0-1").getStatus();
            return status == TaskStatus.TASK_PENDING || status == TaskStatus.TASK_SUCCESS;
        });
        s.record("backoff/run", "backoff", COMPLETED);
        List<TaskAttempt> attempts = s.taskRun("backoff", "0-1").getAttemptsList();
        List<Long> delays = List.of(base, ceiling);
        for (int i = 1; i < attempts.size(); i++) {
            long waited = LHLibUtil.fromProtoTs(attempts.get(i).getScheduleTime()).getTime()
                    - LHLibUtil.fromProtoTs(attempts.get(i - 1).getEndTime()).getTime();
            long want = delays.get(i - 1);
            Transcript.expect(
                    want - 5 <= waited && waited <= want + 60_000,
                    "retry " + i + " came " + waited + " ms after the failure, want " + want);
        }
    }

    static void timeout(Session s) {
        s.put("timeout", wf -> wf.declareStr("result")
                .assign(wf.execute(s.name("slow")).withRetries(1).timeout(3)));
        s.run("timeout", "timeout");
        s.record("timeout/run", "timeout", COMPLETED);
        Transcript.expect(s.variable("timeout", "result").getStr().equals("in time"), "the late result won");
        TaskRun before = s.taskRun("timeout", "0-1");
        s.waitFor("the late report", () -> lateReports.contains(s.name("timeout")));
        Session.pause(300); // the report itself follows the function's return
        Transcript.expect(s.taskRun("timeout", "0-1").equals(before), "a late report changed the TaskRun");
        s.transcript.step("timeout/late-report", "dropped");
    }

    static void timeoutExhausted(Session s) {
        s.put("timeout-exhausted", wf -> wf.execute(s.name("slow")).timeout(3));
        s.run("timeout-exhausted", "timeout-exhausted");
        s.record("timeout-exhausted/run", "timeout-exhausted", ERROR);
    }

    static void exceptions(Session s) {
        ThreadFunc handler = wf -> wf.execute(s.name("greet"), wf.declareStr("INPUT"));
        s.put("exceptions", wf -> {
            WfRunVariable item = wf.declareStr("item").required();
            TaskNodeOutput charged = wf.execute(s.name("charge"), item).withRetries(3);
            wf.handleException(charged, "out-of-stock", handler);
            wf.execute(s.name("add"), 1, 2);
        });
        s.run("exceptions", "exceptions-none", Map.of("item", "common"));
        s.record("exceptions/none", "exceptions-none", COMPLETED);
        s.run("exceptions", "exceptions-handled", Map.of("item", "rare"));
        s.record("exceptions/handled", "exceptions-handled", COMPLETED);
        s.run("exceptions", "exceptions-unhandled", Map.of("item", "gone"));
        s.record("exceptions/unhandled", "exceptions-unhandled", EXCEPTION);
    }

    static void errors(Session s) {
        ThreadFunc handler = wf -> wf.execute(s.name("greet"), "handler");
        s.put("errors-any", wf -> wf.handleError(wf.execute(s.name("flaky"), 9).withRetries(1), handler));
        s.run("errors-any", "errors-any");
        s.record("errors/any-error", "errors-any", COMPLETED);
        s.put("errors-other", wf -> wf.handleError(wf.execute(s.name("flaky"), 9), LHErrorType.TIMEOUT, handler));
        s.run("errors-other", "errors-other");
        s.record("errors/other-error", "errors-other", ERROR);
        s.put("errors-failure", wf -> wf.handleAnyFailure(wf.execute(s.name("charge"), "gone"), handler));
        s.run("errors-failure", "errors-failure");
        s.record("errors/any-failure", "errors-failure", COMPLETED);
    }

    static void checkpoints(Session s) throws Exception {
        s.put("checkpoints", wf -> wf.declareStr("result")
                .assign(wf.execute(s.name("checkpointed")).withRetries(1)));
        s.run("checkpoints", "checkpoints");
        s.record("checkpoints/run", "checkpoints", COMPLETED);
        Transcript.expect(
                s.variable("checkpoints", "result").getStr().equals("first in attempt 0, second in attempt 1"),
                "a checkpoint was run again");
        CheckpointId.Builder id = CheckpointId.newBuilder().setTaskRun(s.taskRunId("checkpoints", "0-1"));
        for (int number = 0; number < 2; number++) {
            s.transcript.step(
                    "checkpoints/" + number,
                    s.stub.getCheckpoint(id.setCheckpointNumber(number).build()));
        }
        s.transcript.refused(
                "checkpoints/missing",
                "NOT_FOUND",
                () -> s.stub.getCheckpoint(id.setCheckpointNumber(2).build()));
        s.transcript.step(
                "checkpoints/zombie",
                s.stub.putCheckpoint(PutCheckpointRequest.newBuilder()
                        .setTaskRunId(s.taskRunId("checkpoints", "0-1"))
                        .setValue(Session.value("zombie"))
                        .build()));
    }

    static void workerGroup(Session s) throws Exception {
        TaskWorkerGroup group = s.stub.getTaskWorkerGroup(s.taskDefId("greet"));
        s.transcript.step(
                "worker-group/registered",
                Map.of(
                        "taskDef", group.getId().getTaskDefId().getName(),
                        "workers", group.getTaskWorkersMap().keySet(),
                        "hosts",
                                group.getTaskWorkersMap().values().stream()
                                        .map(w -> w.getHostsCount())
                                        .toList()));
        s.transcript.refused(
                "worker-group/missing", "NOT_FOUND", () -> s.stub.getTaskWorkerGroup(s.taskDefId("unserved")));
    }
}
