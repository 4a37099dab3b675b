"""Public batch data: real channels and batches of other implementations."""

from pathlib import Path

import pytest

from derivation.codec import (
    ChannelDecoder,
    ChannelError,
    Compression,
    SingularBatch,
    SpanBatch,
    decode_batch,
    decode_blob,
    decode_span_batch,
    encode_batch,
    encode_blob,
    encode_span_batch,
    parse_batcher_transaction,
)
from evm.types import decode_transaction

OP_MAINNET, OP_SEPOLIA = 10, 11155420
OP_MAINNET_GENESIS_TIME, OP_MAINNET_GENESIS_NUMBER = 1686068903, 105235063
BEFORE_FJORD = 10_000_000


@pytest.fixture
def batches(vectors: Path) -> Path:
    return vectors / "batches"


def read_hex(path: Path) -> bytes:
    return bytes.fromhex(path.read_text().strip().removeprefix("0x"))


def channel_of(data: bytes) -> ChannelDecoder:
    frames = parse_batcher_transaction(data)
    assert len(frames) == 1 and frames[0].number == 0 and frames[0].is_last
    return ChannelDecoder(frames[0].data, BEFORE_FJORD, brotli_allowed=False)


def test_a_real_blob_carries_a_span_batch_of_22_blocks_and_20_transactions(batches: Path) -> None:
    blob, data = (
        read_hex(batches / "op-sepolia-ecotone-blob.hex"),
        read_hex(batches / "op-sepolia-ecotone-blob.decoded.hex"),
    )
    assert decode_blob(blob) == data
    assert encode_blob(data) == blob
    channel = channel_of(data)
    encoded = channel.next_batch()
    assert encoded is not None and channel.next_batch() is None
    batch = decode_batch(encoded, OP_SEPOLIA)
    assert isinstance(batch, SpanBatch)
    assert (len(batch.blocks), batch.transaction_count) == (22, 20)
    assert encode_batch(batch, OP_SEPOLIA) == encoded


def test_a_real_calldata_channel_carries_34_singular_batches_with_689_transactions(batches: Path) -> None:
    channel = channel_of(read_hex(batches / "op-mainnet-2024-01-10-singular-calldata.hex"))
    assert channel.compression is Compression.ZLIB
    found: list[SingularBatch] = []
    while (encoded := channel.next_batch()) is not None:
        batch = decode_batch(encoded, OP_MAINNET)
        assert isinstance(batch, SingularBatch)
        assert encode_batch(batch, OP_MAINNET) == encoded
        found.append(batch)
    assert [batch.timestamp for batch in found] == list(range(1704888269, 1704888336, 2))
    assert sum(len(batch.transactions) for batch in found) == 689


def test_a_real_channel_without_end_marker_carries_a_span_batch_of_27_blocks_with_209_transactions(
    batches: Path,
) -> None:
    transaction = decode_transaction((batches / "op-mainnet-delta-batcher-tx.rlp.bin").read_bytes())
    channel = channel_of(transaction.data)
    encoded = channel.next_batch()
    assert encoded is not None and channel.next_batch() is None
    batch = decode_batch(encoded, OP_MAINNET)
    assert isinstance(batch, SpanBatch)
    assert (len(batch.blocks), batch.transaction_count) == (27, 209)
    assert OP_MAINNET_GENESIS_NUMBER + batch.rel_timestamp // 2 == 117369690
    assert encode_batch(batch, OP_MAINNET) == encoded
    for block in batch.blocks:
        for raw in block.transactions:
            signed = decode_transaction(raw)
            assert signed.chain_id in (OP_MAINNET, None)
            assert len(signed.sender) == 20


def test_a_random_span_batch_with_every_type_encodes_back_to_the_same_bytes(batches: Path) -> None:
    raw = (batches / "span-batch-random-4-blocks.hex").read_bytes()
    batch = decode_span_batch(raw, 28)
    assert (len(batch.blocks), batch.transaction_count) == (4, 39)
    assert {decode_transaction(tx).type for block in batch.blocks for tx in block.transactions} >= {0, 1, 2}
    assert encode_span_batch(batch, 28) == raw


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_real_channel_cut_short_gives_the_batches_that_are_whole(batches: Path, keep: float) -> None:
    data = parse_batcher_transaction(read_hex(batches / "op-mainnet-2024-01-10-singular-calldata.hex"))[0].data
    whole, cut = ChannelDecoder(data, BEFORE_FJORD), ChannelDecoder(data[: int(len(data) * keep)], BEFORE_FJORD)
    count = 0
    with pytest.raises(ChannelError, match="ends within"):
        while (batch := cut.next_batch()) is not None:
            assert batch == whole.next_batch()
            count += 1
    assert abs(count - 34 * keep) < 4
    assert cut.next_batch() is None
