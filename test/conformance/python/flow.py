"""Control flow: branches, loops, threads, sleeps, conditions, child workflows."""

from typing import Any

from harness import Session, as_json, expect
from littlehorse.model import *
from littlehorse.workflow import SpawnedThreads, Workflow, WorkflowThread


def if_else(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        size = wf.declare_int("size").required()
        kind = wf.declare_str("kind", "unset")

        def small(body: WorkflowThread) -> None:
            kind.assign("small")

        def medium(body: WorkflowThread) -> None:
            kind.assign("medium")
            body.execute(s.name("add"), size, 1)

        def large(body: WorkflowThread) -> None:
            kind.assign("large")

        wf.do_if(size.is_less_than(10), small).do_else_if(
            size.is_less_than(100), medium
        ).do_else(large)

    s.transcript.step("if-else/spec", as_json(s.put(Workflow(s.name("if-else"), entrypoint))))
    for size, kind in ((1, "small"), (10, "medium"), (100, "large")):
        s.run("if-else", f"if-else-{kind}", size=size)
        s.record(f"if-else/{kind}", f"if-else-{kind}", "COMPLETED")
        expect(s.variable(f"if-else-{kind}", "kind") == kind, f"{size} is not {kind}")


def loop(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        left = wf.declare_int("left").required()
        total = wf.declare_int("total", 0)

        def body(wf: WorkflowThread) -> None:
            total.assign(wf.execute(s.name("add"), total, left))
            left.assign(left.subtract(1))

        wf.do_while(left.is_greater_than(0), body)

    s.put(Workflow(s.name("loop"), entrypoint))
    s.run("loop", "loop", left=4)
    s.record("loop/run", "loop", "COMPLETED")
    expect(s.variable("loop", "total") == 10, "4+3+2+1 is not 10")
    s.run("loop", "loop-never", left=0)
    s.record("loop/never", "loop-never", "COMPLETED")


def threads(s: Session) -> None:
    def child(wf: WorkflowThread) -> None:
        a = wf.declare_int("a").required()
        total = wf.find_variable("total")
        total.assign(wf.execute(s.name("add"), a, 100))

    def entrypoint(wf: WorkflowThread) -> None:
        wf.declare_int("total", 0)
        spawned = wf.spawn_thread(child, "child", {"a": 5})
        wf.wait_for_threads(SpawnedThreads.from_list(spawned))

    s.put(Workflow(s.name("threads"), entrypoint))
    s.run("threads", "threads")
    s.record("threads/run", "threads", "COMPLETED")
    expect(s.variable("threads", "total") == 105, "the child did not reach its parent's variable")


def failing_threads(s: Session) -> None:
    def broken(wf: WorkflowThread) -> None:
        wf.execute(s.name("flaky"), 9)

    def denied(wf: WorkflowThread) -> None:
        wf.fail("denied", "not today", "why")

    def handler(wf: WorkflowThread) -> None:
        wf.execute(s.name("greet"), "handler")

    def waits_for(child: Any) -> Any:
        def entrypoint(wf: WorkflowThread) -> None:
            wf.wait_for_threads(SpawnedThreads.from_list(wf.spawn_thread(child, "child")))

        return entrypoint

    def handled(wf: WorkflowThread) -> None:
        waited = wf.wait_for_threads(SpawnedThreads.from_list(wf.spawn_thread(denied, "child")))
        waited.handle_exception_on_child(handler, "denied")

    def unwaited(wf: WorkflowThread) -> None:
        wf.spawn_thread(broken, "child")

    for suffix, thread, status in (
        ("error", waits_for(broken), "ERROR"),
        ("exception", waits_for(denied), "EXCEPTION"),
        ("handled", handled, "COMPLETED"),
        ("unwaited", unwaited, "ERROR"),
    ):
        s.put(Workflow(s.name(f"threads-{suffix}"), thread))
        s.run(f"threads-{suffix}", f"threads-{suffix}")
        s.record(f"failing-threads/{suffix}", f"threads-{suffix}", status)


def for_each(s: Session) -> None:
    def child(wf: WorkflowThread) -> None:
        item = wf.declare_json_obj("INPUT")
        wf.execute(s.name("greet"), item.with_json_path("$.name"))

    def entrypoint(wf: WorkflowThread) -> None:
        people = wf.declare_json_arr("people").required()
        wf.wait_for_threads(wf.spawn_thread_for_each(people, child, "child"))

    s.put(Workflow(s.name("for-each"), entrypoint))
    s.run("for-each", "for-each", people=[{"name": "Ana"}, {"name": "Bo"}, {"name": "Cleo"}])
    s.wait_status("for-each", "COMPLETED")
    greetings = [
        t["attempts"][0]["output"]["str"]
        for t in s.listed(s.stub.ListTaskRuns, ListTaskRunsRequest, s.wf_run_id("for-each"))
    ]
    s.transcript.step("for-each/greetings", sorted(greetings))
    s.run("for-each", "for-each-empty", people=[])
    s.record("for-each/empty", "for-each-empty", "COMPLETED")


def first_of(s: Session) -> None:
    s.put_event_def("first-of")

    def quick(wf: WorkflowThread) -> None:
        wf.declare_str("quick")

    def waiting(wf: WorkflowThread) -> None:
        wf.wait_for_event(s.name("first-of"))

    def entrypoint(wf: WorkflowThread) -> None:
        children = SpawnedThreads.from_list(
            wf.spawn_thread(waiting, "waiting"), wf.spawn_thread(quick, "quick")
        )
        wf.wait_for_threads(children, WaitForThreadsStrategy.WAIT_FOR_FIRST)

    s.put(Workflow(s.name("first-of"), entrypoint))
    s.run("first-of", "first-of")
    s.record("first-of/run", "first-of", "COMPLETED")


def sleep(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.sleep(1)
        wf.execute(s.name("greet"), "sleeper")

    s.put(Workflow(s.name("sleep"), entrypoint))
    s.run("sleep", "sleep")
    s.record("sleep/run", "sleep", "COMPLETED")
    slept = as_milliseconds(s, "sleep", 2) - as_milliseconds(s, "sleep", 1)
    expect(995 <= slept <= 60_000, f"slept {slept} ms, want 1000")


def as_milliseconds(s: Session, wf_run: str, position: int) -> int:
    node_run = s.stub.GetNodeRun(
        NodeRunId(wf_run_id=s.wf_run_id(wf_run), thread_run_number=0, position=position)
    )
    return node_run.arrival_time.ToMilliseconds()


def condition(s: Session) -> None:
    s.put_event_def("condition")

    def child(wf: WorkflowThread) -> None:
        content = wf.wait_for_event(s.name("condition"))
        wf.find_variable("ready").assign(content)

    def entrypoint(wf: WorkflowThread) -> None:
        ready = wf.declare_bool("ready", False)
        spawned = wf.spawn_thread(child, "child")
        wf.wait_for_condition(ready.is_equal_to(True))
        wf.wait_for_threads(SpawnedThreads.from_list(spawned))

    s.put(Workflow(s.name("condition"), entrypoint))
    s.run("condition", "condition")
    s.wait_node("condition", 0, 2, "RUNNING")
    s.post("condition", "condition", "c1", True)
    s.record("condition/run", "condition", "COMPLETED")


def fail(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.fail("declined", "the bank says no", {"code": 51})

    s.put(Workflow(s.name("fail"), entrypoint))
    s.run("fail", "fail")
    s.record("fail/run", "fail", "EXCEPTION")


def output(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.complete(wf.format("{0} and {1}", "one", 2))

    s.put(Workflow(s.name("output"), entrypoint))
    s.run("output", "output")
    s.record("output/run", "output", "COMPLETED")


def child_workflow(s: Session) -> None:
    def child(wf: WorkflowThread) -> None:
        name = wf.declare_str("name").required()
        wf.complete(wf.execute(s.name("greet"), name))

    def parent(wf: WorkflowThread) -> None:
        result = wf.declare_str("result")
        started = wf.run_wf(s.name("child-wf"), {"name": "child"})
        result.assign(wf.wait_for_child_wf(started))

    s.put(Workflow(s.name("child-wf"), child))
    s.put(Workflow(s.name("parent-wf"), parent))
    s.run("parent-wf", "parent-wf")
    s.record("child-workflow/parent", "parent-wf", "COMPLETED")
    expect(s.variable("parent-wf", "result") == "hello child", "the child's output is lost")


def lineage(s: Session) -> None:
    """A WfRun started by hand under a parent reads and writes what it inherits."""

    def parent(wf: WorkflowThread) -> None:
        wf.declare_int("shared", 1).as_public()

    def child(wf: WorkflowThread) -> None:
        shared = wf.declare_int("shared").as_inherited()
        shared.assign(shared.add(10))

    s.put(Workflow(s.name("lineage-parent"), parent))
    s.put(Workflow(s.name("lineage-child"), child, parent_wf=s.name("lineage-parent")))
    s.run("lineage-parent", "lineage-parent")
    s.wait_status("lineage-parent", "COMPLETED")
    request = s.run_request("lineage-child", "lineage-child")
    s.transcript.refused(
        "lineage/orphan", "INVALID_ARGUMENT", lambda: s.stub.RunWf(request)
    )
    request.parent_wf_run_id.CopyFrom(s.wf_run_id("no-such-parent"))
    s.transcript.refused(
        "lineage/unknown-parent", "FAILED_PRECONDITION", lambda: s.stub.RunWf(request)
    )
    request.parent_wf_run_id.CopyFrom(s.wf_run_id("lineage-parent"))
    s.transcript.step("lineage/child", as_json(s.stub.RunWf(request)))
    expect(s.variable("lineage-parent", "shared") == 11, "the parent's variable did not change")


SCENARIOS = [
    if_else,
    loop,
    threads,
    failing_threads,
    for_each,
    first_of,
    sleep,
    condition,
    fail,
    output,
    child_workflow,
    lineage,
]
