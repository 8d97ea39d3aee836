"""A journey of three bookings. When the last one fails, the earlier ones are taken back in reverse order."""

from examples.stage import Stage, same
from littlehorse.exceptions import LHTaskException
from littlehorse.model import EXCEPTION, NodeRunId
from littlehorse.utils import extract_value, to_variable_value
from littlehorse.workflow import Workflow, WorkflowThread

LEDGER: dict[str, list[str]] = {}


async def book(traveller: str, what: str) -> str:
    if what == "car" and traveller.endswith("-late"):
        raise LHTaskException(
            "sold-out", "no car left", to_variable_value({"what": what, "next": "tomorrow"})
        )
    LEDGER.setdefault(traveller, []).append(f"book {what}")
    return f"{what} for {traveller}"


async def take_back(traveller: str, what: str) -> None:
    LEDGER[traveller].append(f"cancel {what}")


TASKS = {"book": book, "take-back": take_back}


def run(s: Stage) -> None:
    def compensate(wf: WorkflowThread) -> None:
        missing = wf.declare_json_obj("INPUT")
        traveller = wf.find_variable("traveller")
        wf.execute(s.name("take-back"), traveller, "hotel")
        wf.execute(s.name("take-back"), traveller, "flight")
        wf.find_variable("next").assign(missing.with_json_path("$.next"))
        wf.fail("journey-cancelled", "not everything could be booked", missing.with_json_path("$.what"))

    def entrypoint(wf: WorkflowThread) -> None:
        traveller = wf.declare_str("traveller").required()
        wf.declare_str("next")
        for what in ("flight", "hotel"):
            wf.execute(s.name("book"), traveller, what)
        car = wf.execute(s.name("book"), traveller, "car")
        wf.handle_exception(car, compensate, "sold-out")

    s.put(Workflow(s.name("saga"), entrypoint))
    early, late = s.name("early"), s.name("trip-late")

    happy = s.start("saga", "saga-early", traveller=early)
    s.ended(happy, "COMPLETED")
    same("ledger", ["book flight", "book hotel", "book car"], LEDGER[early])

    sad = s.start("saga", "saga-late", traveller=late)
    end = s.ended(sad, "EXCEPTION")
    same(
        "ledger",
        ["book flight", "book hotel", "cancel hotel", "cancel flight"],
        LEDGER[late],
    )
    same("next", "tomorrow", s.variable(sad, "next"))
    same("threads", [EXCEPTION, EXCEPTION], [t.status for t in end.thread_runs])
    failure = (
        s.client.GetNodeRun(NodeRunId(wf_run_id=sad, thread_run_number=0, position=3)).failures[0]
    )
    same("failure of the booking", "sold-out", failure.failure_name)
    same("content of the failure", {"what": "car", "next": "tomorrow"}, extract_value(failure.content))
