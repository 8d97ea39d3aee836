package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.SpawnedThread;
import io.littlehorse.sdk.wfsdk.SpawnedThreads;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.WorkerContext;
import java.util.Map;

/** Three routes to the same place; one is blocked, which does not matter as long as another arrives. */
final class Race {
    private Race() {}

    public static final class Tasks {
        @LHTaskMethod("${prefix}-ride")
        public String ride(String route, WorkerContext ctx) {
            if (route.equals("blocked")) throw new IllegalStateException("road closed");
            return ctx.executeAndCheckpoint(c -> "arrived by " + route, String.class);
        }
    }

    static void run(Stage s) {
        s.event("green-light");
        s.event("go");
        s.put("race", wf -> {
            WfRunVariable route = wf.declareStr("route").required();
            WfRunVariable winner = wf.declareStr("winner");
            SpawnedThread blocked = wf.spawnThread(
                    child -> child.execute(s.name("ride"), "blocked"), "blocked", Map.of());
            SpawnedThread slow = wf.spawnThread(
                    child -> child.waitForEvent(s.name("green-light")), "slow", Map.of());
            SpawnedThread fast = wf.spawnThread(
                    child -> {
                        WfRunVariable way = child.declareStr("way").required();
                        child.waitForEvent(s.name("go"));
                        winner.assign(child.execute(child.format("{0}-{1}", s.prefix, "ride"), way));
                    },
                    "fast",
                    Map.of("way", route));
            wf.waitForAnyOf(SpawnedThreads.of(blocked, slow, fast));
        });
        WfRunId run = s.start("race", "race", Map.of("route", "bridge"));
        until("the blocked to be stopped", () -> {
            WfRun now = s.client.getWfRun(run);
            return now.getThreadRunsCount() == 4 && now.getThreadRuns(1).getStatus() == ERROR;
        });
        s.post(run, "go", null);
        WfRun end = s.ended(run, COMPLETED);
        same("winner", "arrived by bridge", s.variable(run, "winner").getStr());
        same("the blocked", ERROR, end.getThreadRuns(1).getStatus());
        same("the slow", HALTED, end.getThreadRuns(2).getStatus());
        same("the fast", COMPLETED, end.getThreadRuns(3).getStatus());

        WfRunId lost = s.start("race", "race-lost", Map.of("route", "blocked"));
        s.post(lost, "go", null);
        until("both riders to be stopped", () -> {
            WfRun now = s.client.getWfRun(lost);
            return now.getThreadRunsCount() == 4
                    && now.getThreadRuns(1).getStatus() == ERROR
                    && now.getThreadRuns(3).getStatus() == ERROR;
        });
        same("the race with one rider left", RUNNING, s.client.getWfRun(lost).getStatus());
        s.post(lost, "green-light", null);
        s.ended(lost, COMPLETED);
    }
}
