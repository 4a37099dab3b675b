"""Any order of L1 weather: every L2 block gets onto L1, in order, within the budget, and no nonce blocks the account."""

import os

import pytest

from batcher.driver import BatchSubmitter
from batcher.settings import ChannelSettings, DataAvailability, DriverSettings
from config.types import Wei
from tests.batcher.l1_world import L1World
from tests.batcher.world import rounds, settle
from tests.l1.fake_l1 import GWEI

SEEDS = int(os.environ.get("LAMINA_BATCHER_WEATHERS", "8"))
HELD_NONCE = 894
"""Here an earlier run has left a transaction with much for blob gas and little for gas."""
NEAR_CEILING = (27, 45, 49)
"""Here prices rise until no offer can be doubled, and reorgs undo what was paid."""
ETHER = 10**18
DRIVER = DriverSettings(budget=Wei(100 * ETHER), max_transaction_cost=Wei(ETHER // 10), wait_node_sync=True)


def channels(kind: DataAvailability) -> ChannelSettings:
    return ChannelSettings(
        compression_level=2,
        max_channel_duration=2,
        data_availability=kind,
        max_l1_tx_bytes=600,
        sub_safety_margin=5,
    )


async def weather(world: L1World, deepest: int = 100) -> None:
    """One thing happens to L1. Reorgs, several in a row too, drop at most `deepest` of the blocks there have been."""
    l1, rng = world.l1, world.rng
    world.highest = max(world.highest, world.l1_number)
    event = rng.random()
    if event < 0.30:
        world.chain.extend_many(rng.randrange(1, 4), rng, rng.randrange(3))
    elif event < 0.55:
        l1.mine(rng.choice((1, 2, 100)))
    elif event < 0.62:
        l1.mine_without_us()
    elif event < 0.68 and world.l1_number > 25:
        depth = min(rng.randrange(1, 4), deepest - (world.highest - world.l1_number))
        if depth > 0:
            l1.reorg(depth, keep=rng.random() < 0.5)
            world.derive()
    elif event < 0.76:
        l1.base_fee = rng.choice((1, 10, 60, 400, 700)) * GWEI
        l1.blob_base_fee = rng.choice((1, 2, 50, 900, 3000)) * GWEI // rng.choice((1, 1000))
    elif event < 0.82:
        l1.pool.clear()
    elif event < 0.88:
        l1.away = not l1.away
    else:
        world.derive()


async def until_safe(world: L1World, submitter: BatchSubmitter, limit: int = 150) -> None:
    """Fair weather."""
    world.l1.away = False
    world.l1.base_fee, world.l1.blob_base_fee = 5 * GWEI, GWEI
    for _ in range(limit):
        if world.safe == world.chain.head.number:
            return
        submitter.flush()
        world.clock.time += 60
        await rounds(submitter)
        world.l1.mine()
        await settle()
        world.derive()
    raise AssertionError(f"stuck at {world.safe} of {world.chain.head.number}: {submitter.status()}")


@pytest.mark.parametrize("seed", sorted({*range(SEEDS), HELD_NONCE}))
async def test_every_block_gets_onto_l1_in_any_weather(seed: int) -> None:
    world = L1World(seed)
    shape = channels(list(DataAvailability)[seed % 3])
    submitter = world.start(shape, DRIVER)
    for _ in range(60):
        await weather(world)
        world.clock.time += world.rng.choice((0, 1, 30))
        await rounds(submitter)
        if world.rng.random() < 0.03:
            await submitter.stop()
            await world.managers[-1].close()
            submitter = world.start(shape, DRIVER)
    await until_safe(world, submitter)
    status = submitter.status()
    assert status.halted_by is None
    assert status.spent + status.reserved <= 100 * ETHER
    await submitter.stop()
    for manager in world.managers:
        await manager.close()


@pytest.mark.parametrize("seed", sorted({*range(max(2, SEEDS // 4)), *NEAR_CEILING}))
async def test_a_small_budget_is_never_exceeded_and_what_it_pays_for_is_posted(seed: int) -> None:
    world = L1World(100 + seed)
    budget = ETHER // 100
    driver = DriverSettings(budget=Wei(budget), max_transaction_cost=Wei(budget // 5))
    # Deeper than reorgs go here: what a transaction cost is only certain once its block is.
    submitter = world.start(channels(list(DataAvailability)[seed % 3]), driver, confirmations=4)
    for _ in range(150):
        world.chain.extend_many(1, world.rng, 1)
        await weather(world, deepest=3)
        world.clock.time += 30
        await rounds(submitter)
        assert world.l1.spent <= budget
        if submitter.status().halted_by is not None:
            break
    # An offer near the ceiling cannot be doubled, as blob pools want it, so it waits until prices are back where they were.
    world.l1.away = False
    for _ in range(300):
        world.l1.base_fee, world.l1.blob_base_fee = world.rng.choice(((GWEI, GWEI // 100), (20 * GWEI, 5 * GWEI)))
        submitter.flush()
        world.clock.time += 60
        await rounds(submitter)
        world.l1.mine()
        world.derive()
        if submitter.status().halted_by is not None or world.safe == world.chain.head.number:
            break
    else:
        raise AssertionError(f"stuck at {world.safe} of {world.chain.head.number}: {submitter.status()}")
    assert "is used up" in (submitter.status().halted_by or "is used up")
    assert 0 < world.l1.spent <= budget
    await submitter.stop()
    await world.managers[-1].close()


async def test_hours_without_l1_are_caught_up_with_in_order() -> None:
    world = L1World(1)
    submitter = world.start(channels(DataAvailability.BLOBS), DRIVER)
    world.chain.extend_many(5, world.rng)
    await until_safe(world, submitter)
    world.l1.away = True
    for _ in range(100):
        world.chain.extend_many(9, world.rng, 1)
        world.clock.time += 60
        await rounds(submitter)
    assert "could not be reached" in (submitter.status().last_error or "")
    assert submitter.status().backlog_l1_bytes > 0, "the backlog is known all the same"
    sent = len(world.l1.received)
    await until_safe(world, submitter)
    assert world.safe == 905 and submitter.status().counters.resets == 0
    assert len(world.l1.received) - sent < 30, "several blobs go into one transaction"
    await submitter.stop()
    await world.managers[-1].close()


async def test_blobs_that_become_too_dear_give_way_to_calldata_when_the_choice_is_free() -> None:
    world = L1World(2)
    submitter = world.start(channels(DataAvailability.AUTO), DRIVER)
    world.l1.base_fee, world.l1.blob_base_fee = 30 * GWEI, GWEI // 100
    world.chain.extend_many(4, world.rng)
    submitter.flush()
    await rounds(submitter)
    world.l1.blob_base_fee = 2_000 * GWEI
    for _ in range(80):
        world.clock.time += 30
        await rounds(submitter)
        world.l1.mine()
        world.derive()
        if world.safe == 4:
            break
    # The blob transaction waits for its cancellation, which is too dear as well, until blobs cost less.
    world.l1.blob_base_fee = 500 * GWEI
    for _ in range(80):
        if world.safe == 4:
            break
        world.clock.time += 30
        await rounds(submitter)
        world.l1.mine()
        world.derive()
    assert world.safe == 4
    await submitter.stop()
    await world.managers[-1].close()


async def test_a_restart_waits_for_what_the_run_before_has_left_in_the_pool() -> None:
    world = L1World(3)
    shape = channels(DataAvailability.BLOBS)
    first = world.start(shape, DRIVER)
    world.chain.extend_many(4, world.rng)
    await rounds(first)
    first.flush()
    await rounds(first, 2)
    assert len(world.l1.pool) == 1
    await first.stop()
    await world.managers[-1].close()
    second = world.start(shape, DRIVER)
    second.flush()
    await rounds(second, 3)
    assert "1 L1 transactions of an earlier run" in (second.status().waiting_for or "")
    assert len(world.l1.received) == 1
    world.l1.mine()
    await rounds(second)
    assert "to derive L1 block" in (second.status().waiting_for or "")
    world.derive()
    await rounds(second, 3)
    assert world.safe == 4 and len(world.l1.received) == 1, "nothing is posted twice"
    await second.stop()
    await world.managers[-1].close()
