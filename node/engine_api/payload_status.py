"""What a node thinks of a block. Spec: Engine API, "PayloadStatusV1"."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from config.types import Hash32, to_hex


class Status(Enum):
    """The value is the name in RPC."""

    VALID = "VALID"
    INVALID = "INVALID"
    SYNCING = "SYNCING"
    """It cannot be said: a block before it is not here."""
    ACCEPTED = "ACCEPTED"
    """A block of a fork that parts from the chain before the finalized block: not executed."""
    INVALID_BLOCK_HASH = "INVALID_BLOCK_HASH"
    """Of `engine_newPayloadV1` alone; later versions say INVALID."""


@dataclass(frozen=True)
class PayloadStatus:
    """The verdict; `latest_valid_hash` is the youngest valid block of the chain that the block ends, where that is known."""

    status: Status
    latest_valid_hash: Hash32 | None = None
    error: str | None = None

    @staticmethod
    def valid(block_hash: Hash32) -> "PayloadStatus":
        """The block is valid."""
        return PayloadStatus(Status.VALID, block_hash)

    def to_json(self) -> dict[str, Any]:
        """As RPC shows it."""
        return {
            "status": self.status.value,
            "latestValidHash": None if self.latest_valid_hash is None else to_hex(self.latest_valid_hash),
            "validationError": self.error,
        }
