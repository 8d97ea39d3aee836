import io.littlehorse.sdk.common.config.LHConfig;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHTaskWorker;
import java.lang.reflect.Field;

/** An official task worker, until it is killed. */
public final class Restarts {
    private Restarts() {}

    public static final class Tasks {
        @LHTaskMethod("greet")
        public String greet() {
            return "hello";
        }
    }

    public static void main(String[] args) throws ReflectiveOperationException {
        LHTaskWorker worker = new LHTaskWorker(new Tasks(), "greet", new LHConfig());
        worker.registerTaskDef();
        worker.start();
        beatEachSecond(worker);
    }

    /** Who was cut off comes back with the next heartbeat: nobody is to wait here for its minute. */
    private static void beatEachSecond(LHTaskWorker worker) throws ReflectiveOperationException {
        Object manager = field(LHTaskWorker.class, "manager").get(worker);
        Thread heart = (Thread) field(manager.getClass(), "rebalanceThread").get(manager);
        field(heart.getClass(), "heartbeatIntervalMs").setLong(heart, 1000);
        heart.interrupt();
    }

    private static Field field(Class<?> of, String name) throws ReflectiveOperationException {
        Field f = of.getDeclaredField(name);
        f.setAccessible(true);
        return f;
    }
}
