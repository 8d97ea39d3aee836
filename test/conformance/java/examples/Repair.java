package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.SpawnedThread;
import io.littlehorse.sdk.wfsdk.SpawnedThreads;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHTaskMethod;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/** A pump breaks while the run is at it; it is rescued once the pump is repaired. Before, the run is stopped and resumed. */
final class Repair {
    private static final AtomicBoolean broken = new AtomicBoolean(true);

    private Repair() {}

    public static final class Tasks {
        @LHTaskMethod("${prefix}-pump")
        public long pump(long litres) {
            if (broken.get()) throw new IllegalStateException("the pump is broken");
            return litres;
        }
    }

    static void run(Stage s) {
        s.event("open");
        s.put("pumping", wf -> {
            WfRunVariable litres = wf.declareInt("litres").required();
            WfRunVariable pumped = wf.declareInt("pumped").withDefault(0);
            wf.waitForEvent(s.name("open"));
            SpawnedThread pump = wf.spawnThread(
                    child -> pumped.assign(child.execute(s.name("pump"), litres)), "pump", Map.of());
            wf.waitForThreads(SpawnedThreads.of(pump));
        });
        WfRunId run = s.start("pumping", "pumping", Map.of("litres", 70));
        s.waitsAt(run, 0, 1);
        s.client.stopWfRun(StopWfRunRequest.newBuilder().setWfRunId(run).build());
        until("the run to halt", () -> s.client.getWfRun(run).getStatus() == HALTED);
        s.post(run, "open", null);
        same("the run, stopped", HALTED, s.client.getWfRun(run).getStatus());
        same("tasks of the run, stopped", 0, s.taskRuns(run).size());
        s.client.resumeWfRun(ResumeWfRunRequest.newBuilder().setWfRunId(run).build());

        s.ended(run, ERROR);
        same("failure of the wait", "CHILD_FAILURE", s.node(run, 0, 3).getFailures(0).getFailureName());
        broken.set(false);
        // The rescue of the child takes the parent along that waits for it.
        rescue(s, run, 1);
        s.ended(run, COMPLETED);
        same("pumped", 70L, s.variable(run, "pumped").getInt());
        refused("the rescue of a thread that there is not", Code.INVALID_ARGUMENT, () -> rescue(s, run, 9));
    }

    private static WfRun rescue(Stage s, WfRunId run, int thread) {
        return s.client.rescueThreadRun(RescueThreadRunRequest.newBuilder()
                .setWfRunId(run)
                .setThreadRunNumber(thread)
                .build());
    }
}
