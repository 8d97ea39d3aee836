"""An invoice is a workflow of its own: started by another, waited for, its output used; a second one is given a hand-made parent."""

from typing import Any

from examples.stage import Stage, check, same
from google.protobuf.empty_pb2 import Empty
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


async def make_out(customer: str, amount: int) -> dict[str, Any]:
    return {"number": f"{customer}-1", "amount": amount}


TASKS = {"make-out": make_out}


def run(s: Stage) -> None:
    def invoice(wf: WorkflowThread) -> None:
        customer = wf.declare_str("customer").required()
        amount = wf.declare_int("amount").required()
        wf.do_if(amount.is_less_than(0), lambda then: then.fail("negative", "nobody pays this", "no"))
        wf.complete(wf.execute(s.name("make-out"), customer, amount))

    def order(wf: WorkflowThread) -> None:
        amount = wf.declare_int("amount").required()
        number = wf.declare_str("number")
        wf.declare_str("reason")
        invoiced = wf.wait_for_child_wf(
            wf.run_wf(s.name("invoice"), {"customer": "ana", "amount": amount.multiply(2)})
        )
        wf.handle_exception(invoiced, remember, "negative")
        number.assign(invoiced.with_json_path("$.number"))

    def remember(wf: WorkflowThread) -> None:
        reason = wf.declare_str("INPUT")
        wf.find_variable("reason").assign(reason)
        wf.fail("not-invoiced", "the order is off")

    s.put(Workflow(s.name("invoice"), invoice))
    s.put(Workflow(s.name("order"), order))
    run = s.start("order", "order", amount=21)
    s.ended(run, "COMPLETED")
    same("number", "ana-1", s.variable(run, "number"))
    started = s.client.GetNodeRun(NodeRunId(wf_run_id=run, thread_run_number=0, position=1))
    child = started.run_child_wf.child_wf_run_id
    same("parent of the child", run, child.parent_wf_run_id)
    same("amount of the child", 42, s.variable(child, "amount"))
    found = s.client.SearchWfRun(
        SearchWfRunRequest(wf_spec_name=s.name("invoice"), parent_wf_run_id=run)
    ).results
    check(child in found, f"the children of the order are {found}")

    off = s.start("order", "order-off", amount=-1)
    s.ended(off, "EXCEPTION")
    same("reason", "no", s.variable(off, "reason"))

    inherited(s)
    named(s)


def inherited(s: Stage) -> None:
    """Two runs under one parent count in the parent's variable."""

    def account(wf: WorkflowThread) -> None:
        wf.declare_int("balance", 100).as_public()
        wf.wait_for_event(s.name("close"))

    def withdraw(wf: WorkflowThread) -> None:
        amount = wf.declare_int("amount").required()
        balance = wf.declare_int("balance").as_inherited()
        balance.assign(balance.subtract(amount))

    s.event("close")
    s.put(Workflow(s.name("account"), account))
    s.put(Workflow(s.name("withdraw"), withdraw, parent_wf=s.name("account")))
    parent = s.start("account", "account")
    for suffix, amount in (("first", 30), ("second", 45)):
        child = s.client.RunWf(
            RunWfRequest(
                wf_spec_name=s.name("withdraw"),
                id=s.name(suffix),
                parent_wf_run_id=parent,
                variables={"amount": VariableValue(int=amount)},
            )
        )
        s.ended(child.id, "COMPLETED")
    same("balance", 25, s.variable(parent, "balance"))
    s.post(parent, "close", None)
    s.ended(parent, "COMPLETED")


def named(s: Stage) -> None:
    """The parent chooses the id of its child, so that others know it; servers before 1.3 do not."""
    version = s.client.GetServerVersion(Empty())
    if (version.major_version, version.minor_version) < (1, 3):
        return

    def parcel(wf: WorkflowThread) -> None:
        number = wf.declare_str("number").required()
        sent = wf.declare_json_obj("sent")
        child = wf.run_wf(
            s.name("invoice"), {"customer": "bo", "amount": 5}, child_id=wf.format("invoice-{0}", number)
        )
        sent.assign(wf.wait_for_child_wf(child))

    s.put(Workflow(s.name("parcel-post"), parcel))
    run = s.start("parcel-post", "parcel-post", number="x7")
    s.ended(run, "COMPLETED")
    same("sent", {"number": "bo-1", "amount": 5}, s.variable(run, "sent"))
    child = WfRunId(id="invoice-x7", parent_wf_run_id=run)
    same("status of the child", COMPLETED, s.client.GetWfRun(child).status)
