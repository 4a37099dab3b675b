"""A closed channel: the compressed batches of a run of L2 blocks, ready to be cut into frames."""

import secrets
from dataclasses import dataclass
from enum import Enum

from config.rollup import BlockId
from derivation.codec.frames import CHANNEL_ID_BYTES


class CloseReason(Enum):
    """Why a channel takes no more blocks."""

    FULL = "full"
    DURATION = "max channel duration reached"
    SEQUENCING_WINDOW = "sequencing window of its first block comes near"
    FLUSHED = "flushed"


def new_channel_id() -> bytes:
    """A random channel id, 16 bytes. Spec: op derivation, "Frame Format"."""
    return secrets.token_bytes(CHANNEL_ID_BYTES)


@dataclass(frozen=True)
class Channel:
    """What a closed channel holds and how large it is, in bytes.

    `input_bytes` are the raw transactions of its blocks, `batch_bytes` the encoded batches before compression,
    `compressed_bytes` the channel's own length. `data` is the channel; it is let go once its transactions are made.
    """

    id: bytes
    first: BlockId
    last: BlockId
    first_origin: BlockId
    blocks: int
    transactions: int
    input_bytes: int
    batch_bytes: int
    compressed_bytes: int
    data: bytes
    reason: CloseReason

    def __str__(self) -> str:
        return f"channel {self.id.hex()[:8]} (L2 blocks {self.first.number} to {self.last.number})"
