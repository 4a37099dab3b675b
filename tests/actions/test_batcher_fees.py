"""A batcher on an L1 whose prices jump: what is due is posted in order, each block once, and never above the ceilings."""

import random

import pytest

from batcher.da import DataKind
from batcher.settings import ChannelSettings, DataAvailability, DriverSettings
from config.errors import TemporaryError
from config.types import Wei
from tests.batcher.world import GWEI, World, rounds

AUTO = ChannelSettings(compression_level=2, data_availability=DataAvailability.AUTO, max_channel_duration=1)


def grow(world: World, count: int = 6) -> None:
    world.chain.extend_many(count, random.Random(len(world.chain.blocks)), 2)


def kind(world: World) -> DataKind:
    """Of the transaction sent last."""
    return DataKind.BLOBS if world.sent[-1].candidate.blobs else DataKind.CALLDATA


async def test_a_blob_fee_spike_moves_channels_to_calldata_and_back_without_losing_a_block() -> None:
    """Spec: op batcher; op derivation, "Sequencing & Batch Submission Overview"."""
    world = World()
    submitter = world.submitter(AUTO)
    kinds = []
    for blob_fee in (1, 10_000 * GWEI, 1, 20_000 * GWEI, 1):
        world.blob_base_fee = blob_fee
        grow(world)
        submitter.flush()
        await rounds(submitter, 2)
        kinds.append(kind(world))
        await world.include(*world.open)
        world.derive()
        await rounds(submitter)
    assert kinds == [DataKind.BLOBS, DataKind.CALLDATA] * 2 + [DataKind.BLOBS]
    assert world.safe == world.chain.head.number
    assert len(world.sent) == 5


@pytest.mark.parametrize("refusals", [1, 5])
async def test_fees_above_the_ceiling_hold_the_batcher_up_and_what_waited_is_posted_when_they_fall(
    refusals: int,
) -> None:
    """Spec: op batcher; op derivation, "Sequencing & Batch Submission Overview"."""
    world = World()
    grow(world)
    submitter = world.submitter(settings=DriverSettings(retry_seconds=1, max_retry_seconds=4))
    submitter.flush()
    await rounds(submitter)
    for refusal in range(1, refusals + 1):
        grow(world, 3)
        world.mine()
        await world.refuse(world.open[0], TemporaryError("blob fee 900 gwei is above the ceiling of 100 gwei"))
        await rounds(submitter)
        assert submitter.status().counters.transactions_failed == refusal
        world.clock.time += 4
        await rounds(submitter)
    assert submitter.status().halted_by is None
    assert submitter.status().spent == 0
    for _ in range(10):
        submitter.flush()
        await rounds(submitter, 2)
        await world.include(*world.open)
        world.derive()
        await rounds(submitter)
    assert world.safe == world.chain.head.number
    assert submitter.status().spent == Wei(1000 * sum(entry.landed_in is not None for entry in world.sent))
