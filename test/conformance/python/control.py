"""Runs from outside: refusals, stop and resume, rescue, delete."""

import time

from harness import Session, expect
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def refusals(s: Session) -> None:
    t = s.transcript
    t.refused("refusals/unknown-spec", "NOT_FOUND", lambda: s.run("no-such-spec", "x"))
    t.refused(
        "refusals/same-id", "ALREADY_EXISTS", lambda: s.run("greet", "greet", name="again")
    )
    t.refused(
        "refusals/unknown-version",
        "NOT_FOUND",
        lambda: s.stub.RunWf(RunWfRequest(wf_spec_name=s.name("greet"), major_version=7)),
    )
    for step, request in (
        ("no-name", RunWfRequest()),
        ("bad-id", RunWfRequest(wf_spec_name=s.name("greet"), id="a_b")),
        ("empty-id", RunWfRequest(wf_spec_name=s.name("greet"), id="")),
    ):
        t.refused(f"refusals/{step}", "INVALID_ARGUMENT", lambda: s.stub.RunWf(request))
    nowhere = s.wf_run_id("no-such-run")
    for step, call in (
        ("get-run", lambda: s.stub.GetWfRun(nowhere)),
        ("get-node-run", lambda: s.stub.GetNodeRun(NodeRunId(wf_run_id=nowhere))),
        ("get-task-run", lambda: s.stub.GetTaskRun(TaskRunId(wf_run_id=nowhere, task_guid="0-1"))),
        ("get-variable", lambda: s.stub.GetVariable(VariableId(wf_run_id=nowhere, name="x"))),
        ("stop", lambda: s.stub.StopWfRun(StopWfRunRequest(wf_run_id=nowhere))),
        ("resume", lambda: s.stub.ResumeWfRun(ResumeWfRunRequest(wf_run_id=nowhere))),
        ("rescue", lambda: s.stub.RescueThreadRun(RescueThreadRunRequest(wf_run_id=nowhere))),
    ):
        t.refused(f"refusals/{step}", "NOT_FOUND", call)


def stop_and_resume(s: Session) -> None:
    s.put_event_def("go-on")

    def entrypoint(wf: WorkflowThread) -> None:
        wf.wait_for_event(s.name("go-on"))

    s.put(Workflow(s.name("stoppable"), entrypoint))
    s.run("stoppable", "stoppable")
    wf_run_id = s.wf_run_id("stoppable")
    s.stub.StopWfRun(StopWfRunRequest(wf_run_id=wf_run_id))
    s.record("stop-and-resume/stopped", "stoppable", "HALTED")
    s.post("stoppable", "go-on", "g1", None)
    time.sleep(0.2)
    node_run = s.stub.GetNodeRun(NodeRunId(wf_run_id=wf_run_id, position=1))
    expect(node_run.status == HALTED, "a stopped thread went on")
    s.transcript.refused(
        "stop-and-resume/no-such-thread",
        "INVALID_ARGUMENT",
        lambda: s.stub.StopWfRun(StopWfRunRequest(wf_run_id=wf_run_id, thread_run_number=9)),
    )
    s.stub.ResumeWfRun(ResumeWfRunRequest(wf_run_id=wf_run_id))
    s.record("stop-and-resume/resumed", "stoppable", "COMPLETED")


def rescue(s: Session) -> None:
    s.put_event_def("rescue")

    def entrypoint(wf: WorkflowThread) -> None:
        amount = wf.declare_int("amount", 1)
        content = wf.wait_for_event(s.name("rescue"))
        amount.assign(content.with_json_path("$.amount"))
        wf.execute(s.name("add"), amount, 1)

    s.put(Workflow(s.name("rescue"), entrypoint))
    s.run("rescue", "rescue")
    s.post("rescue", "rescue", "r1", {"amount": "many"})
    s.wait_status("rescue", "ERROR")

    def rescued(thread: int) -> WfRun:
        return s.stub.RescueThreadRun(
            RescueThreadRunRequest(wf_run_id=s.wf_run_id("rescue"), thread_run_number=thread)
        )

    s.transcript.refused("rescue/no-such-thread", "INVALID_ARGUMENT", lambda: rescued(4))
    rescued(0)
    s.transcript.refused("rescue/running", "FAILED_PRECONDITION", lambda: rescued(0))
    s.post("rescue", "rescue", "r2", {"amount": 41})
    s.record("rescue/run", "rescue", "COMPLETED")
    expect(s.variable("rescue", "amount") == 41, "the second event was not used")


def delete(s: Session) -> None:
    s.run("greet", "delete", name="Dora")
    s.wait_status("delete", "COMPLETED")
    wf_run_id = s.wf_run_id("delete")
    t = s.transcript
    s.stub.DeleteWfRun(DeleteWfRunRequest(id=wf_run_id))
    t.refused("delete/get-run", "NOT_FOUND", lambda: s.stub.GetWfRun(wf_run_id))
    t.refused("delete/get-task-run", "NOT_FOUND", lambda: s.task_run("delete", "0-1"))
    s.stub.DeleteWfRun(DeleteWfRunRequest(id=wf_run_id))
    t.step("delete/again", "OK")
    s.run("greet", "delete", name="Dora")
    s.wait_status("delete", "COMPLETED")
    t.step("delete/id-free-again", "OK")


SCENARIOS = [refusals, stop_and_resume, rescue, delete]
