"""Variables: types, defaults, masking, inputs that are refused, arithmetic."""

from harness import Session, as_json, expect
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def variables(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.declare_int("int", 1)
        wf.declare_str("str", "default")
        wf.declare_double("double", 1.5)
        wf.declare_bool("bool", True)
        wf.declare_json_obj("object", {"a": {"b": 1}})
        wf.declare_json_arr("array", [1, "two", None])
        wf.declare_bytes("bytes", b"raw")
        wf.declare_str("unset")
        wf.declare_str("secret", "hush").masked()

    s.transcript.step(
        "variables/spec", as_json(s.put(Workflow(s.name("variables"), entrypoint)))
    )
    s.run("variables", "variables-defaults")
    s.record("variables/defaults", "variables-defaults", "COMPLETED")
    s.run(
        "variables",
        "variables-given",
        int=-7,
        str="ünïcode",
        double=-0.25,
        bool=False,
        object={"z": [1, {"y": "x"}]},
        array=[],
        bytes=b"\x00\xff",
        unset=None,
        secret="open",
    )
    s.record("variables/given", "variables-given", "COMPLETED")
    for name, want in (("int", -7), ("double", -0.25), ("bool", False), ("bytes", b"\x00\xff")):
        got = s.variable("variables-given", name)
        expect(got == want, f"{name} is {got!r}, want {want!r}")


def inputs(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.declare_int("needed").required()
        wf.declare_int("optional", 5)

    s.put(Workflow(s.name("inputs"), entrypoint))

    def run(suffix: str, **variables: object) -> WfRun:
        return s.run("inputs", f"inputs-{suffix}", **variables)

    t = s.transcript
    t.refused("inputs/missing", "INVALID_ARGUMENT", lambda: run("missing"))
    t.refused("inputs/wrong-type", "INVALID_ARGUMENT", lambda: run("wrong", needed="seven"))
    t.refused("inputs/unknown", "INVALID_ARGUMENT", lambda: run("unknown", needed=1, other=2))
    t.refused(
        "inputs/nothing-stored",
        "NOT_FOUND",
        lambda: s.stub.GetWfRun(s.wf_run_id("inputs-missing")),
    )
    t.step("inputs/null", as_json(run("null", needed=None)))
    run("defaulted", needed=1, optional=None)
    expect(s.variable("inputs-defaulted", "optional") == 5, "NULL did not take the default")


def arithmetic(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        x = wf.declare_int("x", 7)
        d = wf.declare_double("d", 1.5)
        text = wf.declare_str("text", "ab")
        array = wf.declare_json_arr("array", [1, 2, 3, 2])
        obj = wf.declare_json_obj("object", {"keep": 1, "drop": 2})
        nested = wf.declare_int("nested")
        x.assign(x.multiply(6).subtract(2).divide(4))
        d.assign(d.add(x))
        text.assign(text.extend("cd"))
        array.assign(array.extend([9]))
        array.assign(array.remove_if_present(2))
        obj.assign(obj.remove_key("drop"))
        nested.assign(obj.with_json_path("$.keep"))
        wf.execute(s.name("nothing"))

    s.put(Workflow(s.name("arithmetic"), entrypoint))
    s.run("arithmetic", "arithmetic")
    s.record("arithmetic/run", "arithmetic", "COMPLETED")
    expect(s.variable("arithmetic", "x") == 10, "(7*6-2)/4 is not 10")


def broken_mutation(s: Session) -> None:
    s.put_event_def("number")

    def entrypoint(wf: WorkflowThread) -> None:
        x = wf.declare_int("x", 1)
        x.assign(wf.wait_for_event(s.name("number")).with_json_path("$.result"))

    s.put(Workflow(s.name("broken-mutation"), entrypoint))
    s.run("broken-mutation", "broken-mutation")
    s.post("broken-mutation", "number", "n1", {"result": "x"})
    s.record("broken-mutation/run", "broken-mutation", "ERROR")
    expect(s.variable("broken-mutation", "x") == 1, "a failed mutation was stored")


SCENARIOS = [variables, inputs, arithmetic, broken_mutation]
