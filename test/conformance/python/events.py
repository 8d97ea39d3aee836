"""External events, interrupts, correlated events, workflow events."""

import time
from concurrent.futures import ThreadPoolExecutor

from harness import Session, as_json, expect
from littlehorse.model import *
from littlehorse.utils import to_variable_value
from littlehorse.workflow import Workflow, WorkflowThread


def external_event(s: Session) -> None:
    s.put_event_def("signed")

    def entrypoint(wf: WorkflowThread) -> None:
        content = wf.declare_str("content")
        content.assign(wf.wait_for_event(s.name("signed")))

    s.put(Workflow(s.name("signed"), entrypoint))
    s.run("signed", "signed-waiting")
    s.transcript.step(
        "external-event/put", as_json(s.post("signed-waiting", "signed", "g1", "hello"))
    )
    s.record("external-event/while-waiting", "signed-waiting", "COMPLETED")

    s.post("signed-before", "signed", "g1", "first")
    time.sleep(0.02)  # the older event is the one that is taken
    s.post("signed-before", "signed", "a0", "second")
    s.transcript.refused(
        "external-event/same-guid",
        "ALREADY_EXISTS",
        lambda: s.post("signed-before", "signed", "g1", "again"),
    )
    s.run("signed", "signed-before")
    s.record("external-event/before", "signed-before", "COMPLETED")
    expect(s.variable("signed-before", "content") == "first", "not the oldest event")

    s.transcript.refused(
        "external-event/unknown-def",
        "INVALID_ARGUMENT",
        lambda: s.post("signed-before", "no-such-event", "g1", "x"),
    )
    s.transcript.refused(
        "external-event/missing",
        "NOT_FOUND",
        lambda: s.stub.GetExternalEvent(
            ExternalEventId(
                wf_run_id=s.wf_run_id("signed-before"),
                external_event_def_id=ExternalEventDefId(name=s.name("signed")),
                guid="nope",
            )
        ),
    )


def event_timeout(s: Session) -> None:
    s.put_event_def("never")

    def handler(wf: WorkflowThread) -> None:
        wf.execute(s.name("greet"), "late")

    def handled(wf: WorkflowThread) -> None:
        wf.handle_error(wf.wait_for_event(s.name("never"), timeout=1), handler, LHErrorType.TIMEOUT)

    def unhandled(wf: WorkflowThread) -> None:
        wf.wait_for_event(s.name("never"), timeout=1)

    s.put(Workflow(s.name("never-handled"), handled))
    s.put(Workflow(s.name("never-unhandled"), unhandled))
    s.run("never-handled", "never-handled")
    s.run("never-unhandled", "never-unhandled")
    s.record("event-timeout/handled", "never-handled", "COMPLETED")
    s.record("event-timeout/unhandled", "never-unhandled", "ERROR")


def typed_event(s: Session) -> None:
    s.put_event_def(
        "typed", content_type=ReturnType(return_type=TypeDefinition(primitive_type=INT))
    )

    def entrypoint(wf: WorkflowThread) -> None:
        amount = wf.declare_int("amount")
        amount.assign(wf.wait_for_event(s.name("typed")))

    s.put(Workflow(s.name("typed"), entrypoint))
    s.run("typed", "typed")
    s.transcript.refused(
        "typed-event/wrong-type",
        "INVALID_ARGUMENT",
        lambda: s.post("typed", "typed", "t1", "seven"),
    )
    s.post("typed", "typed", "t2", 7)
    s.record("typed-event/run", "typed", "COMPLETED")


def interrupt(s: Session) -> None:
    s.put_event_def("stop")
    s.put_event_def("parent")
    s.put_event_def("child")

    def handler(wf: WorkflowThread) -> None:
        reason = wf.declare_str("INPUT")
        wf.find_variable("reason").assign(reason)
        wf.wait_for_event(s.name("child"))

    def entrypoint(wf: WorkflowThread) -> None:
        wf.declare_str("reason")
        wf.add_interrupt_handler(s.name("stop"), handler)
        wf.wait_for_event(s.name("parent"))

    s.put(Workflow(s.name("interrupt"), entrypoint))
    s.run("interrupt", "interrupt")
    s.post("interrupt", "stop", "s1", "fire drill")
    s.wait_node("interrupt", 1, 1, "RUNNING")
    s.transcript.step("interrupt/interrupted", s.describe("interrupt"))
    s.post("interrupt", "parent", "p1", None)
    s.post("interrupt", "child", "c1", None)
    s.record("interrupt/resumed", "interrupt", "COMPLETED")
    expect(s.variable("interrupt", "reason") == "fire drill", "the handler got no input")


def correlated_event(s: Session) -> None:
    s.put_event_def(
        "document", correlated_event_config=CorrelatedEventConfig(delete_after_first_correlation=False)
    )

    def entrypoint(wf: WorkflowThread) -> None:
        key = wf.declare_str("key").required()
        content = wf.declare_str("content")
        content.assign(wf.wait_for_event(s.name("document"), correlation_id=key))

    def put(key: str, content: str) -> CorrelatedEvent:
        return s.stub.PutCorrelatedEvent(
            PutCorrelatedEventRequest(
                key=key,
                external_event_def_id=ExternalEventDefId(name=s.name("document")),
                content=to_variable_value(content),
            )
        )

    s.put(Workflow(s.name("correlated"), entrypoint))
    s.run("correlated", "correlated-waiting", key=s.name("d1"))
    s.wait_node("correlated-waiting", 0, 1, "RUNNING")
    time.sleep(1.2)  # the key reaches its partition by the timer path
    s.transcript.step("correlated-event/put", as_json(put(s.name("d1"), "one")))
    s.record("correlated-event/while-waiting", "correlated-waiting", "COMPLETED")
    s.transcript.refused(
        "correlated-event/same-key", "ALREADY_EXISTS", lambda: put(s.name("d1"), "again")
    )
    s.transcript.refused("correlated-event/bad-key", "INVALID_ARGUMENT", lambda: put("a/b", "x"))

    s.transcript.step("correlated-event/put-first", as_json(put(s.name("d2"), "two")))
    s.run("correlated", "correlated-before", key=s.name("d2"))
    s.record("correlated-event/before", "correlated-before", "COMPLETED")
    expect(s.variable("correlated-before", "content") == "two", "wrong content")


def workflow_event(s: Session) -> None:
    s.stub.PutWorkflowEventDef(
        PutWorkflowEventDefRequest(
            name=s.name("thrown"),
            content_type=ReturnType(return_type=TypeDefinition(primitive_type=STR)),
        )
    )
    s.eventually(lambda: s.stub.GetWorkflowEventDef(WorkflowEventDefId(name=s.name("thrown"))))
    s.put_event_def("throw-now")

    def entrypoint(wf: WorkflowThread) -> None:
        content = wf.wait_for_event(s.name("throw-now"))
        wf.throw_event(s.name("thrown"), content)

    s.put(Workflow(s.name("thrower"), entrypoint))
    s.run("thrower", "thrower")

    def request(wf_run: str) -> AwaitWorkflowEventRequest:
        return AwaitWorkflowEventRequest(
            wf_run_id=s.wf_run_id(wf_run),
            event_def_ids=[WorkflowEventDefId(name=s.name("thrown"))],
        )

    s.transcript.refused(
        "workflow-event/deadline",
        "DEADLINE_EXCEEDED",
        lambda: s.stub.AwaitWorkflowEvent(request("no-such-run"), timeout=0.3),
        # The server resets the stream at the deadline; now and then this client sees that first.
        also="CANCELLED",
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(s.stub.AwaitWorkflowEvent, request("thrower"), timeout=60)
        time.sleep(0.2)  # lets the call reach the server before the event is thrown
        s.post("thrower", "throw-now", "n1", "ready")
        s.transcript.step("workflow-event/awaited", as_json(waiting.result()))
    s.record("workflow-event/run", "thrower", "COMPLETED")
    late = s.stub.AwaitWorkflowEvent(request("thrower"), timeout=60)
    s.transcript.step("workflow-event/awaited-late", as_json(late))


SCENARIOS = [
    external_event,
    event_timeout,
    typed_event,
    interrupt,
    correlated_event,
    workflow_event,
]
