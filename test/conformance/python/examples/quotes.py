"""Three suppliers are asked for a quote; the first answer counts and the other two are not waited for."""

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import SpawnedThreads, Workflow, WorkflowThread

SUPPLIERS = ("north", "south", "west")


def run(s: Stage) -> None:
    for supplier in SUPPLIERS:
        s.event(f"quote-{supplier}")

    def ask(supplier: str):
        def thread(wf: WorkflowThread) -> None:
            quote = wf.wait_for_event(s.name(f"quote-{supplier}"))
            wf.find_variable("quote").assign(quote)
            wf.find_variable("supplier").assign(supplier)

        return thread

    def entrypoint(wf: WorkflowThread) -> None:
        wf.declare_int("quote")
        wf.declare_str("supplier")
        asked = [wf.spawn_thread(ask(supplier), supplier) for supplier in SUPPLIERS]
        wf.wait_for_threads(SpawnedThreads.from_list(*asked), WaitForThreadsStrategy.WAIT_FOR_FIRST)

    s.put(Workflow(s.name("quotes"), entrypoint))
    run = s.start("quotes", "quotes")
    s.waits_at(run, 0, 4)
    s.waits_at(run, 3, 1)
    s.post(run, "quote-south", 42)
    end = s.ended(run, "COMPLETED")
    same("quote", 42, s.variable(run, "quote"))
    same("supplier", "south", s.variable(run, "supplier"))
    statuses = {t.number: LHStatus.Name(t.status) for t in end.thread_runs}
    same("threads", {0: "COMPLETED", 1: "HALTED", 2: "COMPLETED", 3: "HALTED"}, statuses)
    s.post(run, "quote-north", 1)
    same("quote after the end", 42, s.variable(run, "quote"))
