"""Commitments: what the inbox holds of a payload that is kept outside L1.

Spec: op alt-da, "Input Commitment Submission".
"""

from dataclasses import dataclass
from enum import IntEnum

from derivation.codec.errors import CommitmentError
from evm.types import keccak256

MAX_KECCAK_INPUT_BYTES = 130_672
"""The longest payload that a keccak commitment may stand for: what a challenge can put on L1 in one transaction."""

_KECCAK_BYTES = 32


class CommitmentType(IntEnum):
    """The first byte of an encoded commitment."""

    KECCAK = 0
    GENERIC = 1


@dataclass(frozen=True)
class Commitment:
    """Type and content: a keccak256 hash, or bytes that only the DA service understands (its layer's byte first)."""

    type: CommitmentType
    content: bytes

    def encode(self) -> bytes:
        """Type byte and content, as DA servers name it; batcher transactions put the version byte 1 in front."""
        return bytes((self.type,)) + self.content

    def fits(self, payload: bytes) -> bool:
        """Whether it can stand for this payload, as far as can be told: generic commitments are the DA service's matter."""
        return self.type is not CommitmentType.KECCAK or keccak256(payload) == self.content

    @staticmethod
    def of(payload: bytes) -> "Commitment":
        """The keccak commitment to a payload."""
        return Commitment(CommitmentType.KECCAK, keccak256(payload))

    @staticmethod
    def decode(data: bytes) -> "Commitment":
        """Raises CommitmentError when the type is unknown or the content has a wrong length."""
        if not data or data[0] not in set(CommitmentType):
            raise CommitmentError(f"commitment of unknown type {data[0]}" if data else "commitment without a type")
        kind, content = CommitmentType(data[0]), data[1:]
        if kind is CommitmentType.KECCAK and len(content) != _KECCAK_BYTES:
            raise CommitmentError(f"a keccak commitment has {_KECCAK_BYTES} bytes, got {len(content)}")
        if not content:
            raise CommitmentError("a generic commitment without content")
        return Commitment(kind, content)

    def __str__(self) -> str:
        text = self.encode().hex()
        return f"commitment 0x{text if len(text) <= 24 else text[:20] + '..'}"
