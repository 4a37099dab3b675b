"""Reads what the batcher wrote, with the decoders that derivation uses."""

from collections.abc import Iterable, Sequence

from batcher.block import BatchBlock
from config.rollup import RollupConfig
from derivation.codec import (
    ChannelDecoder,
    Frame,
    SingularBatch,
    SpanBatch,
    decode_batch,
    decode_blob,
    parse_batcher_transaction,
)
from l1.candidate import TxCandidate

Seen = tuple[int, int, tuple[bytes, ...]]
"""Timestamp, L1 origin number, transactions of an L2 block."""


def frames_of(candidates: Iterable[TxCandidate]) -> list[Frame]:
    """All frames, in the order in which L1 would show them."""
    frames: list[Frame] = []
    for candidate in candidates:
        payloads = [decode_blob(blob) for blob in candidate.blobs] or [candidate.data]
        for payload in payloads:
            frames += parse_batcher_transaction(payload)
    return frames


def blocks_in_frames(frames: Sequence[Frame], rollup: RollupConfig) -> list[Seen]:
    """The L2 blocks in one channel's frames, which must be complete and in order."""
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert [frame.is_last for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert len({frame.channel_id for frame in frames}) == 1
    return blocks_in_channel(b"".join(frame.data for frame in frames), rollup)


def blocks_in_channel(data: bytes, rollup: RollupConfig) -> list[Seen]:
    """The L2 blocks in a whole channel."""
    limit = rollup.forks.facts(rollup.genesis.l2_time).max_rlp_bytes_per_channel
    seen: list[Seen] = []
    for raw in all_batches(data, limit):
        batch = decode_batch(raw, rollup.l2_chain_id)
        if isinstance(batch, SingularBatch):
            seen.append((batch.timestamp, batch.epoch_number, batch.transactions))
        else:
            assert isinstance(batch, SpanBatch)
            start = batch.start_timestamp(rollup)
            for index, (block, epoch) in enumerate(zip(batch.blocks, batch.epoch_numbers(), strict=True)):
                seen.append((start + index * rollup.block_time, epoch, block.transactions))
    return seen


def all_batches(data: bytes, limit: int) -> list[bytes]:
    """The encoded batches of a channel."""
    decoder = ChannelDecoder(data, limit)
    batches: list[bytes] = []
    while (batch := decoder.next_batch()) is not None:
        batches.append(batch)
    return batches


def as_seen(blocks: Iterable[BatchBlock]) -> list[Seen]:
    """What `blocks_in_channel` must give for these blocks."""
    return [(block.timestamp, block.l1_origin.number, block.transactions) for block in blocks]
