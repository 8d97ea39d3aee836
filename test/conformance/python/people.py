"""User tasks: assignment, progress, completion, cancellation."""

from typing import Any

from harness import Session, as_json, expect
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def put_form(s: Session) -> UserTaskDef:
    form = s.stub.PutUserTaskDef(
        PutUserTaskDefRequest(
            name=s.name("form"),
            fields=[
                UserTaskField(name="approved", type=BOOL, display_name="Approved?", required=True),
                UserTaskField(name="note", type=STR, display_name="Note"),
            ],
        )
    )
    s.eventually(
        lambda: s.stub.GetUserTaskDef(UserTaskDefId(name=form.name, version=form.version))
    )
    return form


def user_task_runs(s: Session, wf_run: str) -> list[Any]:
    return s.listed(s.stub.ListUserTaskRuns, ListUserTaskRunRequest, s.wf_run_id(wf_run))


def user_task(s: Session) -> None:
    form = put_form(s)
    t = s.transcript
    t.step("user-task/def", as_json(form))
    expect(put_form(s).version == 0, "a repeated put made a new version")

    def entrypoint(wf: WorkflowThread) -> None:
        approved = wf.declare_bool("approved")
        answer = wf.assign_user_task(s.name("form"), user_id="ana", user_group="finance")
        approved.assign(answer.with_json_path("$.approved"))
        wf.execute(s.name("greet"), "approver")

    s.put(Workflow(s.name("user-task"), entrypoint))
    s.run("user-task", "user-task")
    task_id = UserTaskRunId(wf_run_id=s.wf_run_id("user-task"), user_task_guid="0-1")

    def assign(**fields: Any) -> None:
        s.stub.AssignUserTaskRun(AssignUserTaskRunRequest(user_task_run_id=task_id, **fields))

    def complete(user_id: str, **results: VariableValue) -> None:
        s.stub.CompleteUserTaskRun(
            CompleteUserTaskRunRequest(user_task_run_id=task_id, user_id=user_id, results=results)
        )

    t.refused("user-task/claimed", "FAILED_PRECONDITION", lambda: assign(user_id="bo"))
    t.refused("user-task/nobody", "INVALID_ARGUMENT", lambda: assign())
    assign(user_id="bo", override_claim=True)
    t.refused("user-task/incomplete", "INVALID_ARGUMENT", lambda: complete("bo"))
    t.refused(
        "user-task/wrong-type",
        "INVALID_ARGUMENT",
        lambda: complete("bo", approved=VariableValue(str="yes")),
    )
    found = s.stub.SearchUserTaskRun(
        SearchUserTaskRunRequest(user_id="bo", user_task_def_name=s.name("form"))
    ).results
    t.step("user-task/search", sorted(r.wf_run_id.id for r in found))
    complete("bo", approved=VariableValue(bool=True))
    s.record("user-task/run", "user-task", "COMPLETED")
    t.step("user-task/list", user_task_runs(s, "user-task"))
    expect(s.variable("user-task", "approved") is True, "the form's answer is lost")
    complete("bo", approved=VariableValue(bool=False))
    t.step("user-task/completed-again", as_json(s.stub.GetUserTaskRun(task_id)))


def cancelled_user_task(s: Session) -> None:
    def handler(wf: WorkflowThread) -> None:
        wf.execute(s.name("greet"), "handler")

    def entrypoint(wf: WorkflowThread) -> None:
        task = wf.assign_user_task(s.name("form"), user_group="finance")
        wf.handle_error(task, handler, LHErrorType.USER_TASK_CANCELLED)

    s.put(Workflow(s.name("user-task-cancelled"), entrypoint))
    s.run("user-task-cancelled", "user-task-cancelled")
    task_id = UserTaskRunId(wf_run_id=s.wf_run_id("user-task-cancelled"), user_task_guid="0-1")
    s.stub.CancelUserTaskRun(CancelUserTaskRunRequest(user_task_run_id=task_id))
    s.record("cancelled-user-task/run", "user-task-cancelled", "COMPLETED")
    s.transcript.step("cancelled-user-task/list", user_task_runs(s, "user-task-cancelled"))


SCENARIOS = [user_task, cancelled_user_task]
