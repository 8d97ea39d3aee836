import static io.littlehorse.sdk.common.proto.LHStatus.EXCEPTION;

import io.littlehorse.sdk.common.proto.ExponentialBackoffRetryPolicy;
import io.littlehorse.sdk.common.proto.LHErrorType;
import io.littlehorse.sdk.common.proto.TaskDefId;
import io.littlehorse.sdk.common.proto.WfRun;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;
import java.util.Collections;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A saga that takes thirty days, on a server whose clock skips what nobody has to wait for. Prints one line of JSON: what the
 * tasks did, the seconds that it took by the server's clock, and the milliseconds by that of the machine.
 */
public final class Month {
    private static final int DAY = 24 * 60 * 60;
    private static final List<String> ledger = Collections.synchronizedList(new ArrayList<>());

    private Month() {}

    public static final class Tasks {
        @LHTaskMethod("month-do")
        public String act(String what) {
            ledger.add(what);
            if (what.equals("charge") && Collections.frequency(ledger, what) == 1) {
                throw new IllegalStateException("the bank is closed");
            }
            return what;
        }
    }

    public static void main(String[] args) {
        Session s = new Session(System.getenv("LH_CONFORMANCE_PREFIX"));
        LHTaskWorker worker = new LHTaskWorker(new Tasks(), "month-do", s.config);
        worker.registerTaskDef();
        s.eventually(() -> s.stub.getTaskDef(
                TaskDefId.newBuilder().setName(worker.getTaskDefName()).build()));
        worker.start();
        s.putEventDef("delivered");
        s.put("month", wf -> {
            wf.execute("month-do", "reserve");
            wf.sleepSeconds(10 * DAY);
            wf.execute("month-do", "charge")
                    .withRetries(2)
                    .withExponentialBackoff(ExponentialBackoffRetryPolicy.newBuilder()
                            .setBaseIntervalMs(3_600_000)
                            .setMultiplier(1)
                            .setMaxDelayMs(3_600_000)
                            .build());
            wf.handleError(wf.waitForEvent(s.name("delivered")).timeout(20 * DAY), LHErrorType.TIMEOUT, lost -> {
                lost.execute("month-do", "refund");
                lost.execute("month-do", "release");
                lost.fail("order-lost", "nobody has seen the parcel");
            });
        });
        long begun = System.nanoTime();
        s.run("month", "month");
        WfRun run = s.waitStatus("month", EXCEPTION);
        long waited = (System.nanoTime() - begun) / 1_000_000;
        long seconds = run.getEndTime().getSeconds() - run.getStartTime().getSeconds();
        String did = ledger.stream().map(what -> '"' + what + '"').collect(Collectors.joining(", "));
        System.out.printf("{\"ledger\": [%s], \"seconds\": %d, \"ms\": %d}%n", did, seconds, waited);
        Runtime.getRuntime().halt(0);
    }
}
