"""Two nodes' insides on one L1 in memory: one makes blocks, the other follows them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.types import Hash32
from evm.types import Block
from node.unsafe.intake import UnsafeIntake
from node.unsafe.validation import UnsafeBlock
from tests.node.rollup_world import RollupWorld


def unsafe(block: Block) -> UnsafeBlock:
    return UnsafeBlock(block, None, 1000)


class Worlds:
    """A sequencer and a follower on one L1."""

    def __init__(self) -> None:
        self.maker = RollupWorld()
        self.world = RollupWorld(l1=self.maker.l1)
        self.world.rollup = self.maker.rollup
        self.renew()

    def renew(self) -> None:
        """The follower is started again."""
        self.world.restart()
        world = self.world
        self.intake = UnsafeIntake(
            world.rollup, world.chain, world.driver, world.heads, world.endpoint, None, sleep=world.clock.sleep
        )

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """The follower's driver and its intake run."""
        async with self.world.following():
            await self.world.heads.refresh()
            task = asyncio.create_task(self.intake.run())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def made(self, count: int, transfers: int = 1) -> list[UnsafeBlock]:
        """The sequencer's next blocks."""
        for value in range(transfers):
            self.maker.pool.add(self.maker.transfer(value + 1))
        return [unsafe(block) for block in await self.maker.sequence(count)]

    def post(self, maker: RollupWorld, *numbers: int) -> None:
        """The next L1 block has a batch with these blocks."""
        maker.post(numbers)
        self.maker.l1.mine()

    async def take(self, *blocks: UnsafeBlock) -> list[bool]:
        """Offer blocks and let the intake do with them what it can."""
        answers = [self.intake.offer(block, "test") for block in blocks]
        await self.settled()
        return answers

    async def settled(self) -> None:
        await asyncio.wait_for(self.intake.idle.wait(), 10)

    def other_sequencer(self) -> RollupWorld:
        """One that makes other blocks on the same L1."""
        other = RollupWorld(l1=self.maker.l1)
        other.pool.add(other.transfer(77))
        return other

    @property
    def head(self) -> Hash32:
        return self.world.chain.head.hash
