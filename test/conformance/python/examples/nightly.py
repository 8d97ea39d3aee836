"""A report is scheduled for every night, found, and taken off the schedule again."""

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.declare_str("region", "all")

    s.put(Workflow(s.name("report"), entrypoint))

    def schedule(suffix: str, cron: str, spec: str = "report") -> ScheduledWfRun:
        return s.client.ScheduleWf(
            ScheduleWfRequest(
                id=s.name(suffix),
                wf_spec_name=s.name(spec),
                cron_expression=cron,
                variables={"region": VariableValue(str=suffix)},
            )
        )

    north = schedule("north", "30 2 * * 1-5")
    schedule("south", "0 0 1,15 * *")
    same("WfSpec", s.name("report"), north.wf_spec_id.name)
    stored = s.known(lambda: s.client.GetScheduledWfRun(north.id))
    same("cron expression", "30 2 * * 1-5", stored.cron_expression)
    same("region", "north", stored.variables["region"].str)

    def found() -> list[str]:
        answer = s.client.SearchScheduledWfRun(
            SearchScheduledWfRunRequest(wf_spec_name=s.name("report"))
        )
        return sorted(r.id for r in answer.results)

    both = sorted((s.name("north"), s.name("south")))
    s.until("both schedules to be found", lambda: found() == both)
    s.refused("the 31st of February", "INVALID_ARGUMENT", lambda: schedule("never", "0 0 31 2 *"))
    s.refused("an unknown WfSpec", "INVALID_ARGUMENT", lambda: schedule("west", "0 0 * * *", "no-such"))

    s.client.DeleteScheduledWfRun(DeleteScheduledWfRunRequest(id=north.id))
    s.until("one schedule to be left", lambda: found() == [s.name("south")])
    s.refused("the deleted schedule", "NOT_FOUND", lambda: s.client.GetScheduledWfRun(north.id))
    s.client.DeleteScheduledWfRun(DeleteScheduledWfRunRequest(id=ScheduledWfRunId(id=s.name("south"))))
