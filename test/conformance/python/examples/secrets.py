"""A password goes through a run: tasks get it, readers see asterisks."""

from typing import Annotated

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.worker import WorkerContext
from littlehorse.workflow import Workflow, WorkflowThread

SEEN: list[str] = []


async def log_in(user: str, password: str) -> str:
    SEEN.append(password)
    return f"{user} is in"


TASKS = {"log-in": log_in}


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        user = wf.declare_str("user").required()
        password = wf.declare_str("password").required().masked()
        result = wf.declare_str("result")
        wf.do_if(
            password.is_equal_to("swordfish"),
            lambda wf: result.assign(wf.execute(s.name("log-in"), user, password)),
        ).do_else(lambda wf: wf.fail("denied", "wrong password"))

    s.put(Workflow(s.name("login"), entrypoint))
    right = s.start("login", "login", user="ana", password="swordfish")
    s.ended(right, "COMPLETED")
    same("what the task got", ["swordfish"], SEEN)
    same("result", "ana is in", s.variable(right, "result"))
    same("password as others see it", "*****", s.variable(right, "password"))
    listed = {
        v.id.name: v.value.str
        for v in s.client.ListVariables(ListVariablesRequest(wf_run_id=right)).results
    }
    same("listed", {"user": "ana", "password": "*****", "result": "ana is in"}, listed)
    wrong = s.start("login", "login-wrong", user="bo", password="guess")
    s.ended(wrong, "EXCEPTION")
    same("what the task got", ["swordfish"], SEEN)
