"""How long a WfRun of 100 tasks takes with the official Python worker and its default settings.

Prints the microseconds of each WfRun on a line, by the server's own clock: from its start to its end.
"""

import logging
import os
import sys

from harness import Workers, open_session
from littlehorse.model import LHStatus
from littlehorse.workflow import Workflow, WorkflowThread

TASKS = 100
WARM, RUNS = 10, 20


async def greet(name: str) -> str:
    return f"hello {name}"


def main() -> int:
    logging.basicConfig(level=logging.CRITICAL)
    session = open_session()
    workers = Workers(session)
    workers.add("greet", greet)
    workers.start()

    def entrypoint(thread: WorkflowThread) -> None:
        for _ in range(TASKS):
            thread.execute(session.name("greet"), "ana")

    session.put(Workflow(session.name("pace"), entrypoint))
    for i in range(WARM + RUNS):
        session.run("pace", f"run-{i}")
        run = session.wait_status(f"run-{i}", LHStatus.Name(LHStatus.COMPLETED))
        if i >= WARM:
            took = run.end_time.ToMicroseconds() - run.start_time.ToMicroseconds()
            print(took, flush=True)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the workers' streams would keep the interpreter waiting
