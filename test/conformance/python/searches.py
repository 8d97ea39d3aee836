"""Searches and lists: criteria, pages, refusals."""

from typing import Any

from harness import Session, expect
from littlehorse.model import *
from littlehorse.utils import to_variable_value
from littlehorse.workflow import Workflow, WorkflowThread


def pages(rpc: Any, request: Any) -> tuple[list[int], list[Any]]:
    """Follows the bookmarks; the sizes of the pages and all results. An empty last page is left out."""
    sizes, results = [], []
    while True:
        reply = rpc(request)
        if reply.results:
            sizes.append(len(reply.results))
        results.extend(reply.results)
        if not reply.HasField("bookmark"):
            return sizes, results
        request.bookmark = reply.bookmark


def search_wf_runs(s: Session) -> None:
    s.put_event_def("search-wait")

    def entrypoint(wf: WorkflowThread) -> None:
        colour = wf.declare_str("colour").searchable()
        size = wf.declare_int("size").searchable()
        details = wf.declare_json_obj("details").searchable_on("$.city", STR)

        def wait(body: WorkflowThread) -> None:
            body.wait_for_event(s.name("search-wait"))

        wf.do_if(size.is_greater_than(4), wait)
        colour.assign(wf.format("{0}", colour))

    s.put(Workflow(s.name("search"), entrypoint))
    for i in range(7):
        s.run(
            "search",
            f"search-{i}",
            colour=("red", "blue")[i % 2],
            size=i,
            details={"city": ("Oslo", "Lima", "Pune")[i % 3]},
        )

    def found(**criteria: Any) -> list[str]:
        request = SearchWfRunRequest(wf_spec_name=s.name("search"), **criteria)
        return sorted(r.id for r in pages(s.stub.SearchWfRun, request)[1])

    t = s.transcript
    t.step("search-wf-run/name", found())
    t.step("search-wf-run/completed", found(status=COMPLETED))
    t.step("search-wf-run/running", found(status=RUNNING))
    t.step("search-wf-run/error", found(status=ERROR))
    t.step("search-wf-run/version", found(wf_spec_major_version=0, wf_spec_revision=0))
    t.step("search-wf-run/major-and-status", found(wf_spec_major_version=0, status=RUNNING))
    blue = VariableMatch(var_name="colour", value=VariableValue(str="blue"))
    t.step("search-wf-run/variable", found(variable_filters=[blue]))
    t.step("search-wf-run/variable-and-status", found(variable_filters=[blue], status=RUNNING))

    request = SearchWfRunRequest(wf_spec_name=s.name("search"), limit=3)
    sizes, results = pages(s.stub.SearchWfRun, request)
    expect(len({r.id for r in results}) == 7, "pages repeat or lose WfRuns")
    t.step("search-wf-run/pages", {"sizes": sizes, "found": sorted(r.id for r in results)})

    def refused(step: str, **criteria: Any) -> None:
        t.refused(
            f"search-wf-run/{step}",
            "INVALID_ARGUMENT",
            lambda: s.stub.SearchWfRun(SearchWfRunRequest(**criteria)),
        )

    refused("unknown-name", wf_spec_name=s.name("no-such-spec"))
    refused("version-without-name", wf_spec_major_version=0)
    refused("revision-without-major", wf_spec_name=s.name("search"), wf_spec_revision=0)
    refused(
        "unknown-variable",
        wf_spec_name=s.name("search"),
        variable_filters=[VariableMatch(var_name="nope", value=VariableValue(str="x"))],
    )


def search_variables(s: Session) -> None:
    def found(name: str, value: Any, **criteria: Any) -> list[str]:
        request = SearchVariableRequest(
            wf_spec_name=s.name("search"),
            var_name=name,
            value=to_variable_value(value),
            **criteria,
        )
        return sorted(
            f"{r.wf_run_id.id} {r.thread_run_number} {r.name}"
            for r in pages(s.stub.SearchVariable, request)[1]
        )

    t = s.transcript
    t.step("search-variable/str", found("colour", "red"))
    t.step("search-variable/case", found("colour", "Red"))
    t.step("search-variable/int", found("size", 3))
    t.step("search-variable/json", found("details_$.city", "Oslo"))
    t.step(
        "search-variable/version",
        found("size", 3, wf_spec_major_version=0, wf_spec_revision=0),
    )
    for step, name, value in (
        ("unknown-variable", "nope", "x"),
        ("wrong-type", "size", "three"),
        ("no-index", "details_$.street", "x"),
    ):
        t.refused(f"search-variable/{step}", "INVALID_ARGUMENT", lambda: found(name, value))


def search_task_runs(s: Session) -> None:
    def found(task: str, **criteria: Any) -> list[str]:
        request = SearchTaskRunRequest(task_def_name=s.name(task), **criteria)
        return sorted(
            f"{r.wf_run_id.id} {r.task_guid}" for r in pages(s.stub.SearchTaskRun, request)[1]
        )

    t = s.transcript
    t.step("search-task-run/name", found("charge"))
    t.step("search-task-run/exception", found("charge", status=TASK_EXCEPTION))
    t.step("search-task-run/failed", found("flaky", status=TASK_FAILED))
    t.step("search-task-run/timeout", found("slow", status=TASK_TIMEOUT))
    t.step("search-task-run/unknown", found("no-such-task"))
    sizes, results = pages(
        s.stub.SearchTaskRun, SearchTaskRunRequest(task_def_name=s.name("charge"), limit=3)
    )
    t.step("search-task-run/pages", {"sizes": sizes, "found": len(results)})


def lists(s: Session) -> None:
    """The run of the while loop has many NodeRuns and four TaskRuns."""
    wf_run_id = s.wf_run_id("loop")
    t = s.transcript
    sizes, results = pages(s.stub.ListNodeRuns, ListNodeRunsRequest(wf_run_id=wf_run_id, limit=4))
    t.step("lists/node-runs", {"sizes": sizes, "positions": sorted(r.id.position for r in results)})
    sizes, results = pages(s.stub.ListTaskRuns, ListTaskRunsRequest(wf_run_id=wf_run_id, limit=3))
    t.step("lists/task-runs", {"sizes": sizes, "guids": sorted(r.id.task_guid for r in results)})
    unknown = s.wf_run_id("no-such-run")
    t.step(
        "lists/unknown-run",
        {
            "nodeRuns": len(s.stub.ListNodeRuns(ListNodeRunsRequest(wf_run_id=unknown)).results),
            "taskRuns": len(s.stub.ListTaskRuns(ListTaskRunsRequest(wf_run_id=unknown)).results),
            "variables": len(s.stub.ListVariables(ListVariablesRequest(wf_run_id=unknown)).results),
        },
    )


def search_definitions(s: Session) -> None:
    t = s.transcript
    specs = pages(s.stub.SearchWfSpec, SearchWfSpecRequest(prefix=s.name("errors")))[1]
    t.step("search-definitions/wf-spec-prefix", [w.name for w in specs])
    by_task = pages(s.stub.SearchWfSpec, SearchWfSpecRequest(task_def_name=s.name("charge")))[1]
    t.step("search-definitions/wf-spec-task", sorted(w.name for w in by_task))
    tasks = pages(s.stub.SearchTaskDef, SearchTaskDefRequest(prefix=s.name("c")))[1]
    t.step("search-definitions/task-def-prefix", [d.name for d in tasks])
    sizes, tasks = pages(s.stub.SearchTaskDef, SearchTaskDefRequest(prefix=s.name(""), limit=4))
    t.step("search-definitions/task-def-pages", {"sizes": sizes, "found": [d.name for d in tasks]})
    events = pages(
        s.stub.SearchExternalEventDef, SearchExternalEventDefRequest(prefix=s.name("s"))
    )[1]
    t.step("search-definitions/event-def-prefix", [d.name for d in events])


def search_events(s: Session) -> None:
    t = s.transcript
    signed = ExternalEventDefId(name=s.name("signed"))

    def found(**criteria: Any) -> list[str]:
        request = SearchExternalEventRequest(external_event_def_id=signed, **criteria)
        return sorted(
            f"{r.wf_run_id.id} {r.guid}" for r in pages(s.stub.SearchExternalEvent, request)[1]
        )

    t.step("search-events/all", found())
    t.step("search-events/claimed", found(is_claimed=True))
    t.step("search-events/unclaimed", found(is_claimed=False))
    t.refused(
        "search-events/unknown-def",
        "INVALID_ARGUMENT",
        lambda: s.stub.SearchExternalEvent(
            SearchExternalEventRequest(
                external_event_def_id=ExternalEventDefId(name=s.name("no-such-event"))
            )
        ),
    )


SCENARIOS = [
    search_wf_runs,
    search_variables,
    search_task_runs,
    lists,
    search_definitions,
    search_events,
]
