"""What the channel stages of both eras give and show."""

from dataclasses import dataclass
from typing import Protocol

from derivation.stages.pull import Pull
from derivation.types import L1BlockRef


@dataclass(frozen=True)
class RawChannel:
    """A complete channel, still compressed."""

    channel_id: bytes
    compressed: bytes


@dataclass(frozen=True)
class OpenChannel:
    """A channel whose frames are not all there; `size` in bytes with the overhead of 200 for each frame."""

    channel_id: bytes
    opened_in: L1BlockRef
    frames: int
    size: int


class ChannelSource(Protocol):
    """The channel stage of an era."""

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""

    @property
    def open_channel(self) -> OpenChannel | None:
        """The oldest channel under construction."""

    def next(self) -> RawChannel | Pull:
        """The next complete channel."""
