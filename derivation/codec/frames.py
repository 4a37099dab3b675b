"""Frames: the pieces in which a channel travels in batcher transactions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from config.constants import DERIVATION_VERSION_0, MAX_FRAME_DATA_LENGTH
from config.types import short
from derivation.codec.errors import FrameError

CHANNEL_ID_BYTES = 16
FRAME_FIXED_BYTES = CHANNEL_ID_BYTES + 2 + 4 + 1
"""Bytes of a frame besides its data: channel id, frame number, data length, last flag."""

MAX_FRAME_NUMBER = 0xFFFF


@dataclass(frozen=True)
class Frame:
    """Part `number` (from 0, 16 bits) of the channel with this 16-byte id; `is_last` closes the channel.

    Spec: op derivation, "Frame Format".
    """

    channel_id: bytes
    number: int
    data: bytes
    is_last: bool

    def encode(self) -> bytes:
        """The frame's bytes. Raises FrameError when a field is outside what the format can carry."""
        if len(self.channel_id) != CHANNEL_ID_BYTES:
            raise FrameError(f"a channel id has {CHANNEL_ID_BYTES} bytes, got {len(self.channel_id)}")
        if not 0 <= self.number <= MAX_FRAME_NUMBER:
            raise FrameError(f"frame number {self.number} does not fit 16 bits")
        if len(self.data) > MAX_FRAME_DATA_LENGTH:
            raise FrameError(f"frame of {len(self.data)} bytes exceeds the limit of {MAX_FRAME_DATA_LENGTH}")
        return b"".join(
            (
                self.channel_id,
                self.number.to_bytes(2, "big"),
                len(self.data).to_bytes(4, "big"),
                self.data,
                b"\x01" if self.is_last else b"\x00",
            )
        )

    def __str__(self) -> str:
        return f"frame {self.number} of channel {short(self.channel_id)}{' (last)' if self.is_last else ''}"


def encode_batcher_transaction(frames: Iterable[Frame]) -> bytes:
    """What a batcher transaction or one blob carries: the version byte 0 and the frames.

    Spec: op derivation, "Batcher Transaction Format".
    """
    return bytes((DERIVATION_VERSION_0,)) + b"".join(frame.encode() for frame in frames)


def parse_batcher_transaction(data: bytes) -> tuple[Frame, ...]:
    """The frames of a batcher transaction's (or blob's) data; at least one.

    Raises FrameError when the version is unknown or any frame is malformed: one bad frame rejects them all.
    Spec: op derivation, "Batcher Transaction Format".
    """
    if not data:
        raise FrameError("batcher transaction without data")
    if data[0] != DERIVATION_VERSION_0:
        raise FrameError(f"batcher transaction of unknown version {data[0]}, expected {DERIVATION_VERSION_0}")
    frames = tuple(read_frames(data, 1))
    if not frames:
        raise FrameError("batcher transaction without a frame")
    return frames


def read_frames(data: bytes, offset: int) -> Iterator[Frame]:
    """The frames that follow each other from byte `offset` on.

    Raises FrameError at the first malformed one, after those before it. Spec: op derivation, "Frame Format".
    """
    end = len(data)
    while offset < end:
        data_start = offset + CHANNEL_ID_BYTES + 6
        if data_start > end:
            raise FrameError(f"frame at byte {offset} is cut off: {end - offset} bytes are no frame header")
        length = int.from_bytes(data[data_start - 4 : data_start], "big")
        if length > MAX_FRAME_DATA_LENGTH:
            raise FrameError(f"frame at byte {offset} claims {length} bytes, limit {MAX_FRAME_DATA_LENGTH}")
        last_flag = data_start + length
        if last_flag >= end:
            raise FrameError(f"frame at byte {offset} claims {length} bytes, but the data ends before")
        if data[last_flag] > 1:
            raise FrameError(f"frame at byte {offset} has {data[last_flag]} as last flag, expected 0 or 1")
        yield Frame(
            channel_id=data[offset : offset + CHANNEL_ID_BYTES],
            number=int.from_bytes(data[data_start - 6 : data_start - 4], "big"),
            data=data[data_start:last_flag],
            is_last=data[last_flag] == 1,
        )
        offset = last_flag + 1
