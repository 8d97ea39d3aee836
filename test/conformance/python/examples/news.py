"""A run tells the outside what it has reached: workflow events, awaited before, during and after the run."""

import threading
from typing import Any

import grpc
from examples.stage import Stage, check, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def run(s: Stage) -> None:
    s.event("print")

    def entrypoint(wf: WorkflowThread) -> None:
        title = wf.declare_str("title").required()
        wf.throw_event(s.name("drafted"), title, return_type=str)
        wf.wait_for_event(s.name("print"))
        wf.throw_event(s.name("printed"), wf.format("{0}, first edition", title), return_type=str)

    s.put(Workflow(s.name("news"), entrypoint))
    run = WfRunId(id=s.name("news"))

    def wait_for(event: str, seconds: float) -> WorkflowEvent:
        request = AwaitWorkflowEventRequest(
            wf_run_id=run, event_def_ids=[WorkflowEventDefId(name=s.name(event))]
        )
        return s.client.AwaitWorkflowEvent(request, timeout=seconds)

    heard: list[Any] = []
    listener = threading.Thread(target=lambda: heard.append(wait_for("drafted", 60)))
    listener.start()
    s.start("news", "news", title="Herald")
    listener.join()
    same("heard", ["Herald"], [e.content.str for e in heard])

    try:
        early = wait_for("printed", 0.3)
    except grpc.RpcError as e:
        check(e.code().name in ("DEADLINE_EXCEEDED", "CANCELLED"), f"too early: {e.code().name}")
    else:
        raise AssertionError(f"printed before its time: {early}")
    s.post(run, "print", None)
    same("printed", "Herald, first edition", wait_for("printed", 60).content.str)
    s.ended(run, "COMPLETED")
    same("printed, asked again", "Herald, first edition", wait_for("printed", 60).content.str)
    thrown = s.client.ListWorkflowEvents(ListWorkflowEventsRequest(wf_run_id=run)).results
    same(
        "events of the run",
        [s.name("drafted"), s.name("printed")],
        sorted(e.id.workflow_event_def_id.name for e in thrown),
    )
