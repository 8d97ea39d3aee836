"""The task functions that the scenarios call."""

import asyncio
from typing import Any

from harness import Workers
from littlehorse.exceptions import LHTaskException
from littlehorse.utils import to_variable_value
from littlehorse.worker import WorkerContext

late_reports: set[str] = set()


async def greet(name: str) -> str:
    return f"hello {name}"


async def add(a: int, b: int) -> int:
    return a + b


async def nothing() -> None:
    return None


async def mirror(
    i: int, s: str, d: float, b: bool, o: dict[str, Any], a: list[Any], y: bytes
) -> dict[str, Any]:
    return {
        "int": i,
        "str": s,
        "double": d,
        "bool": b,
        "object": o,
        "array": a,
        "bytes": y.decode(),
    }


async def context(ctx: WorkerContext) -> dict[str, Any]:
    ctx.log("looked around")
    return {
        "wfRun": ctx.wf_run_id.id,
        "taskRun": ctx.task_run_id.task_guid,
        "nodeRun": f"{ctx.node_run_id.thread_run_number}/{ctx.node_run_id.position}",
        "attempt": ctx.attempt_number,
        "taskDef": ctx.task_def_name,
    }


async def flaky(failures: int, ctx: WorkerContext) -> str:
    if ctx.attempt_number < failures:
        raise RuntimeError(f"attempt {ctx.attempt_number} fails")
    return f"attempt {ctx.attempt_number} succeeds"


async def slow(ctx: WorkerContext) -> str:
    """Late in its first attempt only."""
    if ctx.attempt_number > 0:
        return "in time"
    await asyncio.sleep(5)
    late_reports.add(ctx.wf_run_id.id)
    return "too late"


async def charge(item: str) -> str:
    if item == "rare":
        raise LHTaskException("out-of-stock", "none left", to_variable_value(item))
    if item == "gone":
        raise LHTaskException("discontinued", "no longer sold")
    return f"charged {item}"


async def liar() -> int:
    return "not a number"  # type: ignore[return-value]


async def checkpointed(ctx: WorkerContext) -> str:
    first = await ctx.execute_and_checkpoint(
        lambda c: f"first in attempt {ctx.attempt_number}"
    )
    if ctx.attempt_number == 0:
        raise RuntimeError("fails after its first checkpoint")
    second = await ctx.execute_and_checkpoint(
        lambda c: f"second in attempt {ctx.attempt_number}"
    )
    return f"{first}, {second}"


FUNCTIONS = {
    "greet": greet,
    "add": add,
    "nothing": nothing,
    "mirror": mirror,
    "context": context,
    "flaky": flaky,
    "slow": slow,
    "charge": charge,
    "liar": liar,
    "checkpointed": checkpointed,
}


def start(workers: Workers) -> None:
    for suffix, function in FUNCTIONS.items():
        workers.add(suffix, function)
    workers.start()
