import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.littlehorse.sdk.common.config.LHConfig;
import io.littlehorse.sdk.common.proto.LittleHorseGrpc.LittleHorseBlockingStub;
import io.littlehorse.sdk.common.proto.RunWfRequest;
import io.littlehorse.sdk.wfsdk.Workflow;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;
import io.littlehorse.sdk.worker.WorkerContext;
import java.lang.reflect.Field;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * An official worker, and an official client that starts WfRuns for it, until they are killed.
 *
 * <p>Prints "acknowledged WFRUN" and "delivered WFRUN/TASK attempt N", a line each.
 */
public final class Official {
    private static final String SPEC = "official-java";
    private static final String TASK = "official-java-step";
    private static final int ATTEMPT_SECONDS = Integer.parseInt(System.getenv("ATTEMPT_SECONDS"));
    private static final int CALL_SECONDS = 5;
    private static final int BREATH_MS = 250;
    private static final int HEARTBEAT_MS = 2000;

    private static final Set<Status.Code> TO_BE_REPEATED =
            Set.of(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED, Status.Code.RESOURCE_EXHAUSTED);

    private Official() {}

    public static final class Step {
        @LHTaskMethod(TASK)
        public void step(WorkerContext context) {
            tell("delivered " + context.getWfRunId().getId() + "/"
                    + context.getTaskRunId().getTaskGuid() + " attempt " + context.getAttemptNumber());
        }
    }

    public static void main(String[] args) throws Exception {
        LHConfig config = new LHConfig();
        LHTaskWorker worker = new LHTaskWorker(new Step(), TASK, config);
        insist(worker::registerTaskDef);
        Workflow workflow = Workflow.newWorkflow(SPEC, wf -> {
            for (int i = 0; i < 3; i++) wf.execute(TASK).timeout(ATTEMPT_SECONDS).withRetries(1_000_000);
        });
        LittleHorseBlockingStub stub = config.getBlockingStub();
        insist(() -> workflow.registerWfSpec(within(stub)));
        insist(worker::start);
        beatOften(worker);
        for (int i = 0; ; i++) {
            String run = SPEC + "-" + i;
            RunWfRequest request =
                    RunWfRequest.newBuilder().setWfSpecName(SPEC).setId(run).build();
            insist(() -> within(stub).runWf(request));
            tell("acknowledged " + run);
            Thread.sleep(BREATH_MS);
        }
    }

    /** Who was cut off a stream comes back with the next heartbeat: rounds are shorter than its minute. */
    private static void beatOften(LHTaskWorker worker) throws ReflectiveOperationException {
        Object manager = field(LHTaskWorker.class, "manager").get(worker);
        Thread heart = (Thread) field(manager.getClass(), "rebalanceThread").get(manager);
        field(heart.getClass(), "heartbeatIntervalMs").setLong(heart, HEARTBEAT_MS);
        heart.interrupt();
    }

    private static Field field(Class<?> of, String name) throws ReflectiveOperationException {
        Field f = of.getDeclaredField(name);
        f.setAccessible(true);
        return f;
    }

    private static LittleHorseBlockingStub within(LittleHorseBlockingStub stub) {
        return stub.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
    }

    /** Repeats a call until there is an answer. */
    private static void insist(Runnable call) throws InterruptedException {
        while (true) {
            try {
                call.run();
                return;
            } catch (StatusRuntimeException e) {
                Status.Code code = e.getStatus().getCode();
                if (code == Status.Code.ALREADY_EXISTS) return;
                if (!TO_BE_REPEATED.contains(code)) throw e;
            }
            Thread.sleep(BREATH_MS);
        }
    }

    private static synchronized void tell(String what) {
        System.out.println(what);
        System.out.flush();
    }
}
