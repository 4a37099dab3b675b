"""Names for the values that cross room borders, so that a signature says what a number or a byte string means."""

from typing import NewType

Hash32 = NewType("Hash32", bytes)
"""32 bytes: a keccak256 digest or a value of that shape."""

Address = NewType("Address", bytes)
"""20 bytes."""

Wei = NewType("Wei", int)
Gas = NewType("Gas", int)
Timestamp = NewType("Timestamp", int)
"""Seconds since the Unix epoch."""

L1BlockNumber = NewType("L1BlockNumber", int)
L2BlockNumber = NewType("L2BlockNumber", int)

ZERO_HASH = Hash32(b"\x00" * 32)
ZERO_ADDRESS = Address(b"\x00" * 20)


def short(value: bytes) -> str:
    """The first four bytes of a hash as people read them in a log line, e.g. `0x1f8a42b7..`."""
    return f"0x{value[:4].hex()}.."


def to_hex(value: bytes) -> str:
    """`0x`-prefixed lower-case hex of all bytes."""
    return "0x" + value.hex()


def from_hex(text: str, length: int | None = None) -> bytes:
    """Bytes of a hex string with or without `0x`.

    Raises ValueError naming the offending text when it is not hex, or not `length` bytes long.
    """
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    try:
        value = bytes.fromhex(digits)
    except ValueError as error:
        raise ValueError(f"not a hex string: {text[:80]!r}") from error
    if length is not None and len(value) != length:
        raise ValueError(f"expected {length} bytes of hex, got {len(value)}: {text[:80]!r}")
    return value


def to_address(text: str) -> Address:
    """An address from its hex form. Raises ValueError when it is not 20 bytes of hex."""
    return Address(from_hex(text, 20))


def to_hash32(text: str) -> Hash32:
    """A 32-byte value from its hex form. Raises ValueError when it is not 32 bytes of hex."""
    return Hash32(from_hex(text, 32))
