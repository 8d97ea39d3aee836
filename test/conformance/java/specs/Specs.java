package specs;

import static io.littlehorse.sdk.common.proto.LHErrorType.TIMEOUT;
import static io.littlehorse.sdk.wfsdk.WorkflowThread.HANDLER_INPUT_VAR;

import com.google.protobuf.util.JsonFormat;
import io.littlehorse.sdk.common.proto.AllowedUpdateType;
import io.littlehorse.sdk.common.proto.ExponentialBackoffRetryPolicy;
import io.littlehorse.sdk.common.proto.ThreadRetentionPolicy;
import io.littlehorse.sdk.common.proto.VariableMutationType;
import io.littlehorse.sdk.common.proto.VariableType;
import io.littlehorse.sdk.common.proto.WorkflowRetentionPolicy;
import io.littlehorse.sdk.wfsdk.IfElseBody;
import io.littlehorse.sdk.wfsdk.NodeOutput;
import io.littlehorse.sdk.wfsdk.SpawnedThread;
import io.littlehorse.sdk.wfsdk.SpawnedThreads;
import io.littlehorse.sdk.wfsdk.TaskNodeOutput;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.UserTaskOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.wfsdk.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The programs of sdk/wf/official_test.go, written for the official Java client. Prints a line for each: its name and the
 * PutWfSpecRequest that the client makes of it, as JSON.
 */
public final class Specs {
    private Specs() {}

    private static void spec(String name, ThreadFunc program) throws Exception {
        spec(name, program, wf -> {});
    }

    private static void spec(String name, ThreadFunc program, Consumer<Workflow> options) throws Exception {
        Workflow wf = Workflow.newWorkflow(name, program);
        options.accept(wf);
        System.out.println(name + " "
                + JsonFormat.printer().omittingInsignificantWhitespace().print(wf.compileWorkflow()));
    }

    /** A thread of one task. */
    private static ThreadFunc run(String task) {
        return t -> t.execute(task);
    }

    /** A branch of one task. */
    private static IfElseBody does(String task) {
        return t -> t.execute(task);
    }

    private static ArrayList<Integer> list(int... numbers) {
        ArrayList<Integer> list = new ArrayList<>();
        for (int n : numbers) list.add(n);
        return list;
    }

    private static ExponentialBackoffRetryPolicy backoff(int baseMs, long maxMs, float multiplier) {
        return ExponentialBackoffRetryPolicy.newBuilder()
                .setBaseIntervalMs(baseMs)
                .setMaxDelayMs(maxMs)
                .setMultiplier(multiplier)
                .build();
    }

    private static ThreadRetentionPolicy threadRetention(long seconds) {
        return ThreadRetentionPolicy.newBuilder()
                .setSecondsAfterThreadTermination(seconds)
                .build();
    }

    public static void main(String[] args) throws Exception {
        valuesAndTasks();
        controlFlow();
        expressions();
        eventsAndTime();
        threads();
        failures();
        people();
        whole();
    }

    private static void valuesAndTasks() throws Exception {
        spec("basic", t -> {
            WfRunVariable name = t.declareStr("name").required().searchable();
            t.declareStr("greeting").assign(t.execute("greet", name));
        });
        spec("literals", t -> t.execute("five", "a", 1, 2.5, true)
                .timeout(7)
                .withRetries(3)
                .withExponentialBackoff(backoff(1000, 60_000, 2)));
        spec("variables", t -> {
            t.declareInt("i").withDefault(3).asPublic();
            t.declareDouble("d").masked();
            t.declareBool("b").searchable();
            t.declareBytes("by");
            t.declareJsonObj("o").searchableOn("$.a", VariableType.STR);
            t.declareJsonArr("ar");
            t.declareTimestamp("ts");
            t.addVariable("w", VariableType.WF_RUN_ID);
            t.declareStruct("s", "person");
            t.declareStruct("s1", "person", 2);
        });
        spec("natives", t -> {
            t.declareArray("names", String.class);
            t.declareArray("numbers", Long.class).required();
            t.declareMap("ages", String.class, Long.class);
            t.declareStr("plan").withDefault("free").asInherited();
        });
        spec("structs", t -> {
            WfRunVariable name = t.declareStr("name");
            WfRunVariable person = t.declareStruct("person", "person");
            person.assign(t.buildStruct("person").put("name", name).put("age", 36));
            t.execute("greet", person.get("name"));
        });
        spec("inline-structs", t -> {
            WfRunVariable city = t.declareStr("city");
            WfRunVariable person = t.declareStruct("person", "person", 1);
            person.assign(t.buildStruct("person", 1)
                    .put("home", t.buildInlineStruct().put("city", city).put("zip", "1010")));
            t.execute("a", person);
        });
        spec("dynamic-task", t -> {
            WfRunVariable x = t.declareStr("x");
            t.execute(x, 1);
            t.execute(t.format("task-{0}", x));
        });
    }

    private static void controlFlow() throws Exception {
        spec("if-only", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isLessThan(10), does("a"));
            t.execute("z");
        });
        spec("if-else", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isLessThan(10), does("a")).doElse(does("b"));
            t.execute("z");
        });
        spec("if-elseif-else", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isLessThan(10), does("a")).doElseIf(x.isGreaterThan(20), does("b")).doElse(does("c"));
        });
        spec("if-elseif", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isEqualTo(10), does("a")).doElseIf(x.isNotEqualTo(20), does("b"));
            t.execute("z");
        });
        spec("if-mutations", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isIn(list(1)), b -> x.assign(1)).doElse(b -> {
                x.assign(2);
                b.execute("b");
                x.assign(3);
            });
            x.assign(4);
        });
        spec("if-nested-empty", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isLessThanEq(10), b -> b.doIf(x.isGreaterThanEq(5), does("deep")));
        });
        spec("if-bool", t -> {
            WfRunVariable vip = t.declareBool("vip");
            t.doIf(vip, does("a")).doElse(does("b"));
        });
        spec("while-loop", t -> {
            WfRunVariable x = t.declareInt("x").withDefault(0);
            t.doWhile(x.isLessThan(3), b -> {
                b.execute("a", x);
                x.assign(x.add(1));
            });
            t.execute("z");
        });
        spec("while-in-if", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isGreaterThan(0), b -> b.doWhile(x.isLessThan(3), c -> {
                c.execute("a");
                x.assign(x.add(1));
            }));
        });
        spec("if-in-while", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doWhile(x.isLessThan(3), b -> {
                b.doIf(x.isEqualTo(1), does("a")).doElse(does("b"));
                x.assign(x.add(1));
            });
        });
        spec("fail-complete", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isLessThan(0), b -> b.fail(x, "too-small", "less than zero"));
            t.doIf(x.isGreaterThan(100), b -> b.fail("too-big", "more"));
            t.complete(x);
        });
        spec("complete-early", t -> {
            WfRunVariable x = t.declareInt("x");
            t.doIf(x.isLessThan(0), b -> b.complete());
            t.execute("a");
        });
    }

    private static void expressions() throws Exception {
        spec("mutations", t -> {
            WfRunVariable x = t.declareInt("x");
            WfRunVariable o = t.declareJsonObj("o");
            WfRunVariable a = t.declareJsonArr("a");
            WfRunVariable s = t.declareStr("s");
            t.declareBytes("by");
            x.assign(5);
            NodeOutput out = t.execute("a");
            x.assign(x.add(out));
            x.assign(x.subtract(1).multiply(2.5).divide(x));
            x.assign(x.pow(2));
            o.jsonPath("$.foo").assign("bar");
            o.assign(o.removeKey("k"));
            a.assign(a.extend(list(1)));
            a.assign(a.removeIfPresent(1));
            a.assign(a.removeIndex(0));
            t.mutate(x, VariableMutationType.ADD, 4);
            s.assign((java.io.Serializable) t.format("hi {0} {1}", s, x));
            s.assign(out.jsonPath("$.x"));
            s.assign(o.jsonPath("$.y"));
            s.assign(o.get("a").get("b"));
            s.assign(a.get(2));
        });
        spec("mutate-last", t -> {
            WfRunVariable x = t.declareInt("x");
            t.execute("a");
            x.assign(1);
        });
        spec("conditions", t -> {
            WfRunVariable a = t.declareInt("a");
            WfRunVariable b = t.declareInt("b");
            t.declareBool("c");
            t.doIf(a.isLessThan(1), body -> {});
            t.doIf(a.isEqualTo(b), does("q"));
            NodeOutput o = t.execute("o");
            t.doIf(o.isNotIn(list(1)), does("q"));
            t.doIf(a.doesContain(5), does("q"));
            t.doIf(a.doesNotContain(5), does("q"));
            t.doIf(a.isNotIn(list(5)), does("q"));
        });
        spec("logic", t -> {
            WfRunVariable a = t.declareInt("a");
            WfRunVariable b = t.declareBool("b");
            t.doIf(a.isLessThan(1).and(b), does("q"));
            t.doIf(a.isGreaterThan(1).or(a.isEqualTo(0)), does("r"));
        });
        spec("sizes", t -> {
            WfRunVariable list = t.declareJsonArr("list");
            WfRunVariable n = t.declareInt("n");
            n.assign(list.size());
            t.execute("a", list.size().add(1));
        });
        spec("casts", t -> {
            WfRunVariable s = t.declareStr("s");
            WfRunVariable d = t.declareDouble("d");
            NodeOutput u = t.execute("u");
            t.execute(
                    "t",
                    s.castToInt(),
                    d.castToInt(),
                    u.castToStr(),
                    s.add("x").castToDouble(),
                    s.castToWfRunId(),
                    s.castToBool(),
                    s.castToBytes());
        });
    }

    private static void eventsAndTime() throws Exception {
        spec("events", t -> {
            WfRunVariable s = t.declareStr("s");
            NodeOutput e = t.waitForEvent("evt")
                    .timeout(60)
                    .registeredAs(String.class)
                    .withCorrelationId(s, true);
            s.assign(e);
            t.waitForEvent("evt2");
            t.handleError(e, TIMEOUT, run("oops"));
        });
        spec("throw", t -> t.throwEvent("happened", t.declareInt("x")).registeredAs(Integer.class));
        spec("interrupts", t -> {
            t.registerInterruptHandler("intr", h -> h.execute("a", h.declareInt(HANDLER_INPUT_VAR)))
                    .withEventType(Integer.class);
            t.execute("b");
        });
        spec("interrupt-mutates", t -> {
            WfRunVariable x = t.declareInt("x");
            t.registerInterruptHandler("intr", h -> x.assign(1));
            t.execute("b");
        });
        spec("sleeps", t -> {
            WfRunVariable x = t.declareInt("x");
            t.declareTimestamp("ts");
            t.sleepSeconds(30);
            t.sleepSeconds(x);
        });
        spec("sleep-until", t -> t.sleepUntil(t.declareTimestamp("ts")));
        spec("wait-condition", t -> {
            WfRunVariable x = t.declareInt("x");
            t.waitForCondition(x.isLessThan(3));
            t.execute("a");
        });
    }

    private static void threads() throws Exception {
        spec("threads", t -> {
            WfRunVariable x = t.declareInt("x");
            SpawnedThread kid = t.spawnThread(c -> c.execute("a", c.declareInt("n")), "kid", Map.of("n", x));
            SpawnedThread kid2 = t.spawnThread(run("b"), "kid2", Map.of());
            t.waitForThreads(SpawnedThreads.of(kid, kid2))
                    .handleExceptionOnChild("my-exn", run("c"))
                    .handleErrorOnChild(TIMEOUT, run("d"))
                    .handleAnyFailureOnChild(run("e"));
        });
        spec("child-handlers", t -> {
            SpawnedThread kid = t.spawnThread(run("b"), "kid", Map.of());
            t.waitForFirstOf(SpawnedThreads.of(kid))
                    .handleExceptionOnChild(null, run("c"))
                    .handleErrorOnChild(null, run("d"));
        });
        spec("wait-any", t -> t.waitForAnyOf(SpawnedThreads.of(t.spawnThread(run("b"), "kid2", Map.of()))));
        spec("for-each", t -> {
            WfRunVariable l = t.declareJsonArr("l");
            SpawnedThreads each = t.spawnThreadForEach(
                    l,
                    "each",
                    c -> {
                        WfRunVariable item = c.declareJsonObj(HANDLER_INPUT_VAR);
                        c.declareInt("k");
                        c.execute("a", item);
                    },
                    Map.of("k", 1));
            t.waitForThreads(each);
        });
        spec("child-wf", t -> {
            WfRunVariable x = t.declareInt("x");
            t.execute("a", t.waitForChildWf(t.runWf("kid", Map.of("n", x))));
        });
        spec("child-by-name", t -> {
            WfRunVariable which = t.declareStr("which");
            t.waitForChildWf(t.runWf(which, Map.of()));
        });
    }

    private static void failures() throws Exception {
        spec("handlers", t -> {
            TaskNodeOutput a = t.execute("a");
            t.handleException(a, "my-exn", run("h1"));
            t.handleException(a, run("h2"));
            t.handleError(a, TIMEOUT, run("h3"));
            t.handleError(a, run("h4"));
            t.handleAnyFailure(a, h -> h.execute("h5", h.declareStr(HANDLER_INPUT_VAR)));
        });
        spec("fail-in-handler", t -> t.handleException(t.execute("a"), "card-declined", h -> {
            h.execute("undo");
            h.fail("order-refused", "the card was declined");
        }));
    }

    private static void people() throws Exception {
        spec("user-tasks", t -> {
            WfRunVariable who = t.declareStr("who");
            WfRunVariable answer = t.declareJsonObj("answer");
            UserTaskOutput form = t.assignUserTask("form", who, "jedi")
                    .withNotes(t.format("for {0}", who))
                    .withOnCancellationException("gone");
            t.scheduleReminderTask(form, 60, "remind", who, 3);
            t.releaseToGroupOnDeadline(form, 63);
            t.cancelUserTaskRunAfter(form, 64);
            t.cancelUserTaskRunAfterAssignment(form, 65);
            answer.assign(form);
            t.assignUserTask("form", null, "jedi");
            t.assignUserTask("form", "ana", null);
        });
        spec("deadlines", t -> {
            WfRunVariable wait = t.declareInt("wait");
            UserTaskOutput form = t.assignUserTask("form", "ana", "jedi");
            t.scheduleReminderTask(form, wait, "remind");
            t.scheduleReminderTaskOnAssignment(form, wait, "remind");
            t.reassignUserTask(form, "yoda", "sith", wait);
            t.releaseToGroupOnDeadline(form, wait);
            t.cancelUserTaskRunAfter(form, wait.add(5));
            t.cancelUserTaskRunAfterAssignment(form, wait);
        });
        spec("escalation", t -> {
            UserTaskOutput form = t.assignUserTask("form", null, "jedi");
            t.scheduleReminderTaskOnAssignment(form, 60, "remind", "soon");
            t.reassignUserTask(form, "yoda", null, 120);
        });
        spec("escalation-to-group", t -> {
            UserTaskOutput form = t.assignUserTask("form", "ana", null);
            t.reassignUserTask(form, null, "sith", 180);
        });
    }

    private static void whole() throws Exception {
        spec(
                "retention",
                t -> {
                    t.withRetentionPolicy(threadRetention(5));
                    t.execute("a");
                },
                wf -> {
                    wf.withRetentionPolicy(WorkflowRetentionPolicy.newBuilder()
                            .setSecondsAfterWfTermination(60)
                            .build());
                    wf.withUpdateType(AllowedUpdateType.NO_UPDATES);
                    wf.setDefaultTaskRetries(2);
                    wf.setDefaultTaskTimeout(9);
                });
        spec(
                "defaults",
                t -> {
                    t.execute("a");
                    t.execute("b").withRetries(1).timeout(5);
                    t.spawnThread(run("c"), "kid", Map.of());
                },
                wf -> {
                    wf.setDefaultTaskRetries(4);
                    wf.setDefaultTaskExponentialBackoffPolicy(backoff(500, 8000, 3));
                    wf.withDefaultThreadRetentionPolicy(threadRetention(30));
                });
        spec("child-of", t -> t.execute("a", t.declareStr("customer").asInherited()), wf -> wf.setParent("account"));
    }
}
