"""A follower that is told the sequencer's blocks in any order, some never, some of forks that L1 has dropped, through reorgs and
restarts: its safe chain is what L1 alone gives, and once it is told everything its unsafe head is the sequencer's."""

import contextlib
import os
import random

import pytest

from node.mempool import PoolRejection
from node.rollup.sequencer import SequencerSettings
from node.unsafe.validation import UnsafeBlock
from tests.node.rollup_world import ALICE, RollupWorld
from tests.node.unsafe_worlds import Worlds, unsafe

SEEDS = int(os.environ.get("LAMINA_UNSAFE_WEATHERS", "6"))
STEPS = 10


class Weather:
    """The worlds, and what may happen to them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.worlds = Worlds()
        self.made: list[UnsafeBlock] = []
        self.steps: list[str] = []

    async def step(self) -> None:
        """One thing happens; then both derive what L1 holds."""
        name = self.dice.choice(["sequence", "sequence", "tell", "tell", "tell", "post", "reorg", "mine", "restart"])
        self.steps.append(name)
        await getattr(self, f"_{name}")()
        self.worlds.maker.l1.mine(1)
        await self.settle()
        chain = self.worlds.world.chain
        assert chain.finalized.number <= chain.safe.number <= chain.head.number
        assert chain.is_canonical(chain.safe)
        assert self.worlds.intake.status.invalid == 0, self.worlds.intake.status
        assert all(not self.worlds.intake.queue.at(number) for number in range(chain.safe.number + 1))

    async def settle(self) -> None:
        await self.worlds.maker.catch_up()
        async with self.worlds.following():
            await self.worlds.world.derive()
            await self.worlds.settled()

    async def _sequence(self) -> None:
        maker = self.worlds.maker
        account = maker.chain.state_at(maker.chain.head).account(ALICE)
        assert account is not None
        with contextlib.suppress(PoolRejection):
            maker.pool.add(maker.transfer(self.dice.randrange(100), nonce=account.nonce))
        maker.clock.now = max(maker.clock.now, float(maker.l1.head.header.timestamp))
        await maker.catch_up()
        blocks = await maker.sequence(self.dice.randint(1, 6), maker.sequencer(SequencerSettings(fill_share=0.1)))
        self.made += map(unsafe, blocks)

    async def _tell(self) -> None:
        told = self.dice.sample(self.made, self.dice.randint(0, len(self.made)))
        async with self.worlds.following():
            await self.worlds.take(*told[: self.dice.randint(0, 12)])

    async def _post(self) -> None:
        maker = self.worlds.maker
        safe, head = maker.chain.safe.number, maker.chain.head.number
        if head > safe:
            maker.post(range(safe + 1, self.dice.randint(safe + 1, head) + 1))

    async def _reorg(self) -> None:
        l1 = self.worlds.maker.l1
        depth = min(self.dice.randint(1, 4), len(l1.blocks) - 1)
        if depth:
            l1.reorg(len(l1.blocks) - 1 - depth)
            l1.mine(depth + 1)

    async def _mine(self) -> None:
        self.worlds.maker.l1.mine(self.dice.randint(1, 3))

    async def _restart(self) -> None:
        self.worlds.renew()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_follower_comes_to_the_sequencers_chain_in_any_weather(seed: int) -> None:
    weather = Weather(seed)
    worlds = weather.worlds
    for _ in range(STEPS):
        await weather.step()
    fresh = RollupWorld(l1=worlds.maker.l1)
    await fresh.catch_up()
    assert worlds.world.chain.safe == fresh.chain.safe, weather.steps
    async with worlds.following():
        head = worlds.maker.chain.head.number
        await worlds.take(*(unsafe(worlds.maker.block(number)) for number in range(1, head + 1)))
    assert worlds.head == worlds.maker.chain.head.hash, weather.steps
