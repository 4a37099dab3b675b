"""A whole world in memory for the posting loop: an L2 node that derives what lands on L1, L1, a sender, a clock."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from batcher.block import BatchBlock
from batcher.driver import BatchSubmitter
from batcher.ports import L1Head, SyncStatus
from batcher.settings import ChannelSettings, DriverSettings, ThrottleSettings
from config.errors import TemporaryError
from config.rollup import BlockId, RollupConfig
from config.types import Timestamp, Wei
from derivation.codec import Frame
from l1.candidate import TxCandidate
from tests.batcher.chains import L2Chain, l1_id, rollup_config
from tests.batcher.reading import Seen, as_seen, blocks_in_channel, frames_of

GWEI = 10**9


class ManualClock:
    """Time moves when the test says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        """The time set."""
        return self.time


@dataclass(frozen=True)
class Landed:
    """An included transaction."""

    block: BlockId
    cost: Wei


@dataclass(eq=False)
class Sent:
    """A transaction that the sender was given; its future is settled when the test says so."""

    candidate: TxCandidate = field(repr=False)
    result: "asyncio.Future[Landed]"
    derived: bool = False
    landed_in: int | None = None


@dataclass
class World:
    """L1 starts at block 20. What is included reaches the node by `derive`, which follows Holocene's ordering rules."""

    rollup: RollupConfig = field(default_factory=rollup_config)
    base_fee: int = 10 * GWEI
    blob_base_fee: int = GWEI

    def __post_init__(self) -> None:
        self.chain = L2Chain(self.rollup)
        self.clock = ManualClock()
        self.l1_number = 20
        self.l1_derived = 20
        self.safe = 0
        self.sent: list[Sent] = []
        self.node_down = False
        self.l1_down = False
        self.da_limits: list[tuple[int, int]] = []
        self.limits_fail = False
        self._staged: list[Frame] = []
        self._staged_at = 0

    # --- the ports ---

    async def head(self) -> L1Head:
        """L1's head."""
        if self.l1_down:
            raise TemporaryError("L1 does not answer")
        block = l1_id(self.l1_number)
        return L1Head(
            block.number,
            block.hash,
            Timestamp(self.rollup.genesis.l2_time + 12 * self.l1_number),
            Wei(self.base_fee),
            Wei(self.blob_base_fee),
        )

    async def sync_status(self) -> SyncStatus:
        """The node's heads."""
        if self.node_down:
            raise TemporaryError("the L2 node does not answer")
        safe = self.chain.blocks[self.safe].id
        return SyncStatus(l1_id(self.l1_derived), self.chain.head.id, safe, self.chain.blocks[0].id)

    async def block(self, number: int) -> BatchBlock:
        """A block of the L2 chain."""
        return self.chain.blocks[number]

    async def send(self, candidate: TxCandidate) -> Landed:
        """Waits until the test includes or refuses the transaction."""
        entry = Sent(candidate, asyncio.get_running_loop().create_future())
        self.sent.append(entry)
        return await entry.result

    async def set_max_da_size(self, tx_bytes: int, block_bytes: int) -> None:
        """Remembers the limits."""
        if self.limits_fail:
            raise TemporaryError("the sequencer does not answer")
        self.da_limits.append((tx_bytes, block_bytes))

    # --- what tests do ---

    def submitter(
        self,
        channels: ChannelSettings | None = None,
        settings: DriverSettings | None = None,
        throttle: ThrottleSettings | None = None,
    ) -> BatchSubmitter:
        """A batcher in this world."""
        return BatchSubmitter(
            self.rollup,
            self,
            self,
            self,
            self.clock,
            channel_settings=channels or ChannelSettings(compression_level=2, max_channel_duration=1),
            settings=settings,
            limiter=self if throttle else None,
            throttle_settings=throttle,
        )

    @property
    def open(self) -> list[Sent]:
        """Transactions neither included nor refused, in the order of sending."""
        return [entry for entry in self.sent if not entry.result.done()]

    def mine(self, count: int = 1) -> None:
        """New L1 blocks without transactions."""
        self.l1_number += count

    async def include(self, *entries: Sent, cost: int = 1000) -> None:
        """A new L1 block with these transactions, confirmed at once."""
        self.mine()
        for entry in entries:
            entry.landed_in = self.l1_number
            entry.result.set_result(Landed(l1_id(self.l1_number), Wei(cost)))
        await settle()

    async def refuse(self, entry: Sent, error: Exception) -> None:
        """The sender gives up on a transaction."""
        entry.result.set_exception(error)
        await settle()

    def derive(self, lose: Sequence[Sent] = ()) -> None:
        """The node takes in all of L1, except for transactions that an L1 reorg took out, and stands after its head."""
        for entry in self.sent:
            if entry.landed_in is None or entry.derived or entry in lose:
                continue
            entry.derived = True
            for frame in frames_of([entry.candidate]):
                self._take_frame(frame, entry.landed_in)
        self.l1_number += 1
        self.l1_derived = self.l1_number

    def _take_frame(self, frame: Frame, landed_in: int) -> None:
        if frame.number == 0:
            self._staged, self._staged_at = [frame], landed_in
        elif self._continues(frame) and landed_in <= self._staged_at + self.rollup.channel_timeout_at(1 << 40):
            self._staged.append(frame)
        else:
            return
        if frame.is_last and self._staged:
            data = b"".join(staged.data for staged in self._staged)
            self._staged = []
            for seen in blocks_in_channel(data, self.rollup):
                self._take_block(seen)

    def _continues(self, frame: Frame) -> bool:
        last = self._staged[-1] if self._staged else None
        return last is not None and frame.channel_id == last.channel_id and frame.number == last.number + 1

    def _take_block(self, seen: Seen) -> None:
        if self.safe + 1 < len(self.chain.blocks) and as_seen([self.chain.blocks[self.safe + 1]]) == [seen]:
            self.safe += 1


async def settle() -> None:
    """Let tasks run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def rounds(submitter: BatchSubmitter, count: int = 1) -> None:
    """Run rounds of the loop, and what they start."""
    for _ in range(count):
        await submitter.tick()
        await settle()
