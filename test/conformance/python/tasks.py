"""Tasks: outputs, retries, timeouts, exceptions, checkpoints."""

import time

from harness import Session, as_json, expect
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread
import workers


def greet(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        name = wf.declare_str("name").required()
        result = wf.declare_str("result")
        result.assign(wf.execute(s.name("greet"), name))

    s.transcript.step("greet/spec", as_json(s.put(Workflow(s.name("greet"), entrypoint))))
    s.run("greet", "greet", name="Ana")
    s.record("greet/run", "greet", "COMPLETED")
    expect(s.variable("greet", "result") == "hello Ana", "wrong greeting")
    run = s.stub.GetWfRun(s.wf_run_id("greet"))
    expect(run.end_time.ToNanoseconds() >= run.start_time.ToNanoseconds(), "ends before it starts")


def generated_id(s: Session) -> None:
    run = s.stub.RunWf(
        RunWfRequest(
            wf_spec_name=s.name("greet"), variables={"name": VariableValue(str="Bo")}
        )
    )
    expect(len(run.id.id) == 32, f"generated id {run.id.id}")
    s.transcript.step("generated-id/run", as_json(run))


def arguments(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        result = wf.declare_json_obj("result")
        output = wf.execute(
            s.name("mirror"), 7, "text", 2.5, True, {"k": [1, "two"]}, [1, {"x": None}], b"bytes"
        )
        result.assign(output)

    s.put(Workflow(s.name("arguments"), entrypoint))
    s.run("arguments", "arguments")
    s.record("arguments/run", "arguments", "COMPLETED")


def void(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.execute(s.name("nothing"))

    s.put(Workflow(s.name("void"), entrypoint))
    s.run("void", "void")
    s.record("void/run", "void", "COMPLETED")


def context(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        result = wf.declare_json_obj("result")
        result.assign(wf.execute(s.name("context")))

    s.put(Workflow(s.name("context"), entrypoint))
    s.run("context", "context")
    s.record("context/run", "context", "COMPLETED")


def dynamic(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        which = wf.declare_str("which").required()
        wf.execute(which, "Cleo")

    s.put(Workflow(s.name("dynamic"), entrypoint))
    s.run("dynamic", "dynamic", which=s.name("greet"))
    s.record("dynamic/run", "dynamic", "COMPLETED")
    s.run("dynamic", "dynamic-unknown", which="no-such-task")
    s.record("dynamic/unknown", "dynamic-unknown", "ERROR")


def retries(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        failures = wf.declare_int("failures").required()
        result = wf.declare_str("result")
        result.assign(wf.execute(s.name("flaky"), failures, retries=2))

    s.put(Workflow(s.name("retries"), entrypoint))
    s.run("retries", "retries-enough", failures=2)
    s.record("retries/enough", "retries-enough", "COMPLETED")
    expect(s.variable("retries-enough", "result") == "attempt 2 succeeds", "wrong attempt")
    s.run("retries", "retries-exhausted", failures=9)
    s.record("retries/exhausted", "retries-exhausted", "ERROR")


def backoff(s: Session) -> None:
    base, ceiling = 400, 600

    def entrypoint(wf: WorkflowThread) -> None:
        wf.execute(
            s.name("flaky"),
            2,
            retries=2,
            exponential_backoff=ExponentialBackoffRetryPolicy(
                base_interval_ms=base, multiplier=2.0, max_delay_ms=ceiling
            ),
        )

    s.put(Workflow(s.name("backoff"), entrypoint))
    s.run("backoff", "backoff")
    s.wait_for(
        "a pending attempt",  # or, where time was short, the end
        lambda: s.task_run("backoff", "0-1").status in (TASK_PENDING, TASK_SUCCESS),
    )
    s.record("backoff/run", "backoff", "COMPLETED")
    attempts = s.task_run("backoff", "0-1").attempts
    for number, delay_ms in ((1, base), (2, ceiling)):
        waited = (
            attempts[number].schedule_time.ToMilliseconds()
            - attempts[number - 1].end_time.ToMilliseconds()
        )
        expect(
            delay_ms - 5 <= waited <= delay_ms + 60_000,
            f"retry {number} came {waited} ms after the failure, want {delay_ms}",
        )


def timeout(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        retries = wf.declare_str("result")
        retries.assign(wf.execute(s.name("slow"), retries=1, timeout_seconds=3))

    s.put(Workflow(s.name("timeout"), entrypoint))
    s.run("timeout", "timeout")
    s.record("timeout/run", "timeout", "COMPLETED")
    expect(s.variable("timeout", "result") == "in time", "the late result won")
    before = as_json(s.task_run("timeout", "0-1"))
    s.wait_for("the late report", lambda: s.name("timeout") in workers.late_reports)
    time.sleep(0.3)  # the report itself follows the function's return
    expect(as_json(s.task_run("timeout", "0-1")) == before, "a late report changed the TaskRun")
    s.transcript.step("timeout/late-report", "dropped")


def timeout_exhausted(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.execute(s.name("slow"), timeout_seconds=3)

    s.put(Workflow(s.name("timeout-exhausted"), entrypoint))
    s.run("timeout-exhausted", "timeout-exhausted")
    s.record("timeout-exhausted/run", "timeout-exhausted", "ERROR")


def exceptions(s: Session) -> None:
    def handler(wf: WorkflowThread) -> None:
        item = wf.declare_str("INPUT")
        wf.execute(s.name("greet"), item)

    def entrypoint(wf: WorkflowThread) -> None:
        item = wf.declare_str("item").required()
        charged = wf.execute(s.name("charge"), item, retries=3)
        wf.handle_exception(charged, handler, "out-of-stock")
        wf.execute(s.name("add"), 1, 2)

    s.put(Workflow(s.name("exceptions"), entrypoint))
    s.run("exceptions", "exceptions-none", item="common")
    s.record("exceptions/none", "exceptions-none", "COMPLETED")
    s.run("exceptions", "exceptions-handled", item="rare")
    s.record("exceptions/handled", "exceptions-handled", "COMPLETED")
    s.run("exceptions", "exceptions-unhandled", item="gone")
    s.record("exceptions/unhandled", "exceptions-unhandled", "EXCEPTION")


def errors(s: Session) -> None:
    def handler(wf: WorkflowThread) -> None:
        wf.execute(s.name("greet"), "handler")

    def any_error(wf: WorkflowThread) -> None:
        wf.handle_error(wf.execute(s.name("flaky"), 9, retries=1), handler)

    def timeout_only(wf: WorkflowThread) -> None:
        wf.handle_error(wf.execute(s.name("flaky"), 9), handler, LHErrorType.TIMEOUT)

    def any_failure(wf: WorkflowThread) -> None:
        wf.handle_any_failure(wf.execute(s.name("charge"), "gone"), handler)

    s.put(Workflow(s.name("errors-any"), any_error))
    s.run("errors-any", "errors-any")
    s.record("errors/any-error", "errors-any", "COMPLETED")
    s.put(Workflow(s.name("errors-other"), timeout_only))
    s.run("errors-other", "errors-other")
    s.record("errors/other-error", "errors-other", "ERROR")
    s.put(Workflow(s.name("errors-failure"), any_failure))
    s.run("errors-failure", "errors-failure")
    s.record("errors/any-failure", "errors-failure", "COMPLETED")


def wrong_output(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        wf.execute(s.name("liar"), retries=2)

    s.put(Workflow(s.name("liar"), entrypoint))
    s.run("liar", "liar")
    s.record("wrong-output/run", "liar", "ERROR")


def checkpoints(s: Session) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        result = wf.declare_str("result")
        result.assign(wf.execute(s.name("checkpointed"), retries=1))

    s.put(Workflow(s.name("checkpoints"), entrypoint))
    s.run("checkpoints", "checkpoints")
    s.record("checkpoints/run", "checkpoints", "COMPLETED")
    expect(
        s.variable("checkpoints", "result") == "first in attempt 0, second in attempt 1",
        "a checkpoint was run again",
    )
    task_run_id = s.task_run("checkpoints", "0-1").id
    for number in (0, 1):
        checkpoint = s.stub.GetCheckpoint(
            CheckpointId(task_run=task_run_id, checkpoint_number=number)
        )
        s.transcript.step(f"checkpoints/{number}", as_json(checkpoint))
    s.transcript.refused(
        "checkpoints/missing",
        "NOT_FOUND",
        lambda: s.stub.GetCheckpoint(CheckpointId(task_run=task_run_id, checkpoint_number=2)),
    )
    zombie = s.stub.PutCheckpoint(
        PutCheckpointRequest(
            task_run_id=task_run_id, task_attempt=0, value=VariableValue(str="zombie")
        )
    )
    s.transcript.step("checkpoints/zombie", as_json(zombie))


def worker_group(s: Session) -> None:
    group = s.stub.GetTaskWorkerGroup(TaskDefId(name=s.name("greet")))
    s.transcript.step(
        "worker-group/registered",
        {
            "taskDef": group.id.task_def_id.name,
            "workers": sorted(group.task_workers),
            "hosts": [len(w.hosts) for w in group.task_workers.values()],
        },
    )
    s.transcript.refused(
        "worker-group/missing",
        "NOT_FOUND",
        lambda: s.stub.GetTaskWorkerGroup(TaskDefId(name=s.name("unserved"))),
    )


def repeated_report(s: Session) -> None:
    """Reports of attempts that are over, or not begun, are answered OK and change nothing."""
    before = as_json(s.task_run("retries-enough", "0-1"))
    report = ReportTaskRun(
        task_run_id=s.task_run("retries-enough", "0-1").id,
        status=TASK_SUCCESS,
        output=VariableValue(str="again"),
        attempt_number=0,
    )
    s.stub.ReportTask(report)
    time.sleep(0.2)  # a server may answer before it looks at the report
    expect(as_json(s.task_run("retries-enough", "0-1")) == before, "a second report counted")
    s.transcript.step("repeated-report/finished", "dropped")


SCENARIOS = [
    greet,
    generated_id,
    arguments,
    void,
    context,
    dynamic,
    retries,
    repeated_report,
    backoff,
    timeout,
    timeout_exhausted,
    exceptions,
    errors,
    wrong_output,
    checkpoints,
    worker_group,
]
