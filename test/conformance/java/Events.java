import static io.littlehorse.sdk.common.proto.LHStatus.*;

import com.google.common.util.concurrent.ListenableFuture;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** External events, interrupts, correlated events, workflow events. */
final class Events {
    private Events() {}

    static ReturnType returns(VariableType type) {
        return ReturnType.newBuilder()
                .setReturnType(TypeDefinition.newBuilder().setPrimitiveType(type))
                .build();
    }

    static void externalEvent(Session s) throws Exception {
        s.putEventDef("signed");
        s.put("signed", wf -> wf.declareStr("content").assign(wf.waitForEvent(s.name("signed"))));
        s.run("signed", "signed-waiting");
        s.transcript.step("external-event/put", s.post("signed-waiting", "signed", "g1", "hello"));
        s.record("external-event/while-waiting", "signed-waiting", COMPLETED);

        s.post("signed-before", "signed", "g1", "first");
        Session.pause(20); // the older event is the one that is taken
        s.post("signed-before", "signed", "a0", "second");
        s.transcript.refused(
                "external-event/same-guid",
                "ALREADY_EXISTS",
                () -> s.post("signed-before", "signed", "g1", "again"));
        s.run("signed", "signed-before");
        s.record("external-event/before", "signed-before", COMPLETED);
        Transcript.expect(s.variable("signed-before", "content").getStr().equals("first"), "not the oldest event");

        s.transcript.refused(
                "external-event/unknown-def",
                "INVALID_ARGUMENT",
                () -> s.post("signed-before", "no-such-event", "g1", "x"));
        s.transcript.refused(
                "external-event/missing",
                "NOT_FOUND",
                () -> s.stub.getExternalEvent(ExternalEventId.newBuilder()
                        .setWfRunId(s.wfRunId("signed-before"))
                        .setExternalEventDefId(s.eventDefId("signed"))
                        .setGuid("nope")
                        .build()));
    }

    static void eventTimeout(Session s) {
        s.putEventDef("never");
        ThreadFunc handler = wf -> wf.execute(s.name("greet"), "late");
        s.put("never-handled", wf ->
                wf.handleError(wf.waitForEvent(s.name("never")).timeout(1), LHErrorType.TIMEOUT, handler));
        s.put("never-unhandled", wf -> wf.waitForEvent(s.name("never")).timeout(1));
        s.run("never-handled", "never-handled");
        s.run("never-unhandled", "never-unhandled");
        s.record("event-timeout/handled", "never-handled", COMPLETED);
        s.record("event-timeout/unhandled", "never-unhandled", ERROR);
    }

    static void typedEvent(Session s) throws Exception {
        s.putEventDef(PutExternalEventDefRequest.newBuilder()
                .setName(s.name("typed"))
                .setContentType(returns(VariableType.INT)));
        s.put("typed", wf -> wf.declareInt("amount").assign(wf.waitForEvent(s.name("typed"))));
        s.run("typed", "typed");
        s.transcript.refused(
                "typed-event/wrong-type", "INVALID_ARGUMENT", () -> s.post("typed", "typed", "t1", "seven"));
        s.post("typed", "typed", "t2", 7);
        s.record("typed-event/run", "typed", COMPLETED);
    }

    static void interrupt(Session s) {
        s.putEventDef("stop");
        s.putEventDef("parent");
        s.putEventDef("child");
        s.put("interrupt", wf -> {
            WfRunVariable reason = wf.declareStr("reason");
            wf.registerInterruptHandler(s.name("stop"), handler -> {
                reason.assign(handler.declareStr("INPUT"));
                handler.waitForEvent(s.name("child"));
            });
            wf.waitForEvent(s.name("parent"));
        });
        s.run("interrupt", "interrupt");
        s.post("interrupt", "stop", "s1", "fire drill");
        s.waitNode("interrupt", 1, 1, RUNNING);
        s.transcript.step("interrupt/interrupted", s.describe("interrupt"));
        s.post("interrupt", "parent", "p1", null);
        s.post("interrupt", "child", "c1", null);
        s.record("interrupt/resumed", "interrupt", COMPLETED);
        Transcript.expect(s.variable("interrupt", "reason").getStr().equals("fire drill"), "the handler got no input");
    }

    static void correlatedEvent(Session s) throws Exception {
        s.putEventDef(PutExternalEventDefRequest.newBuilder()
                .setName(s.name("document"))
                .setCorrelatedEventConfig(CorrelatedEventConfig.newBuilder()));
        s.put("correlated", wf -> {
            WfRunVariable key = wf.declareStr("key").required();
            wf.declareStr("content").assign(wf.waitForEvent(s.name("document")).withCorrelationId(key));
        });
        s.run("correlated", "correlated-waiting", Map.of("key", s.name("d1")));
        s.waitNode("correlated-waiting", 0, 1, RUNNING);
        Session.pause(1200); // the key reaches its partition by the timer path
        s.transcript.step("correlated-event/put", correlate(s, s.name("d1"), "one"));
        s.record("correlated-event/while-waiting", "correlated-waiting", COMPLETED);
        s.transcript.refused(
                "correlated-event/same-key", "ALREADY_EXISTS", () -> correlate(s, s.name("d1"), "again"));
        s.transcript.refused("correlated-event/bad-key", "INVALID_ARGUMENT", () -> correlate(s, "a/b", "x"));

        s.transcript.step("correlated-event/put-first", correlate(s, s.name("d2"), "two"));
        s.run("correlated", "correlated-before", Map.of("key", s.name("d2")));
        s.record("correlated-event/before", "correlated-before", COMPLETED);
        Transcript.expect(s.variable("correlated-before", "content").getStr().equals("two"), "wrong content");
    }

    private static CorrelatedEvent correlate(Session s, String key, String content) {
        return s.stub.putCorrelatedEvent(PutCorrelatedEventRequest.newBuilder()
                .setKey(key)
                .setExternalEventDefId(s.eventDefId("document"))
                .setContent(Session.value(content))
                .build());
    }

    static void workflowEvent(Session s) throws Exception {
        WorkflowEventDefId thrown =
                WorkflowEventDefId.newBuilder().setName(s.name("thrown")).build();
        s.stub.putWorkflowEventDef(PutWorkflowEventDefRequest.newBuilder()
                .setName(thrown.getName())
                .setContentType(returns(VariableType.STR))
                .build());
        s.eventually(() -> s.stub.getWorkflowEventDef(thrown));
        s.putEventDef("throw-now");
        s.put("thrower", wf -> wf.throwEvent(thrown.getName(), wf.waitForEvent(s.name("throw-now"))));
        s.run("thrower", "thrower");

        AwaitWorkflowEventRequest.Builder request = AwaitWorkflowEventRequest.newBuilder().addEventDefIds(thrown);
        s.transcript.refused(
                "workflow-event/deadline",
                "DEADLINE_EXCEEDED",
                () -> s.stub
                        .withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                        .awaitWorkflowEvent(
                                request.setWfRunId(s.wfRunId("no-such-run")).build()));
        request.setWfRunId(s.wfRunId("thrower"));
        ListenableFuture<WorkflowEvent> waiting = s.config
                .getFutureStub()
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .awaitWorkflowEvent(request.build());
        Session.pause(200); // lets the call reach the server before the event is thrown
        s.post("thrower", "throw-now", "n1", "ready");
        s.transcript.step("workflow-event/awaited", waiting.get());
        s.record("workflow-event/run", "thrower", COMPLETED);
        s.transcript.step("workflow-event/awaited-late", s.stub.awaitWorkflowEvent(request.build()));
    }
}
