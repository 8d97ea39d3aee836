"""What every example stands on: a client, the definitions it registers, and how to see the end of a run."""

import asyncio
import os
import threading
import time
from typing import Any, Callable, Optional

import grpc
from littlehorse.config import LHConfig
from littlehorse.lh_struct import create_struct_def, get_struct_def_name
from littlehorse.model import *
from littlehorse.utils import extract_value, to_variable_value
from littlehorse.worker import LHTaskWorker
from littlehorse.workflow import Workflow

WAIT_SECONDS = 120.0  # for hangs alone
POLL_SECONDS = 0.03
# A server may show the writes of one command one after the other; this long after the first, all are there.
SETTLE_SECONDS = int(os.environ.get("LH_CONFORMANCE_SETTLE_MS", "0")) / 1000


def named(suffix: str) -> str:
    """The name of a definition: the prefix keeps programs apart that share a server."""
    return f"{os.environ['LH_CONFORMANCE_PREFIX']}-{suffix}"


def check(condition: bool, seen: str) -> None:
    if not condition:
        raise AssertionError(seen)


def same(what: str, want: Any, got: Any) -> None:
    check(want == got, f"{what} is {got!r}, want {want!r}")


class Stage:
    """A client of one server; every name it makes begins with one prefix."""

    def __init__(self) -> None:
        self.config = LHConfig()
        self.client = self.config.stub()
        self._tasks: list[tuple[Callable[..., Any], str]] = []

    def name(self, suffix: str) -> str:
        return named(suffix)

    # Tasks

    def struct(self, cls: type, allowed: Any = StructDefCompatibilityType.NO_SCHEMA_UPDATES) -> None:
        """Registers the StructDef of a class."""
        create_struct_def(cls, self.config, allowed)
        latest = StructDefId(name=get_struct_def_name(cls), version=-1)
        self.known(lambda: self.client.GetStructDef(latest))

    def task(self, suffix: str, function: Callable[..., Any]) -> None:
        """Registers a TaskDef; its worker is started with those of all examples."""
        LHTaskWorker(function, self.name(suffix), self.config).register_task_def()
        self.known(lambda: self.client.GetTaskDef(TaskDefId(name=self.name(suffix))))
        self._tasks.append((function, self.name(suffix)))

    def start_workers(self) -> None:
        async def work() -> None:
            workers = [LHTaskWorker(function, name, self.config) for function, name in self._tasks]
            await asyncio.gather(*(w.start() for w in workers))

        threading.Thread(target=lambda: asyncio.run(work()), daemon=True).start()

    # Definitions

    def known(self, call: Callable[[], Any]) -> Any:
        """Repeats a read until a definition that was just put can be seen."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return call()
            except grpc.RpcError as e:
                if e.code() != grpc.StatusCode.NOT_FOUND or time.monotonic() > deadline:
                    raise
            time.sleep(POLL_SECONDS)

    def put(self, workflow: Workflow) -> WfSpec:
        """Registers a WfSpec and the events that it brings."""
        request = workflow.compile()
        for event in workflow.external_events_to_register:
            self._put_event_def(event.to_put_external_event_def_request())
        for event in workflow.workflow_events_to_register:
            self.client.PutWorkflowEventDef(event.to_put_workflow_event_def_request())
        spec = self.client.PutWfSpec(request)
        return self.known(lambda: self.client.GetWfSpec(spec.id))

    def event(self, suffix: str, **fields: Any) -> None:
        self._put_event_def(PutExternalEventDefRequest(name=self.name(suffix), **fields))

    def _put_event_def(self, request: PutExternalEventDefRequest) -> None:
        put = self.client.PutExternalEventDef(request)
        self.known(lambda: self.client.GetExternalEventDef(put.id))

    # Runs

    def start(self, spec: str, run: str, **variables: Any) -> WfRunId:
        return self.client.RunWf(
            RunWfRequest(
                wf_spec_name=self.name(spec),
                id=self.name(run),
                variables={k: to_variable_value(v) for k, v in variables.items()},
            )
        ).id

    def post(self, run: WfRunId, event: str, content: Any, guid: Optional[str] = None) -> ExternalEvent:
        return self.client.PutExternalEvent(
            PutExternalEventRequest(
                wf_run_id=run,
                external_event_def_id=ExternalEventDefId(name=self.name(event)),
                guid=guid,
                content=to_variable_value(content),
            )
        )

    def until(self, what: str, seen: Callable[[], Any]) -> Any:
        """Polls until it sees something true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = seen()
            if found:
                time.sleep(SETTLE_SECONDS)
                return found
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"waited {WAIT_SECONDS} s for {what}")

    def ended(self, run: WfRunId, status: str) -> WfRun:
        """Waits for the end of a run, which must have this status."""
        final = (COMPLETED, ERROR, EXCEPTION)

        def rest() -> Optional[WfRun]:
            seen = self.client.GetWfRun(run)
            return seen if seen.status in final else None

        last = self.until(f"the end of {run.id}", rest)
        check(
            LHStatus.Name(last.status) == status,
            f"{run.id} is {LHStatus.Name(last.status)}, want {status}; {self.failures(run)}",
        )
        return self.client.GetWfRun(run)

    def failures(self, run: WfRunId) -> list[str]:
        """What went wrong in a run, for the message of a failed check."""
        nodes = self.client.ListNodeRuns(ListNodeRunsRequest(wf_run_id=run)).results
        return [f"{n.node_name}: {f.failure_name}: {f.message}" for n in nodes for f in n.failures]

    def waits_at(self, run: WfRunId, thread: int, position: int) -> NodeRun:
        """Waits until a thread stands at a node."""
        node = NodeRunId(wf_run_id=run, thread_run_number=thread, position=position)

        def standing() -> Optional[NodeRun]:
            try:
                seen = self.client.GetNodeRun(node)
            except grpc.RpcError as e:
                if e.code() == grpc.StatusCode.NOT_FOUND:
                    return None
                raise
            return seen if seen.status == RUNNING else None

        return self.until(f"{run.id} to wait at {thread}/{position}", standing)

    def variable(self, run: WfRunId, name: str, thread: int = 0) -> Any:
        return extract_value(
            self.client.GetVariable(
                VariableId(wf_run_id=run, thread_run_number=thread, name=name)
            ).value
        )

    def task_runs(self, run: WfRunId) -> list[TaskRun]:
        return list(self.client.ListTaskRuns(ListTaskRunsRequest(wf_run_id=run)).results)

    def refused(self, what: str, code: str, call: Callable[[], Any]) -> None:
        try:
            answer = call()
        except grpc.RpcError as e:
            same(f"code of {what}", code, e.code().name)
            return
        raise AssertionError(f"{what} is not refused: {answer}")
