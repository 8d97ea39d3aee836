"""What the examples stand on: a client, definitions, workers, and how to see the end of a run."""

import asyncio
import os
import sys
import threading
import time
import traceback
from typing import Any, Callable

import grpc
from littlehorse.config import LHConfig
from littlehorse.model import *
from littlehorse.utils import extract_value, to_variable_value
from littlehorse.worker import LHTaskWorker
from littlehorse.workflow import Workflow

PATIENCE_SECONDS = 60.0


class Stage:
    def __init__(self) -> None:
        self.config = LHConfig()
        self.client = self.config.stub()

    def put(self, workflow: Workflow) -> None:
        """Registers a WfSpec, and the events that it brings."""
        request = workflow.compile()
        for event in workflow.external_events_to_register:
            self.client.PutExternalEventDef(event.to_put_external_event_def_request())
        for event in workflow.workflow_events_to_register:
            self.client.PutWorkflowEventDef(event.to_put_workflow_event_def_request())
        self.client.PutWfSpec(request)

    def work(self, tasks: dict[str, Callable[..., Any]]) -> None:
        """Registers tasks, and does them in the background as long as the program lasts."""
        workers = [LHTaskWorker(function, name, self.config) for name, function in tasks.items()]
        for worker in workers:
            worker.register_task_def()

        async def start() -> None:
            await asyncio.gather(*(worker.start() for worker in workers))

        threading.Thread(target=lambda: asyncio.run(start()), daemon=True).start()

    def start(self, spec: str, **variables: Any) -> WfRunId:
        values = {name: to_variable_value(value) for name, value in variables.items()}
        return self.client.RunWf(RunWfRequest(wf_spec_name=spec, variables=values)).id

    def post(self, run: WfRunId, event: str, content: Any) -> None:
        self.client.PutExternalEvent(
            PutExternalEventRequest(
                wf_run_id=run,
                external_event_def_id=ExternalEventDefId(name=event),
                content=to_variable_value(content),
            )
        )

    def variable(self, run: WfRunId, name: str) -> Any:
        return extract_value(self.client.GetVariable(VariableId(wf_run_id=run, thread_run_number=0, name=name)).value)

    def until(self, what: str, seen: Callable[[], Any]) -> Any:
        """Asks again and again until the answer is yes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if found := seen():
                    return found
            except grpc.RpcError as e:
                if e.code() != grpc.StatusCode.NOT_FOUND:
                    raise
            time.sleep(0.03)
        raise TimeoutError(f"waited in vain for {what}")

    def end(self, run: WfRunId) -> str:
        """Waits for the end of a run and tells it: the status, and why if it is no good one."""

        def ended() -> WfRun | None:
            seen = self.client.GetWfRun(run)
            return seen if seen.status in (COMPLETED, ERROR, EXCEPTION) else None

        last = self.until(f"the end of {run.id}", ended)
        if last.status == COMPLETED:
            return "COMPLETED"
        return f"{LHStatus.Name(last.status)}: {last.thread_runs[0].error_message}"


def perform(story: Callable[[Stage], None]) -> None:
    """Tells a story, and ends the program: the streams of the workers would keep it."""
    status = 0
    try:
        story(Stage())
    except Exception:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
