"""Cuts channels into the payloads that batcher transactions carry, and fills blobs with them to the last byte."""

from dataclasses import dataclass

from batcher.channel import Channel
from batcher.settings import ChannelSettings
from config.constants import DERIVATION_VERSION_0, MAX_BLOB_DATA_BYTES
from derivation.codec import FRAME_FIXED_BYTES, Frame
from derivation.codec.frames import MAX_FRAME_NUMBER

FULL_ENOUGH = 0.995
"""A blob filled to this share is not kept back for more: what is left hardly pays for another frame's header."""


@dataclass(frozen=True)
class Payload:
    """A version byte and frames, as one blob or one transaction's calldata carries them.

    `shares` tells whose frames they are: bytes by channel id, in order.
    Spec: op derivation, "Batcher Transaction Format".
    """

    data: bytes
    shares: tuple[tuple[bytes, int], ...]


class Packer:
    """Cuts channels into payloads of at most `capacity` bytes.

    The last frame of a channel rarely fills its payload. It may be kept open then, and the next channel begins right
    behind it: that is allowed, since a payload holds any number of frames of any channels, and keeps the order that
    derivation asks for, since the frames of a channel stay together.
    Spec: op derivation, "Batcher Transaction Format"; op holocene derivation, "Frame Queue".
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._clear()

    @staticmethod
    def for_blobs() -> "Packer":
        """One payload per blob."""
        return Packer(MAX_BLOB_DATA_BYTES)

    @staticmethod
    def for_calldata(settings: ChannelSettings) -> "Packer":
        """One payload per transaction, or per input that is stored elsewhere."""
        return Packer(settings.max_l1_tx_bytes)

    @property
    def open_channels(self) -> tuple[bytes, ...]:
        """The ids of the channels that end in the payload kept open."""
        return tuple(channel_id for channel_id, _ in self._shares)

    @property
    def is_nearly_full(self) -> bool:
        """Whether the payload kept open is not worth being kept open."""
        return len(self._data) >= FULL_ENOUGH * self._capacity

    def add(self, channel: Channel) -> list[Payload]:
        """Take a whole channel; answers the payloads that are full now. The rest stays open until more comes or `flush`.

        Raises ValueError when the channel needs more frames than frame numbers allow.
        """
        done: list[Payload] = []
        number = offset = 0
        while True:
            room = self._capacity - len(self._data) - FRAME_FIXED_BYTES
            if room < 1:
                done.append(self._seal())
                continue
            piece = channel.data[offset : offset + room]
            offset += len(piece)
            is_last = offset >= len(channel.data)
            if number > MAX_FRAME_NUMBER:
                raise ValueError(f"{channel} of {len(channel.data)} bytes needs more frames than can be numbered")
            frame = Frame(channel.id, number, piece, is_last).encode()
            self._data += frame
            self._shares.append((channel.id, len(frame)))
            if is_last:
                return done
            done.append(self._seal())
            number += 1

    def flush(self) -> list[Payload]:
        """The payload that was kept open, if there is one."""
        return [self._seal()] if self._shares else []

    def discard(self) -> None:
        """Forget the payload that was kept open."""
        self._clear()

    def _seal(self) -> Payload:
        payload = Payload(bytes(self._data), tuple(self._shares))
        self._clear()
        return payload

    def _clear(self) -> None:
        self._data = bytearray((DERIVATION_VERSION_0,))
        self._shares: list[tuple[bytes, int]] = []
