"""Frames and channels in every order, and derivation that does not mind how data is cut."""

import random
from itertools import permutations

import pytest

from config.forks import Fork
from derivation.codec import Compression, Frame, encode_batcher_transaction, encode_blob
from derivation.events import EventKind
from tests.actions.chains import L1_GENESIS_TIME, OTHER_BATCHER_KEY, fork_times
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

ERAS = [Fork.BEDROCK, Fork.CANYON, Fork.GRANITE, Fork.HOLOCENE]
BUFFERING = ERAS[:-1]
BLOCKS = 12


def sequenced(fork: Fork, blocks: int = BLOCKS) -> World:
    world = World.create(fork=fork, seq_window_size=1000)
    world.sequence(blocks)
    return world


def cut_channel(world: World, first: int, last: int, count: int = 4) -> list[Frame]:
    """A channel of singular batches in that many frames."""
    channel = world.batcher.channel([world.batcher.singular(number) for number in range(first, last + 1)])
    frames = world.batcher.frames(channel, -(-len(channel) // count))
    assert len(frames) == count
    return frames


def send(world: World, *frames: Frame) -> None:
    """One batcher transaction for the next L1 block."""
    world.l1.send_calldata(encode_batcher_transaction(frames))


def derive(world: World) -> Verifier:
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    return verifier


@pytest.mark.parametrize("fork", ERAS)
def test_of_all_orders_of_frames_the_right_one_alone_counts_since_holocene(fork: Fork) -> None:
    """Spec: op derivation, "Channel Bank"; op holocene derivation, "Channel Bank"."""
    for order in permutations(range(3)):
        world = sequenced(fork, 6)
        frames = cut_channel(world, 1, 6, 3)
        for index in order:
            send(world, frames[index])
        counts = fork < Fork.HOLOCENE or order == (0, 1, 2)
        assert derive(world).safe.number == (6 if counts else 0), order


@pytest.mark.parametrize("fork", ERAS)
def test_three_interleaved_channels_all_count_before_holocene_and_one_since(fork: Fork) -> None:
    """Spec: op derivation, "Channel Bank"; op holocene derivation, "Channel Bank"."""
    world = sequenced(fork)
    a, b, c = (cut_channel(world, first, first + 3) for first in (1, 5, 9))
    for together in zip(a, b, c, strict=True):
        for frame in together:
            send(world, frame)
    verifier = derive(world)
    if fork < Fork.HOLOCENE:
        assert verifier.hashes() == world.l2.hashes()
    else:
        # The channel begun last, which by itself holds batches that come too early.
        assert verifier.safe.number == 0
        assert verifier.kinds().count(EventKind.CHANNEL_REPLACED) == 2


@pytest.mark.parametrize("fork", ERAS)
def test_of_two_frames_of_one_number_the_first_counts(fork: Fork) -> None:
    """Spec: op derivation, "Channel Bank" (duplicate frames are dropped); op holocene derivation, "Channel Bank"."""
    world = sequenced(fork)
    frames = cut_channel(world, 1, BLOCKS)
    forged = Frame(frames[1].channel_id, 1, b"something else", False)
    for frame in (*frames[:2], forged, *frames[2:]):
        send(world, frame)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.FRAME_DROPPED]


@pytest.mark.parametrize("fork", BUFFERING)
@pytest.mark.parametrize("extra", [(4, False), (7, False), (4, True), (2, True)])
def test_a_frame_that_does_not_fit_the_closing_one_is_dropped(fork: Fork, extra: tuple[int, bool]) -> None:
    """Beyond it, or a second closing one. Spec: op derivation, "Channel Bank"."""
    world = sequenced(fork)
    frames = cut_channel(world, 1, BLOCKS)
    number, is_last = extra
    send(world, frames[3])
    send(world, Frame(frames[0].channel_id, number, b"stray", is_last))
    for frame in frames[:3]:
        send(world, frame)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.FRAME_DROPPED]


@pytest.mark.parametrize("fork", ERAS)
def test_a_channel_without_its_first_frame_is_nothing(fork: Fork) -> None:
    """And an honest one after it counts. Spec: op derivation, "Channel Bank"."""
    world = sequenced(fork)
    send(world, *cut_channel(world, 1, BLOCKS)[1:])
    world.l1.mine()
    send(world, *cut_channel(world, 1, BLOCKS))
    verifier = derive(world)
    # Before Canyon the older channel stands in the way until it times out.
    assert verifier.safe.number == (0 if fork < Fork.CANYON else BLOCKS)
    world.l1.mine(world.rollup.channel_timeout_at(world.l1.head.header.timestamp) + 1)
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


@pytest.mark.parametrize("fork", ERAS)
def test_an_id_that_was_used_before_opens_a_new_channel(fork: Fork) -> None:
    """Spec: op derivation, "Channel Bank" (a channel that was read is gone)."""
    world = sequenced(fork)
    send(world, *cut_channel(world, 1, 6))
    world.l1.mine()
    again = [
        Frame(b"\x01" * 16, frame.number, frame.data, frame.is_last)
        for part in (7,)
        for frame in cut_channel(world, part, 12)
    ]
    send(world, *again)
    world.l1.mine()
    send(world, *again)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()


@pytest.mark.parametrize(
    ("fork", "timeout"), [(Fork.BEDROCK, 300), (Fork.FJORD, 300), (Fork.GRANITE, 50), (Fork.KARST, 50)]
)
@pytest.mark.parametrize("late", [0, 1])
def test_a_channel_times_out_after_300_blocks_and_since_granite_after_50(fork: Fork, timeout: int, late: int) -> None:
    """Spec: op derivation, "Timeouts"; op granite derivation, "Reduce Channel Timeout"."""
    world = sequenced(fork)
    frames = cut_channel(world, 1, BLOCKS)
    send(world, *frames[:-1])
    world.l1.mine(timeout + late)
    send(world, frames[-1])
    verifier = derive(world)
    assert verifier.safe.number == (0 if late else BLOCKS)
    assert (EventKind.CHANNEL_TIMED_OUT in verifier.kinds()) is bool(late)


@pytest.mark.parametrize(("last", "counts"), [(99, True), (100, False)])
def test_granite_judges_an_open_channel_by_the_l1_block_of_the_frame(last: int, counts: bool) -> None:
    """Opened 60 blocks before: in time by the old limit, late by the new. Spec: op granite derivation."""
    forks = fork_times(L1_GENESIS_TIME + 12 * 100, Fork.FJORD, Fork.GRANITE, 0)
    world = World.create(forks=forks, seq_window_size=1000)
    world.sequence(BLOCKS)
    frames = cut_channel(world, 1, BLOCKS)
    world.l1.mine(last - 61 - world.l1.head.number)
    send(world, *frames[:-1])
    world.l1.mine(60)
    send(world, frames[-1])
    assert world.l1.mine().number == last
    verifier = derive(world)
    assert verifier.safe.number == (BLOCKS if counts else 0)


@pytest.mark.parametrize("fork", [Fork.ECOTONE, Fork.GRANITE, Fork.HOLOCENE, Fork.KARST])
def test_the_way_data_is_cut_into_frames_transactions_and_l1_blocks_changes_nothing(fork: Fork) -> None:
    """Spec: op derivation, "Batch Submission Wire Format"."""
    expected: list[object] = []
    for seed in range(12):
        noise = random.Random(seed)
        world = World.create(fork=fork, seq_window_size=1000)
        world.sequence(20)
        channel = world.batcher.channel([world.batcher.span(1, 20)])
        frames = world.batcher.frames(channel, noise.choice((1_000_000, 500, 97, 40)))
        # Origins must not depend on what is sent, so all L1 blocks with data come later.
        while frames:
            count = noise.randint(1, 5)
            data = encode_batcher_transaction(frames[:count])
            del frames[:count]
            if noise.random() < 0.3:
                world.l1.send_blobs([encode_blob(data)])
            else:
                world.l1.send_calldata(data)
            if noise.random() < 0.3:
                world.l1.mine()
        verifier = derive(world)
        assert verifier.hashes() == world.l2.hashes()
        expected.append([(d.attributes, d.parent, d.l1_origin, d.is_last_in_span) for d in verifier.derived])
    assert all(outcome == expected[0] for outcome in expected)


@pytest.mark.parametrize("fork", ERAS)
def test_one_transaction_may_carry_frames_of_several_channels(fork: Fork) -> None:
    """Spec: op derivation, "Batcher Transaction Format"."""
    world = sequenced(fork)
    send(world, *cut_channel(world, 1, 4), *cut_channel(world, 5, 8), *cut_channel(world, 9, 12))
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == []


@pytest.mark.parametrize("fork", ERAS)
def test_garbage_between_the_frames_of_a_channel_does_it_no_harm(fork: Fork) -> None:
    """Spec: op derivation, "Frame Queue" (a transaction that does not parse is ignored as a whole)."""
    world = sequenced(fork)
    noise = random.Random(5)
    for frame in cut_channel(world, 1, BLOCKS):
        send(world, frame)
        for data in (b"", b"\x01" + bytes(40), b"\x00" + noise.randbytes(80), encode_batcher_transaction([frame])[:-1]):
            world.l1.send_calldata(data)
        world.l1.send_calldata(noise.randbytes(90), OTHER_BATCHER_KEY)
        world.l1.mine()
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.FRAMES_INVALID] * 16


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.FJORD, Fork.HOLOCENE])
def test_a_stream_without_its_end_gives_the_batches_that_are_whole(fork: Fork) -> None:
    """Spec: op derivation, "Channel Format" (what can be decompressed is read)."""
    world = sequenced(fork)
    batches = [world.batcher.singular(number) for number in range(1, BLOCKS + 1)]
    for compression in [Compression.ZLIB] + [Compression.BROTLI] * (fork >= Fork.FJORD):
        other = sequenced(fork)
        whole = other.batcher.channel(batches, compression)
        for lost in (1, 4, len(whole) // 2):
            send(other, *other.batcher.frames(whole[:-lost]))
        other.l1.mine()
        verifier = derive(other)
        assert verifier.hashes() == other.l2.hashes()[: len(verifier.hashes())]
        if compression is Compression.ZLIB:
            # Its last bytes are a checksum: without it nothing is missing.
            assert verifier.hashes() == other.l2.hashes()


@pytest.mark.parametrize("fork", ERAS)
def test_an_empty_channel_and_one_without_batches_are_read_and_forgotten(fork: Fork) -> None:
    """Spec: op derivation, "Channel Reader"."""
    world = sequenced(fork)
    send(world, Frame(b"\x09" * 16, 0, b"", True))
    send(world, *world.batcher.frames(world.batcher.channel([])))
    send(world, *cut_channel(world, 1, BLOCKS))
    assert derive(world).hashes() == world.l2.hashes()


@pytest.mark.parametrize("fork", [Fork.ECOTONE, Fork.HOLOCENE, Fork.KARST])
def test_blobs_that_hold_no_data_do_not_break_the_order_of_those_that_do(fork: Fork) -> None:
    """Spec: op ecotone derivation, "Blob Encoding" (an invalid blob is skipped)."""
    world = sequenced(fork)
    frames = cut_channel(world, 1, BLOCKS)
    blobs = [encode_blob(encode_batcher_transaction([frame])) for frame in frames]
    world.l1.send_blobs([blobs[0], b"\xff" * 131_072, blobs[1]])
    world.l1.send_calldata(encode_batcher_transaction(frames[2:3]))
    world.l1.send_blobs([bytes(131_072), blobs[3]])
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    assert set(verifier.kinds()) == {EventKind.BLOB_INVALID, EventKind.FRAMES_INVALID}
