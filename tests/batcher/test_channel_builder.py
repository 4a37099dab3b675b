"""Channels: what goes in comes out of the decoders, within every bound, and well filled."""

import asyncio
import random
from collections.abc import Sequence
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batcher.block import BatchBlock
from batcher.channel import Channel, CloseReason
from batcher.channel_builder import ChannelBuilder
from batcher.da import DataKind
from batcher.outbox import Outbox, OutboxSettings
from batcher.parcels import ParcelMaker
from batcher.ports import L1Head
from batcher.settings import BatchType, ChannelSettings, DriverSettings
from batcher.status import Counters
from config.constants import BLOB_BYTES, MAX_BLOB_DATA_BYTES
from config.errors import CriticalError
from config.forks import Fork
from config.rollup import RollupConfig
from config.types import Timestamp, Wei
from derivation.codec import Compression, SpanBatch, decode_batch, decode_blob
from l1.candidate import TxCandidate
from tests.batcher.chains import INBOX, L2Chain, rollup_config
from tests.batcher.reading import all_batches, as_seen, blocks_in_channel, blocks_in_frames, frames_of
from tests.batcher.world import ManualClock

ROLLUP = rollup_config()
FAST = ChannelSettings(compression_level=3)
HEAD = L1Head(20, ROLLUP.genesis.l1.hash, Timestamp(ROLLUP.genesis.l2_time), Wei(1), Wei(1))


def build(blocks: Sequence[BatchBlock], shape: ChannelSettings, rollup: RollupConfig = ROLLUP) -> list[Channel]:
    """All blocks in as many channels as it takes."""
    channels: list[Channel] = []
    done = 0
    while done < len(blocks):
        builder = ChannelBuilder(rollup, shape, opened_at=20)
        builder.fill(blocks[done:])
        channels.append(builder.close(CloseReason.FLUSHED))
        assert len(builder) >= 1
        done += len(builder)
    return channels


class Postbox:
    """A sender that takes everything and hears of nothing again."""

    def __init__(self) -> None:
        self.taken: list[TxCandidate] = []

    async def send(self, candidate: TxCandidate) -> NoReturn:
        """Keep it."""
        self.taken.append(candidate)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")


def transactions(channel: Channel, kind: DataKind, shape: ChannelSettings) -> list[TxCandidate]:
    """What the outbox hands over for a channel that shares its transactions with no other."""

    async def post() -> list[TxCandidate]:
        postbox, maker = Postbox(), ParcelMaker(shape, None)
        limits = OutboxSettings(INBOX, shape.blobs_per_transaction, shape.data_availability)
        outbox = Outbox(
            postbox, limits, DriverSettings(max_pending_transactions=0), ManualClock(), Counters(), lambda: None
        )
        posted, parcels = await maker.add(channel, kind, 0)
        outbox.add(posted)
        outbox.queue([*parcels, *await maker.flush()])
        assert outbox.send(HEAD) is None
        await asyncio.sleep(0)
        await outbox.cancel()
        return postbox.taken

    return asyncio.run(post())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 32),
    blocks=st.integers(1, 20),
    per_block=st.integers(0, 4),
    batch_type=st.sampled_from(BatchType),
    compression=st.sampled_from(Compression),
    span_blocks=st.integers(0, 4),
    kind=st.sampled_from([DataKind.BLOBS, DataKind.CALLDATA]),
    max_tx=st.integers(60, 5000),
)
def test_frames_decode_to_the_blocks_that_went_in(
    seed: int,
    blocks: int,
    per_block: int,
    batch_type: BatchType,
    compression: Compression,
    span_blocks: int,
    kind: DataKind,
    max_tx: int,
) -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(blocks, random.Random(seed), per_block)
    shape = ChannelSettings(
        batch_type=batch_type,
        compression=compression,
        compression_level=4,
        max_blocks_per_span_batch=span_blocks,
        max_l1_tx_bytes=max_tx,
    )
    (channel,) = build(chain.blocks[1:], shape)
    sent = transactions(channel, kind, shape)
    assert blocks_in_frames(frames_of(sent), ROLLUP) == as_seen(chain.blocks[1:])
    assert channel.first == chain.blocks[1].id
    assert channel.last == chain.head.id
    for transaction in sent:
        assert transaction.to == INBOX
        assert len(transaction.data) <= max_tx
        assert len(transaction.blobs) <= shape.blobs_per_transaction


@pytest.mark.parametrize("target_blobs", [1, 3])
def test_channels_fill_their_blobs_and_never_exceed_them(target_blobs: int) -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(260 * target_blobs, random.Random(7), per_block=4, data_bytes=150)
    shape = ChannelSettings(compression_level=3, target_blobs=target_blobs)
    channels = build(chain.blocks[1:], shape)
    assert len(channels) >= 2
    seen = [block for channel in channels for block in blocks_in_channel(channel.data, ROLLUP)]
    assert seen == as_seen(chain.blocks[1:])
    for channel in channels[:-1]:
        (sent,) = transactions(channel, DataKind.BLOBS, shape)
        assert channel.reason is CloseReason.FULL
        assert len(sent.blobs) == target_blobs
        assert all(len(blob) == BLOB_BYTES for blob in sent.blobs)
        fill = channel.compressed_bytes / shape.target_bytes
        print(f"{target_blobs} filled to {fill:.3f}, compression {channel.input_bytes / channel.compressed_bytes:.3f}")
        assert 0.95 < fill <= 1


def test_a_channel_of_exactly_the_target_size_fills_its_blobs_to_the_last_byte() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(1, random.Random(1))
    (channel,) = build(chain.blocks[1:], FAST)
    stretched = Channel(**{**channel.__dict__, "data": bytes(FAST.target_bytes)})
    (sent,) = transactions(stretched, DataKind.BLOBS, FAST)
    (blob,) = sent.blobs
    assert len(decode_blob(blob)) == MAX_BLOB_DATA_BYTES


def test_blocks_filled_one_by_one_give_the_same_channels_as_all_at_once() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(300, random.Random(3), per_block=3, data_bytes=200)
    at_once = ChannelBuilder(ROLLUP, FAST, opened_at=20)
    at_once.fill(chain.blocks[1:])
    one_by_one = ChannelBuilder(ROLLUP, FAST, opened_at=20)
    for block in chain.blocks[1:]:
        one_by_one.fill([block])
        if one_by_one.is_full:
            break
    assert at_once.is_full
    assert one_by_one.close(CloseReason.FULL).data == at_once.close(CloseReason.FULL).data


def test_a_single_block_larger_than_the_target_gets_a_channel_of_several_frames() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(1, random.Random(5), per_block=4, data_bytes=100_000)
    chain.extend_many(1, random.Random(6), per_block=1)
    large, small = build(chain.blocks[1:], FAST)
    assert large.blocks == small.blocks == 1
    (sent,) = transactions(large, DataKind.BLOBS, FAST)
    assert len(sent.blobs) == 4
    assert blocks_in_frames(frames_of([sent]), ROLLUP) == as_seen(chain.blocks[1:2])


def test_more_blobs_than_a_transaction_may_carry_go_into_several() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(1, random.Random(5), per_block=4, data_bytes=100_000)
    shape = ChannelSettings(compression_level=3, blobs_per_transaction=3)
    (channel,) = build(chain.blocks[1:], shape)
    sent = transactions(channel, DataKind.BLOBS, shape)
    assert [len(tx.blobs) for tx in sent] == [3, 1]
    assert blocks_in_frames(frames_of(sent), ROLLUP) == as_seen(chain.blocks[1:])


def test_the_limit_on_uncompressed_bytes_ends_a_channel() -> None:
    rollup = rollup_config(last_fork=Fork.ECOTONE)
    limit = rollup.forks.facts(rollup.genesis.l2_time).max_rlp_bytes_per_channel
    shape = ChannelSettings(compression=Compression.ZLIB, compression_level=1)
    chain = L2Chain(rollup)
    zeros = bytes(3_000_000)
    for _ in range(5):
        chain.extend((b"\x02" + zeros,))
    # Zeros compress to almost nothing, so only the limit can end the channel.
    singular = ChannelSettings(compression=Compression.ZLIB, compression_level=1, batch_type=BatchType.SINGULAR)
    channels = build(chain.blocks[1:], singular, rollup)
    assert [channel.blocks for channel in channels] == [3, 2]
    assert all(channel.batch_bytes <= limit for channel in channels)
    assert shape.target_bytes > channels[0].compressed_bytes


def test_a_block_that_no_channel_can_hold_stops_the_batcher() -> None:
    rollup = rollup_config(last_fork=Fork.ECOTONE)
    chain = L2Chain(rollup)
    chain.extend((b"\x02" + bytes(10_500_000),))
    shape = ChannelSettings(compression=Compression.ZLIB, compression_level=1, batch_type=BatchType.SINGULAR)
    with pytest.raises(CriticalError, match="L2 block 1 alone takes"):
        build(chain.blocks[1:], shape, rollup)


def test_brotli_before_fjord_is_refused_with_the_remedy() -> None:
    rollup = rollup_config(last_fork=Fork.ECOTONE)
    chain = L2Chain(rollup)
    chain.extend()
    with pytest.raises(CriticalError, match="start the batcher with zlib"):
        build(chain.blocks[1:], FAST, rollup)


def test_a_channel_closes_when_its_time_is_up() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend()
    builder = ChannelBuilder(ROLLUP, ChannelSettings(max_channel_duration=4), opened_at=20)
    assert builder.close_reason(30) is None
    builder.fill(chain.blocks[1:])
    assert builder.close_reason(23) is None
    assert builder.close_reason(24) is CloseReason.DURATION


def test_a_channel_closes_a_safety_margin_before_the_sequencing_window_of_its_first_block_ends() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend()
    builder = ChannelBuilder(ROLLUP, ChannelSettings(sub_safety_margin=10), opened_at=20)
    builder.fill(chain.blocks[1:])
    end = chain.head.l1_origin.number + ROLLUP.seq_window_size
    assert builder.close_reason(end - 11) is None
    assert builder.close_reason(end - 10) is CloseReason.SEQUENCING_WINDOW


def test_span_batches_are_split_by_the_blocks_they_may_hold() -> None:
    chain = L2Chain(ROLLUP)
    chain.extend_many(10, random.Random(9))
    shape = ChannelSettings(compression_level=3, max_blocks_per_span_batch=4)
    (channel,) = build(chain.blocks[1:], shape)
    spans = [decode_batch(raw, ROLLUP.l2_chain_id) for raw in all_batches(channel.data, 10**8)]
    assert [len(span.blocks) for span in spans if isinstance(span, SpanBatch)] == [4, 4, 2]


def test_origin_bits_and_checks_tell_epochs_and_parents() -> None:
    chain = L2Chain(ROLLUP, epoch_blocks=3)
    chain.extend_many(7, random.Random(2))
    builder = ChannelBuilder(ROLLUP, FAST, opened_at=20)
    builder.fill(chain.blocks[3:])  # block 3 starts an epoch
    channel = builder.close(CloseReason.FLUSHED)
    (raw,) = all_batches(channel.data, 10**8)
    span = decode_batch(raw, ROLLUP.l2_chain_id)
    assert isinstance(span, SpanBatch)
    assert [block.origin_changed for block in span.blocks] == [True, False, False, True, False]
    assert span.parent_check == chain.blocks[2].hash[:20]
    assert span.l1_origin_check == chain.head.l1_origin.hash[:20]
    assert span.l1_origin_number == chain.head.l1_origin.number


def test_an_empty_channel_cannot_be_closed() -> None:
    with pytest.raises(ValueError, match="without blocks"):
        ChannelBuilder(ROLLUP, FAST, opened_at=20).close(CloseReason.FLUSHED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"compression_level": 12},
        {"target_blobs": 0},
        {"blobs_per_transaction": 7},
        {"max_l1_tx_bytes": 24},
        {"max_l1_tx_bytes": 130_673},
        {"sub_safety_margin": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        ChannelSettings(**wrong)  # type: ignore[arg-type]
