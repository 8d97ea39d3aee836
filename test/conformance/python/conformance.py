"""The official Python client against a LittleHorse server: a transcript on standard output.

LHC_API_HOST, LHC_API_PORT and LHW_TASK_WORKER_ID are the client's own settings;
LH_CONFORMANCE_PREFIX begins every name this program makes. Exit status 1: an
expectation was not met.
"""

import logging
import os
import sys
import traceback

import control
import definitions
import events
import flow
import people
import searches
import tasks
import values
import workers
from harness import Workers, open_session

CHAPTERS = (tasks, flow, events, values, people, searches, control, definitions)


def main() -> int:
    logging.basicConfig(level=logging.CRITICAL)
    session = open_session()
    workers.start(Workers(session))
    for chapter in CHAPTERS:
        for scenario in chapter.SCENARIOS:
            try:
                scenario(session)
            except Exception as e:
                traceback.print_exc()
                session.transcript.failed(scenario.__name__.replace("_", "-"), str(e))
    return 1 if session.transcript.failures else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the workers' streams would keep the interpreter waiting
