"""Channels: compression, limits, broken streams."""

import random
import zlib

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivation.codec import (
    ChannelDecoder,
    ChannelError,
    Compression,
    batches_to_rlp,
    compress_channel,
    compression_of,
)

LIMIT = 100_000_000


def read_all(decoder: ChannelDecoder) -> tuple[list[bytes], str | None]:
    """The batches, and the error that ended them."""
    found: list[bytes] = []
    try:
        while (batch := decoder.next_batch()) is not None:
            found.append(batch)
    except ChannelError as error:
        assert decoder.next_batch() is None
        return found, str(error)
    return found, None


batches = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20)


@settings(deadline=None)
@given(batches, st.sampled_from(Compression))
def test_channels_give_back_their_batches(items: list[bytes], compression: Compression) -> None:
    channel = compress_channel(batches_to_rlp(items), compression, 3)
    assert compression_of(channel) is compression
    assert read_all(ChannelDecoder(channel, LIMIT)) == (items, None)


@settings(deadline=None)
@given(batches, st.sampled_from(Compression), st.data())
def test_a_cut_off_channel_gives_a_prefix_of_its_batches(
    items: list[bytes], compression: Compression, data: st.DataObject
) -> None:
    channel = compress_channel(batches_to_rlp(items), compression, 3)
    cut = data.draw(st.integers(2, len(channel) - 1))
    found, _ = read_all(ChannelDecoder(channel[:cut], LIMIT))
    assert found == items[: len(found)]


@settings(deadline=None)
@given(batches, st.sampled_from(Compression), st.data())
def test_a_damaged_channel_is_batches_or_an_error(
    items: list[bytes], compression: Compression, data: st.DataObject
) -> None:
    channel = bytearray(compress_channel(batches_to_rlp(items), compression, 3))
    channel[data.draw(st.integers(0, len(channel) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoder = ChannelDecoder(bytes(channel), LIMIT)
    except ChannelError as error:
        assert str(error)
    else:
        read_all(decoder)


@settings(deadline=None)
@given(st.sampled_from((b"\x01", b"\x78\x9c", b"\x78\xda")), st.binary(max_size=200))
def test_garbage_is_batches_or_an_error(start: bytes, rest: bytes) -> None:
    read_all(ChannelDecoder(start + rest, LIMIT))


@pytest.mark.parametrize("compression", list(Compression))
def test_batches_before_the_damage_in_a_large_channel_are_all_read(compression: Compression) -> None:
    noise = random.Random(3)
    items = [bytes(noise.choices(b"0123456789abcdef", k=5_000)) for _ in range(200)]
    channel = bytearray(compress_channel(batches_to_rlp(items), compression, 5))
    position = len(channel) * 2 // 3
    # The longest prefix that decodes, found independently by cutting the stream before the damage.
    before, _ = read_all(ChannelDecoder(bytes(channel[:position]), LIMIT))
    channel[position : position + 64] = bytes(byte ^ 0xFF for byte in channel[position : position + 64])
    found, error = read_all(ChannelDecoder(bytes(channel), LIMIT))
    assert len(before) > 120
    assert found[: len(before)] == before == items[: len(before)]
    assert error is not None or len(found) >= len(before)


@pytest.mark.parametrize("compression", list(Compression))
def test_a_batch_that_ends_at_the_limit_counts_and_one_byte_more_does_not(compression: Compression) -> None:
    items = [bytes(100), bytes(1000), bytes(10)]
    rlp = batches_to_rlp(items)
    channel = compress_channel(rlp, compression, 5)
    assert read_all(ChannelDecoder(channel, len(rlp))) == (items, None)
    found, error = read_all(ChannelDecoder(channel, len(rlp) - 1))
    assert found == items[:2]
    assert error is not None and "limit" in error


@pytest.mark.parametrize("compression", list(Compression))
def test_a_bomb_is_not_inflated_past_what_its_batches_claim(compression: Compression) -> None:
    bomb = compress_channel(batches_to_rlp([b"first"]) + b"\xbf" + b"\xff" * 8 + bytes(30_000_000), compression, 5)
    assert len(bomb) < 50_000
    decoder = ChannelDecoder(bomb, LIMIT)
    found, error = read_all(decoder)
    assert found == [b"first"]
    assert error is not None and "limit" in error
    assert len(decoder._buffer) < 6_000_000


def test_a_zlib_stream_without_its_end_or_with_a_wrong_checksum_is_read_to_its_last_byte() -> None:
    items = [b"one", b"two" * 100]
    channel = compress_channel(batches_to_rlp(items), Compression.ZLIB)
    assert read_all(ChannelDecoder(channel[:-4], LIMIT)) == (items, None)
    assert read_all(ChannelDecoder(channel[:-1] + b"\x00", LIMIT)) == (items, None)
    assert read_all(ChannelDecoder(channel + b"trailing", LIMIT)) == (items, None)
    flushed = zlib.compressobj()
    unfinished = flushed.compress(batches_to_rlp(items)) + flushed.flush(zlib.Z_SYNC_FLUSH)
    assert read_all(ChannelDecoder(unfinished, LIMIT)) == (items, None)


def test_bytes_after_a_brotli_stream_do_not_spoil_its_batches() -> None:
    items = [b"one", b"two" * 100]
    found, _ = read_all(ChannelDecoder(compress_channel(batches_to_rlp(items)) + b"trailing", LIMIT))
    assert found == items


@pytest.mark.parametrize("quality", [0, 1, 5, 9, 11])
def test_brotli_of_every_quality_is_read(quality: int) -> None:
    items = [bytes(range(256)) * 40]
    assert (
        read_all(ChannelDecoder(b"\x01" + brotli.compress(batches_to_rlp(items), quality=quality), LIMIT))[0] == items
    )


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        (b"", "empty"),
        (b"\x00\x01", "no known compression"),
        (b"\x02\x01", "no known compression"),
        (b"\x78", "whole header"),
        (b"\x78\x00", "bad zlib header"),
        (b"\x0f\x00", "bad zlib header"),
        (b"\x88\x1c", "bad zlib header"),
        (b"\x78\xbb", "dictionary"),
    ],
)
def test_a_channel_of_no_known_form_is_refused(channel: bytes, reason: str) -> None:
    with pytest.raises(ChannelError, match=reason):
        ChannelDecoder(channel, LIMIT)


def test_brotli_is_refused_before_fjord() -> None:
    with pytest.raises(ChannelError, match="before Fjord"):
        ChannelDecoder(compress_channel(batches_to_rlp([b"x"])), LIMIT, brotli_allowed=False)


@pytest.mark.parametrize(
    ("rlp", "reason"),
    [
        (b"\xc1\x01", "list"),
        (b"\x81\x01", "non-canonical"),
        (b"\xb8\x05hello", "non-canonical"),
        (b"\xb9\x00\x40" + bytes(64), "non-canonical"),
        (b"\xb8", "ends within"),
        (b"\x85hell", "ends within"),
        (b"", "no batch"),
    ],
)
def test_what_is_no_rlp_string_ends_the_channel(rlp: bytes, reason: str) -> None:
    found, error = read_all(ChannelDecoder(compress_channel(rlp), LIMIT))
    assert found == []
    assert error is not None and reason in error
    if rlp:
        assert read_all(ChannelDecoder(compress_channel(b"\x83abc" + rlp), LIMIT))[0] == [b"abc"]
