"""Where the code of one build of a program is in another build of it.

A program with debug information is not the stripped one to the byte: the compiler makes some instructions otherwise, and
all addresses behind them move. Instructions are therefore compared without the operands that depend on where things are.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

_SURE = 8
"""So many equal instructions in a row are the same place."""
_FARTHEST = 400
"""Instructions that may differ in a row, in both builds together."""
_WORD = 4
_UPPER, _STORE_OR_BRANCH, _IMMEDIATE = 0xFFF, 0x01FF_F07F, 0x000F_FFFF
_MASKS = {
    0x37: _UPPER,
    0x17: _UPPER,
    0x6F: _UPPER,
    0x63: _STORE_OR_BRANCH,
    0x23: _STORE_OR_BRANCH,
    0x13: _IMMEDIATE,
    0x03: _IMMEDIATE,
    0x67: _IMMEDIATE,
}


@dataclass(frozen=True)
class Alignment:
    """Runs of instructions that two builds share: where each begins in both, and how many bytes it has; in order."""

    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    sizes: tuple[int, ...]

    def to_theirs(self, address: int) -> int | None:
        """Where an instruction of ours is in the other build; None where it has no counterpart."""
        return _moved(self.ours, self.theirs, self.sizes, address)

    def to_ours(self, address: int) -> int | None:
        """The other way round."""
        return _moved(self.theirs, self.ours, self.sizes, address)

    @cached_property
    def shared(self) -> int:
        """Bytes of code that have a counterpart."""
        return sum(self.sizes)


def _moved(source: tuple[int, ...], target: tuple[int, ...], sizes: tuple[int, ...], address: int) -> int | None:
    place = bisect_right(source, address) - 1
    if place < 0 or address - source[place] >= sizes[place]:
        return None
    return target[place] + address - source[place]


def align(ours: bytes, our_start: int, theirs: bytes, their_start: int) -> Alignment:
    """Compare the code of two builds, which begins at these addresses."""
    a, b = _shapes(ours), _shapes(theirs)
    runs: list[tuple[int, int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        length = 0
        while i + length < len(a) and j + length < len(b) and a[i + length] == b[j + length]:
            length += 1
        if length:
            runs.append((our_start + _WORD * i, their_start + _WORD * j, _WORD * length))
        skipped = _next_equal(a, i + length, b, j + length)
        if skipped is None:
            break
        i, j = i + length + skipped[0], j + length + skipped[1]
    columns = tuple(zip(*runs, strict=True)) or ((), (), ())
    return Alignment(*columns)


def _shapes(code: bytes) -> list[int]:
    words = struct.unpack(f"<{len(code) // _WORD}I", code[: len(code) // _WORD * _WORD])
    return [word & _MASKS.get(word & 0x7F, 0xFFFF_FFFF) for word in words]


def _next_equal(a: list[int], i: int, b: list[int], j: int) -> tuple[int, int] | None:
    """How much is to be left out of each for the two to go on alike, as little as possible."""
    for distance in range(1, _FARTHEST):
        for left_out in range(distance + 1):
            x, y = i + left_out, j + distance - left_out
            following = a[x : x + _SURE]
            if len(following) == _SURE and following == b[y : y + _SURE]:
                return left_out, distance - left_out
    return None
