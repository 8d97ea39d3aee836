package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.exception.LHTaskException;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.TaskNodeOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHTaskMethod;
import java.util.List;
import java.util.Map;

/** A credit check that refuses (a business exception, with its reasons) or breaks (an error): each has its handler. */
final class Credit {
    private Credit() {}

    public static final class Tasks {
        @LHTaskMethod("${prefix}-rate")
        public int rate(String customer) {
            return switch (customer) {
                case "poor" -> throw new LHTaskException("refused", "not creditworthy", value(Map.of("limit", 500)));
                case "ghost" -> throw new LHTaskException("no-such-customer", "never heard of");
                case "crash" -> throw new IllegalStateException("the rating agency is closed");
                default -> 7;
            };
        }
    }

    static void run(Stage s) {
        s.put("credit", wf -> {
            WfRunVariable customer = wf.declareStr("customer").required();
            WfRunVariable amount = wf.declareInt("amount").required();
            WfRunVariable limit = wf.declareInt("limit").withDefault(10_000);
            WfRunVariable how = wf.declareStr("how").withDefault("granted");
            TaskNodeOutput rating = wf.execute(s.name("rate"), customer);
            wf.handleException(rating, "refused", handler -> {
                WfRunVariable reasons = handler.declareJsonObj("INPUT");
                limit.assign(reasons.jsonPath("$.limit"));
                how.assign("limited");
            });
            wf.handleError(rating, LHErrorType.TASK_FAILURE, handler -> {
                limit.assign(0);
                how.assign("by hand");
            });
            wf.doIf(amount.isGreaterThan(limit), then -> then.fail("too-much", "more than the limit"));
            wf.complete(wf.format("{0}: {1}", customer, how));
        });
        record Case(String customer, int amount, LHStatus status, String how) {}
        for (Case c : List.of(
                new Case("rich", 9000, COMPLETED, "granted"),
                new Case("rich-greedy", 12000, EXCEPTION, "granted"),
                new Case("poor", 400, COMPLETED, "limited"),
                new Case("crash", 0, COMPLETED, "by hand"),
                new Case("ghost", 1, EXCEPTION, "granted"))) {
            WfRunId run = s.start("credit", "credit-" + c.customer, Map.of("customer", c.customer, "amount", c.amount));
            WfRun end = s.ended(run, c.status);
            same("how " + c.customer + " is served", c.how, s.variable(run, "how").getStr());
            if (c.status == COMPLETED) {
                same("output", c.customer + ": " + c.how, end.getThreadRuns(0).getOutput().getStr());
            }
        }
        Failure ghost = s.node(WfRunId.newBuilder().setId(s.name("credit-ghost")).build(), 0, 1).getFailures(0);
        same("failure of the ghost", "no-such-customer", ghost.getFailureName());
        check(ghost.getMessage().contains("never heard of"), ghost);
        check(!ghost.getWasProperlyHandled(), ghost);
    }
}
