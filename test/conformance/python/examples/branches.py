"""Loops, branches and arithmetic; which task is called is decided by a variable."""

from typing import Any

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


async def by_train(city: str) -> list[Any]:
    return [f"train to {city}"]


async def by_plane(city: str) -> list[Any]:
    return [f"flight to {city}"]


TASKS = {"go-by-train": by_train, "go-by-plane": by_plane}


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        stops = wf.declare_json_arr("stops").required()
        km = wf.declare_int("km", 0)
        mean = wf.declare_str("mean", "")
        left = wf.declare_int("left").required()
        legs = wf.declare_json_arr("legs", [])
        price = wf.declare_double("price", 0.0)

        def leg(wf: WorkflowThread) -> None:
            km.assign(stops.with_json_path("$.[0].km"))

            def near(wf: WorkflowThread) -> None:
                mean.assign("train")

            def far(wf: WorkflowThread) -> None:
                mean.assign("plane")

            def there(wf: WorkflowThread) -> None:
                mean.assign("")

            wf.do_if(km.is_equal_to(0), there).do_else_if(km.is_less_than(500), near).do_else(far)

            def travel(wf: WorkflowThread) -> None:
                ticket = wf.execute(
                    wf.format("{0}-{1}", s.name("go-by"), mean), stops.with_json_path("$.[0].city")
                )
                legs.assign(legs.extend(ticket))
                price.assign(price.add(km.cast_to_double().multiply(0.25)))

            wf.do_if(mean.is_not_equal_to(""), travel)
            stops.assign(stops.remove_index(0))
            left.assign(left.subtract(1))

        wf.do_while(left.is_greater_than(0), leg)
        wf.complete(wf.format("{0} legs left, {1} km last", left, km))

    s.put(Workflow(s.name("tour"), entrypoint))
    stops = [
        {"city": "Brno", "km": 200},
        {"city": "Brno", "km": 0},
        {"city": "Lisbon", "km": 2300},
    ]
    run = s.start("tour", "tour", stops=stops, left=len(stops))
    end = s.ended(run, "COMPLETED")
    same("legs", ["train to Brno", "flight to Lisbon"], s.variable(run, "legs"))
    same("price", 625.0, s.variable(run, "price"))
    same("stops left", [], s.variable(run, "stops"))
    same("output", "0 legs left, 2,300 km last", end.thread_runs[0].output.str)
    idle = s.start("tour", "tour-idle", stops=[], left=0)
    s.ended(idle, "COMPLETED")
    same("legs of no tour", [], s.variable(idle, "legs"))
