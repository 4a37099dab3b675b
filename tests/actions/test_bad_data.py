"""What a batcher can do wrong, and what derivation makes of it: drop by rule, tell, go on."""

import random
from dataclasses import replace

import pytest

from config.forks import Fork, ForkSchedule
from config.types import Hash32, Timestamp
from derivation.codec import (
    ChannelError,
    Compression,
    Frame,
    SingularBatch,
    SpanBatch,
    SpanBlock,
    batches_to_rlp,
    compress_channel,
    encode_batch,
    encode_batcher_transaction,
    encode_blob,
)
from derivation.codec.channel import ChannelDecoder
from derivation.events import EventKind
from tests.actions.chains import OTHER_BATCHER_KEY, Batcher, user_transactions
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

NOISE = random.Random(7)


def derive(world: World) -> Verifier:
    verifier = world.verifier()
    verifier.run()
    return verifier


def test_garbage_from_the_batchers_key_is_dropped_and_what_follows_counts(world: World) -> None:
    """Spec: op derivation, "Frame Queue"; op ecotone derivation, "Blob Encoding"."""
    world.sequence(10)
    for data in (b"", b"\x01", b"\x00", b"\x00" + bytes(10), NOISE.randbytes(300), b"\x00" + NOISE.randbytes(300)):
        world.l1.send_calldata(data)
    world.l1.send_blobs([NOISE.randbytes(131_072), b"\xff" * 131_072, encode_blob(b"\x00garbage"), encode_blob(b"")])
    world.batcher.post([world.batcher.span(1, 10)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds().count(EventKind.BLOB_INVALID) == 2
    assert verifier.kinds().count(EventKind.FRAMES_INVALID) == 8
    assert len(verifier.kinds()) == 10
    assert all(event.text for event in verifier.events)


def test_one_malformed_frame_rejects_its_whole_transaction(world: World) -> None:
    """Spec: op derivation, "Batcher Transaction Format"."""
    world.sequence(5)
    data = encode_batcher_transaction(world.batcher.frames(world.batcher.channel([world.batcher.span(1, 5)])))
    world.l1.send_calldata(data + b"\x00" * 5)
    world.l1.mine(2)
    verifier = derive(world)
    assert len(verifier.hashes()) == 1
    assert verifier.kinds() == [EventKind.FRAMES_INVALID]


def test_data_of_other_senders_and_to_other_addresses_is_not_read(world: World) -> None:
    """Spec: op derivation, "L1 Retrieval"."""
    world.sequence(5)
    world.batcher.post([world.batcher.span(1, 5)], key=OTHER_BATCHER_KEY)
    frames = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 5)]))
    world.l1.send_calldata(encode_batcher_transaction(frames), to=world.rollup.deposit_contract_address)
    world.l1.mine(2)
    verifier = derive(world)
    assert len(verifier.hashes()) == 1
    assert not verifier.kinds()


def test_duplicate_and_reordered_frames_of_a_transaction_are_dropped(world: World) -> None:
    """Spec: op holocene derivation, "Frame Queue"."""
    world.sequence(10)
    first, second, *rest = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 10)]), 150)
    stray = Frame(b"\x99" * 16, 3, b"stray", True)
    world.l1.send_calldata(encode_batcher_transaction([first, first, rest[-1], stray, second, second, *rest, rest[-1]]))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.FRAME_DROPPED] * 5


def test_duplicate_frames_over_several_transactions_are_dropped(world: World) -> None:
    """Spec: op holocene derivation, "Channel Bank"."""
    world.sequence(10)
    frames = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 10)]), 150)
    for frame in (frames[0], frames[1], frames[1], frames[-1], *frames[2:], frames[-1]):
        world.l1.send_calldata(encode_batcher_transaction([frame]))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.FRAME_DROPPED] * 3


def test_of_interleaved_channels_only_the_one_begun_last_survives(world: World) -> None:
    """Spec: op holocene derivation, "Channel Bank"."""
    world.sequence(10)
    a = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 10)]), 200)
    b = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 6)]), 200)
    for frame in (a[0], b[0], *a[1:], *b[1:]):
        world.l1.send_calldata(encode_batcher_transaction([frame]))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:7]
    assert verifier.kinds() == [EventKind.CHANNEL_REPLACED] + [EventKind.FRAME_DROPPED] * (len(a) - 1)


def test_a_first_frame_drops_the_unfinished_channel_before_it_in_the_same_transaction(world: World) -> None:
    """Spec: op holocene derivation, "Frame Queue"."""
    world.sequence(10)
    a = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 10)]), 200)
    b = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 6)]), 200)
    world.l1.send_calldata(encode_batcher_transaction([*a[:2], *b]))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:7]
    assert verifier.kinds() == [EventKind.FRAME_DROPPED] * 2


def test_a_channel_that_closed_does_not_open_again_in_its_transaction_when_one_between_is_cut_off(world: World) -> None:
    """As op-node prunes: the frame before the one cut off counts then. Spec: op holocene derivation, "Frame Queue"."""
    world.sequence(10)
    (a,) = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 5)]))
    b = world.batcher.frames(world.batcher.channel([world.batcher.span(6, 8)]), 100)
    (again,) = world.batcher.frames(world.batcher.channel([world.batcher.span(6, 10)]))
    world.l1.send_calldata(encode_batcher_transaction([a, *b[:2], replace(again, channel_id=a.channel_id)]))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:6]
    assert verifier.kinds() == [EventKind.FRAME_DROPPED] * 3


@pytest.mark.parametrize(("late", "arrives"), [(50, True), (51, False)])
def test_a_channel_times_out_when_its_last_frame_comes_after_fifty_blocks(late: int, arrives: bool) -> None:
    """Spec: op granite derivation, "Reduce Channel Timeout"."""
    world = World.create(seq_window_size=1000)
    world.sequence(10)
    frames = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 10)]), 200)
    world.l1.send_calldata(encode_batcher_transaction(frames[:-1]))
    world.l1.mine(late)
    world.l1.send_calldata(encode_batcher_transaction(frames[-1:]))
    world.l1.mine(2)
    verifier = derive(world)
    assert (verifier.hashes() == world.l2.hashes()) is arrives
    assert verifier.kinds() == ([] if arrives else [EventKind.CHANNEL_TIMED_OUT, EventKind.FRAME_DROPPED])


def test_a_channel_that_grows_too_large_is_dropped_with_the_rest_of_its_frames(world: World) -> None:
    """Spec: op holocene derivation, "Channel Bank"."""
    times = {fork: Timestamp(0) for fork in Fork if Fork.BEDROCK < fork <= Fork.HOLOCENE}
    world = World.create(seq_window_size=1000)
    world.rollup = replace(world.rollup, forks=ForkSchedule(times))
    huge = [Frame(b"\x01" * 16, index, bytes(1_000_000), index == 100) for index in range(101)]
    for frame in huge:
        world.l1.send_calldata(encode_batcher_transaction([frame]))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.kinds() == [EventKind.CHANNEL_OVERSIZED, EventKind.FRAME_DROPPED]


def test_a_decompression_bomb_is_left_where_the_limit_is_reached_and_what_came_before_counts(world: World) -> None:
    """Spec: op derivation, "Channel Format"."""
    world.sequence(5)
    good = encode_batch(world.batcher.span(1, 5), world.rollup.l2_chain_id)
    bomb = b"\xbb" + (120_000_000).to_bytes(4, "big") + bytes(120_000_000)
    compressed = compress_channel(batches_to_rlp([good]) + bomb, Compression.BROTLI, 1)
    world.l1.send_calldata(encode_batcher_transaction(world.batcher.frames(compressed)))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.CHANNEL_INVALID]


def test_a_channel_of_unknown_compression_and_one_of_garbage_are_ignored(world: World) -> None:
    """Spec: op fjord derivation, "Brotli Channel Compression"."""
    world.sequence(5)
    for channel in (b"\x02abc", b"\x78\x9c" + bytes(20), b"\x01" + bytes(20), b"\x18\x19", b""):
        world.l1.send_calldata(
            encode_batcher_transaction(world.batcher.frames(channel) or [Frame(b"\x01" * 16, 0, b"", True)])
        )
    world.batcher.post([world.batcher.span(1, 5)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert len(verifier.kinds()) == 5
    assert set(verifier.kinds()) <= {EventKind.CHANNEL_INVALID, EventKind.BATCH_MALFORMED}


def test_a_malformed_batch_ends_its_channel_but_not_the_batches_before_it(world: World) -> None:
    """Spec: op derivation, "Channel Reader"."""
    world.sequence(6)
    encoded = [encode_batch(world.batcher.singular(n), 901) for n in range(1, 7)]
    for bad in (b"\x07whatever", b"\x00\xc0", b"\x01\x05"):
        channel = compress_channel(batches_to_rlp([encoded[0], bad, *encoded[1:]]))
        world.l1.send_calldata(encode_batcher_transaction(world.batcher.frames(channel)))
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:2]
    assert verifier.kinds().count(EventKind.BATCH_MALFORMED) == 3


def dropped(world: World, *batches: SingularBatch | SpanBatch) -> Verifier:
    """Post block 1, the batches, then block 2 in the same channel; the bad batch takes block 2 with it."""
    good = world.batcher.singular
    world.batcher.post([good(1), *batches, good(2)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:2]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]
    return verifier


BLOCK_2_CHANGES = {
    "a wrong parent": {"parent_hash": Hash32(b"\x13" * 32)},
    "a timestamp past the next block": {"timestamp": 1_700_000_006},
    "an epoch that is not there yet": {"epoch_number": 2},
    "an epoch hash of another chain": {"epoch_hash": Hash32(b"\x14" * 32)},
    "an empty transaction": {"transactions": (b"",)},
    "a deposit": {"transactions": (b"\x7e\xc0",)},
    "a blob transaction": {"transactions": (b"\x03\xc0",)},
    "a transaction of a type to come": {"transactions": (b"\x05\xc0",)},
}


@pytest.mark.parametrize("change", BLOCK_2_CHANGES)
def test_a_singular_batch_is_dropped_with_the_rest_of_its_channel_for(change: str, world: World) -> None:
    """Spec: op holocene derivation, "Fast Channel Invalidation"."""
    world.sequence(3)
    dropped(world, replace(world.batcher.singular(2), **BLOCK_2_CHANGES[change]))  # type: ignore[arg-type]


def test_a_batch_that_moves_to_an_origin_later_than_itself_is_dropped(world: World) -> None:
    """Spec: op derivation, "Batch Queue"."""
    world.sequence(3)
    origin = world.l1.ref(1)
    dropped(world, replace(world.batcher.singular(2), epoch_number=1, epoch_hash=origin.hash))


def span_of(world: World, first: int, last: int) -> SpanBatch:
    span = world.batcher.span(first, last)
    assert isinstance(span, SpanBatch)
    return span


def test_a_span_batch_is_dropped_with_the_rest_of_its_channel_for_wrong_checks(world: World) -> None:
    """Spec: op holocene derivation, "Span Batches"."""
    world.sequence(12)
    good = span_of(world, 2, 8)
    for bad in (
        replace(good, parent_check=b"\x13" * 20),
        replace(good, l1_origin_check=b"\x13" * 20),
        replace(good, l1_origin_number=2**40),
        replace(good, l1_origin_number=0),
        replace(good, rel_timestamp=5),
        replace(good, rel_timestamp=3),
        replace(good, rel_timestamp=6),
        replace(good, rel_timestamp=0, blocks=(*good.blocks, *good.blocks)),
    ):
        fresh = Batcher(world.l2)
        world.l1.reorg(0)
        _copy_l1(world)
        fresh.post([world.batcher.singular(1), bad, world.batcher.singular(2)])
        world.l1.mine(2)
        verifier = derive(world)
        assert verifier.hashes() == world.l2.hashes()[:2], bad
        assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


def _copy_l1(world: World) -> None:
    """Mine the same first blocks again, so that every case starts from the same L1."""
    world.l1._salt = 0
    while world.l1.head.header.timestamp < world.l2.head.timestamp + 2:
        world.l1.mine()


def test_past_batches_are_skipped_and_the_channel_goes_on(world: World) -> None:
    """Spec: op holocene derivation, "Batch Queue"."""
    world.sequence(12)
    world.batcher.post([world.batcher.span(1, 4)])
    world.l1.mine()
    past = replace(world.batcher.singular(3), parent_hash=Hash32(b"\x44" * 32), transactions=(b"\x7e",))
    world.batcher.post([world.batcher.singular(2), past, world.batcher.span(1, 3), world.batcher.span(5, 12)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.BATCH_PAST] * 3


def test_a_span_batch_may_overlap_the_safe_chain(world: World) -> None:
    """Spec: op holocene derivation, "Span Batches"."""
    world.sequence(20)
    world.batcher.post([world.batcher.span(1, 8)])
    world.l1.mine()
    world.batcher.post([world.batcher.span(3, 20)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert not verifier.kinds()


def test_an_overlapping_span_batch_must_build_on_the_safe_chain(world: World) -> None:
    """Spec: op holocene derivation, "Span Batches"."""
    world.sequence(20)
    world.batcher.post([world.batcher.span(1, 8)])
    world.l1.mine()
    world.batcher.post([replace(span_of(world, 3, 20), parent_check=world.l2.blocks[3].hash[:20])])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:9]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


@pytest.mark.parametrize("at", [3, 6, 8])
def test_an_overlapping_span_batch_must_repeat_the_transactions_of_the_safe_chain(world: World, at: int) -> None:
    """Spec: op holocene derivation, "Span Batches"; op delta span batches, "Batch Queue" (overlapped blocks)."""
    world.sequence(20)
    world.batcher.post([world.batcher.span(1, 8)])
    world.l1.mine()
    other = span_of(world, 3, 20)
    blocks = [replace(block, transactions=()) if n == at else block for n, block in enumerate(other.blocks, 3)]
    world.batcher.post([replace(other, blocks=tuple(blocks)), world.batcher.span(9, 20)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:9]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


def test_an_overlapping_span_batch_must_repeat_the_origins_of_the_safe_chain(world: World) -> None:
    """Spec: op holocene derivation, "Span Batches"; op delta span batches, "Batch Queue" (overlapped blocks)."""
    world.sequence(20)
    origins = [ref.l1_origin.number for ref in world.l2.refs()]
    moves = origins.index(1)
    world.batcher.post([world.batcher.span(1, moves)])
    world.l1.mine()
    span = span_of(world, moves - 2, 20)
    # One block earlier, and from the safe head on as it should be.
    blocks = [replace(block, origin_changed=index == 1) if index < 3 else block for index, block in enumerate(span.blocks)]
    world.batcher.post([replace(span, blocks=tuple(blocks))])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[: moves + 1]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


def test_a_span_batch_of_another_history_does_not_go_on_where_an_invalid_block_was_replaced(world: World) -> None:
    """What was replaced by its deposits is no longer what the batch says. Spec: op holocene derivation, "Span Batches"."""
    world.sequence(10)
    refused = set(user_transactions(world.l2.blocks[4]))
    verifier = Verifier(world.rollup, world.l1, lambda attributes: refused.isdisjoint(attributes.transactions))
    world.batcher.post([world.batcher.span(1, 4)])
    world.batcher.post([world.batcher.span(3, 10)])
    world.l1.mine(2)
    verifier.run()
    assert len(verifier.hashes()) == 5
    assert verifier.kinds() == [
        EventKind.DEPOSITS_ONLY,
        EventKind.CHANNEL_FLUSHED,
        EventKind.BATCH_DROPPED,
        EventKind.CHANNEL_FLUSHED,
    ]


def test_an_overlapping_span_batch_whose_first_new_block_has_an_older_origin_is_dropped(world: World) -> None:
    """Spec: op holocene derivation, "Span Batches"."""
    world.sequence(20)
    world.batcher.post([world.batcher.span(1, 14)])
    world.l1.mine()
    origin = world.l1.ref(0)
    blocks = tuple(SpanBlock(False, user_transactions(world.l2.blocks[n])) for n in range(1, 21))
    stale = SpanBatch(2, 0, world.l2.blocks[0].hash[:20], origin.hash[:20], blocks)
    world.batcher.post([stale, world.batcher.span(15, 20)])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:15]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


def test_an_invalid_block_inside_a_span_leaves_the_blocks_before_it(world: World) -> None:
    """Spec: op holocene derivation, "Partial Span Batch Validity"."""
    world.sequence(10)
    good = span_of(world, 1, 10)
    late = world.l1.ref(1)
    # Block 4 claims an origin whose timestamp is later than its own.
    blocks = tuple(replace(block, origin_changed=index == 3) for index, block in enumerate(good.blocks))
    world.batcher.post([replace(good, blocks=blocks, l1_origin_number=1, l1_origin_check=late.hash[:20])])
    world.l1.mine(2)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()[:4]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


def test_a_channel_error_is_a_value_error_that_says_what_is_wrong() -> None:
    """Spec: op fjord derivation, "Brotli Channel Compression"."""
    with pytest.raises(ChannelError, match="starts with 0x02"):
        ChannelDecoder(b"\x02", 100)
