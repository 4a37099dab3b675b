"""Frames and blobs: round trips, limits, and garbage that never crashes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.constants import BLOB_BYTES, MAX_BLOB_DATA_BYTES, MAX_FRAME_DATA_LENGTH
from derivation.codec import (
    BlobError,
    Frame,
    FrameError,
    decode_blob,
    encode_batcher_transaction,
    encode_blob,
    parse_batcher_transaction,
)
from derivation.stages.frame_queue import prune_frames

frames = st.builds(
    Frame,
    channel_id=st.binary(min_size=16, max_size=16),
    number=st.integers(0, 0xFFFF),
    data=st.binary(max_size=200),
    is_last=st.booleans(),
)


@given(st.lists(frames, min_size=1, max_size=6))
def test_frames_parse_back_to_what_was_encoded(parts: list[Frame]) -> None:
    assert list(parse_batcher_transaction(encode_batcher_transaction(parts))) == parts


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_cut_off_frames_are_an_error_unless_the_cut_is_between_frames(parts: list[Frame], data: st.DataObject) -> None:
    encoded = encode_batcher_transaction(parts)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    borders = [len(encode_batcher_transaction(parts[:count])) for count in range(1, len(parts))]
    if cut in borders:
        assert parse_batcher_transaction(encoded[:cut]) == tuple(parts[: borders.index(cut) + 1])
    else:
        with pytest.raises(FrameError):
            parse_batcher_transaction(encoded[:cut])


@given(st.binary(max_size=300))
def test_garbage_is_frames_or_a_frame_error(data: bytes) -> None:
    try:
        parsed = parse_batcher_transaction(b"\x00" + data)
    except FrameError as error:
        assert str(error)
    else:
        assert encode_batcher_transaction(parsed) == b"\x00" + data


def test_a_frame_may_hold_a_million_bytes_and_no_more() -> None:
    largest = Frame(bytes(16), 0, bytes(MAX_FRAME_DATA_LENGTH), True)
    encoded = encode_batcher_transaction([largest])
    assert parse_batcher_transaction(encoded) == (largest,)
    longer = encoded[:19] + (MAX_FRAME_DATA_LENGTH + 1).to_bytes(4, "big") + bytes(MAX_FRAME_DATA_LENGTH + 1) + b"\x01"
    with pytest.raises(FrameError, match="limit 1000000"):
        parse_batcher_transaction(longer)


@pytest.mark.parametrize("version", [1, 2, 255])
def test_unknown_versions_are_refused(version: int) -> None:
    encoded = encode_batcher_transaction([Frame(bytes(16), 0, b"", True)])
    with pytest.raises(FrameError, match="unknown version"):
        parse_batcher_transaction(bytes((version,)) + encoded[1:])


def test_a_last_flag_other_than_zero_or_one_is_refused() -> None:
    encoded = encode_batcher_transaction([Frame(bytes(16), 0, b"data", True)])
    with pytest.raises(FrameError, match="last flag"):
        parse_batcher_transaction(encoded[:-1] + b"\x02")


@pytest.mark.parametrize(
    "frame",
    [Frame(bytes(15), 0, b"", True), Frame(bytes(16), 1 << 16, b"", True), Frame(bytes(16), 0, bytes(1_000_001), True)],
)
def test_what_the_format_cannot_carry_is_not_encoded(frame: Frame) -> None:
    with pytest.raises(FrameError):
        frame.encode()


def shape(text: str) -> list[Frame]:
    """`a0 a1! b0`: channel and number, with `!` on the last frame."""
    return [Frame(part[0].encode() * 16, int(part[1:].rstrip("!")), b"", part.endswith("!")) for part in text.split()]


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        ("a0 a1 a2!", "a0 a1 a2!"),
        ("a0 a0 a1!", "a0 a1!"),
        ("a0 a2 a1!", "a0 a1!"),
        ("a0 a1! a2 b0!", "a0 a1! b0!"),
        ("a0 a1! a1! b0", "a0 a1! b0"),
        ("a0 b1 a1!", "a0 a1!"),
        ("a0 a1 b0 b1!", "b0 b1!"),
        ("a0! b0 b1 c0!", "a0! c0!"),
        ("a3 a4 b0!", "b0!"),
        ("a3 a4! b0!", "a3 a4! b0!"),
        ("a0 b0 c0 d0", "d0"),
        ("a0! b1 b0!", "a0! b0!"),
    ],
)
def test_frames_out_of_order_are_pruned(came: str, kept: str) -> None:
    kept_frames, dropped = prune_frames(shape(came))
    assert kept_frames == shape(kept)
    assert len(kept_frames) + len(dropped) == len(shape(came))


@given(st.lists(st.sampled_from(shape("a0 a1 a2! b0 b1! b2 c0! c1")), max_size=12))
def test_kept_frames_continue_each_other_or_open_a_channel_after_a_closed_one(came: list[Frame]) -> None:
    kept, _ = prune_frames(came)
    for before, after in pairwise(kept):
        if after.number == 0:
            assert before.is_last
        else:
            assert (after.channel_id, after.number) == (before.channel_id, before.number + 1)
            assert not before.is_last


@settings(max_examples=30, deadline=None)
@given(st.integers(0, MAX_BLOB_DATA_BYTES), st.randoms(use_true_random=False))
def test_blobs_decode_to_what_was_encoded(length: int, noise: object) -> None:
    data = noise.randbytes(length)  # type: ignore[attr-defined]
    blob = encode_blob(data)
    assert len(blob) == BLOB_BYTES
    assert max(blob[::32]) < 64
    assert decode_blob(blob) == data


@pytest.mark.parametrize("length", [0, 1, 26, 27, 28, 122, 123, 124, MAX_BLOB_DATA_BYTES - 1, MAX_BLOB_DATA_BYTES])
def test_blobs_of_every_awkward_length_decode_to_what_was_encoded(length: int) -> None:
    data = b"\xff" * length
    assert decode_blob(encode_blob(data)) == data


def test_a_blob_holds_130044_bytes_and_no_more() -> None:
    with pytest.raises(BlobError, match="130044"):
        encode_blob(bytes(MAX_BLOB_DATA_BYTES + 1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, BLOB_BYTES - 1), st.integers(1, 255), st.integers(0, 300))
def test_no_other_blob_decodes_to_the_same_data(position: int, flip: int, length: int) -> None:
    data = bytes(range(256)) * 2
    blob = bytearray(encode_blob(data[:length]))
    blob[position] ^= flip
    try:
        assert decode_blob(bytes(blob)) != data[:length]
    except BlobError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (0, 0x40, "two top bits"),
        (131_040, 0x80, "two top bits"),
        (1, 1, "version 1"),
        (2, 2, "claims"),
        (200, 1, "after its 5 bytes"),
        (131_071, 1, "after its 5 bytes"),
    ],
)
def test_a_blob_with_a_wrong_byte_is_refused(position: int, value: int, reason: str) -> None:
    blob = bytearray(encode_blob(b"hello"))
    blob[position] = value
    with pytest.raises(BlobError, match=reason):
        decode_blob(bytes(blob))


@pytest.mark.parametrize("size", [0, BLOB_BYTES - 1, BLOB_BYTES + 1])
def test_a_blob_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(BlobError, match="131072"):
        decode_blob(bytes(size))
