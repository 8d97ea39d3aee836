import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.SpawnedThread;
import io.littlehorse.sdk.wfsdk.SpawnedThreads;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.wfsdk.Workflow;
import java.util.List;
import java.util.Map;

/** Control flow: branches, loops, threads, sleeps, conditions, child workflows. */
final class Flow {
    private Flow() {}

    static void ifElse(Session s) {
        WfSpec spec = s.put("if-else", wf -> {
            WfRunVariable size = wf.declareInt("size").required();
            WfRunVariable kind = wf.declareStr("kind").withDefault("unset");
            wf.doIf(size.isLessThan(10), body -> kind.assign("small"))
                    .doElseIf(size.isLessThan(100), body -> {
                        kind.assign("medium");
                        body.execute(s.name("add"), size, 1);
                    })
                    .doElse(body -> kind.assign("large"));
        });
        s.transcript.step("if-else/spec", spec);
        Map<String, Integer> sizes = Map.of("small", 1, "medium", 10, "large", 100);
        for (String kind : List.of("small", "medium", "large")) {
            s.run("if-else", "if-else-" + kind, Map.of("size", sizes.get(kind)));
            s.record("if-else/" + kind, "if-else-" + kind, COMPLETED);
            Transcript.expect(
                    s.variable("if-else-" + kind, "kind").getStr().equals(kind), sizes.get(kind) + " is not " + kind);
        }
    }

    static void loop(Session s) {
        s.put("loop", wf -> {
            WfRunVariable left = wf.declareInt("left").required();
            WfRunVariable total = wf.declareInt("total").withDefault(0);
            wf.doWhile(left.isGreaterThan(0), body -> {
                total.assign(body.execute(s.name("add"), total, left));
                left.assign(left.subtract(1));
            });
        });
        s.run("loop", "loop", Map.of("left", 4));
        s.record("loop/run", "loop", COMPLETED);
        Transcript.expect(s.variable("loop", "total").getInt() == 10, "4+3+2+1 is not 10");
        s.run("loop", "loop-never", Map.of("left", 0));
        s.record("loop/never", "loop-never", COMPLETED);
    }

    static void threads(Session s) {
        s.put("threads", wf -> {
            WfRunVariable total = wf.declareInt("total").withDefault(0);
            SpawnedThread child = wf.spawnThread(
                    body -> {
                        WfRunVariable a = body.declareInt("a").required();
                        total.assign(body.execute(s.name("add"), a, 100));
                    },
                    "child",
                    Map.of("a", 5));
            wf.waitForThreads(SpawnedThreads.of(child));
        });
        s.run("threads", "threads");
        s.record("threads/run", "threads", COMPLETED);
        Transcript.expect(
                s.variable("threads", "total").getInt() == 105, "the child did not reach its parent's variable");
    }

    static void failingThreads(Session s) {
        ThreadFunc broken = wf -> wf.execute(s.name("flaky"), 9);
        ThreadFunc denied = wf -> wf.fail("why", "denied", "not today");
        ThreadFunc handler = wf -> wf.execute(s.name("greet"), "handler");

        s.put("threads-error", wf -> wf.waitForThreads(SpawnedThreads.of(wf.spawnThread(broken, "child", Map.of()))));
        s.put("threads-exception", wf -> wf.waitForThreads(SpawnedThreads.of(wf.spawnThread(denied, "child", Map.of()))));
        s.put("threads-handled", wf -> wf.waitForThreads(SpawnedThreads.of(wf.spawnThread(denied, "child", Map.of())))
                .handleExceptionOnChild("denied", handler));
        s.put("threads-unwaited", wf -> wf.spawnThread(broken, "child", Map.of()));
        Map<String, LHStatus> ends =
                Map.of("error", ERROR, "exception", EXCEPTION, "handled", COMPLETED, "unwaited", ERROR);
        for (String suffix : List.of("error", "exception", "handled", "unwaited")) {
            s.run("threads-" + suffix, "threads-" + suffix);
            s.record("failing-threads/" + suffix, "threads-" + suffix, ends.get(suffix));
        }
    }

    static void forEach(Session s) {
        s.put("for-each", wf -> {
            WfRunVariable people = wf.declareJsonArr("people").required();
            wf.waitForThreads(wf.spawnThreadForEach(
                    people, "child", body -> body.execute(
                            s.name("greet"), body.declareJsonObj("INPUT").jsonPath("$.name"))));
        });
        s.run("for-each", "for-each",
                Map.of("people", List.of(Map.of("name", "Ana"), Map.of("name", "Bo"), Map.of("name", "Cleo"))));
        s.waitStatus("for-each", COMPLETED);
        Session.Pages<TaskRun> tasks = Session.pages(
                s.stub::listTaskRuns,
                ListTaskRunsRequest.newBuilder().setWfRunId(s.wfRunId("for-each")).build());
        s.transcript.step("for-each/greetings", tasks.sorted(t -> t.getAttempts(0).getOutput().getStr()));
        s.run("for-each", "for-each-empty", Map.of("people", List.of()));
        s.record("for-each/empty", "for-each-empty", COMPLETED);
    }

    static void firstOf(Session s) {
        s.putEventDef("first-of");
        s.put("first-of", wf -> {
            SpawnedThread waiting = wf.spawnThread(b -> b.waitForEvent(s.name("first-of")), "waiting", Map.of());
            SpawnedThread quick = wf.spawnThread(b -> b.declareStr("quick"), "quick", Map.of());
            wf.waitForFirstOf(SpawnedThreads.of(waiting, quick));
        });
        s.run("first-of", "first-of");
        s.record("first-of/run", "first-of", COMPLETED);
    }

    static void sleep(Session s) {
        s.put("sleep", wf -> {
            wf.sleepSeconds(1);
            wf.execute(s.name("greet"), "sleeper");
        });
        s.run("sleep", "sleep");
        s.record("sleep/run", "sleep", COMPLETED);
        long slept = arrival(s, "sleep", 2) - arrival(s, "sleep", 1);
        Transcript.expect(995 <= slept && slept <= 60_000, "slept " + slept + " ms, want 1000");
    }

    private static long arrival(Session s, String wfRun, int position) {
        return LHLibUtil.fromProtoTs(s.stub.getNodeRun(s.nodeRunId(wfRun, 0, position)).getArrivalTime())
                .getTime();
    }

    static void condition(Session s) {
        s.putEventDef("condition");
        s.put("condition", wf -> {
            WfRunVariable ready = wf.declareBool("ready").withDefault(false);
            SpawnedThread child = wf.spawnThread(
                    body -> ready.assign(body.waitForEvent(s.name("condition"))), "child", Map.of());
            wf.waitForCondition(ready.isEqualTo(true));
            wf.waitForThreads(SpawnedThreads.of(child));
        });
        s.run("condition", "condition");
        s.waitNode("condition", 0, 2, RUNNING);
        s.post("condition", "condition", "c1", true);
        s.record("condition/run", "condition", COMPLETED);
    }

    static void fail(Session s) {
        s.put("fail", wf -> wf.fail(Map.of("code", 51), "declined", "the bank says no"));
        s.run("fail", "fail");
        s.record("fail/run", "fail", EXCEPTION);
    }

    static void output(Session s) {
        s.put("output", wf -> wf.complete(wf.format("{0} and {1}", "one", 2)));
        s.run("output", "output");
        s.record("output/run", "output", COMPLETED);
    }

    static void childWorkflow(Session s) {
        s.put("child-wf", wf -> wf.complete(wf.execute(s.name("greet"), wf.declareStr("name").required())));
        s.put("parent-wf", wf -> wf.declareStr("result")
                .assign(wf.waitForChildWf(wf.runWf(s.name("child-wf"), Map.of("name", "child")))));
        s.run("parent-wf", "parent-wf");
        s.record("child-workflow/parent", "parent-wf", COMPLETED);
        Transcript.expect(
                s.variable("parent-wf", "result").getStr().equals("hello child"), "the child's output is lost");
    }

    /** A WfRun started by hand under a parent reads and writes what it inherits. */
    static void lineage(Session s) throws Exception {
        s.put("lineage-parent", wf -> wf.declareInt("shared").withDefault(1).asPublic());
        Workflow child = Workflow.newWorkflow(s.name("lineage-child"), wf -> {
            WfRunVariable shared = wf.declareInt("shared").asInherited();
            shared.assign(shared.add(10));
        });
        child.setParent(s.name("lineage-parent"));
        s.put(child);
        s.run("lineage-parent", "lineage-parent");
        s.waitStatus("lineage-parent", COMPLETED);
        RunWfRequest.Builder request = s.runRequest("lineage-child", "lineage-child", Map.of());
        s.transcript.refused("lineage/orphan", "INVALID_ARGUMENT", () -> s.stub.runWf(request.build()));
        request.setParentWfRunId(s.wfRunId("no-such-parent"));
        s.transcript.refused("lineage/unknown-parent", "FAILED_PRECONDITION", () -> s.stub.runWf(request.build()));
        request.setParentWfRunId(s.wfRunId("lineage-parent"));
        s.transcript.step("lineage/child", s.stub.runWf(request.build()));
        Transcript.expect(s.variable("lineage-parent", "shared").getInt() == 11, "the parent's variable did not change");
    }
}
