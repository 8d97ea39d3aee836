"""A parcel on its way: a change of address interrupts the wait for its delivery, as often as it comes."""

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


async def label(address: str) -> str:
    return f"To: {address}"


TASKS = {"label": label}


def run(s: Stage) -> None:
    def change(wf: WorkflowThread) -> None:
        address = wf.declare_str("INPUT")
        changes = wf.find_variable("changes")
        wf.find_variable("label").assign(wf.execute(s.name("label"), address))
        changes.assign(changes.add(1))

    def entrypoint(wf: WorkflowThread) -> None:
        address = wf.declare_str("address").required()
        label = wf.declare_str("label")
        wf.declare_int("changes", 0)
        signed = wf.declare_str("signed")
        wf.add_interrupt_handler(s.name("change-address"), change).with_event_type(str)
        label.assign(wf.execute(s.name("label"), address))
        signed.assign(wf.wait_for_event(s.name("delivered"), return_type=str))

    s.put(Workflow(s.name("parcel"), entrypoint))
    run = s.start("parcel", "parcel", address="Elm Street 1")
    s.waits_at(run, 0, 2)
    s.refused("an address that is no text", "INVALID_ARGUMENT", lambda: s.post(run, "change-address", {"street": "Elm"}))
    for n, address in ((1, "Oak Street 2"), (2, "Ash Street 3")):
        s.post(run, "change-address", address)
        s.until(f"change {n}", lambda: s.variable(run, "changes") == n)
        s.waits_at(run, 0, 2)
        same("label", f"To: {address}", s.variable(run, "label"))
    s.post(run, "delivered", "Bo")
    end = s.ended(run, "COMPLETED")
    same("signed", "Bo", s.variable(run, "signed"))
    same("handlers", 2, len([t for t in end.thread_runs if t.type == INTERRUPT]))
