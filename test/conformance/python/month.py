"""A saga that takes thirty days, on a server whose clock skips what nobody has to wait for.

Prints one line of JSON: how it ended, what the tasks did, the seconds that it took by the server's clock, and the milliseconds
by that of the machine.
"""

import json
import logging
import os
import sys
import time

from harness import Workers, open_session
from littlehorse.model import ExponentialBackoffRetryPolicy, LHErrorType, LHStatus
from littlehorse.workflow import Workflow, WorkflowThread

DAY = 24 * 60 * 60
LEDGER: list[str] = []


async def do(what: str) -> str:
    LEDGER.append(what)
    if what == "charge" and LEDGER.count(what) == 1:
        raise RuntimeError("the bank is closed")
    return what


def main() -> int:
    logging.basicConfig(level=logging.CRITICAL)
    s = open_session()
    workers = Workers(s)
    workers.add("do", do)
    workers.start()
    s.put_event_def("delivered")

    def lost(wf: WorkflowThread) -> None:
        wf.execute(s.name("do"), "refund")
        wf.execute(s.name("do"), "release")
        wf.fail("order-lost", "nobody has seen the parcel")

    def entrypoint(wf: WorkflowThread) -> None:
        wf.execute(s.name("do"), "reserve")
        wf.sleep(10 * DAY)
        hourly = ExponentialBackoffRetryPolicy(base_interval_ms=3_600_000, multiplier=1.0, max_delay_ms=3_600_000)
        wf.execute(s.name("do"), "charge", retries=2, exponential_backoff=hourly)
        wf.handle_error(wf.wait_for_event(s.name("delivered"), timeout=20 * DAY), lost, LHErrorType.TIMEOUT)

    s.put(Workflow(s.name("month"), entrypoint))
    begun = time.monotonic()
    s.run("month", "month")
    run = s.wait_status("month", LHStatus.Name(LHStatus.EXCEPTION))
    waited = time.monotonic() - begun
    seconds = run.end_time.ToSeconds() - run.start_time.ToSeconds()
    print(json.dumps({"ledger": LEDGER, "seconds": seconds, "ms": round(waited * 1000)}), flush=True)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the workers' streams would keep the interpreter waiting
