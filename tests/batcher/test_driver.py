"""The posting loop against an in-memory world: every block becomes safe, whatever goes wrong on the way."""

import asyncio
import random

import pytest

from batcher.da import DataKind
from batcher.driver import BatchSubmitter
from batcher.posting import ChannelState
from batcher.settings import ChannelSettings, DataAvailability, DriverSettings, ThrottleSettings
from batcher.throttle_controllers import ControllerType
from config.errors import CriticalError, TemporaryError
from config.types import Wei
from tests.batcher.chains import rollup_config, with_origin
from tests.batcher.reading import as_seen, blocks_in_frames, frames_of
from tests.batcher.world import World, rounds, settle

SMALL_FRAMES = ChannelSettings(
    compression_level=2,
    max_channel_duration=1,
    data_availability=DataAvailability.CALLDATA,
    max_l1_tx_bytes=400,
)
"""Calldata transactions so small that a few blocks need several."""


def grow(world: World, count: int = 6, per_block: int = 2) -> None:
    world.chain.extend_many(count, random.Random(len(world.chain.blocks)), per_block)


async def post_everything(world: World, submitter: BatchSubmitter, limit: int = 50) -> None:
    """Rounds in which L1 includes all that is sent and the node derives it, until all blocks are safe."""
    for _ in range(limit):
        if world.safe == world.chain.head.number:
            return
        submitter.flush()
        await rounds(submitter)
        await world.include(*world.open)
        await rounds(submitter)
        world.derive()
    raise AssertionError(f"safe head stuck at {world.safe}: {submitter.status()}")


async def test_unsafe_blocks_are_posted_in_one_channel_and_become_safe() -> None:
    world = World()
    grow(world)
    submitter = world.submitter()
    await rounds(submitter)
    assert world.sent == []
    world.mine()
    await rounds(submitter)
    (sent,) = world.open
    assert len(sent.candidate.blobs) == 1
    assert blocks_in_frames(frames_of([sent.candidate]), world.rollup) == as_seen(world.chain.blocks[1:])
    await world.include(sent, cost=777)
    world.derive()
    await rounds(submitter)
    status = submitter.status()
    assert world.safe == world.chain.head.number
    assert status.spent == 777
    assert status.queued_blocks == status.backlog_bytes == status.pending_transactions == 0
    assert [record.state for record in status.channels] == [ChannelState.SAFE]
    assert status.channels[0].cost == 777
    assert status.counters.resets == status.counters.rewinds == 0
    assert status.to_json()["channels"][0]["lastL2Block"] == 6


async def test_a_channel_stays_open_until_its_duration_is_over() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(ChannelSettings(compression_level=2, max_channel_duration=5))
    for _ in range(5):
        await rounds(submitter)
        assert world.sent == []
        world.mine()
    await rounds(submitter)
    assert len(world.open) == 1


async def test_flush_closes_the_open_channel_at_once() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(ChannelSettings(compression_level=2))
    await rounds(submitter, 3)
    assert world.sent == []
    assert submitter.status().open_channel_blocks == 6
    submitter.flush()
    await rounds(submitter)
    assert len(world.open) == 1
    grow(world, 1)
    await rounds(submitter)
    assert len(world.open) == 1  # the flush was for that channel only


async def test_a_restarted_batcher_goes_on_after_the_safe_head() -> None:
    world = World()
    grow(world)
    await post_everything(world, world.submitter())
    grow(world, 4)
    count = len(world.sent)
    successor = world.submitter()
    await post_everything(world, successor)
    (sent,) = world.sent[count:]
    assert blocks_in_frames(frames_of([sent.candidate]), world.rollup) == as_seen(world.chain.blocks[7:])


async def test_a_restart_that_waits_for_the_node_does_not_post_twice() -> None:
    world = World()
    grow(world)
    first = world.submitter()
    first.flush()
    await rounds(first)
    await world.include(*world.open)
    successor = world.submitter(settings=DriverSettings(wait_node_sync=True))
    await rounds(successor, 3)
    waiting_for = successor.status().waiting_for
    assert waiting_for is not None
    assert f"derive L1 block {world.l1_number}" in waiting_for
    world.derive()
    await rounds(successor, 3)
    assert world.safe == world.chain.head.number
    assert len(world.sent) == 1


async def test_an_l2_reorg_makes_it_start_over_from_the_safe_head() -> None:
    world = World()
    grow(world)
    submitter = world.submitter()
    await rounds(submitter)
    world.chain.reorganise(3, "other")
    grow(world, 2)
    await rounds(submitter)
    assert submitter.status().counters.resets == 1
    assert "reorganised" in (submitter.status().last_error or "")
    await post_everything(world, submitter)
    assert world.safe == 8


async def test_an_l2_reorg_without_growth_is_noticed_too() -> None:
    world = World()
    grow(world)
    submitter = world.submitter()
    await rounds(submitter)
    world.chain.reorganise(6, "other")
    await rounds(submitter)
    assert submitter.status().counters.resets == 1
    await post_everything(world, submitter)


async def test_a_shorter_l2_chain_makes_it_start_over() -> None:
    world = World()
    grow(world)
    submitter = world.submitter()
    await rounds(submitter)
    del world.chain.blocks[4:]
    await rounds(submitter)
    assert submitter.status().counters.resets == 1
    await post_everything(world, submitter)
    assert world.safe == 3


async def test_frames_are_sent_in_order_and_no_more_than_allowed_at_once() -> None:
    world = World()
    grow(world, 8)
    submitter = world.submitter(SMALL_FRAMES, DriverSettings(max_pending_transactions=3))
    submitter.flush()
    await rounds(submitter)
    assert len(world.open) == 3
    assert "may be pending" in (submitter.status().waiting_for or "")
    while world.open:
        await world.include(world.open[0])
        await rounds(submitter)
        assert len(world.open) <= 3
    frames = frames_of(entry.candidate for entry in world.sent)
    assert len(frames) > 6
    assert blocks_in_frames(frames, world.rollup) == as_seen(world.chain.blocks[1:])
    assert all(len(entry.candidate.data) <= 400 for entry in world.sent)
    world.derive()
    assert world.safe == 8


async def test_a_failed_last_transaction_is_sent_again_after_a_pause() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(settings=DriverSettings(retry_seconds=2))
    submitter.flush()
    await rounds(submitter)
    await world.refuse(world.open[0], TemporaryError("L1 does not answer"))
    await rounds(submitter)
    assert world.open == []
    assert "pause" in (submitter.status().waiting_for or "")
    world.clock.time += 2
    await rounds(submitter)
    assert [entry.candidate for entry in world.open] == [world.sent[0].candidate]
    assert submitter.status().counters.rewinds == 0
    assert submitter.status().counters.transactions_failed == 1


async def test_the_pause_between_failures_doubles_up_to_its_bound() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(settings=DriverSettings(retry_seconds=1, max_retry_seconds=4))
    submitter.flush()
    await rounds(submitter)
    for pause in (1, 2, 4, 4):
        await world.refuse(world.open[0], TemporaryError("no"))
        await rounds(submitter)
        world.clock.time += pause - 0.5
        await rounds(submitter)
        assert world.open == []
        world.clock.time += 0.5
        await rounds(submitter)
        assert len(world.open) == 1


async def test_a_failed_transaction_with_later_ones_under_way_makes_it_post_the_channel_anew() -> None:
    world = World()
    grow(world, 8)
    submitter = world.submitter(SMALL_FRAMES)
    submitter.flush()
    await rounds(submitter)
    first, second, *others = world.open
    await world.include(first)
    await world.refuse(second, TemporaryError("it was dropped"))
    await world.include(*others)
    world.derive()
    assert world.safe == 0  # the channel has a hole
    await rounds(submitter)
    status = submitter.status()
    assert status.counters.rewinds == 1
    assert status.channels[0].state is ChannelState.ABANDONED
    world.clock.time += 60
    await post_everything(world, submitter)
    assert world.safe == 8


async def test_a_channel_whose_frames_land_too_far_apart_is_posted_again_from_its_first_block() -> None:
    world = World()
    grow(world, 8)
    submitter = world.submitter(SMALL_FRAMES, DriverSettings(max_pending_transactions=0))
    submitter.flush()
    await rounds(submitter)
    first, *others = world.open
    await world.include(first)
    world.mine(world.rollup.channel_timeout_at(1 << 40))
    await world.include(*others)
    world.derive()
    assert world.safe == 0
    await rounds(submitter)
    assert submitter.status().counters.rewinds == 1
    assert submitter.status().channels[0].state is ChannelState.ABANDONED
    # The blocks are still within the sequencing window of 100 L1 blocks.
    await post_everything(world, submitter)
    assert world.safe == 8


async def test_nothing_more_is_paid_for_a_channel_that_has_timed_out() -> None:
    world = World()
    grow(world, 8)
    submitter = world.submitter(SMALL_FRAMES, DriverSettings(max_pending_transactions=2))
    submitter.flush()
    await rounds(submitter)
    first, second = world.open
    await world.include(first)
    world.mine(world.rollup.channel_timeout_at(1 << 40))
    await world.include(second)
    await rounds(submitter)
    assert submitter.status().counters.rewinds == 1
    new_channel = frames_of([world.open[0].candidate])[0]
    assert new_channel.number == 0
    assert new_channel.channel_id != frames_of([first.candidate])[0].channel_id


async def test_a_confirmed_channel_that_an_l1_reorg_removed_is_posted_again() -> None:
    world = World()
    grow(world)
    submitter = world.submitter()
    submitter.flush()
    await rounds(submitter)
    (lost,) = world.open
    await world.include(lost)
    await rounds(submitter)
    assert submitter.status().channels[0].state is ChannelState.CONFIRMED
    lost.landed_in = None
    world.derive(lose=[lost])
    await rounds(submitter)
    assert submitter.status().counters.resets == 1
    assert "was confirmed in L1 block" in (submitter.status().last_error or "")
    await post_everything(world, submitter)
    assert world.safe == 6


async def test_a_slow_node_is_not_taken_for_a_lost_channel() -> None:
    world = World()
    grow(world)
    submitter = world.submitter()
    submitter.flush()
    await rounds(submitter)
    await world.include(*world.open)
    world.mine(30)
    await rounds(submitter, 5)
    assert submitter.status().counters.resets == 0
    assert len(world.sent) == 1


async def test_a_safe_head_that_goes_back_waits_for_the_node_before_posting_again() -> None:
    world = World()
    grow(world, 6)
    submitter = world.submitter()
    await post_everything(world, submitter)
    grow(world, 2)
    await rounds(submitter)
    world.safe, world.l1_derived = 3, 21
    sent = len(world.sent)
    await rounds(submitter, 3)
    assert submitter.status().counters.resets == 1
    assert "to derive L1 block" in (submitter.status().waiting_for or "")
    assert len(world.sent) == sent
    # The node finds the old batches again: nothing of them is posted a second time.
    world.safe, world.l1_derived = 6, world.l1_number
    await post_everything(world, submitter)
    assert world.safe == 8
    last = frames_of([world.sent[-1].candidate])
    assert blocks_in_frames(last, world.rollup) == as_seen(world.chain.blocks[7:])


async def test_blocks_past_their_sequencing_window_are_not_paid_for() -> None:
    world = World(rollup=rollup_config(seq_window_size=30))
    grow(world, 2)
    world.l1_number = world.chain.blocks[1].l1_origin.number + 30
    submitter = world.submitter()
    await rounds(submitter, 3)
    assert world.sent == []
    assert "sequencing window" in (submitter.status().waiting_for or "")
    # The node puts empty blocks in their place, derived from L1 alone, and the sequencer builds on those.
    world.chain.reorganise(1, "forced")
    world.safe = 2
    world.chain.blocks[3:] = [with_origin(world.chain.extend(), 30)]
    submitter.flush()
    await rounds(submitter, 2)
    assert len(world.open) == 1


async def test_calldata_mode_uses_no_blobs() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(
        ChannelSettings(compression_level=2, data_availability=DataAvailability.CALLDATA, max_channel_duration=1)
    )
    await post_everything(world, submitter)
    assert all(entry.candidate.data and not entry.candidate.blobs for entry in world.sent)
    assert submitter.status().channels[0].kind is DataKind.CALLDATA


@pytest.mark.parametrize(
    ("base_fee", "blob_base_fee", "kind"),
    [(10 * 10**9, 1, DataKind.BLOBS), (10**9, 10**12, DataKind.CALLDATA)],
)
async def test_auto_mode_takes_what_is_cheaper_now(base_fee: int, blob_base_fee: int, kind: DataKind) -> None:
    world = World(base_fee=base_fee, blob_base_fee=blob_base_fee)
    grow(world)
    submitter = world.submitter(
        ChannelSettings(compression_level=2, data_availability=DataAvailability.AUTO, max_channel_duration=1)
    )
    await post_everything(world, submitter)
    assert submitter.status().channels[0].kind is kind


async def test_the_budget_is_never_exceeded_and_stops_the_batcher_when_used_up() -> None:
    world = World()
    budget = Wei(10_000)
    settings = DriverSettings(budget=budget, max_transaction_cost=Wei(3_000), max_pending_transactions=0)
    grow(world, 12)
    submitter = world.submitter(SMALL_FRAMES, settings)
    submitter.flush()
    await rounds(submitter)
    assert len(world.open) == 3  # a fourth could exceed it
    while submitter.status().halted_by is None:
        assert submitter.status().spent + submitter.status().reserved <= budget
        await world.include(world.open[0], cost=2_900)
        await rounds(submitter)
    assert submitter.status().spent + 2_900 * len(world.open) <= budget
    assert "budget of 10000 wei is used up" in (submitter.status().halted_by or "")


async def test_without_a_ceiling_of_its_own_a_transaction_may_take_a_tenth_of_the_budget() -> None:
    world = World()
    settings = DriverSettings(budget=Wei(10_000), max_pending_transactions=0)
    assert settings.transaction_ceiling == 1_000
    assert DriverSettings().transaction_ceiling is None
    grow(world, 12)
    submitter = world.submitter(SMALL_FRAMES, settings)
    submitter.flush()
    await rounds(submitter)
    assert len(world.open) == 10
    assert submitter.status().reserved == 10_000


async def test_a_critical_error_of_the_sender_stops_the_loop() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(settings=DriverSettings(poll_seconds=0.001))
    submitter.flush()
    submitter.start()
    while not world.open:
        await settle()
    await world.refuse(world.open[0], CriticalError("no funds: send ETH to the batcher's address"))
    while submitter.running:
        await settle()
    assert submitter.status().halted_by == "no funds: send ETH to the batcher's address"
    await submitter.stop()


async def test_temporary_errors_are_counted_and_told_and_pass() -> None:
    world = World()
    grow(world)
    world.node_down = True
    submitter = world.submitter()
    await rounds(submitter, 2)
    assert submitter.status().counters.temporary_errors == 2
    assert submitter.status().last_error == "the L2 node does not answer"
    world.node_down = False
    await post_everything(world, submitter)
    assert submitter.status().last_error is None


async def test_stopping_with_time_to_drain_gets_everything_confirmed() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(ChannelSettings(compression_level=2), DriverSettings(poll_seconds=0.001))
    submitter.start()
    while submitter.status().open_channel_blocks != 6:
        await settle()
    stopping = asyncio.create_task(submitter.stop(drain_seconds=30))
    while not world.open:
        await asyncio.sleep(0.001)
    await world.include(*world.open)
    await stopping
    assert not submitter.running
    world.derive()
    assert world.safe == 6


async def test_stopping_at_once_abandons_and_the_next_start_posts_the_rest() -> None:
    world = World()
    grow(world)
    submitter = world.submitter(settings=DriverSettings(poll_seconds=0.001))
    submitter.flush()
    submitter.start()
    while not world.open:
        await settle()
    await submitter.stop()
    status = submitter.status()
    assert not status.running
    assert status.pending_transactions == status.queued_blocks == 0
    assert status.reserved == 0
    assert world.sent[0].result.cancelled()
    submitter.start()
    with pytest.raises(RuntimeError, match="already running"):
        submitter.start()
    submitter.flush()
    while not world.open:
        await settle()
    await submitter.stop()
    assert blocks_in_frames(frames_of([world.sent[1].candidate]), world.rollup) == as_seen(world.chain.blocks[1:])


async def test_stopping_for_a_while_and_starting_again_loses_nothing() -> None:
    world = World()
    grow(world, 5)
    submitter = world.submitter()
    await post_everything(world, submitter)
    grow(world, 40)
    world.mine(20)
    await post_everything(world, submitter)
    assert world.safe == 45


async def test_a_backlog_slows_the_sequencer_down_and_its_end_lets_it_go() -> None:
    world = World()
    throttle = ThrottleSettings(
        controller=ControllerType.STEP,
        lower_threshold=2_000,
        upper_threshold=4_000,
        tx_size_lower_limit=300,
        block_size_lower_limit=21_000,
    )
    submitter = world.submitter(ChannelSettings(compression_level=2), throttle=throttle)
    await rounds(submitter)
    assert world.da_limits == [(0, 130_000)]
    grow(world, 10, per_block=3)
    await rounds(submitter, 2)
    assert world.da_limits == [(0, 130_000), (300, 21_000)]
    assert submitter.status().throttling
    await post_everything(world, submitter)
    await rounds(submitter)
    assert world.da_limits[-1] == (0, 130_000)
    assert not submitter.status().throttling


async def test_the_sequencer_hears_of_the_backlog_also_while_l1_is_away() -> None:
    world = World()
    throttle = ThrottleSettings(controller=ControllerType.STEP, lower_threshold=2_000, upper_threshold=4_000)
    submitter = world.submitter(ChannelSettings(compression_level=2), throttle=throttle)
    await rounds(submitter)
    world.l1_down = True
    grow(world, 10, per_block=3)
    await rounds(submitter, 2)
    assert world.da_limits == [(0, 130_000), (150, 2_000)]
    assert submitter.status().last_error == "L1 does not answer"
    world.l1_down = False
    await post_everything(world, submitter)
    assert submitter.status().counters.resets == 0


async def test_throttle_limits_are_repeated_and_retried() -> None:
    world = World()
    submitter = world.submitter(throttle=ThrottleSettings(repeat_seconds=30))
    world.limits_fail = True
    await rounds(submitter, 2)
    world.limits_fail = False
    await rounds(submitter, 3)
    assert len(world.da_limits) == 1
    world.clock.time += 30
    await rounds(submitter)
    assert len(world.da_limits) == 2


async def test_a_margin_as_long_as_the_window_is_refused() -> None:
    world = World(rollup=rollup_config(seq_window_size=10))
    with pytest.raises(ValueError, match="lower the safety margin"):
        world.submitter(ChannelSettings(sub_safety_margin=10))


@pytest.mark.parametrize("seed", range(8))
async def test_every_block_becomes_safe_through_random_trouble(seed: int) -> None:
    rng = random.Random(seed)
    world = World()
    channels = rng.choice((SMALL_FRAMES, ChannelSettings(compression_level=2, max_channel_duration=2)))
    submitter = world.submitter(channels)
    for _ in range(60):
        event = rng.random()
        if event < 0.35:
            world.chain.extend_many(rng.randrange(1, 4), rng, rng.randrange(3))
        elif event < 0.6 and world.open:
            await world.include(*world.open[: rng.randrange(1, 4)])
        elif event < 0.65 and world.open:
            await world.refuse(rng.choice(world.open), TemporaryError("dropped"))
        elif event < 0.8:
            world.derive()
        elif event < 0.84 and world.chain.head.number > world.safe + 2:
            world.chain.reorganise(world.safe + 2, f"branch {rng.random()}")
        elif event < 0.87:
            await submitter.stop()
            submitter = world.submitter(channels)
        world.clock.time += 1
        await rounds(submitter)
    world.clock.time += 60
    await post_everything(world, submitter)
    assert world.safe == world.chain.head.number
