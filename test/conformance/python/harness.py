"""What every scenario stands on: the transcript, the client, the worker."""

import asyncio
import json
import os
import sys
import threading
import time
from typing import Any, Callable, Optional

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from littlehorse.config import LHConfig
from littlehorse.model import *
from littlehorse.utils import extract_value, to_variable_value
from littlehorse.worker import LHTaskWorker
from littlehorse.workflow import Workflow

WAIT_SECONDS = 120.0  # for hangs alone
POLL_SECONDS = 0.03
# A server may show the writes of one command one after the other; this long after the first, all are there.
SETTLE_SECONDS = int(os.environ.get("LH_CONFORMANCE_SETTLE_MS", "0")) / 1000


class Unmet(Exception):
    """An expectation that the server did not meet."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise Unmet(message)


class Transcript:
    """One JSON object a line: {"step", "outcome"}, or {"step", "failed"}."""

    def __init__(self) -> None:
        self.failures = 0

    def step(self, name: str, outcome: Any) -> None:
        self._line({"step": name, "outcome": outcome})

    def failed(self, name: str, message: str) -> None:
        self.failures += 1
        self._line({"step": name, "failed": message})

    def refused(self, name: str, code: str, call: Callable[[], Any], also: str = "") -> None:
        """The call must be refused with exactly this status code; `also` is another that counts as it."""
        try:
            answer = call()
        except grpc.RpcError as e:
            expect(
                e.code().name in (code, also),
                f"{name}: want {code}, got {e.code().name}: {e.details()}",
            )
            self.step(name, {"code": code})
            return
        raise Unmet(f"{name}: want {code}, got OK: {answer}")

    def _line(self, line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def as_json(message: Message) -> Any:
    return MessageToDict(message)


class Session:
    """A client of one server, whose objects all carry one prefix in their names."""

    def __init__(self, config: LHConfig, prefix: str, transcript: Transcript) -> None:
        self.config = config
        self.stub = config.stub()
        self.prefix = prefix
        self.transcript = transcript

    def name(self, suffix: str) -> str:
        return f"{self.prefix}-{suffix}"

    def wf_run_id(self, suffix: str) -> WfRunId:
        return WfRunId(id=self.name(suffix))

    # Definitions reach the readers a moment after the write was answered.
    def eventually(self, call: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return call()
            except grpc.RpcError as e:
                if e.code() != grpc.StatusCode.NOT_FOUND or time.monotonic() > deadline:
                    raise
            time.sleep(POLL_SECONDS)

    def put(self, workflow: Workflow) -> WfSpec:
        request = workflow.compile()
        for event in workflow.external_events_to_register:
            self.stub.PutExternalEventDef(event.to_put_external_event_def_request())
        for event in workflow.workflow_events_to_register:
            self.stub.PutWorkflowEventDef(event.to_put_workflow_event_def_request())
        spec = self.stub.PutWfSpec(request)
        self.eventually(lambda: self.stub.GetWfSpec(spec.id))
        return spec

    def put_event_def(self, suffix: str, **fields: Any) -> ExternalEventDef:
        event_def = self.stub.PutExternalEventDef(
            PutExternalEventDefRequest(name=self.name(suffix), **fields)
        )
        self.eventually(lambda: self.stub.GetExternalEventDef(event_def.id))
        return event_def

    def run(self, spec: str, wf_run: str, **variables: Any) -> WfRun:
        return self.stub.RunWf(self.run_request(spec, wf_run, **variables))

    def run_request(self, spec: str, wf_run: str, **variables: Any) -> RunWfRequest:
        return RunWfRequest(
            wf_spec_name=self.name(spec),
            id=self.name(wf_run),
            variables={k: to_variable_value(v) for k, v in variables.items()},
        )

    def post(self, wf_run: str, event: str, guid: str, content: Any) -> ExternalEvent:
        return self.stub.PutExternalEvent(
            PutExternalEventRequest(
                wf_run_id=self.wf_run_id(wf_run),
                external_event_def_id=ExternalEventDefId(name=self.name(event)),
                guid=guid,
                content=to_variable_value(content),
            )
        )

    def wait_for(self, what: str, check: Callable[[], Any]) -> Any:
        """Polls until the check returns something true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = check()
            if found:
                time.sleep(SETTLE_SECONDS)
                return found
            time.sleep(POLL_SECONDS)
        raise Unmet(f"waited {WAIT_SECONDS} s for {what}")

    def wait_status(self, wf_run: str, status: str) -> WfRun:
        want = LHStatus.Value(status)
        final = (COMPLETED, ERROR, EXCEPTION)
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            run = self.stub.GetWfRun(self.wf_run_id(wf_run))
            if run.status == want:
                time.sleep(SETTLE_SECONDS)
                return run
            if run.status in final or time.monotonic() > deadline:
                raise Unmet(
                    f"WfRun {wf_run} is {LHStatus.Name(run.status)}, want {status}"
                )
            time.sleep(POLL_SECONDS)

    def wait_node(self, wf_run: str, thread: int, position: int, status: str) -> NodeRun:
        node_run_id = NodeRunId(
            wf_run_id=self.wf_run_id(wf_run),
            thread_run_number=thread,
            position=position,
        )
        want = LHStatus.Value(status)

        def arrived() -> Optional[NodeRun]:
            try:
                node_run = self.stub.GetNodeRun(node_run_id)
            except grpc.RpcError as e:
                if e.code() == grpc.StatusCode.NOT_FOUND:
                    return None
                raise
            return node_run if node_run.status == want else None

        return self.wait_for(f"{wf_run} {thread}/{position} to be {status}", arrived)

    def record(self, step: str, wf_run: str, status: str) -> None:
        """Waits for the status and writes down everything the WfRun consists of."""
        self.wait_status(wf_run, status)
        self.transcript.step(step, self.describe(wf_run))

    def describe(self, wf_run: str) -> dict[str, Any]:
        run = self.stub.GetWfRun(self.wf_run_id(wf_run))
        story = {
            "wfRun": as_json(run),
            "nodeRuns": self.listed(self.stub.ListNodeRuns, ListNodeRunsRequest, run.id),
            "taskRuns": self.listed(self.stub.ListTaskRuns, ListTaskRunsRequest, run.id),
            "variables": self.listed(self.stub.ListVariables, ListVariablesRequest, run.id),
            "externalEvents": self.listed(
                self.stub.ListExternalEvents, ListExternalEventsRequest, run.id
            ),
            "workflowEvents": self.listed(
                self.stub.ListWorkflowEvents, ListWorkflowEventsRequest, run.id
            ),
        }
        return {k: v for k, v in story.items() if v}

    def listed(self, rpc: Any, request: Any, wf_run_id: WfRunId) -> list[Any]:
        return [as_json(m) for m in rpc(request(wf_run_id=wf_run_id)).results]

    def variable(self, wf_run: str, name: str, thread: int = 0) -> Any:
        return extract_value(
            self.stub.GetVariable(
                VariableId(
                    wf_run_id=self.wf_run_id(wf_run),
                    thread_run_number=thread,
                    name=name,
                )
            ).value
        )

    def task_run(self, wf_run: str, guid: str) -> TaskRun:
        return self.stub.GetTaskRun(
            TaskRunId(wf_run_id=self.wf_run_id(wf_run), task_guid=guid)
        )


class Workers:
    """The client's own task workers, on an event loop of their own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._functions: list[tuple[Callable[..., Any], str]] = []
        self._loop = asyncio.new_event_loop()

    def add(self, suffix: str, function: Callable[..., Any]) -> None:
        self._functions.append((function, self._session.name(suffix)))

    def start(self) -> None:
        workers = []
        for function, task_def in self._functions:
            worker = LHTaskWorker(function, task_def, self._session.config)
            worker.register_task_def()
            self._session.eventually(
                lambda: self._session.stub.GetTaskDef(TaskDefId(name=task_def))
            )
            workers.append(worker)

        async def serve() -> None:
            await asyncio.gather(*(w.start() for w in workers))

        threading.Thread(
            target=lambda: self._loop.run_until_complete(serve()), daemon=True
        ).start()


def open_session() -> Session:
    prefix = os.environ["LH_CONFORMANCE_PREFIX"]
    return Session(LHConfig(), prefix, Transcript())
