"""A payment is due within a second: late payers are reminded. Whoever asks twice for the same thing does no harm."""

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread

REMINDED: list[str] = []


async def remind(customer: str) -> None:
    REMINDED.append(customer)


TASKS = {"remind": remind}


def run(s: Stage) -> None:
    s.event("paid", content_type=ReturnType(return_type=TypeDefinition(primitive_type=INT)))

    def late(wf: WorkflowThread) -> None:
        wf.execute(s.name("remind"), wf.find_variable("customer"))
        wf.find_variable("paid").assign(wf.wait_for_event(s.name("paid")))

    def entrypoint(wf: WorkflowThread) -> None:
        customer = wf.declare_str("customer").required()
        paid = wf.declare_int("paid", 0)
        payment = wf.wait_for_event(s.name("paid"), timeout=1)
        paid.assign(payment)
        wf.handle_error(payment, late, LHErrorType.TIMEOUT)

    s.put(Workflow(s.name("payment"), entrypoint))

    early = WfRunId(id=s.name("payment-early"))
    posted = s.post(early, "paid", 30, guid="transfer-1")
    same("claimed before the run", False, posted.claimed)
    s.refused("the same transfer", "ALREADY_EXISTS", lambda: s.post(early, "paid", 30, guid="transfer-1"))
    s.start("payment", "payment-early", customer="Ana")
    s.ended(early, "COMPLETED")
    s.refused("the same run", "ALREADY_EXISTS", lambda: s.start("payment", "payment-early", customer="Ana"))
    same("paid early", 30, s.variable(early, "paid"))

    slow = s.start("payment", "payment-late", customer="Bo")
    s.until("the reminder", lambda: "Bo" in REMINDED)
    s.waits_at(slow, 1, 2)
    s.post(slow, "paid", 45, guid="transfer-1")
    s.ended(slow, "COMPLETED")
    node = s.client.GetNodeRun(NodeRunId(wf_run_id=slow, thread_run_number=0, position=1))
    same("failure of the wait", ["TIMEOUT"], [f.failure_name for f in node.failures])
    same("reminded", ["Bo"], REMINDED)
