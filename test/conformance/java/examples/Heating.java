package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.SpawnedThread;
import io.littlehorse.sdk.wfsdk.SpawnedThreads;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;

/** A heater waits for the morning, for a second, and for the room to be warm: all the ways to wait. */
final class Heating {
    private Heating() {}

    static void run(Stage s) {
        s.event("degrees");
        s.put("heating", wf -> {
            WfRunVariable morning = wf.declareTimestamp("morning").required();
            WfRunVariable degrees = wf.declareInt("degrees").withDefault(12);
            WfRunVariable readings = wf.declareInt("readings").withDefault(0);
            wf.sleepUntil(morning);
            wf.sleepSeconds(1);
            SpawnedThread thermometer = wf.spawnThread(
                    child -> child.doWhile(degrees.isLessThan(20), loop -> {
                        degrees.assign(loop.waitForEvent(s.name("degrees")));
                        readings.assign(readings.add(1));
                    }),
                    "thermometer",
                    Map.of());
            wf.waitForCondition(degrees.isGreaterThanEq(20));
            wf.waitForThreads(SpawnedThreads.of(thermometer));
            wf.complete(degrees);
        });
        Timestamp morning = LHLibUtil.fromInstant(Instant.now().plusSeconds(2).truncatedTo(ChronoUnit.SECONDS));
        WfRunId run = s.start(
                "heating",
                "heating",
                Map.of("morning", VariableValue.newBuilder().setUtcTimestamp(morning).build()));
        for (int n = 1; n <= 3; n++) s.post(run, "degrees", 12 + 3 * n);
        WfRun end = s.ended(run, COMPLETED);
        same("degrees", 21L, s.variable(run, "degrees").getInt());
        same("readings", 3L, s.variable(run, "readings").getInt());
        same("output", 21L, end.getThreadRuns(0).getOutput().getInt());

        Timestamp woken = s.node(run, 0, 2).getArrivalTime(), heated = s.node(run, 0, 3).getArrivalTime();
        check(Timestamps.compare(morning, woken) <= 0, "woken at " + woken + ", before " + morning);
        long slept = Timestamps.toMillis(heated) - Timestamps.toMillis(woken);
        check(slept >= 995, "slept " + slept + " ms of a second");
    }
}
