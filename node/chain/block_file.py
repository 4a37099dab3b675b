"""Files of blocks: their RLP, one behind the other, as geth exports and imports them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_BLOCK_BYTES = 256 << 20
"""The longest block that is read: far above what any gas limit here allows, far below what a damaged prefix can ask for."""

_LIST = 0xC0
_LONG_LIST = 0xF7


class BlockFileError(ValueError):
    """The bytes are not those of blocks one behind the other; the message says where."""


@dataclass(frozen=True)
class RawBlock:
    """The RLP of a block, and the position in bytes at which it begins in the (unpacked) file."""

    offset: int
    raw: bytes


def read_blocks(stream: BinaryIO) -> Iterator[RawBlock]:
    """The blocks of a file in their order, one in memory at a time. What is in them is not looked at.

    Raises BlockFileError where no block begins, or one is cut short.
    """
    offset = 0
    while prefix := _read(stream, 1, offset):
        if prefix[0] < _LIST:
            raise BlockFileError(f"at byte {offset} no block begins (0x{prefix.hex()}): it is not a file of blocks")
        length = prefix[0] - _LIST
        if prefix[0] > _LONG_LIST:
            digits = prefix[0] - _LONG_LIST
            prefix += _read_all(stream, digits, offset)
            length = int.from_bytes(prefix[1:], "big")
        if length > MAX_BLOCK_BYTES:
            raise BlockFileError(f"at byte {offset} a block of {length} bytes begins: the file is damaged")
        raw = prefix + _read_all(stream, length, offset)
        yield RawBlock(offset, raw)
        offset += len(raw)


def _read_all(stream: BinaryIO, size: int, offset: int) -> bytes:
    data = _read(stream, size, offset)
    if len(data) < size:
        raise BlockFileError(f"the file is cut short: the block that begins at byte {offset} is not whole")
    return data


def _read(stream: BinaryIO, size: int, offset: int) -> bytes:
    """`size` bytes, fewer at the end of the file. Pipes give what they have, so it is asked for until it is all there."""
    parts: list[bytes] = []
    while size:
        try:
            part = stream.read(size)
        except EOFError as error:
            raise BlockFileError(f"the packed file is cut short, at or after byte {offset} of what is in it") from error
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
