"""Blocks in the making, by the name that the consensus client asks for them under.

Spec: Engine API, "Payload building"; op exec-engine, "Extended PayloadAttributesV2".
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from config.errors import CriticalError
from config.types import short
from evm.engine import ExecutedBlock, OpenBlock
from evm.types import Header, PayloadAttributes
from node.chain import Chain
from node.engine_api.payload_id import payload_id
from node.mempool import TransactionPool
from node.rollup.filling import Filling

log = logging.getLogger("lamina.engine_api")

MOST_BUILDS = 10
"""Blocks that are kept for the consensus client, whether it has fetched them or not."""

_FILL_SECONDS = 12.0
"""Seconds for which a block takes transactions, when it is not fetched earlier: counted from its time, or from now where that
is past. Spec: Engine API, "Payload building", 4."""

_LOOK_SECONDS = 0.05

_FIRST_LOOK_SECONDS = 0.25
"""Seconds for what the pool has when the block is begun, although it is asked for at once: a sequencer that is late does so."""


@dataclass
class _Build:
    """A block in the making: `task` gives it once `fetched` is set, or at once when it takes nothing from the pool."""

    task: "asyncio.Future[ExecutedBlock]"
    fetched: asyncio.Event


class PayloadBuilds:
    """Makes blocks of payload attributes. `wall` gives the time, seconds since 1970.

    `on_failure` hears of errors that come while nobody waits for the block.
    """

    def __init__(
        self,
        chain: Chain,
        pool: TransactionPool,
        wall: Callable[[], float],
        on_failure: Callable[[CriticalError], None],
    ) -> None:
        self._chain = chain
        self._pool = pool
        self._wall = wall
        self._on_failure = on_failure
        self._builds: OrderedDict[bytes, _Build] = OrderedDict()
        self.built_blocks = 0
        self.looks = 0
        """Times that a block in the making has taken what the pool had."""

    def begin(self, parent: Header, attributes: PayloadAttributes, version: int) -> bytes:
        """The name of the block that the attributes ask for; its making begins unless it has already.

        Without the pool it is made at once, else it takes transactions until it is fetched. Raises InvalidPayload when no
        block has the transactions of the attributes, CriticalError when the engines differ.
        """
        name = payload_id(parent.hash, attributes, version)
        if name in self._builds:
            return name
        fetched = asyncio.Event()
        if attributes.no_tx_pool:
            made: asyncio.Future[ExecutedBlock] = asyncio.get_running_loop().create_future()
            made.set_result(self._chain.engine.derive(parent, attributes))
            self.built_blocks += 1
        else:
            builder = self._chain.engine.start_payload(parent, attributes)
            until = max(float(attributes.timestamp), self._wall()) + _FILL_SECONDS
            made = asyncio.create_task(self._fill(parent, builder, fetched, until), name=f"block {parent.number + 1}")
            made.add_done_callback(lambda task: self._ended(name, builder, task))
        self._builds[name] = _Build(made, fetched)
        while len(self._builds) > MOST_BUILDS:
            _, forgotten = self._builds.popitem(last=False)
            forgotten.task.cancel()
        return name

    async def fetch(self, name: bytes) -> ExecutedBlock | None:
        """The block of this name, with what it has taken so far, or None. It takes no more from now on."""
        build = self._builds.get(name)
        if build is None:
            return None
        build.fetched.set()
        # The caller may go away meanwhile, which must not end the making.
        return await asyncio.shield(build.task)

    async def close(self) -> None:
        """Give up what is in the making."""
        builds = [build.task for build in self._builds.values()]
        self._builds.clear()
        for task in builds:
            task.cancel()
        await asyncio.gather(*builds, return_exceptions=True)

    async def _fill(self, parent: Header, builder: OpenBlock, fetched: asyncio.Event, until: float) -> ExecutedBlock:
        await self._take_from_pool(parent, Filling(builder, self._pool), fetched, until)
        # Most blocks that are not fetched in time never are: the consensus client has begun another one.
        await fetched.wait()
        executed = builder.seal()
        self.built_blocks += 1
        block = executed.block
        log.info(
            "block built", extra={"number": block.number, "hash": short(block.hash), "txs": len(block.transactions)}
        )
        return executed

    async def _take_from_pool(self, parent: Header, filling: Filling, fetched: asyncio.Event, until: float) -> None:
        """Until the block is fetched, its time is over, or the chain has gone on without it; once at least."""
        hurry = self._wall() + _FIRST_LOOK_SECONDS
        while True:
            if filling.has_news:
                for _ in filling.look():
                    await asyncio.sleep(0)
                    if fetched.is_set() and self._wall() >= hurry:
                        break
            self.looks += 1
            # A request that has come has its turn before the next look.
            await asyncio.sleep(0)
            while True:
                if fetched.is_set() or self._wall() >= until or self._chain.head.hash != parent.hash:
                    return
                if filling.has_news:
                    break
                await _set_within(fetched, _LOOK_SECONDS)

    def _ended(self, name: bytes, builder: OpenBlock, task: "asyncio.Future[ExecutedBlock]") -> None:
        # Here, since a task that is cancelled before it has begun comes to no clause of its own.
        builder.abandon()
        if task.cancelled() or (error := task.exception()) is None:
            return
        # Whoever asks for the same again is to get a new attempt.
        self._builds.pop(name, None)
        if isinstance(error, CriticalError):
            self._on_failure(error)
        else:
            log.error("a block in the making failed", exc_info=error)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
