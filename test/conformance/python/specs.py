"""The programs of sdk/wf/official_test.go, written for the official Python client.

Prints a line for each: its name and the PutWfSpecRequest that the client makes of it, as JSON.
"""

import json
from typing import Callable, Optional

from google.protobuf.json_format import MessageToDict

from littlehorse.model import (
    AllowedUpdateType,
    Comparator,
    ExponentialBackoffRetryPolicy,
    LHErrorType,
    ThreadRetentionPolicy,
    VariableMutationType,
    VariableType,
    WaitForThreadsStrategy,
    WorkflowRetentionPolicy,
)
from littlehorse.workflow import SpawnedThreads, Workflow, WorkflowThread

Program = Callable[[WorkflowThread], None]


def spec(program: Program, options: Optional[Callable[[Workflow], None]] = None) -> None:
    name = program.__name__.rstrip("_").replace("_", "-")
    workflow = Workflow(name, program)
    if options is not None:
        options(workflow)
    print(name, json.dumps(MessageToDict(workflow.compile())))


def run(task: str) -> Program:
    """A body of one task."""

    def body(t: WorkflowThread) -> None:
        t.execute(task)

    return body


def assign(variable, value) -> Program:
    """A body that sets a variable."""

    def body(_: WorkflowThread) -> None:
        variable.assign(value)

    return body


def basic(t: WorkflowThread) -> None:
    name = t.declare_str("name").required().searchable()
    t.declare_str("greeting").assign(t.execute("greet", name))


def literals(t: WorkflowThread) -> None:
    backoff = ExponentialBackoffRetryPolicy(base_interval_ms=1000, max_delay_ms=60_000, multiplier=2)
    t.execute("five", "a", 1, 2.5, True, timeout_seconds=7, retries=3, exponential_backoff=backoff)


def variables(t: WorkflowThread) -> None:
    t.declare_int("i", 3).as_public()
    t.declare_double("d").masked()
    t.declare_bool("b").searchable()
    t.declare_bytes("by")
    t.declare_json_obj("o").searchable_on("$.a", VariableType.STR)
    t.declare_json_arr("ar")
    t.declare_timestamp("ts")
    t.declare_wf_run_id("w")
    t.declare_struct("s", "person")
    t.declare_struct("s1", "person", 2)


def if_only(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.do_if(x.is_less_than(10), run("a"))
    t.execute("z")


def if_else(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.do_if(x.is_less_than(10), run("a")).do_else(run("b"))
    t.execute("z")


def if_elseif_else(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.do_if(x.is_less_than(10), run("a")).do_else_if(x.is_greater_than(20), run("b")).do_else(run("c"))


def if_elseif(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.do_if(x.is_equal_to(10), run("a")).do_else_if(x.is_not_equal_to(20), run("b"))
    t.execute("z")


def if_mutations(t: WorkflowThread) -> None:
    x = t.declare_int("x")

    def otherwise(b: WorkflowThread) -> None:
        x.assign(2)
        b.execute("b")
        x.assign(3)

    t.do_if(x.is_in([1]), assign(x, 1)).do_else(otherwise)
    x.assign(4)


def if_nested_empty(t: WorkflowThread) -> None:
    x = t.declare_int("x")

    def inner(b: WorkflowThread) -> None:
        b.do_if(x.is_greater_than_eq(5), run("deep"))

    t.do_if(x.is_less_than_eq(10), inner)


def while_loop(t: WorkflowThread) -> None:
    x = t.declare_int("x", 0)

    def body(b: WorkflowThread) -> None:
        b.execute("a", x)
        x.assign(x.add(1))

    t.do_while(x.is_less_than(3), body)
    t.execute("z")


def while_in_if(t: WorkflowThread) -> None:
    x = t.declare_int("x")

    def body(b: WorkflowThread) -> None:
        b.execute("a")
        x.assign(x.add(1))

    def loop(b: WorkflowThread) -> None:
        b.do_while(x.is_less_than(3), body)

    t.do_if(x.is_greater_than(0), loop)


def if_in_while(t: WorkflowThread) -> None:
    x = t.declare_int("x")

    def body(b: WorkflowThread) -> None:
        b.do_if(x.is_equal_to(1), run("a")).do_else(run("b"))
        x.assign(x.add(1))

    t.do_while(x.is_less_than(3), body)


def mutations(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    o = t.declare_json_obj("o")
    a = t.declare_json_arr("a")
    s = t.declare_str("s")
    t.declare_bytes("by")
    x.assign(5)
    out = t.execute("a")
    x.assign(x.add(out))
    x.assign(x.subtract(1).multiply(2.5).divide(x))
    x.assign(x.pow(2))
    o.with_json_path("$.foo").assign("bar")
    o.assign(o.remove_key("k"))
    a.assign(a.extend([1]))
    a.assign(a.remove_if_present(1))
    a.assign(a.remove_index(0))
    t.mutate(x, VariableMutationType.ADD, 4)
    s.assign(t.format("hi {0} {1}", s, x))
    s.assign(out.with_json_path("$.x"))
    s.assign(o.with_json_path("$.y"))
    s.assign(o.get("a").get("b"))
    s.assign(a.get(2))


def mutate_last(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.execute("a")
    x.assign(1)


def conditions(t: WorkflowThread) -> None:
    a = t.declare_int("a")
    b = t.declare_int("b")
    t.declare_bool("c")
    t.do_if(a.is_less_than(1), lambda _: None)
    t.do_if(a.is_equal_to(b), run("q"))
    o = t.execute("o")
    t.do_if(t.condition(o, Comparator.NOT_IN, [1]), run("q"))
    t.do_if(a.does_contain(5), run("q"))
    t.do_if(a.does_not_contain(5), run("q"))
    t.do_if(a.is_not_in([5]), run("q"))


def casts(t: WorkflowThread) -> None:
    s = t.declare_str("s")
    d = t.declare_double("d")
    u = t.execute("u")
    t.execute(
        "t",
        s.cast_to_int(),
        d.cast_to_int(),
        u.cast_to_str(),
        s.add("x").cast_to_double(),
        s.cast_to_wf_run_id(),
        s.cast_to_bool(),
        s.cast_to_bytes(),
    )


def events(t: WorkflowThread) -> None:
    s = t.declare_str("s")
    e = t.wait_for_event("evt", timeout=60, correlation_id=s, mask_correlation_id=True, return_type=str)
    s.assign(e)
    t.wait_for_event("evt2")
    t.handle_error(e, run("oops"), LHErrorType.TIMEOUT)


def throw(t: WorkflowThread) -> None:
    t.throw_event("happened", t.declare_int("x"), return_type=int)


def interrupts(t: WorkflowThread) -> None:
    def handler(h: WorkflowThread) -> None:
        h.execute("a", h.declare_int("INPUT"))

    t.add_interrupt_handler("intr", handler).with_event_type(int)
    t.execute("b")


def interrupt_mutates(t: WorkflowThread) -> None:
    t.add_interrupt_handler("intr", assign(t.declare_int("x"), 1))
    t.execute("b")


def sleeps(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.declare_timestamp("ts")
    t.sleep(30)
    t.sleep(x)


def wait_condition(t: WorkflowThread) -> None:
    t.wait_for_condition(t.declare_int("x").is_less_than(3))
    t.execute("a")


def threads(t: WorkflowThread) -> None:
    x = t.declare_int("x")

    def child(c: WorkflowThread) -> None:
        c.execute("a", c.declare_int("n"))

    kid = t.spawn_thread(child, "kid", {"n": x})
    kid2 = t.spawn_thread(run("b"), "kid2")
    waits = t.wait_for_threads(SpawnedThreads.from_list(kid, kid2))
    waits.handle_exception_on_child(run("c"), "my-exn")
    waits.handle_error_on_child(run("d"), LHErrorType.TIMEOUT)
    waits.handle_any_failure_on_child(run("e"))


def child_handlers(t: WorkflowThread) -> None:
    kid = t.spawn_thread(run("b"), "kid")
    waits = t.wait_for_threads(SpawnedThreads.from_list(kid), WaitForThreadsStrategy.WAIT_FOR_FIRST)
    waits.handle_exception_on_child(run("c"))
    waits.handle_error_on_child(run("d"))


def wait_any(t: WorkflowThread) -> None:
    kid = t.spawn_thread(run("b"), "kid2")
    t.wait_for_threads(SpawnedThreads.from_list(kid), WaitForThreadsStrategy.WAIT_FOR_ANY)


def for_each(t: WorkflowThread) -> None:
    def child(c: WorkflowThread) -> None:
        item = c.declare_json_obj("INPUT")
        c.declare_int("k")
        c.execute("a", item)

    t.wait_for_threads(t.spawn_thread_for_each(t.declare_json_arr("l"), child, "each", {"k": 1}))


def child_wf(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.execute("a", t.wait_for_child_wf(t.run_wf("kid", {"n": x})))


def handlers(t: WorkflowThread) -> None:
    def any_failure(h: WorkflowThread) -> None:
        h.execute("h5", h.declare_str("INPUT"))

    a = t.execute("a")
    t.handle_exception(a, run("h1"), "my-exn")
    t.handle_exception(a, run("h2"))
    t.handle_error(a, run("h3"), LHErrorType.TIMEOUT)
    t.handle_error(a, run("h4"))
    t.handle_any_failure(a, any_failure)


def fail_in_handler(t: WorkflowThread) -> None:
    def declined(h: WorkflowThread) -> None:
        h.execute("undo")
        h.fail("order-refused", "the card was declined")

    t.handle_exception(t.execute("a"), declined, "card-declined")


def fail_complete(t: WorkflowThread) -> None:
    x = t.declare_int("x")
    t.do_if(x.is_less_than(0), lambda b: b.fail("too-small", "less than zero", x))
    t.do_if(x.is_greater_than(100), lambda b: b.fail("too-big", "more"))
    t.complete(x)


def dynamic_task(t: WorkflowThread) -> None:
    x = t.declare_str("x")
    t.execute(x, 1)
    t.execute(t.format("task-{0}", x))


def user_tasks(t: WorkflowThread) -> None:
    who = t.declare_str("who")
    answer = t.declare_json_obj("answer")
    form = t.assign_user_task("form", who, "jedi")
    form.with_notes(t.format("for {0}", who))
    form.with_on_cancellation_exception("gone")
    t.schedule_reminder_task(form, 60, "remind", who, 3)
    t.release_to_group_on_deadline(form, 63)
    t.cancel_user_task_run_after(form, 64)
    t.cancel_user_task_run_after_assignment(form, 65)
    answer.assign(form)
    t.assign_user_task("form", None, "jedi")
    t.assign_user_task("form", "ana")


def retention(t: WorkflowThread) -> None:
    t.with_retention_policy(ThreadRetentionPolicy(seconds_after_thread_termination=5))
    t.execute("a")


def retention_options(w: Workflow) -> None:
    w.with_retention_policy(WorkflowRetentionPolicy(seconds_after_wf_termination=60))
    w.with_update_type(AllowedUpdateType.NO_UPDATES)
    w.with_retry_policy(2)
    w.with_task_timeout_seconds(9)


def main() -> None:
    for program in (
        basic, literals, variables, dynamic_task,
        if_only, if_else, if_elseif_else, if_elseif, if_mutations, if_nested_empty, while_loop, while_in_if, if_in_while,
        mutations, mutate_last, conditions, casts,
        events, throw, interrupts, interrupt_mutates, sleeps, wait_condition,
        threads, child_handlers, wait_any, for_each, child_wf,
        handlers, fail_in_handler, fail_complete, user_tasks,
    ):
        spec(program)
    spec(retention, retention_options)


if __name__ == "__main__":
    main()
