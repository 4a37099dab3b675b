"""L1 reorgs below the finalized block: the node stops and keeps what it has, since what is final cannot be undone."""

import pytest

from config.forks import Fork
from tests.node.rollup_world import RollupWorld, until

LOST = "L1 no longer holds the data of the finalized L2 block"


async def finalized_world(fork: Fork) -> RollupWorld:
    """L2 blocks 1 to 6, two each in L1 blocks 1 to 3; L1 is final up to block 4."""
    world = RollupWorld(fork)
    await world.sequence(6)
    for first in (1, 3, 5):
        world.post([first, first + 1])
        world.l1.mine()
    world.l1.mine(3)
    world.endpoint.finalized = 4
    await world.catch_up()
    assert (world.chain.safe.number, world.chain.finalized.number) == (6, 6)
    return world


def everything(world: RollupWorld) -> list[bytes]:
    return [bytes(world.header(number).hash) for number in range(world.chain.head.number + 1)]


@pytest.mark.parametrize("fork", [Fork.HOLOCENE, Fork.ISTHMUS])
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "while it is down"])
@pytest.mark.parametrize("kept", [0, 1, 2])
async def test_a_reorg_that_takes_finalized_data_away_stops_the_node_and_changes_nothing(
    kept: int, restarted: bool, fork: Fork
) -> None:
    """Spec: op derivation, "Finding the sync starting point" (back to finalized and no further); "About reorgs Post-Merge"."""
    world = await finalized_world(fork)
    before, l1_before = everything(world), list(world.l1.blocks)
    world.l1.reorg(kept)
    world.l1.mine(8)
    world.endpoint.finalized = kept
    if restarted:
        world.restart()
    async with world.following():
        await world.heads.refresh()
        await until(lambda: world.driver.status.halted_by is not None, world.driver.status)
    assert LOST in (world.driver.status.halted_by or "")
    assert everything(world) == before
    assert (world.chain.safe.number, world.chain.finalized.number) == (6, 6)
    assert not world.driver.ready.is_set()

    # L1 comes back as it was: after a restart the node goes on.
    world.l1.blocks[:] = l1_before
    world.l1.mine(2)
    world.endpoint.finalized = 4
    world.restart()
    await world.catch_up()
    assert world.driver.status.halted_by is None
    assert everything(world)[: len(before)] == before


@pytest.mark.parametrize("fork", [Fork.HOLOCENE, Fork.ISTHMUS])
async def test_a_reorg_above_the_finalized_data_is_followed(fork: Fork) -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    world = await finalized_world(fork)
    before = everything(world)
    world.l1.reorg(3)
    world.l1.mine(6)
    world.endpoint.finalized = 3
    await world.catch_up()
    assert world.driver.status.halted_by is None
    assert everything(world)[: len(before)] == before
    assert world.chain.finalized.number == 6


async def test_a_finalized_label_that_runs_ahead_of_derivation_finalizes_nothing_that_is_not_derived() -> None:
    """Spec: op derivation, "About reorgs Post-Merge"."""
    world = RollupWorld()
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(2)
    world.endpoint.finalized = 2
    await world.catch_up()
    assert (world.chain.head.number, world.chain.safe.number, world.chain.finalized.number) == (4, 2, 2)
