"""An order is priced line by line, in parallel; a bad line is noted and does not stop the others."""

from examples.stage import Stage, same
from littlehorse.exceptions import LHTaskException
from littlehorse.model import CHILD, LHStatus
from littlehorse.utils import to_variable_value
from littlehorse.workflow import Workflow, WorkflowThread

PRICES = {"pen": 2, "ink": 7, "desk": 180}


async def price_of(article: str, amount: int) -> int:
    if article not in PRICES:
        raise LHTaskException("unknown-article", "not in the catalogue", to_variable_value([article]))
    return PRICES[article] * amount


TASKS = {"price-of": price_of}


def run(s: Stage) -> None:
    def line(wf: WorkflowThread) -> None:
        item = wf.declare_json_obj("INPUT")
        price = wf.execute(s.name("price-of"), item.with_json_path("$.article"), item.with_json_path("$.amount"))
        total = wf.find_variable("total")
        total.assign(total.add(price))

    def note(wf: WorkflowThread) -> None:
        articles = wf.declare_json_arr("INPUT")
        rejected = wf.find_variable("rejected")
        rejected.assign(rejected.extend(articles))

    def entrypoint(wf: WorkflowThread) -> None:
        lines = wf.declare_json_arr("lines").required()
        wf.declare_int("total", 0)
        wf.declare_json_arr("rejected", [])
        spawned = wf.spawn_thread_for_each(lines, line, "line")
        wf.wait_for_threads(spawned).handle_exception_on_child(note, "unknown-article")

    s.put(Workflow(s.name("fanout"), entrypoint))
    lines = [
        {"article": "pen", "amount": 10},
        {"article": "wand", "amount": 1},
        {"article": "desk", "amount": 2},
        {"article": "ink", "amount": 3},
    ]
    run = s.start("fanout", "fanout", lines=lines)
    end = s.ended(run, "COMPLETED")
    same("total", 10 * 2 + 2 * 180 + 3 * 7, s.variable(run, "total"))
    same("rejected", ["wand"], s.variable(run, "rejected"))
    statuses = sorted(LHStatus.Name(t.status) for t in end.thread_runs if t.type == CHILD)
    same("children", ["COMPLETED", "COMPLETED", "COMPLETED", "EXCEPTION"], statuses)

    nothing = s.start("fanout", "fanout-empty", lines=[])
    s.ended(nothing, "COMPLETED")
    same("total of nothing", 0, s.variable(nothing, "total"))
