"""The core's decoders of batch data against the reference libraries, against `derivation/codec`, and against garbage."""

import hashlib
import os
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.constants import MAX_SPAN_BATCH_ELEMENT_COUNT
from config.forks import Fork
from config.l1_chain import l1_chain_config
from config.program import program_config
from config.registry import builtin_chain_ids, builtin_rollup_config
from config.types import Address
from derivation.codec import (
    BatchError,
    BlobError,
    ChannelDecoder,
    ChannelError,
    FrameError,
    SingularBatch,
    SpanBatch,
    SpanBlock,
    decode_batch,
    decode_blob,
    encode_batch,
    encode_blob,
    parse_batcher_transaction,
)
from derivation.codec.errors import DecodingError
from derivation.stages.frame_queue import prune_frames
from derivation.upgrades import transactions_of
from evm.native import derivation as native
from evm.types.transaction import LegacyTransaction, decode_transaction
from tests.derivation.test_codec_batches import singular_batches, span_batches

pytestmark = pytest.mark.usefixtures("native_library")

CORE_DATA = Path(__file__).resolve().parents[2] / "core" / "src" / "derivation" / "data"
DICTIONARY_SHA256 = "20e42eb1b511c21806d4d227d07e5dd06877d8ce7b3a817f378f313653f35c70"
CHAIN_ID = 901

TEXT = b"".join(path.read_bytes() for path in sorted((Path(__file__).resolve().parents[2] / "docs").glob("*.md")))
SAMPLES = {
    "nothing": b"",
    "one byte": b"a",
    "a repeated word": b"ab" * 1000,
    "zeros": bytes(100_000),
    "noise": os.urandom(5000),
    "text": TEXT[:60_000],
    "dictionary words": b"<html><head><title>The quick brown fox is not only about the time that people have " * 3,
    "other scripts": "Привет, мир. 日本語のテキスト。 ¿Qué tal? ".encode() * 20,
    "text and noise": TEXT[:70_000] + os.urandom(70_000) + TEXT[:70_000],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_brotli_decompresses_every_quality_window_and_mode(name: str) -> None:
    sample = SAMPLES[name]
    for quality in range(12):
        for window in (10, 16, 18, 22, 24):
            for mode in (0, 1, 2):
                if quality >= 10 and len(sample) > 60_000 and (mode or window != 22):
                    continue  # slow to make
                compressed = brotli.compress(sample, quality=quality, lgwin=window, mode=mode)
                assert native.decompress_brotli(compressed) == sample


@pytest.mark.parametrize("name", SAMPLES)
def test_zlib_decompresses_every_level_with_and_without_its_end(name: str) -> None:
    sample = SAMPLES[name]
    for level in range(10):
        compressed = zlib.compress(sample, level)
        assert native.inflate_zlib(compressed) == sample
        assert native.inflate_zlib(compressed[:-4]) == sample
    open_ended = zlib.compressobj(9)
    flushed = open_ended.compress(sample) + open_ended.flush(zlib.Z_SYNC_FLUSH)
    assert native.inflate_zlib(flushed) == sample


def test_every_word_of_brotlis_dictionary_is_known() -> None:
    data = (CORE_DATA / "brotli_dictionary.bin").read_bytes()
    assert len(data) == 122_784
    assert hashlib.sha256(data).hexdigest() == DICTIONARY_SHA256
    sample = data[:40_000]
    assert native.decompress_brotli(brotli.compress(sample, quality=11)) == sample


def test_decompression_stops_at_its_limit() -> None:
    bomb = bytes(50_000_000)
    for compressed, decompress in (
        (brotli.compress(bomb, quality=5), native.decompress_brotli),
        (zlib.compress(bomb, 9), native.inflate_zlib),
    ):
        assert decompress(compressed, 1_000_003) == bytes(1_000_003)
        assert decompress(compressed, 0) == b""
    assert native.decompress_brotli(brotli.compress(TEXT), 12_345) == TEXT[:12_345]
    assert native.inflate_zlib(zlib.compress(TEXT), 12_345) == TEXT[:12_345]


def expected_output(compressed: bytes) -> bytes:
    """All that `derivation/codec` reads of a stream, whether it is sound or not."""
    decoder = ChannelDecoder(compressed, 1 << 30)
    output = b""
    while piece := decoder._inflater.next_piece():
        output += piece
    return output


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.integers(0, 11),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3),
    st.floats(0, 1),
)
def test_of_a_broken_brotli_stream_both_read_the_same(
    name: str, quality: int, changes: list[tuple[float, int]], kept: float
) -> None:
    stream = bytearray(brotli.compress(SAMPLES[name][:3000], quality=quality))
    for position, value in changes:
        stream[int(position * (len(stream) - 1))] = value
    cut = bytes(stream[: 1 + int(kept * len(stream))])
    assert native.decompress_brotli(cut) == expected_output(b"\x01" + cut)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.integers(0, 9),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3),
    st.floats(0, 1),
)
def test_of_a_broken_zlib_stream_both_read_the_same(
    name: str, level: int, changes: list[tuple[float, int]], kept: float
) -> None:
    stream = bytearray(zlib.compress(SAMPLES[name][:3000], level)[:-4])
    for position, value in changes:
        stream[2 + int(position * (len(stream) - 3))] = value
    cut = bytes(stream[: 2 + int(kept * (len(stream) - 2))])
    assert native.inflate_zlib(cut) == expected_output(cut)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_no_decoder_breaks_on_garbage(data: bytes) -> None:
    native.decompress_brotli(data, 1 << 20)
    assert native.decompress_brotli(data, 1 << 20) == expected_output(b"\x01" + data)[: 1 << 20]
    if len(data) > 1:
        assert native.inflate_zlib(b"\x78\x9c" + data, 1 << 20) == expected_output(b"\x78\x9c" + data)[: 1 << 20]
    assert_same_frames(data)
    assert_same_frames(b"\x00" + data)
    for prefix in (b"", b"\x00", b"\x01"):
        assert_same_batch(prefix + data)


# --- frames and blobs ---


def assert_same_frames(data: bytes) -> None:
    try:
        expected = parse_batcher_transaction(data)
    except FrameError:
        with pytest.raises(native.NativeDerivationError):
            native.parse_frames(data)
        return
    for prune in (False, True):
        frames = prune_frames(expected)[0] if prune else expected
        assert native.parse_frames(data, prune) == [
            [
                frame.channel_id,
                frame.number.to_bytes(2, "big").lstrip(b"\0"),
                frame.data,
                b"\x01" if frame.is_last else b"",
            ]
            for frame in frames
        ]


frames_strategy = st.lists(
    st.tuples(st.sampled_from((b"a" * 16, b"b" * 16)), st.integers(0, 3), st.binary(max_size=5), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=400, deadline=None)
@given(frames_strategy, st.integers(0, 30), st.integers(0, 3))
def test_frames_are_parsed_and_pruned_alike(frames: list[tuple[bytes, int, bytes, bool]], at: int, cut: int) -> None:
    data = b"\x00" + b"".join(
        channel + number.to_bytes(2, "big") + len(content).to_bytes(4, "big") + content + bytes((last,))
        for channel, number, content, last in frames
    )
    assert_same_frames(data)
    assert_same_frames(data[: len(data) - cut])
    damaged = bytearray(data)
    damaged[at % len(data)] ^= 0x81
    assert_same_frames(bytes(damaged))


def assert_same_blob(blob: bytes) -> None:
    try:
        expected = decode_blob(blob)
    except BlobError:
        with pytest.raises(native.NativeDerivationError):
            native.decode_blob(blob)
    else:
        assert native.decode_blob(blob) == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 130_044), st.integers(0, 131_071), st.integers(0, 255))
def test_blobs_are_decoded_alike(size: int, at: int, value: int) -> None:
    blob = bytearray(encode_blob((TEXT * 10)[:size]))
    assert_same_blob(bytes(blob))
    blob[at] = value
    assert_same_blob(bytes(blob))


def test_the_largest_blob_and_wrong_sizes() -> None:
    data = os.urandom(130_044)
    assert native.decode_blob(encode_blob(data)) == data
    assert native.decode_blob(encode_blob(b"")) == b""
    with pytest.raises(native.NativeDerivationError):
        native.decode_blob(bytes(131_071))


# --- batches ---


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def as_rlp(batch: SingularBatch | SpanBatch) -> list[Any]:
    if isinstance(batch, SingularBatch):
        return [
            b"",
            batch.parent_hash,
            number(batch.epoch_number),
            batch.epoch_hash,
            number(batch.timestamp),
            list(batch.transactions),
        ]
    return [
        b"\x01",
        number(batch.rel_timestamp),
        number(batch.l1_origin_number),
        batch.parent_check,
        batch.l1_origin_check,
        [[number(block.origin_changed), list(block.transactions)] for block in batch.blocks],
    ]


def assert_same_batch(data: bytes, chain_id: int = CHAIN_ID) -> None:
    try:
        expected = decode_batch(data, chain_id)
    except BatchError:
        with pytest.raises(native.NativeDerivationError):
            native.decode_batch(data, chain_id)
        return
    assert native.decode_batch(data, chain_id) == as_rlp(expected)


def test_a_transaction_of_a_span_of_up_to_ten_million_bytes_is_read_by_both() -> None:
    most = MAX_SPAN_BATCH_ELEMENT_COUNT - 4 - 1 - 1 - 4  # prefixes of the list and its three fields
    for size in (most, most + 1):
        transaction = LegacyTransaction(
            nonce=0,
            gas_limit=21_000,
            to=Address(bytes(20)),
            value=0,
            data=bytes(size),
            chain_id=None,
            y_parity=0,
            r=1,
            s=1,
            gas_price=0,
        )
        span = SpanBatch(1, 1, bytes(20), bytes(20), (SpanBlock(False, (transaction.raw,)),))
        encoded = encode_batch(span, CHAIN_ID)
        assert_same_batch(encoded)
        if size == most:
            assert decode_batch(encoded, CHAIN_ID) == span
        else:
            with pytest.raises(BatchError, match="10000001 bytes, limit 10000000"):
                decode_batch(encoded, CHAIN_ID)


def assert_same_channel(compressed: bytes, chain_id: int) -> list[SingularBatch | SpanBatch]:
    batches: list[SingularBatch | SpanBatch] = []
    decoder = ChannelDecoder(compressed, 100_000_000)
    try:
        while (data := decoder.next_batch()) is not None:
            batches.append(decode_batch(data, chain_id))
    except DecodingError:
        pass
    assert native.decode_channel(compressed, chain_id) == [as_rlp(batch) for batch in batches]
    return batches


def channel_of(calldata: bytes) -> bytes:
    return b"".join(frame[2] for frame in native.parse_frames(calldata))


def test_a_real_channel_of_singular_batches(vectors: Path) -> None:
    calldata = bytes.fromhex(
        (vectors / "batches" / "op-mainnet-2024-01-10-singular-calldata.hex").read_text().strip().removeprefix("0x")
    )
    batches = assert_same_channel(channel_of(calldata), 10)
    assert len(batches) == 34
    assert sum(len(batch.transactions) for batch in batches if isinstance(batch, SingularBatch)) == 689


def test_a_real_blob_with_a_span_batch(vectors: Path) -> None:
    blob = bytes.fromhex((vectors / "batches" / "op-sepolia-ecotone-blob.hex").read_text().strip().removeprefix("0x"))
    decoded = bytes.fromhex(
        (vectors / "batches" / "op-sepolia-ecotone-blob.decoded.hex").read_text().strip().removeprefix("0x")
    )
    assert native.decode_blob(blob) == decoded
    (span,) = assert_same_channel(channel_of(decoded), 11155420)
    assert isinstance(span, SpanBatch)
    assert (len(span.blocks), span.transaction_count) == (22, 20)


def test_a_real_channel_whose_zlib_stream_has_no_end(vectors: Path) -> None:
    raw = (vectors / "batches" / "op-mainnet-delta-batcher-tx.rlp.bin").read_bytes()
    (span,) = assert_same_channel(channel_of(decode_transaction(raw).data), 10)
    assert isinstance(span, SpanBatch)
    assert (len(span.blocks), span.transaction_count) == (27, 209)


def test_a_span_batch_with_every_type_of_transaction(vectors: Path) -> None:
    batch = b"\x01" + (vectors / "batches" / "span-batch-random-4-blocks.hex").read_bytes()
    for chain_id in (28, 10, CHAIN_ID, (1 << 64) - 1):
        assert_same_batch(batch, chain_id)
    decoded = decode_batch(batch, 28)
    assert isinstance(decoded, SpanBatch)
    assert (len(decoded.blocks), decoded.transaction_count) == (4, 39)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_span_batches_are_read_alike(data: st.DataObject) -> None:
    encoded = bytearray(encode_batch(data.draw(span_batches | singular_batches), CHAIN_ID))
    assert_same_batch(bytes(encoded))
    for _ in range(data.draw(st.integers(0, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    assert_same_batch(bytes(encoded[: data.draw(st.integers(0, len(encoded)))]))
    assert_same_batch(bytes(encoded))


def test_too_many_blocks_or_transactions_are_refused() -> None:
    head = b"\x01" + b"\x05\x06" + bytes(40)
    for block_count in (b"\x00", b"\xff\xff\xff\xff\x7f", b"\x81\xad\xe2\x04", b"\xff" * 9 + b"\x01"):
        assert_same_batch(head + block_count + bytes(100))
    assert_same_batch(head + b"\x01\x00" + b"\xff" * 9 + b"\x01" + bytes(100))
    empty = SpanBatch(5, 6, bytes(20), bytes(20), tuple(SpanBlock(False, ()) for _ in range(70_000)))
    assert_same_batch(encode_batch(empty, CHAIN_ID))


# --- data and configuration ---


def test_the_upgrade_transactions_are_those_of_the_configuration() -> None:
    forks = (Fork.ECOTONE, Fork.FJORD, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST)
    assert native.upgrade_transactions() == [list(transactions_of(fork)) for fork in forks]


def test_the_upgrade_transactions_are_the_published_ones(vectors: Path) -> None:
    packed = dict(zip(("ecotone", "fjord", "isthmus", "jovian", "karst"), native.upgrade_transactions(), strict=True))
    for fork in ("ecotone", "fjord", "isthmus"):
        files = sorted((vectors / "upgrades").glob(f"{fork}_tx_*.hex"))
        published = [bytes.fromhex(file.read_text().strip().removeprefix("0x")) for file in files]
        assert packed[fork] == published
    for name in ("l1-block", "gas-price-oracle"):
        code = (vectors / "upgrades" / f"jovian-{name}-deployment.hex").read_text().strip().removeprefix("0x")
        assert any(bytes.fromhex(code) in transaction for transaction in packed["jovian"])
    assert len(packed["karst"]) == 31


def test_the_core_reads_the_configuration_of_every_chain_and_no_damaged_one() -> None:
    for chain_id in builtin_chain_ids():
        rollup = builtin_rollup_config(chain_id)
        encoded = program_config(rollup, l1_chain_config(rollup.l1_chain_id))
        native.check_program_config(encoded)
        for damaged in (encoded[:-1], encoded + b"\x00", b"", b"\xc0", encoded[:3] + b"\x02" + encoded[4:]):
            with pytest.raises(native.NativeDerivationError):
                native.check_program_config(damaged)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 500), st.integers(0, 255))
def test_a_damaged_configuration_does_no_harm(at: int, value: int) -> None:
    rollup = builtin_rollup_config(10)
    encoded = bytearray(program_config(rollup, l1_chain_config(rollup.l1_chain_id)))
    encoded[at % len(encoded)] = value
    try:
        native.check_program_config(bytes(encoded))
    except native.NativeDerivationError as error:
        assert error.status is native.DerivationStatus.INVALID


def test_an_unknown_compression_gives_no_batches() -> None:
    with pytest.raises(native.NativeDerivationError):
        native.decode_channel(b"\x02\x00", CHAIN_ID)
    with pytest.raises(ChannelError):
        ChannelDecoder(b"\x02\x00", 100)
