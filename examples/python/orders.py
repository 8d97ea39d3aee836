"""An order as a saga: what was done for an order that cannot be finished is taken back, in reverse."""

import threading

from littlehorse.exceptions import LHTaskException
from littlehorse.worker import WorkerContext
from littlehorse.workflow import Workflow, WorkflowThread
from stage import Stage, perform

ORDER = "py-order-saga"
RESERVE, RELEASE = "py-saga-reserve", "py-saga-release"
CHARGE, REFUND = "py-saga-charge", "py-saga-refund"
SHIP = "py-saga-ship"
RETRIES = 5


def order(wf: WorkflowThread) -> None:
    item = wf.declare_str("item").required().searchable()
    price = wf.declare_int("price").required()
    card = wf.declare_str("card").required().masked()
    address = wf.declare_str("address").required()
    reservation = wf.declare_str("reservation")
    payment = wf.declare_str("payment")

    def declined(handler: WorkflowThread) -> None:
        handler.execute(RELEASE, reservation, retries=RETRIES)
        handler.fail("order-refused", "the card was declined")

    def undeliverable(handler: WorkflowThread) -> None:
        handler.execute(REFUND, payment, retries=RETRIES)
        handler.execute(RELEASE, reservation, retries=RETRIES)
        handler.fail("order-refused", "it cannot be delivered")

    reservation.assign(wf.execute(RESERVE, item, retries=RETRIES))
    charged = wf.execute(CHARGE, card, price, retries=RETRIES)
    wf.handle_exception(charged, declined, "card-declined")
    payment.assign(charged)
    shipped = wf.execute(SHIP, item, address, retries=RETRIES)
    wf.handle_any_failure(shipped, undeliverable)


class World:
    """What happens outside: the warehouse, the bank, the carrier."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        with self.lock:
            self.keys: set[str] = set()
            self.done: list[str] = []

    def do(self, key: str, what: str) -> str:
        """Does a thing once for each idempotency key: a task may be tried again after it has done its work."""
        with self.lock:
            if key not in self.keys:
                self.keys.add(key)
                self.done.append(what)
        return key


world = World()


async def reserve(item: str, ctx: WorkerContext) -> str:
    return world.do(ctx.idempotency_key, f"reserve {item}")


async def release(reservation: str, ctx: WorkerContext) -> None:
    world.do(ctx.idempotency_key, "release")


async def charge(card: str, price: int, ctx: WorkerContext) -> str:
    if card == "empty":
        raise LHTaskException("card-declined", f"there is no {price} on it")
    return world.do(ctx.idempotency_key, "charge")


async def refund(payment: str, ctx: WorkerContext) -> None:
    world.do(ctx.idempotency_key, "refund")


async def ship(item: str, address: str, ctx: WorkerContext) -> None:
    if address == "the Moon":
        raise LHTaskException("out-of-reach", f"no carrier goes to {address}")
    if ctx.attempt_number == 0:
        raise ConnectionError("the carrier does not answer")  # tried again
    world.do(ctx.idempotency_key, f"ship {item}")


def story(s: Stage) -> None:
    s.work({RESERVE: reserve, RELEASE: release, CHARGE: charge, REFUND: refund, SHIP: ship})
    s.put(Workflow(ORDER, order))
    for item, price, card, address in (
        ("lamp", 30, "4111", "Elm Street 1"),
        ("sofa", 900, "empty", "Elm Street 1"),
        ("tent", 200, "4111", "the Moon"),
    ):
        world.begin()
        run = s.start(ORDER, item=item, price=price, card=card, address=address)
        end = s.end(run)
        print(f"{item} (WfRun {run.id})\n    {end}\n    done: {', '.join(world.done)}")


if __name__ == "__main__":
    perform(story)
