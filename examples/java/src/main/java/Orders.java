import io.littlehorse.sdk.common.exception.LHTaskException;
import io.littlehorse.sdk.common.proto.WfRunId;
import io.littlehorse.sdk.wfsdk.NodeOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.wfsdk.WorkflowThread;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.WorkerContext;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An order as a saga: what was done for an order that cannot be finished is taken back, in reverse. */
final class Orders {
    private static final String ORDER = "java-order-saga";
    private static final String RESERVE = "java-saga-reserve";
    private static final String RELEASE = "java-saga-release";
    private static final String CHARGE = "java-saga-charge";
    private static final String REFUND = "java-saga-refund";
    private static final String SHIP = "java-saga-ship";
    private static final int RETRIES = 5;

    private Orders() {}

    static void order(WorkflowThread wf) {
        WfRunVariable item = wf.declareStr("item").required().searchable();
        WfRunVariable price = wf.declareInt("price").required();
        WfRunVariable card = wf.declareStr("card").required().masked();
        WfRunVariable address = wf.declareStr("address").required();
        WfRunVariable reservation = wf.declareStr("reservation");
        WfRunVariable payment = wf.declareStr("payment");

        reservation.assign(wf.execute(RESERVE, item).withRetries(RETRIES));
        NodeOutput charged = wf.execute(CHARGE, card, price).withRetries(RETRIES);
        wf.handleException(charged, "card-declined", handler -> {
            handler.execute(RELEASE, reservation).withRetries(RETRIES);
            handler.fail("order-refused", "the card was declined");
        });
        payment.assign(charged);
        NodeOutput shipped = wf.execute(SHIP, item, address).withRetries(RETRIES);
        wf.handleAnyFailure(shipped, handler -> {
            handler.execute(REFUND, payment).withRetries(RETRIES);
            handler.execute(RELEASE, reservation).withRetries(RETRIES);
            handler.fail("order-refused", "it cannot be delivered");
        });
    }

    /** What happens outside: the warehouse, the bank, the carrier. */
    private static final class World {
        private final Set<String> keys = new HashSet<>();
        private final List<String> done = new ArrayList<>();

        synchronized void begin() {
            keys.clear();
            done.clear();
        }

        /** Does a thing once for each idempotency key: a task may be tried again after it has done its work. */
        synchronized String act(WorkerContext ctx, String what) {
            if (keys.add(ctx.getIdempotencyKey())) done.add(what);
            return ctx.getIdempotencyKey();
        }

        synchronized String told() {
            return String.join(", ", done);
        }
    }

    private static final World world = new World();

    public static final class Tasks {
        @LHTaskMethod(RESERVE)
        public String reserve(String item, WorkerContext ctx) {
            return world.act(ctx, "reserve " + item);
        }

        @LHTaskMethod(RELEASE)
        public void release(String reservation, WorkerContext ctx) {
            world.act(ctx, "release");
        }

        @LHTaskMethod(CHARGE)
        public String charge(String card, long price, WorkerContext ctx) {
            if (card.equals("empty")) throw new LHTaskException("card-declined", "there is no " + price + " on it");
            return world.act(ctx, "charge");
        }

        @LHTaskMethod(REFUND)
        public void refund(String payment, WorkerContext ctx) {
            world.act(ctx, "refund");
        }

        @LHTaskMethod(SHIP)
        public void ship(String item, String address, WorkerContext ctx) {
            if (address.equals("the Moon")) throw new LHTaskException("out-of-reach", "no carrier goes to " + address);
            if (ctx.getAttemptNumber() == 0) throw new IllegalStateException("the carrier does not answer"); // tried again
            world.act(ctx, "ship " + item);
        }
    }

    static void story(Stage s) {
        s.work(new Tasks());
        s.put(ORDER, Orders::order);
        tell(s, Map.of("item", "lamp", "price", 30, "card", "4111", "address", "Elm Street 1"));
        tell(s, Map.of("item", "sofa", "price", 900, "card", "empty", "address", "Elm Street 1"));
        tell(s, Map.of("item", "tent", "price", 200, "card", "4111", "address", "the Moon"));
    }

    private static void tell(Stage s, Map<String, ?> in) {
        world.begin();
        WfRunId run = s.start(ORDER, in);
        String end = s.end(run);
        s.say(in.get("item") + " (WfRun " + run.getId() + ")\n    " + end + "\n    done: " + world.told());
    }

    public static void main(String[] args) {
        try (Stage s = new Stage(System.out)) {
            story(s);
        }
    }
}
