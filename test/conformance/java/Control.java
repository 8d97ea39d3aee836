import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.ExternalEventNodeOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.Map;

/** Runs from outside: refusals, stop and resume, rescue, delete. */
final class Control {
    private Control() {}

    static void refusals(Session s) throws Exception {
        Transcript t = s.transcript;
        t.refused("refusals/unknown-spec", "NOT_FOUND", () -> s.run("no-such-spec", "x"));
        t.refused("refusals/same-id", "ALREADY_EXISTS", () -> s.run("greet", "greet", Map.of("name", "again")));
        RunWfRequest greet = RunWfRequest.newBuilder().setWfSpecName(s.name("greet")).build();
        t.refused("refusals/unknown-version", "NOT_FOUND",
                () -> s.stub.runWf(greet.toBuilder().setMajorVersion(7).build()));
        t.refused("refusals/no-name", "INVALID_ARGUMENT", () -> s.stub.runWf(RunWfRequest.getDefaultInstance()));
        t.refused("refusals/bad-id", "INVALID_ARGUMENT",
                () -> s.stub.runWf(greet.toBuilder().setId("a_b").build()));
        t.refused("refusals/empty-id", "INVALID_ARGUMENT",
                () -> s.stub.runWf(greet.toBuilder().setId("").build()));
        WfRunId nowhere = s.wfRunId("no-such-run");
        t.refused("refusals/get-run", "NOT_FOUND", () -> s.stub.getWfRun(nowhere));
        t.refused("refusals/get-node-run", "NOT_FOUND",
                () -> s.stub.getNodeRun(NodeRunId.newBuilder().setWfRunId(nowhere).build()));
        t.refused("refusals/get-task-run", "NOT_FOUND", () -> s.taskRun("no-such-run", "0-1"));
        t.refused("refusals/get-variable", "NOT_FOUND", () -> s.variable("no-such-run", "x"));
        t.refused("refusals/stop", "NOT_FOUND",
                () -> s.stub.stopWfRun(StopWfRunRequest.newBuilder().setWfRunId(nowhere).build()));
        t.refused("refusals/resume", "NOT_FOUND",
                () -> s.stub.resumeWfRun(ResumeWfRunRequest.newBuilder().setWfRunId(nowhere).build()));
        t.refused("refusals/rescue", "NOT_FOUND",
                () -> s.stub.rescueThreadRun(RescueThreadRunRequest.newBuilder().setWfRunId(nowhere).build()));
    }

    static void stopAndResume(Session s) throws Exception {
        s.putEventDef("go-on");
        s.put("stoppable", wf -> wf.waitForEvent(s.name("go-on")));
        s.run("stoppable", "stoppable");
        StopWfRunRequest stop =
                StopWfRunRequest.newBuilder().setWfRunId(s.wfRunId("stoppable")).build();
        s.stub.stopWfRun(stop);
        s.record("stop-and-resume/stopped", "stoppable", HALTED);
        s.post("stoppable", "go-on", "g1", null);
        Session.pause(200);
        Transcript.expect(
                s.stub.getNodeRun(s.nodeRunId("stoppable", 0, 1)).getStatus() == HALTED, "a stopped thread went on");
        s.transcript.refused(
                "stop-and-resume/no-such-thread",
                "INVALID_ARGUMENT",
                () -> s.stub.stopWfRun(stop.toBuilder().setThreadRunNumber(9).build()));
        s.stub.resumeWfRun(
                ResumeWfRunRequest.newBuilder().setWfRunId(s.wfRunId("stoppable")).build());
        s.record("stop-and-resume/resumed", "stoppable", COMPLETED);
    }

    static void rescue(Session s) throws Exception {
        s.putEventDef("rescue");
        s.put("rescue", wf -> {
            WfRunVariable amount = wf.declareInt("amount").withDefault(1);
            ExternalEventNodeOutput content = wf.waitForEvent(s.name("rescue"));
            amount.assign(content.jsonPath("$.amount"));
            wf.execute(s.name("add"), amount, 1);
        });
        s.run("rescue", "rescue");
        s.post("rescue", "rescue", "r1", Map.of("amount", "many"));
        s.waitStatus("rescue", ERROR);
        RescueThreadRunRequest rescue =
                RescueThreadRunRequest.newBuilder().setWfRunId(s.wfRunId("rescue")).build();
        s.transcript.refused(
                "rescue/no-such-thread",
                "INVALID_ARGUMENT",
                () -> s.stub.rescueThreadRun(rescue.toBuilder().setThreadRunNumber(4).build()));
        s.stub.rescueThreadRun(rescue);
        s.transcript.refused("rescue/running", "FAILED_PRECONDITION", () -> s.stub.rescueThreadRun(rescue));
        s.post("rescue", "rescue", "r2", Map.of("amount", 41));
        s.record("rescue/run", "rescue", COMPLETED);
        Transcript.expect(s.variable("rescue", "amount").getInt() == 41, "the second event was not used");
    }

    static void delete(Session s) throws Exception {
        s.run("greet", "delete", Map.of("name", "Dora"));
        s.waitStatus("delete", COMPLETED);
        DeleteWfRunRequest delete =
                DeleteWfRunRequest.newBuilder().setId(s.wfRunId("delete")).build();
        Transcript t = s.transcript;
        s.stub.deleteWfRun(delete);
        t.refused("delete/get-run", "NOT_FOUND", () -> s.stub.getWfRun(s.wfRunId("delete")));
        t.refused("delete/get-task-run", "NOT_FOUND", () -> s.taskRun("delete", "0-1"));
        s.stub.deleteWfRun(delete);
        t.step("delete/again", "OK");
        s.run("greet", "delete", Map.of("name", "Dora"));
        s.waitStatus("delete", COMPLETED);
        t.step("delete/id-free-again", "OK");
    }
}
