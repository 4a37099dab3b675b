"""Recursive Length Prefix: strict decoding with errors for people, and helpers for integers.

Spec: Ethereum yellow paper, appendix B.
"""

from collections.abc import Sequence
from typing import TypeAlias

import rusty_rlp

Rlp: TypeAlias = "bytes | list[Rlp]"
"""A decoded item: a byte string or a list of items."""

RlpInput: TypeAlias = "bytes | Sequence[RlpInput]"


MAX_DEPTH = 1024
"""Levels of lists within lists that are decoded. Nothing on L1 or L2 has ten; the decoder recurses and, unbounded,
would run off the end of the stack and take the process with it."""


class RlpError(ValueError):
    """Bytes that are not the canonical RLP of what was expected."""


def encode(item: RlpInput) -> bytes:
    """Canonical RLP of byte strings and (nested) sequences of them."""
    encoded: bytes = rusty_rlp.encode_raw(item)
    return encoded


def decode(data: bytes) -> Rlp:
    """Decode exactly one item.

    Raises RlpError for trailing bytes, short input, a non-canonical form or lists nested deeper than MAX_DEPTH.
    """
    # The library's decoder takes 30 ns for each byte of a string: milliseconds for a large transaction. Its encoder is fast,
    # and says whether what the bytes were taken for is what they are: no item but the one they encode encodes to them.
    items = split_items(data)
    if len(items) != 1 or rusty_rlp.encode_raw(items[0]) != data:
        raise _malformed(data)
    return items[0]


def split_items(data: bytes) -> list[Rlp]:
    """The items that lie one behind the other, if the bytes are canonical RLP: for what this process has encoded itself.

    Raises RlpError for lists that end behind the list they are in, or nest deeper than MAX_DEPTH. Nothing else is checked.
    """
    items: list[Rlp] = []
    position, end = 0, len(data)
    around: list[tuple[list[Rlp], int]] = []
    while True:
        while position >= end:
            if not around:
                return items
            items, end = around.pop()
        prefix = data[position]
        position += 1
        if prefix < 0x80:
            items.append(data[position - 1 : position])
            continue
        length = prefix & 0x7F if prefix < 0xC0 else prefix & 0x3F
        if length > 55:
            digits = length - 55
            length = int.from_bytes(data[position : position + digits], "big")
            position += digits
        following = position + length
        if prefix < 0xC0:
            items.append(data[position:following])
            position = following
            continue
        if following > end:
            raise _malformed(data)
        if len(around) == MAX_DEPTH:
            raise RlpError(f"malformed RLP ({len(data)} bytes): lists are nested more than {MAX_DEPTH} deep")
        inner: list[Rlp] = []
        items.append(inner)
        around.append((items, end))
        items, end = inner, following


def _malformed(data: bytes) -> RlpError:
    start = f"{len(data)} bytes, starts with 0x{data[:8].hex()}"
    return RlpError(f"malformed RLP ({start}): cut short, followed by more, or not in the canonical form")


def decode_list(data: bytes, what: str) -> list[Rlp]:
    """Decode one item that must be a list. `what` names it in the error."""
    item = decode(data)
    if not isinstance(item, list):
        raise RlpError(f"{what}: expected an RLP list, got a string of {len(item)} bytes")
    return item


def item_length(data: bytes, offset: int = 0) -> int:
    """Bytes of the item starting at `offset`, prefix included. Raises RlpError when the input ends before it."""
    if offset >= len(data):
        raise RlpError("malformed RLP: no data")
    prefix = data[offset]
    if prefix < 0x80:
        return 1
    if prefix < 0xB8:
        length = 1 + prefix - 0x80
    elif prefix < 0xC0:
        length = _long_length(data, offset, prefix - 0xB7)
    elif prefix < 0xF8:
        length = 1 + prefix - 0xC0
    else:
        length = _long_length(data, offset, prefix - 0xF7)
    if offset + length > len(data):
        raise RlpError(f"malformed RLP: item of {length} bytes at offset {offset} exceeds the {len(data)} bytes given")
    return length


def _long_length(data: bytes, offset: int, size: int) -> int:
    digits = data[offset + 1 : offset + 1 + size]
    if len(digits) < size or digits[0] == 0:
        raise RlpError(f"malformed RLP: bad length at offset {offset}")
    length = int.from_bytes(digits, "big")
    if length < 56:
        raise RlpError(f"malformed RLP: long form for a length of {length} at offset {offset}")
    return 1 + size + length


def int_to_rlp(value: int) -> bytes:
    """Big-endian without leading zeros; zero is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def as_int(item: Rlp, what: str, max_bytes: int = 32) -> int:
    """An unsigned integer field. Raises RlpError for lists, leading zeros or more than `max_bytes` bytes."""
    if not isinstance(item, bytes):
        raise RlpError(f"{what}: expected an integer, got a list")
    if item[:1] == b"\x00":
        raise RlpError(f"{what}: integer with leading zero")
    if len(item) > max_bytes:
        raise RlpError(f"{what}: integer of {len(item)} bytes, at most {max_bytes} allowed")
    return int.from_bytes(item, "big")


def as_bytes(item: Rlp, what: str, length: int | None = None) -> bytes:
    """A byte string field. Raises RlpError for lists or a wrong length."""
    if not isinstance(item, bytes):
        raise RlpError(f"{what}: expected bytes, got a list")
    if length is not None and len(item) != length:
        raise RlpError(f"{what}: expected {length} bytes, got {len(item)}")
    return item


def as_list(item: Rlp, what: str, length: int | None = None) -> list[Rlp]:
    """A list field. Raises RlpError for strings or a wrong number of items."""
    if not isinstance(item, list):
        raise RlpError(f"{what}: expected a list, got bytes")
    if length is not None and len(item) != length:
        raise RlpError(f"{what}: expected {length} items, got {len(item)}")
    return item
