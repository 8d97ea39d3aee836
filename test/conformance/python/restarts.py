"""An official task worker, until it is killed."""

import asyncio
import logging

from littlehorse import worker
from littlehorse.config import LHConfig

# Who was cut off comes back with the next heartbeat: nobody is to wait here for its minute.
worker.HEARTBEAT_INTERVAL_SECONDS = 1


async def greet() -> str:
    return "hello"


logging.basicConfig(level=logging.CRITICAL)
worker = worker.LHTaskWorker(greet, "greet", LHConfig())
worker.register_task_def()
asyncio.run(worker.start())
