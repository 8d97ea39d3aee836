"""People decide about expenses. Who takes long is reminded, who takes longer loses the task, and what nobody wants is withdrawn."""

from typing import Optional

from littlehorse.model import *
from littlehorse.utils import to_variable_value
from littlehorse.workflow import Workflow, WorkflowThread
from stage import Stage, perform

FORM, REMIND, TELL = "py-approval-form", "py-approval-remind", "py-approval-tell"


def approval(name: str, day: int) -> Workflow:
    """The workflow, with days of any number of seconds."""

    def entrypoint(wf: WorkflowThread) -> None:
        employee = wf.declare_str("employee").required().searchable()
        purpose = wf.declare_str("purpose").required()
        approver = wf.declare_str("approver").required()
        decision = wf.declare_json_obj("decision")

        def withdrawn(handler: WorkflowThread) -> None:
            handler.execute(TELL, employee, "nobody has decided")
            handler.fail("withdrawn", "nobody has decided")

        form = wf.assign_user_task(FORM, approver, "managers")
        form.with_notes(wf.format("{0} asks for {1}", employee, purpose)).with_on_cancellation_exception("withdrawn")
        wf.schedule_reminder_task(form, day, REMIND, approver, purpose)
        wf.reassign_user_task_on_deadline(form, 3 * day, user_id="director")
        wf.cancel_user_task_run_after(form, 90 * day)
        wf.handle_exception(form, withdrawn, "withdrawn")
        decision.assign(form)
        wf.do_if(
            decision.with_json_path("$.approved").is_equal_to(True),
            lambda then: then.execute(TELL, employee, "approved"),
        ).do_else(lambda other: other.execute(TELL, employee, decision.with_json_path("$.reason")))

    return Workflow(name, entrypoint)


letters: list[str] = []


async def remind(approver: str, purpose: str) -> None:
    letters.append(f"to {approver}: please decide about {purpose}")


async def tell(employee: str, text: str) -> None:
    letters.append(f"to {employee}: {text}")


PATIENT, HURRIED = "py-approval", "py-approval-hurried"


def story(s: Stage) -> None:
    s.work({REMIND: remind, TELL: tell})
    s.client.PutUserTaskDef(
        PutUserTaskDefRequest(
            name=FORM,
            fields=[
                UserTaskField(name="approved", display_name="Approved", type=BOOL, required=True),
                UserTaskField(name="reason", display_name="Reason", type=STR),
            ],
        )
    )
    s.put(approval(PATIENT, 24 * 3600))
    s.put(approval(HURRIED, 1))

    run = ask(s, PATIENT, "Ana", "a train ticket")
    decide(s, run, "manager", True)
    told(s, run)

    run = ask(s, HURRIED, "Bo", "a helicopter")
    has(s, run, "director")
    s.until("the reminder, a task of its own", lambda: letters)
    decide(s, run, "director", False, "take the train")
    told(s, run)

    run = ask(s, PATIENT, "Cleo", "a new desk")
    s.client.CancelUserTaskRun(CancelUserTaskRunRequest(user_task_run_id=form_of(run)))
    told(s, run)


def form_of(run: WfRunId) -> UserTaskRunId:
    """The user task of a run: it stands at the first node of thread 0."""
    return UserTaskRunId(wf_run_id=run, user_task_guid="0-1")


def ask(s: Stage, spec: str, employee: str, purpose: str) -> WfRunId:
    run = s.start(spec, employee=employee, purpose=purpose, approver="manager")
    print(f"{employee} asks for {purpose}")
    s.until("a user task", lambda: s.client.GetUserTaskRun(form_of(run)).user_id)
    return run


def has(s: Stage, run: WfRunId, user: str) -> None:
    s.until(f"{user} to have it", lambda: s.client.GetUserTaskRun(form_of(run)).user_id == user)


def decide(s: Stage, run: WfRunId, user: str, approved: bool, reason: Optional[str] = "") -> None:
    results = {"approved": to_variable_value(approved), "reason": to_variable_value(reason)}
    s.client.CompleteUserTaskRun(
        CompleteUserTaskRunRequest(user_task_run_id=form_of(run), user_id=user, results=results)
    )


def told(s: Stage, run: WfRunId) -> None:
    print(f"WfRun {run.id}\n    {s.end(run)}")
    for letter in letters:
        print(f"    {letter}")
    letters.clear()


if __name__ == "__main__":
    perform(story)
