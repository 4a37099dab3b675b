"""The bytes between node and libp2p process, and between peers: round trips, pieces of any size, garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.p2p.frames import MAX_FRAME_BYTES, MAX_TEXT_BYTES, Frame, FrameReader, Kind
from node.p2p.pubsub_wire import Message, Rpc, decode, encode, varint

UINT64 = st.integers(0, 2**64 - 1)
TEXTS = st.text(max_size=40)
FRAMES = st.builds(
    Frame,
    kind=st.sampled_from(Kind),
    ticket=UINT64,
    number=UINT64,
    code=st.integers(0, 255),
    text=TEXTS,
    body=st.binary(max_size=300),
)
IDS = st.lists(st.binary(max_size=24), max_size=4).map(tuple)
RPCS = st.builds(
    Rpc,
    subscriptions=st.lists(st.tuples(TEXTS, st.booleans()), max_size=3).map(tuple),
    messages=st.lists(st.builds(Message, TEXTS, st.binary(max_size=200)), max_size=3).map(tuple),
    ihave=st.lists(st.tuples(TEXTS, IDS), max_size=3).map(tuple),
    iwant=IDS,
    graft=st.lists(TEXTS, max_size=3).map(tuple),
    prune=st.lists(st.tuples(TEXTS, st.integers(0, 2**32)), max_size=3).map(tuple),
)


@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(1, 50), max_size=30))
def test_frames_come_out_as_they_went_in_whatever_the_pieces(frames: list[Frame], sizes: list[int]) -> None:
    stream = b"".join(frame.encode() for frame in frames)
    reader, found, position = FrameReader(), [], 0
    for size in [*sizes, len(stream) + 1]:
        found += reader.feed(stream[position : position + size])
        position += size
    assert found == frames


@given(st.binary(max_size=200))
def test_garbage_in_the_pipe_is_an_error_or_waits_for_more(garbage: bytes) -> None:
    try:
        frames = FrameReader().feed(garbage)
    except ValueError:
        frames = []
    assert all(frame.kind in Kind for frame in frames)


def test_a_frame_that_is_too_large_is_refused_on_both_sides() -> None:
    with pytest.raises(ValueError, match="too large"):
        Frame(Kind.PUBLISH, body=bytes(MAX_FRAME_BYTES)).encode()
    with pytest.raises(ValueError, match="says it has"):
        FrameReader().feed((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))


def test_text_that_is_too_long_is_cut_between_two_characters() -> None:
    frame = Frame(Kind.LOG, text="€" * MAX_TEXT_BYTES)
    [found] = FrameReader().feed(frame.encode())
    assert found.text == "€" * (MAX_TEXT_BYTES // 3)


@given(RPCS)
def test_an_rpc_of_pubsub_comes_out_as_it_went_in(rpc: Rpc) -> None:
    assert decode(encode(rpc)) == rpc


@given(st.binary(max_size=200))
def test_garbage_of_a_peer_is_a_value_error_or_an_rpc(garbage: bytes) -> None:
    try:
        rpc = decode(garbage)
    except ValueError:
        rpc = Rpc()
    assert decode(encode(rpc)).prune == rpc.prune, "what can be read can be written"


@given(RPCS, st.integers(0, 400))
def test_an_rpc_that_was_cut_off_is_a_value_error_or_a_shorter_one(rpc: Rpc, length: int) -> None:
    whole = encode(rpc)
    try:
        shorter = decode(whole[:length])
    except ValueError:
        shorter = Rpc()
    assert len(shorter.messages) <= len(rpc.messages)


@pytest.mark.parametrize("field", [1, 3, 5, 6])
def test_a_message_that_says_who_it_is_from_is_noticed(field: int) -> None:
    content = b"\x12\x01x\x22\x01t" + varint(field << 3 | 2) + b"\x01a"
    assert decode(b"\x12" + varint(len(content)) + content).messages == (Message("t", b"x", stamped=True),)


def test_the_first_message_of_a_go_peer_is_read_although_it_has_fields_of_later_versions() -> None:
    hello = bytes.fromhex("200a1e080112162f6f7074696d69736d2f3930312f332f626c6f636b7318002000")
    assert decode(hello[1:]).subscriptions == (("/optimism/901/3/blocks", True),)
