"""A node through random weather: reorgs, bad batches, crashes at any write, resets. Its heads keep their promises, and what it
comes to is what a fresh node derives from L1 alone."""

import contextlib
import copy
import os
import random

import pytest

from config.forks import Fork
from config.types import Hash32
from derivation.codec import Batch
from evm.store.kv import MemoryStore, WriteBatch
from node.mempool import PoolRejection
from node.rollup.sequencer import SequencerSettings
from tests.actions.chains import BATCHER_KEY, OTHER_BATCHER_KEY
from tests.node.rollup_world import ALICE, RollupWorld

SEEDS = int(os.environ.get("LAMINA_HEAD_WEATHERS", "12"))
WITH_RESETS = (1024, 1524)
"""In these a reset leads past blocks of L1 in another order than at first."""
STEPS = 14


class Recording(MemoryStore):
    """Keeps copies of what it held after some writes, as crashes would leave it."""

    def __init__(self, source: MemoryStore, dice: random.Random) -> None:
        super().__init__()
        self._tables = copy.deepcopy(source._tables)
        self._dice = dice
        self.crashes: list[MemoryStore] = []

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        super().write(batch, sync)
        if self._dice.random() < 0.5:
            left = MemoryStore()
            left._tables = {name: dict(table) for name, table in self._tables.items()}
            self.crashes.append(left)


class Weather:
    """A world, and what may happen to it. L1 blocks up to `final` never go."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.fork = Fork.ISTHMUS if seed % 4 else Fork.GRANITE
        self.world = RollupWorld(self.fork)
        self.goes_back = False
        self.steps: list[str] = []
        self._record()

    def _record(self) -> None:
        self.world.kv = Recording(self.world.kv, self.dice)
        self.world.restart()

    async def step(self) -> None:
        """One thing happens; then the node derives what L1 holds."""
        often = ["sequence", "post", "post", "post", "crash", "crash"]
        name = self.dice.choice([*often, "mine", "reorg", "finalize", "restart", "reset"])
        self.steps.append(name)
        # Before Holocene an impossible block takes with it the blocks before it in its span batch.
        self.goes_back = self.fork is Fork.GRANITE
        await getattr(self, f"_{name}")()
        world = self.world
        # The newest L1 block decides: a reorg at the same height shows with the next one.
        world.l1.mine(1)
        before, finalized = world.chain.safe.number, world.chain.finalized.number
        seen: list[int] = []
        world.chain.on_labels(lambda: seen.append(world.chain.safe.number))
        await world.catch_up()
        assert world.driver.status.halted_by is None, self.steps
        assert world.chain.finalized.number >= finalized, self.steps
        if not self.goes_back:
            assert min(seen, default=before) >= before, self.steps
        assert world.chain.finalized.number <= world.chain.safe.number <= world.chain.head.number

    async def _sequence(self) -> None:
        world, dice = self.world, self.dice
        account = world.chain.state_at(world.chain.head).account(ALICE)
        assert account is not None
        with contextlib.suppress(PoolRejection):
            world.pool.add(world.transfer(dice.randrange(100), nonce=account.nonce))
        world.clock.now = max(world.clock.now, float(world.l1.head.header.timestamp))
        await world.catch_up()
        await world.sequence(dice.randint(1, 6), world.sequencer(SequencerSettings(fill_share=0.1)))

    async def _post(self) -> None:
        world, dice = self.world, self.dice
        safe, head = world.chain.safe.number, world.chain.head.number
        if head == safe:
            world.l1.send_calldata(b"\x00garbage")
            return
        last = dice.randint(safe + 1, head)
        first = dice.choice([safe + 1, safe + 1, safe + 1, max(1, safe - 1), min(last, safe + 2)])
        batches: list[Batch] = []
        if dice.random() < 0.5:
            impossible = {dice.randint(first, last): (world.transfer(1, nonce=10_000).raw,)}
            batches.append(world.span_of(first, last, impossible if dice.random() < 0.5 else None))
        else:
            batches += [world.batch_of(number) for number in range(first, last + 1)]
            if dice.random() < 0.2:
                dice.shuffle(batches)
        world.post_batches(batches, key=OTHER_BATCHER_KEY if dice.random() < 0.1 else BATCHER_KEY)
        if dice.random() < 0.3:
            world.post_batches(batches)

    async def _mine(self) -> None:
        self.world.l1.mine(self.dice.choice([1, 2, 3, 3, 12]))

    async def _reorg(self) -> None:
        l1 = self.world.l1
        depth = min(self.dice.randint(1, 6), len(l1.blocks) - 1 - self.world.endpoint.finalized)
        if depth > 0:
            l1.reorg(len(l1.blocks) - 1 - depth)
            l1.mine(depth + 1)
            self.goes_back = True

    async def _finalize(self) -> None:
        endpoint, newest = self.world.endpoint, len(self.world.l1.blocks) - 1
        endpoint.finalized = max(endpoint.finalized, newest - self.dice.randint(0, 6))

    async def _crash(self) -> None:
        store = self.world.kv
        assert isinstance(store, Recording)
        if store.crashes:
            # What comes after a crash may be of a fork that L1 has left since.
            self.world.kv = self.dice.choice(store.crashes[-16:])
            self.goes_back = True
        self._record()

    async def _restart(self) -> None:
        self._record()

    async def _reset(self) -> None:
        self.world.driver.request_reset("the weather")


def records(world: RollupWorld) -> list[Hash32 | None]:
    """The safe head as of each L1 block."""
    entries = [world.safe_db.at(number) for number in range(len(world.l1.blocks))]
    return [None if entry is None else entry.l2.hash for entry in entries]


@pytest.mark.parametrize("seed", sorted({*range(SEEDS), *WITH_RESETS}))
async def test_heads_keep_their_promises_in_any_weather(seed: int) -> None:
    weather = Weather(seed)
    for _ in range(STEPS):
        await weather.step()
    world = weather.world
    fresh = RollupWorld(weather.fork)
    fresh.l1 = fresh.endpoint.l1 = world.l1
    fresh.endpoint.finalized = world.endpoint.finalized
    await fresh.catch_up()
    assert world.chain.safe == fresh.chain.safe, weather.steps
    assert world.chain.finalized == fresh.chain.finalized, weather.steps
    assert records(world) == records(fresh), weather.steps
    assert all(world.chain.is_canonical(header) for header in (world.chain.safe, world.chain.finalized))
