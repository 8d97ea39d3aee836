"""An alert of a machine that is too hot: readings of its sensor interrupt whatever the alert waits for."""

from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread
from stage import Stage, perform

WARN, CALL = "py-alert-warn", "py-alert-call"
READING, ACKNOWLEDGED, COOLED = "py-sensor-reading", "py-alert-acknowledged", "py-machine-cooled"
COOL = 70.0


def alert(name: str, patience_seconds: int) -> Workflow:
    def entrypoint(wf: WorkflowThread) -> None:
        machine = wf.declare_str("machine").required().searchable()
        temperature = wf.declare_double("temperature").required()
        peak = wf.declare_double("peak", 0.0)
        readings = wf.declare_int("readings", 0)
        by = wf.declare_str("acknowledgedBy")
        called = wf.declare_str("called")

        def read(handler: WorkflowThread) -> None:
            reading = handler.declare_double("INPUT")
            temperature.assign(reading)
            handler.do_if(reading.is_greater_than(peak), lambda then: peak.assign(reading))
            readings.assign(readings.add(1))

        def unanswered(handler: WorkflowThread) -> None:
            called.assign(handler.execute(CALL, machine, peak, retries=3))

        # The handler runs whenever the event comes, as often as it comes, wherever the alert stands.
        wf.add_interrupt_handler(READING, read).with_event_type(float)
        peak.assign(temperature)
        wf.execute(WARN, machine, temperature, retries=3)
        acknowledged = wf.wait_for_event(ACKNOWLEDGED, timeout=patience_seconds, auto_register=True, return_type=str)
        wf.handle_error(acknowledged, unanswered, LHErrorType.TIMEOUT)
        by.assign(acknowledged)
        wf.wait_for_condition(temperature.is_less_than(COOL))
        wf.throw_event(COOLED, machine, auto_register=True, return_type=str)

    return Workflow(name, entrypoint)


async def warn(machine: str, temperature: float) -> None:
    pass


async def call(machine: str, peak: float) -> str:
    return "the technician on duty"


PATIENT, HURRIED = "py-sensor-alert", "py-sensor-alert-hurried"


def story(s: Stage) -> None:
    s.work({WARN: warn, CALL: call})
    s.put(alert(PATIENT, 600))
    s.put(alert(HURRIED, 1))

    # Somebody takes care of the first.
    run = s.start(PATIENT, machine="press-1", temperature=91.5)
    for n, reading in enumerate((97.0, 104.5), start=1):
        s.post(run, READING, reading)
        s.until("the reading", lambda: s.variable(run, "readings") == n)
    s.post(run, ACKNOWLEDGED, "Ines")
    cooled(s, run)

    # Nobody answers the second.
    run = s.start(HURRIED, machine="press-2", temperature=120.0)
    s.until("the technician", lambda: s.variable(run, "called"))
    cooled(s, run)


def cooled(s: Stage, run: WfRunId) -> None:
    """Lets the machine cool down, and waits for the WorkflowEvent that tells."""
    s.post(run, READING, 65.0)
    event = s.client.AwaitWorkflowEvent(
        AwaitWorkflowEventRequest(wf_run_id=run, event_def_ids=[WorkflowEventDefId(name=COOLED)])
    )
    print(f"{event.content.str} (WfRun {run.id})\n    {s.end(run)}")
    for name in ("acknowledgedBy", "called"):
        if who := s.variable(run, name):
            print(f"    {name}: {who}")
    print(f"    peak: {s.variable(run, 'peak'):.1f}")


if __name__ == "__main__":
    perform(story)
