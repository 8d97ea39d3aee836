"""Example workflows on the official Python client: PASS or FAIL on a line for each, DONE and their number at the end.

The client takes its settings from LHC_API_HOST, LHC_API_PORT and LHW_TASK_WORKER_ID;
LH_CONFORMANCE_PREFIX begins every name.
"""

import logging
import os
import sys
import traceback

from examples import (
    branches,
    checkpoints,
    children,
    cleanup,
    deadline,
    fanout,
    greeting,
    interrupts,
    migration,
    news,
    nightly,
    quotes,
    saga,
    secrets,
    structs,
)
from examples.stage import Stage

EXAMPLES = (
    greeting,
    saga,
    fanout,
    quotes,
    children,
    interrupts,
    deadline,
    structs,
    branches,
    news,
    checkpoints,
    secrets,
    nightly,
    migration,
    cleanup,
)


def main() -> int:
    logging.basicConfig(level=logging.CRITICAL)
    stage = Stage()
    for example in EXAMPLES:
        for struct in getattr(example, "STRUCTS", ()):
            stage.struct(struct)
        for suffix, function in getattr(example, "TASKS", {}).items():
            stage.task(suffix, function)
    stage.start_workers()
    failures = 0
    for example in EXAMPLES:
        name = example.__name__.rpartition(".")[2]
        try:
            example.run(stage)
        except Exception as e:
            failures += 1
            traceback.print_exc()
            print("FAIL", name, " ".join(str(e).split()), flush=True)
        else:
            print("PASS", name, flush=True)
    print("DONE", len(EXAMPLES), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the workers' streams would keep the interpreter waiting
