"""A task that fails twice and is retried, with longer and longer pauses, until it succeeds."""

from examples.stage import Stage, check, same
from littlehorse.model import *
from littlehorse.worker import WorkerContext
from littlehorse.workflow import Workflow, WorkflowThread


async def greet_at_last(name: str, ctx: WorkerContext) -> str:
    ctx.log(f"attempt {ctx.attempt_number}")
    if ctx.attempt_number < 2:
        raise ConnectionError("the line is dead")
    return f"Good morning, {name}!"


TASKS = {"greet-at-last": greet_at_last}


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        name = wf.declare_str("name").required()
        greeting = wf.declare_str("greeting")
        said = wf.execute(
            s.name("greet-at-last"),
            name,
            retries=4,
            exponential_backoff=ExponentialBackoffRetryPolicy(
                base_interval_ms=50, max_delay_ms=400, multiplier=2.0
            ),
        )
        greeting.assign(said)

    s.put(Workflow(s.name("greeting"), entrypoint))
    s.refused("a run without its input", "INVALID_ARGUMENT", lambda: s.start("greeting", "greeting"))
    run = s.start("greeting", "greeting", name="Ana")
    s.ended(run, "COMPLETED")
    same("greeting", "Good morning, Ana!", s.variable(run, "greeting"))

    (task,) = s.task_runs(run)
    statuses = [TaskStatus.Name(a.status) for a in task.attempts]
    same("attempts", ["TASK_FAILED", "TASK_FAILED", "TASK_SUCCESS"], statuses)
    first, second, third = task.attempts
    check("the line is dead" in first.error.message, f"error of the first attempt: {first.error}")
    check("attempt 2" in third.log_output.str, f"log of the last attempt: {third.log_output}")
    pauses = [
        later.start_time.ToMilliseconds() - earlier.end_time.ToMilliseconds()
        for earlier, later in ((first, second), (second, third))
    ]
    check(pauses[0] >= 45 and pauses[1] >= 95, f"pauses between the attempts, in ms: {pauses}")
