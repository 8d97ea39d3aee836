"""Definitions: puts that repeat, versions, refusals, deletes."""

from typing import Any

from harness import Session, as_json, expect
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def task_defs(s: Session) -> None:
    def request(**fields: Any) -> PutTaskDefRequest:
        return PutTaskDefRequest(
            name=s.name("defined"),
            input_vars=[VariableDef(name="x", type_def=TypeDefinition(primitive_type=INT))],
            **fields,
        )

    t = s.transcript
    first = s.stub.PutTaskDef(request())
    t.step("task-def/put", as_json(first))
    expect(s.stub.PutTaskDef(request()) == first, "a repeated put is not the same TaskDef")
    t.step("task-def/put-again", "same")
    s.eventually(lambda: s.stub.GetTaskDef(first.id))
    t.refused(
        "task-def/changed",
        "ALREADY_EXISTS",
        lambda: s.stub.PutTaskDef(request(description="another")),
    )
    t.refused(
        "task-def/bad-name",
        "INVALID_ARGUMENT",
        lambda: s.stub.PutTaskDef(PutTaskDefRequest(name="not_a_hostname")),
    )
    missing = TaskDefId(name=s.name("no-such-task"))
    t.refused("task-def/get-missing", "NOT_FOUND", lambda: s.stub.GetTaskDef(missing))
    t.refused(
        "task-def/delete-missing",
        "NOT_FOUND",
        lambda: s.stub.DeleteTaskDef(DeleteTaskDefRequest(id=missing)),
    )
    s.stub.DeleteTaskDef(DeleteTaskDefRequest(id=first.id))
    t.refused(
        "task-def/delete-again",
        "NOT_FOUND",
        lambda: s.stub.DeleteTaskDef(DeleteTaskDefRequest(id=first.id)),
    )


def wf_specs(s: Session) -> None:
    def spec(task: str = "greet", required: bool = False, extra: bool = False) -> Workflow:
        def entrypoint(wf: WorkflowThread) -> None:
            name = wf.declare_str("name")
            if required:
                name.required()
            wf.execute(s.name(task), name)
            if extra:
                wf.execute(s.name("nothing"))

        return Workflow(s.name("versions"), entrypoint)

    def put(workflow: Workflow) -> str:
        stored = s.put(workflow)
        return f"{stored.id.major_version}.{stored.id.revision}"

    t = s.transcript
    t.step("wf-spec/first", put(spec()))
    t.step("wf-spec/same", put(spec()))
    t.step("wf-spec/same-no-updates", put(spec().with_update_type(AllowedUpdateType.NO_UPDATES)))
    t.refused(
        "wf-spec/changed-no-updates",
        "ALREADY_EXISTS",
        lambda: put(spec(extra=True).with_update_type(AllowedUpdateType.NO_UPDATES)),
    )
    t.step(
        "wf-spec/changed",
        put(spec(extra=True).with_update_type(AllowedUpdateType.MINOR_REVISION_UPDATES)),
    )
    t.refused(
        "wf-spec/breaking-minor-only",
        "FAILED_PRECONDITION",
        lambda: put(spec(required=True).with_update_type(AllowedUpdateType.MINOR_REVISION_UPDATES)),
    )
    t.step("wf-spec/breaking", put(spec(required=True)))
    latest = s.stub.GetLatestWfSpec(GetLatestWfSpecRequest(name=s.name("versions")))
    t.step("wf-spec/latest", as_json(latest))
    of_major = s.stub.GetLatestWfSpec(
        GetLatestWfSpecRequest(name=s.name("versions"), major_version=0)
    )
    t.step("wf-spec/latest-of-major", as_json(of_major.id))
    versions = s.stub.SearchWfSpec(SearchWfSpecRequest(name=s.name("versions"))).results
    t.step("wf-spec/versions", [f"{v.major_version}.{v.revision}" for v in versions])

    t.refused("wf-spec/unknown-task", "INVALID_ARGUMENT", lambda: put(spec(task="no-such-task")))
    t.refused(
        "wf-spec/bad-name",
        "INVALID_ARGUMENT",
        lambda: s.put(Workflow("bad_name", lambda wf: None)),
    )
    t.refused(
        "wf-spec/get-missing",
        "NOT_FOUND",
        lambda: s.stub.GetWfSpec(WfSpecId(name=s.name("versions"), major_version=9)),
    )
    t.refused(
        "wf-spec/latest-missing",
        "NOT_FOUND",
        lambda: s.stub.GetLatestWfSpec(GetLatestWfSpecRequest(name=s.name("no-such-spec"))),
    )
    s.stub.DeleteWfSpec(DeleteWfSpecRequest(id=latest.id))
    t.refused(
        "wf-spec/delete-again",
        "NOT_FOUND",
        lambda: s.stub.DeleteWfSpec(DeleteWfSpecRequest(id=latest.id)),
    )


def event_defs(s: Session) -> None:
    def put_thrown(content: Any) -> WorkflowEventDef:
        return s.stub.PutWorkflowEventDef(
            PutWorkflowEventDefRequest(
                name=s.name("defined-event"),
                content_type=ReturnType(return_type=TypeDefinition(primitive_type=content)),
            )
        )

    t = s.transcript
    first = put_thrown(STR)
    t.step("event-def/thrown", as_json(first))
    expect(put_thrown(STR) == first, "a repeated put is not the same WorkflowEventDef")
    t.refused("event-def/thrown-changed", "ALREADY_EXISTS", lambda: put_thrown(INT))
    t.step("event-def/awaited", as_json(s.put_event_def("defined-event")))
    t.step("event-def/awaited-again", as_json(s.put_event_def("defined-event")))
    t.refused(
        "event-def/bad-name",
        "INVALID_ARGUMENT",
        lambda: s.stub.PutExternalEventDef(PutExternalEventDefRequest(name="a.b")),
    )
    missing = ExternalEventDefId(name=s.name("no-such-event"))
    t.refused("event-def/get-missing", "NOT_FOUND", lambda: s.stub.GetExternalEventDef(missing))


def whoami(s: Session) -> None:
    from google.protobuf.empty_pb2 import Empty

    s.transcript.step("whoami/id", as_json(s.stub.Whoami(Empty()).id))


SCENARIOS = [task_defs, wf_specs, event_defs, whoami]
