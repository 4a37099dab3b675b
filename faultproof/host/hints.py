"""Hints: what the program says about the preimages that it is going to ask for.

A hint is a name, a space, and bytes in hexadecimal behind 0x. Spec: op fault proof, "Pre-image hinting routes".
"""

from dataclasses import dataclass
from enum import StrEnum

from config.types import Address, from_hex


class HintKind(StrEnum):
    """The names, with what their bytes are. Hashes have 32 bytes, numbers 8 (big-endian)."""

    L1_HEADER = "l1-block-header"  # block hash
    L1_TRANSACTIONS = "l1-transactions"  # block hash
    L1_RECEIPTS = "l1-receipts"  # block hash
    L1_BLOB = "l1-blob"  # versioned hash, timestamp of the L1 block
    L1_PRECOMPILE = "l1-precompile-v2"  # address (20 bytes), required gas, input
    L2_OUTPUT = "l2-output"  # output root
    L2_HEADER = "l2-block-header"  # block hash
    L2_TRANSACTIONS = "l2-transactions"  # block hash
    L2_STATE_NODE = "l2-state-node"  # node hash
    L2_CODE = "l2-code"  # code hash


_SIZES = {
    HintKind.L1_BLOB: 40,
    HintKind.L1_PRECOMPILE: None,
}
_HASH = 32
_SMALLEST_PRECOMPILE = 28


@dataclass(frozen=True)
class Hint:
    """A hint, taken apart."""

    kind: HintKind
    data: bytes

    @property
    def call(self) -> tuple[Address, int, bytes]:
        """Address, required gas and input of a precompiled contract's call."""
        return (
            Address(self.data[:20]),
            int.from_bytes(self.data[20:_SMALLEST_PRECOMPILE], "big"),
            self.data[_SMALLEST_PRECOMPILE:],
        )

    @staticmethod
    def parse(text: bytes) -> "Hint":
        """Raises ValueError when it is none of those that this host knows."""
        name, _, digits = text.decode("ascii", "replace").partition(" ")
        kind, data = HintKind(name), from_hex(digits)
        size = _SIZES.get(kind, _HASH)
        if (size is not None and len(data) != size) or (size is None and len(data) < _SMALLEST_PRECOMPILE):
            raise ValueError(f"a hint {kind} of {len(data)} bytes")
        return Hint(kind, data)
