"""A long import that fails in the middle: the retry goes on after the last checkpoint."""

from examples.stage import Stage, check, same
from littlehorse.model import *
from littlehorse.worker import WorkerContext
from littlehorse.workflow import Workflow, WorkflowThread

DONE: list[str] = []


async def import_files(first: str, second: str, ctx: WorkerContext) -> str:
    def load(file: str):
        def work(checkpoint) -> str:
            checkpoint.log(f"loading {file}")
            DONE.append(file)
            return f"{file} ok"

        return work

    one = await ctx.execute_and_checkpoint(load(first))
    if ctx.attempt_number == 0:
        raise IOError("the disk is full")
    two = await ctx.execute_and_checkpoint(load(second))
    return f"{one}, {two}"


TASKS = {"import-files": import_files}


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        report = wf.declare_str("report")
        report.assign(wf.execute(s.name("import-files"), "a.csv", "b.csv", retries=1))

    s.put(Workflow(s.name("import"), entrypoint))
    run = s.start("import", "import")
    s.ended(run, "COMPLETED")
    same("report", "a.csv ok, b.csv ok", s.variable(run, "report"))
    same("files loaded", ["a.csv", "b.csv"], DONE)
    (task,) = s.task_runs(run)
    same("checkpoints", 2, task.total_checkpoints)
    kept = [
        s.client.GetCheckpoint(CheckpointId(task_run=task.id, checkpoint_number=n)) for n in range(2)
    ]
    same("values of the checkpoints", ["a.csv ok", "b.csv ok"], [c.value.str for c in kept])
    check("loading a.csv" in kept[0].logs, f"log of the first checkpoint: {kept[0].logs!r}")
