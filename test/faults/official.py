"""An official worker, and an official client that starts WfRuns for it, until they are killed.

Prints "acknowledged WFRUN" and "delivered WFRUN/TASK attempt N", a line each.
"""

import asyncio
import itertools
import logging
import os
from typing import Any, Awaitable, Callable

import grpc
from littlehorse import create_task_def, create_workflow_spec, worker
from littlehorse.config import LHConfig
from littlehorse.model import LittleHorseStub, RunWfRequest
from littlehorse.workflow import Workflow, WorkflowThread

SPEC, TASK = "official", "official-step"
ATTEMPT_SECONDS = int(os.environ["ATTEMPT_SECONDS"])
CALL_SECONDS = 5
BREATH_SECONDS = 0.25

# Who was cut off a stream comes back with the next heartbeat: rounds are shorter than its minute.
worker.HEARTBEAT_INTERVAL_SECONDS = 2

TO_BE_REPEATED = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


async def step(context: worker.WorkerContext) -> None:
    run, task = context.wf_run_id.id, context.task_run_id.task_guid
    print(f"delivered {run}/{task} attempt {context.attempt_number}", flush=True)


def entrypoint(thread: WorkflowThread) -> None:
    for _ in range(3):
        thread.execute(TASK, timeout_seconds=ATTEMPT_SECONDS, retries=1_000_000)


async def insist(call: Callable[[], Awaitable[Any]]) -> None:
    """Repeats a call until there is an answer."""
    while True:
        try:
            await call()
            return
        except grpc.RpcError as e:
            if e.code() == grpc.StatusCode.ALREADY_EXISTS:
                return
            if e.code() not in TO_BE_REPEATED:
                raise
            await asyncio.sleep(BREATH_SECONDS)


async def start_runs(stub: LittleHorseStub) -> None:
    for i in itertools.count():
        request = RunWfRequest(wf_spec_name=SPEC, id=f"{SPEC}-{i}")
        await insist(lambda: asyncio.to_thread(stub.RunWf, request, timeout=CALL_SECONDS))
        print(f"acknowledged {request.id}", flush=True)
        await asyncio.sleep(BREATH_SECONDS)


async def main() -> None:
    logging.basicConfig(level=logging.CRITICAL)
    config = LHConfig()
    workflow = Workflow(SPEC, entrypoint)
    await insist(lambda: asyncio.to_thread(create_task_def, step, TASK, config))
    await insist(lambda: asyncio.to_thread(create_workflow_spec, workflow, config))
    stub = config.stub(name="runs")  # the client's asynchronous one fails by itself at RESOURCE_EXHAUSTED
    await asyncio.gather(
        insist(lambda: worker.LHTaskWorker(step, TASK, config).start()),
        start_runs(stub),
    )


asyncio.run(main())
