"""Scenarios of the eras before Holocene, and of the way into it."""

from dataclasses import replace

import pytest

from config.forks import Fork
from config.types import Hash32, Timestamp
from derivation.codec import Batch, Compression, Frame, SingularBatch, encode_batcher_transaction
from derivation.codec.span_batch import SpanBatch, SpanBlock
from derivation.events import EventKind
from evm.l1_attributes import L1BlockInfo
from evm.types import PayloadAttributes
from evm.types.signature import address_of
from tests.actions.chains import (
    BATCHER_KEY,
    L1_GENESIS_TIME,
    OTHER_BATCHER_KEY,
    fork_times,
    user_transactions,
)
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

EARLY = [Fork.BEDROCK, Fork.CANYON, Fork.DELTA, Fork.FJORD, Fork.GRANITE]


def send(world: World, *frames: Frame) -> None:
    """One batcher transaction with these frames in the next L1 block."""
    world.l1.send_calldata(encode_batcher_transaction(frames))


def singulars(world: World, first: int, last: int) -> list[Batch]:
    return [world.batcher.singular(number) for number in range(first, last + 1)]


def frames_of(world: World, first: int, last: int, size: int = 200) -> list[Frame]:
    frames = world.batcher.frames(world.batcher.channel(singulars(world, first, last)), size)
    assert len(frames) >= 3
    return frames


def derived_all(verifier: Verifier, world: World) -> bool:
    return verifier.hashes() == world.l2.hashes()


def derived_from(verifier: Verifier) -> list[int]:
    return [derived.derived_from.number for derived in verifier.derived]


@pytest.mark.parametrize("fork", EARLY)
def test_singular_batches_are_followed_in_every_early_era(fork: Fork) -> None:
    """Spec: op derivation, "Batch Format"."""
    world = World.create(fork=fork)
    world.sequence(20)
    world.batcher.post(singulars(world, 1, 12))
    world.l1.mine()
    world.batcher.post(singulars(world, 13, 20))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)


@pytest.mark.parametrize("fork", EARLY)
def test_frames_in_any_order_make_a_channel(fork: Fork) -> None:
    """Spec: op derivation, "Channel Bank"."""
    world = World.create(fork=fork)
    world.sequence(10)
    frames = frames_of(world, 1, 10)
    for frame in reversed(frames):
        send(world, frame, frame)
        world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    # All duplicates but the last, which opens the channel again.
    assert verifier.kinds().count(EventKind.FRAME_DROPPED) == len(frames) - 1


@pytest.mark.parametrize("fork", EARLY)
def test_the_older_of_two_interleaved_channels_holds_the_other_up_before_canyon(fork: Fork) -> None:
    """Spec: op derivation, "Channel Bank"; op canyon, "Consensus Layer"."""
    world = World.create(fork=fork)
    world.sequence(10)
    older, newer = frames_of(world, 6, 10), frames_of(world, 1, 5)
    send(world, older[0])
    send(world, newer[0], *older[1:-1])
    send(world, *newer[1:])
    newer_complete = world.l1.mine().header.number
    world.l1.mine(3)
    send(world, older[-1])
    older_complete = world.l1.mine().header.number
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    first = older_complete if fork < Fork.CANYON else newer_complete
    assert derived_from(verifier) == [first] * 5 + [older_complete] * 5


@pytest.mark.parametrize(("fork", "timeout"), [(Fork.BEDROCK, 12), (Fork.FJORD, 12), (Fork.GRANITE, 50)])
@pytest.mark.parametrize("late", [0, 1])
def test_a_channel_counts_when_it_is_complete_within_the_timeout_and_not_a_block_later(
    fork: Fork, timeout: int, late: int
) -> None:
    """Spec: op derivation, "Timeouts"."""
    world = World.create(fork=fork, channel_timeout=12, seq_window_size=100)
    world.sequence(10)
    frames = frames_of(world, 1, 10)
    send(world, *frames[:-1])
    world.l1.mine(timeout + late)
    send(world, frames[-1])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world) == (not late)
    assert (EventKind.CHANNEL_TIMED_OUT in verifier.kinds()) == bool(late)


def test_granite_shortens_the_timeout_of_channels_that_are_open() -> None:
    """Spec: op granite derivation, "Reduce Channel Timeout"."""
    activation = L1_GENESIS_TIME + 12 * 100
    world = World.create(seq_window_size=400, forks=fork_times(activation, Fork.FJORD, Fork.GRANITE, 0))
    world.sequence(10)
    frames = frames_of(world, 1, 10)
    send(world, *frames[:-1])
    opened = world.l1.mine().header.number
    world.l1.mine(98 - opened)
    send(world, frames[-1])
    assert world.l1.mine().header.number == 99
    assert derived_all_of(world)

    world = World.create(seq_window_size=400, forks=fork_times(activation, Fork.FJORD, Fork.GRANITE, 0))
    world.sequence(10)
    send(world, *frames_of(world, 1, 10)[:-1])
    world.l1.mine(100)
    send(world, frames_of(world, 1, 10)[-1])
    world.l1.mine()
    assert not derived_all_of(world)


def derived_all_of(world: World) -> bool:
    verifier = world.verifier()
    verifier.run()
    return derived_all(verifier, world)


def test_a_closing_frame_drops_the_frames_beyond_it() -> None:
    """Spec: op derivation, "Channel Bank"."""
    world = World.create(fork=Fork.BEDROCK)
    world.sequence(5)
    frames = frames_of(world, 1, 5)
    stray = replace(frames[0], number=frames[-1].number + 3, data=b"stray", is_last=False)
    late = replace(stray, number=frames[-1].number + 1)
    second_close = replace(stray, number=1, is_last=True)
    send(world, stray, frames[-1], late, second_close, *frames[:-1])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    assert verifier.kinds().count(EventKind.FRAME_DROPPED) == 2


@pytest.mark.parametrize("fork", EARLY)
def test_batches_that_come_early_wait_for_those_before_them(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue" (`future`)."""
    world = World.create(fork=fork)
    world.sequence(12)
    for first in (9, 5):
        world.batcher.post(singulars(world, first, first + 3))
        world.l1.mine()
    world.batcher.post(singulars(world, 1, 4))
    complete = world.l1.mine().header.number
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    assert derived_from(verifier) == [complete] * 12


def test_of_two_batches_for_a_block_the_first_on_l1_counts() -> None:
    """Spec: op derivation, "Batch Queue"."""
    world = World.create(fork=Fork.BEDROCK)
    world.sequence(3)
    other = replace(world.batcher.singular(2), transactions=())
    world.batcher.post([world.batcher.singular(2)])
    world.batcher.post([other])
    world.batcher.post(singulars(world, 1, 1))
    world.batcher.post(singulars(world, 3, 3))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    assert verifier.kinds() == [EventKind.BATCH_DROPPED]


@pytest.mark.parametrize("fork", [Fork.DELTA, Fork.ECOTONE, Fork.GRANITE])
def test_span_batches_may_overlap_the_safe_chain(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue"."""
    world = World.create(fork=fork)
    world.sequence(20)
    for first, last in ((1, 8), (5, 14), (13, 20)):
        world.batcher.post([world.batcher.span(first, last)])
        world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    assert [derived.number for derived in verifier.derived if derived.is_last_in_span] == [8, 14, 20]


def changed(span: Batch, index: int, transactions: tuple[bytes, ...]) -> SpanBatch:
    assert isinstance(span, SpanBatch)
    blocks = list(span.blocks)
    blocks[index] = SpanBlock(blocks[index].origin_changed, transactions)
    return replace(span, blocks=tuple(blocks))


def test_a_span_batch_that_contradicts_the_safe_chain_where_they_overlap_is_dropped() -> None:
    """Spec: op delta span batches, "Batch Queue" (overlapped blocks)."""
    world = World.create(fork=Fork.DELTA)
    world.sequence(12)
    world.batcher.post([world.batcher.span(1, 6)])
    world.l1.mine()
    world.batcher.post([changed(world.batcher.span(5, 10), 1, ())])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:7]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED]


@pytest.mark.parametrize(("fork", "counts"), [(Fork.GRANITE, 0), (Fork.HOLOCENE, 3)])
def test_a_span_batch_is_valid_as_a_whole_or_not_at_all_before_holocene(fork: Fork, counts: int) -> None:
    """Spec: op holocene derivation, "Partial Span Batch Validity"."""
    world = World.create(fork=fork)
    world.sequence(8)
    # Block 4 moves to L1 block 1 already, which is younger than itself.
    span = world.batcher.span(1, 8)
    assert isinstance(span, SpanBatch)
    assert [block.origin_changed for block in span.blocks] == [index == 5 for index in range(8)]
    blocks = [SpanBlock(index == 3, block.transactions) for index, block in enumerate(span.blocks)]
    span = replace(span, blocks=tuple(blocks))
    world.batcher.post([span])
    world.l1.mine(3)
    verifier = world.verifier()
    verifier.run()
    assert len(verifier.derived) == counts


def test_span_batches_are_none_before_delta() -> None:
    """Spec: op delta span batches, "Span Batch Activation Rule"."""
    world = World.create(fork=Fork.CANYON)
    world.sequence(5)
    world.batcher.post([world.batcher.span(1, 5)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert not verifier.derived
    assert verifier.kinds() == [EventKind.BATCH_DROPPED]


@pytest.mark.parametrize("early", [True, False])
def test_a_span_batch_that_comes_before_the_safe_chain_nears_delta_is_dropped_for_good(early: bool) -> None:
    """Whether it is active is asked of the safe head's epoch, unless it starts in the next one, at the time it is read.

    Spec: op delta span batches, "Batch Queue" (`batch_origin`).
    """
    world = World.create(forks=fork_times(L1_GENESIS_TIME + 24, Fork.CANYON, Fork.DELTA, 0))
    world.sequence(13)
    assert [ref.l1_origin.number for ref in world.l2.refs()[11:]] == [1, 2, 2]
    # When the span is read block 1 is safe, whose epoch is 0; the blocks up to 11 wait and have their turn later.
    waiting = [world.batcher.singular(number) for number in range(11, 0, -1)]
    world.batcher.post([*waiting, world.batcher.span(12, 13)] if early else waiting)
    world.l1.mine()
    if not early:
        world.batcher.post([world.batcher.span(12, 13)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[: 12 if early else 14]
    assert (EventKind.BATCH_DROPPED in verifier.kinds()) == early


def test_brotli_is_none_before_fjord_and_the_first_fjord_block_may_carry_it() -> None:
    """Spec: op fjord derivation, "Brotli Channel Compression"."""
    activation = L1_GENESIS_TIME + 12 * 10
    for number, expected in ((9, 0), (10, 5)):
        world = World.create(forks=fork_times(activation, Fork.ECOTONE, Fork.FJORD, 0))
        world.sequence(5)
        compressed = world.batcher.channel(singulars(world, 1, 5), Compression.BROTLI)
        world.l1.mine(number - 1 - world.l1.head.header.number)
        send(world, *world.batcher.frames(compressed))
        assert world.l1.mine().header.number == number
        verifier = world.verifier()
        verifier.run()
        assert len(verifier.derived) == expected


def test_a_blob_transaction_counts_by_its_calldata_before_ecotone() -> None:
    """Spec: op ecotone derivation, "Blob Retrieval"."""
    world = World.create(fork=Fork.DELTA)
    world.sequence(5)
    world.l1.send_blobs([bytes(131072)])
    world.batcher.post([world.batcher.span(1, 5)])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    assert verifier.kinds() == [EventKind.FRAMES_INVALID]


def test_calldata_and_blobs_may_carry_frames_of_one_channel() -> None:
    """Spec: op ecotone derivation, "Blob Retrieval"."""
    for fork in (Fork.ECOTONE, Fork.GRANITE, Fork.HOLOCENE):
        world = World.create(fork=fork)
        world.sequence(10)
        frames = frames_of(world, 1, 10)
        send(world, frames[0])
        world.l1.mine()
        world.batcher.send_in_blobs([frames[1]])
        send(world, *frames[2:])
        world.l1.mine()
        verifier = world.verifier()
        verifier.run()
        assert derived_all(verifier, world)


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.DELTA])
def test_an_expired_sequencing_window_is_filled_with_empty_blocks(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue" (empty batches)."""
    world = World.create(fork=fork, seq_window_size=10)
    world.sequence(10)
    world.l1.mine(15)
    verifier = world.verifier()
    verifier.run()
    assert verifier.derived
    assert all(not user_transactions(block) for block in verifier.l2.blocks)
    assert EventKind.EMPTY_BATCH in verifier.kinds()
    world.batcher.post(singulars(world, 1, 10))
    world.l1.mine()
    verifier.run()
    assert not any(user_transactions(block) for block in verifier.l2.blocks)


def test_a_batch_in_the_last_block_of_the_window_counts_and_waiting_ones_go_before_empty_blocks() -> None:
    """Spec: op derivation, "Batch Queue" (empty batches)."""
    world = World.create(fork=Fork.BEDROCK, seq_window_size=10)
    world.sequence(6)
    world.batcher.post(singulars(world, 2, 6))
    world.l1.mine(10 - world.l1.head.header.number - 1)
    assert world.l1.head.header.number == 9
    world.batcher.post(singulars(world, 1, 1))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)


@pytest.mark.parametrize(("fork", "drift"), [(Fork.BEDROCK, 10), (Fork.DELTA, 10), (Fork.FJORD, 1800)])
def test_blocks_past_the_drift_limit_have_no_transactions(fork: Fork, drift: int) -> None:
    """Spec: op derivation, "Batch Queue"; op fjord derivation, "Constant Maximum Sequencer Drift"."""
    blocks = drift // 2
    for excess, counts in ((0, True), (1, False)):
        world = World.create(fork=fork, max_sequencer_drift=10, seq_window_size=1000)
        origin = 0
        for _ in range(blocks + excess - 1):
            world.l2.sequence([], origin)
        world.l2.sequence([world.l2.user_transaction()], origin)
        # L1 missed its slots meanwhile.
        world.l1.skip_slots(world.l2.head.timestamp + 2)
        world.batcher.post(singulars(world, 1, world.l2.head.number))
        world.l1.mine(3)
        verifier = world.verifier()
        verifier.run()
        assert derived_all(verifier, world) == counts


def test_an_empty_block_past_the_drift_limit_waits_for_the_next_l1_block_to_be_judged() -> None:
    """Spec: op derivation, "Batch Queue" (`undecided`)."""
    world = World.create(fork=Fork.BEDROCK, max_sequencer_drift=10, seq_window_size=100)
    for _ in range(8):
        world.l2.sequence([], 0)
    world.batcher.post(singulars(world, 1, 8))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    # From 12 seconds on they had to move to L1 block 1.
    assert verifier.hashes() == world.l2.hashes()[:6]
    assert EventKind.BATCH_DROPPED in verifier.kinds()


def test_the_batcher_key_rotates_in_the_middle_of_a_channel() -> None:
    """Spec: op derivation, "L1 Traversal"; op system-config."""
    for fork in (Fork.BEDROCK, Fork.GRANITE, Fork.HOLOCENE):
        world = World.create(fork=fork)
        world.sequence(10)
        frames = frames_of(world, 1, 10)
        send(world, frames[0])
        world.l1.mine()
        world.l1.update_system_config(0, bytes(12) + address_of(OTHER_BATCHER_KEY))
        world.l1.send_calldata(encode_batcher_transaction(frames[1:2]), OTHER_BATCHER_KEY)
        world.l1.mine()
        for frame in frames[2:]:
            world.l1.send_calldata(encode_batcher_transaction([replace(frame, data=b"forged")]), BATCHER_KEY)
            world.l1.send_calldata(encode_batcher_transaction([frame]), OTHER_BATCHER_KEY)
        world.l1.mine()
        verifier = world.verifier()
        verifier.run()
        assert derived_all(verifier, world)


def test_bedrocks_fee_parameters_reach_the_l1_attributes_unchanged() -> None:
    """Spec: op system-config, "System Config Updates"."""
    world = World.create(fork=Fork.REGOLITH)
    overhead, scalar = Hash32((188).to_bytes(32, "big")), Hash32(b"\x07" + (684_000).to_bytes(31, "big"))
    world.l1.update_system_config(1, overhead + scalar)
    world.l1.mine()
    world.sequence(12)
    world.batcher.post(singulars(world, 1, 12))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    info = L1BlockInfo.decode(verifier.l2.blocks[-1].transactions[0].data)
    assert (info.fork, info.overhead, info.scalar) == (Fork.BEDROCK, 188, int.from_bytes(scalar, "big"))


def test_system_transactions_end_with_regolith() -> None:
    """Spec: op regolith, "Overview"."""
    world = World.create(forks=fork_times(L1_GENESIS_TIME + 10, Fork.BEDROCK, Fork.REGOLITH, 0))
    world.sequence(8)
    world.batcher.post(singulars(world, 1, 8))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    gas = [block.transactions[0].gas_limit for block in verifier.l2.blocks[1:]]
    assert gas == [150_000_000] * 4 + [1_000_000] * 4


def test_an_impossible_batch_is_dropped_and_the_next_one_for_its_block_takes_its_place() -> None:
    """Spec: op derivation, "L1-sync: payload attributes processing"."""
    world = World.create(fork=Fork.BEDROCK)
    world.sequence(4)
    poison = world.l2.user_transaction(b"poison")
    good = world.batcher.singular(3)
    world.batcher.post(
        [*singulars(world, 1, 2), replace(good, transactions=(poison,)), good, world.batcher.singular(4)]
    )
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, lambda attributes: poison not in attributes.transactions)
    verifier.run()
    assert derived_all(verifier, world)
    assert EventKind.BATCH_DROPPED in verifier.kinds()


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.HOLOCENE])
def test_an_epoch_cannot_be_skipped_when_its_window_has_not_passed_but_the_one_before_has(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue" (empty batches)."""
    world = World.create(fork=fork, seq_window_size=10)
    for _ in range(15):
        world.l2.sequence([], 0)
    world.batcher.post(singulars(world, 1, 15))
    # Epoch 0 can get no more blocks now: the next one is of epoch 1, with a batch or without.
    world.l1.mine(10)
    safe, skipped = world.l2.head, world.l1.ref(2)
    assert safe.timestamp + 2 >= skipped.timestamp
    batch = SingularBatch(safe.hash, skipped.number, skipped.hash, safe.timestamp + 2, ())
    world.batcher.post([batch])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert EventKind.BATCH_DROPPED in verifier.kinds()
    assert verifier.l2.refs()[16].l1_origin.number == 1


# --- into Holocene ---


def holocene_at(block: int) -> World:
    """A world whose L1 block of this number is Holocene's first."""
    activation = L1_GENESIS_TIME + 12 * block
    return World.create(forks=fork_times(activation, Fork.GRANITE, Fork.HOLOCENE, 0))


def test_a_channel_that_is_open_when_holocene_comes_is_dropped_and_has_to_be_sent_again() -> None:
    """Spec: op holocene derivation, "Activation"."""
    world = holocene_at(10)
    world.sequence(10)
    world.batcher.post(singulars(world, 1, 4))
    frames = frames_of(world, 5, 10)
    send(world, *frames[:-1])
    world.l1.mine(9 - world.l1.head.header.number)
    send(world, frames[-1])
    assert world.l1.mine().header.number == 10
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:5]
    assert verifier.kinds() == [EventKind.HOLOCENE_ACTIVATED, EventKind.FRAME_DROPPED]
    send(world, *frames)
    world.l1.mine()
    verifier.run()
    assert derived_all(verifier, world)


def test_batches_that_wait_when_holocene_comes_are_dropped() -> None:
    """Spec: op holocene derivation, "Activation"."""
    world = holocene_at(10)
    world.sequence(10)
    world.batcher.post(singulars(world, 6, 10))
    world.l1.mine(9 - world.l1.head.header.number)
    world.batcher.post(singulars(world, 1, 5))
    assert world.l1.mine().header.number == 10
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:6]
    # The first Holocene channel may hold batches of blocks before.
    assert derived_from(verifier) == [10] * 5


def test_frames_and_batches_have_to_come_in_order_from_holoceness_first_l1_block_on() -> None:
    """Spec: op holocene derivation, "Activation"."""
    for number, expected in ((9, 10), (10, 0)):
        world = holocene_at(10)
        world.sequence(10)
        frames = frames_of(world, 1, 10)
        world.l1.mine(number - 1 - world.l1.head.header.number)
        send(world, *reversed(frames))
        assert world.l1.mine().header.number == number
        world.l1.mine()
        verifier = world.verifier()
        verifier.run()
        assert len(verifier.derived) == expected


def test_a_reset_anywhere_around_holocene_leads_to_the_same_chain() -> None:
    """Spec: op holocene derivation, "Activation"."""
    world = holocene_at(8)
    for first in range(1, 41, 5):
        world.sequence(5)
        world.batcher.post([world.batcher.span(first, first + 4)])
        world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    for safe in world.l2.refs()[::7]:
        verifier.reset(safe)
        verifier.run()
        assert derived_all(verifier, world)


def test_a_chain_is_followed_through_all_forks() -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    world = World.create(forks=fork_times(L1_GENESIS_TIME + 24, Fork.BEDROCK, Fork.KARST, 24))
    first = 1
    while world.l2.head.timestamp < L1_GENESIS_TIME + 24 * 13:
        for _ in range(6):
            following = Timestamp(world.l2.head.timestamp + 2)
            jovian = any(time == following for time in world.rollup.forks.times.values())
            world.sequence(1, transactions=0 if jovian else 1)
        last = world.l2.head.number
        delta = world.rollup.is_active(Fork.DELTA, world.l1.head.header.timestamp - 36)
        world.batcher.post([world.batcher.span(first, last)] if delta else singulars(world, first, last))
        first = last + 1
        world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert derived_all(verifier, world)
    assert EventKind.HOLOCENE_ACTIVATED in verifier.kinds()


def test_a_span_batch_with_an_impossible_block_is_undone_as_a_whole_before_holocene() -> None:
    """Spec: op holocene derivation, "Span Batches"."""
    world = World.create(fork=Fork.DELTA)
    world.sequence(8)
    poison = user_transactions(world.l2.blocks[5])[0]

    def is_valid(attributes: PayloadAttributes) -> bool:
        return poison not in attributes.transactions

    world.batcher.post([world.batcher.span(1, 3), world.batcher.span(4, 8)])
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, is_valid)
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:4]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED]
    # Another span batch takes its place.
    world.batcher.post([world.batcher.span(4, 4)])
    world.l1.mine()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:5]
