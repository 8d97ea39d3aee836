import static io.littlehorse.sdk.common.proto.LHStatus.COMPLETED;

import com.google.protobuf.util.Timestamps;
import io.littlehorse.sdk.common.proto.LHStatus;
import io.littlehorse.sdk.common.proto.TaskDefId;
import io.littlehorse.sdk.common.proto.WfRun;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;

/**
 * How long a WfRun of 100 tasks takes with the official Java worker and its default settings. Prints the microseconds of
 * each WfRun on a line, by the server's own clock: from its start to its end.
 */
public final class Pace {
    private static final int TASKS = 100;
    private static final int WARM = 10;
    private static final int RUNS = 20;

    private Pace() {}

    public static final class Tasks {
        @LHTaskMethod("greet")
        public String greet(String name) {
            return "hello " + name;
        }
    }

    public static void main(String[] args) {
        Session s = new Session(System.getenv("LH_CONFORMANCE_PREFIX"));
        LHTaskWorker worker = new LHTaskWorker(new Tasks(), "greet", s.config);
        worker.registerTaskDef();
        s.eventually(() -> s.stub.getTaskDef(
                TaskDefId.newBuilder().setName(worker.getTaskDefName()).build()));
        worker.start();
        s.put("pace", wf -> {
            for (int i = 0; i < TASKS; i++) wf.execute("greet", "ana");
        });
        for (int i = 0; i < WARM + RUNS; i++) {
            s.run("pace", "run-" + i);
            WfRun run = ended(s, "run-" + i);
            if (i >= WARM) {
                System.out.println(
                        Timestamps.toMicros(run.getEndTime()) - Timestamps.toMicros(run.getStartTime()));
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static WfRun ended(Session s, String name) {
        while (true) {
            WfRun run = s.stub.getWfRun(s.wfRunId(name));
            if (run.getStatus() == COMPLETED) return run;
            if (run.getStatus() != LHStatus.RUNNING) throw new IllegalStateException(run.toString());
            Session.pause(30);
        }
    }
}
