"""A piece of code with what is known about it: where it can be jumped to, and which parts run often."""

import functools

from evm.forks import hot_code
from evm.forks.hot_code import HotPath

_JUMPDEST = 0x5B
_PADDING = bytes(33)
"""STOPs behind the code, longer than any push: reading on needs no check."""

HOT_AFTER = 2000
"""Jumps to a place before it is compiled. Running them takes about a millisecond, compiling the longest path a few:
code written to be compiled for nothing stays cheaper than what else can be bought for the same gas."""

_MOST_PATHS = 4096
"""Compiled paths kept in all; beyond them everything is forgotten and begins anew, which bounds the memory."""


_MOST_COUNTED = 2048
"""Places of one program whose jumps are counted at a time; beyond them its count begins anew."""


class Program:
    """Code (with STOPs behind it), `targets` (a byte for each of its places, 1 for a JUMPDEST) and `paths`: compiled
    code by where it begins.
    """

    compiled = 0
    """Paths of all programs together."""

    def __init__(self, code: bytes, has_push0: bool) -> None:
        position, size = 0, len(code)
        targets = bytearray(size)
        while position < size:
            opcode = code[position]
            if opcode == _JUMPDEST:
                targets[position] = 1
            elif 0x60 <= opcode <= 0x7F:
                position += opcode - 0x5F
            position += 1
        self.code = code + _PADDING
        self.targets = bytes(targets)
        self.paths: dict[int, HotPath] = {}
        self.heat: dict[int, int] = {}
        self._has_push0 = has_push0

    def warm(self, target: int) -> bool:
        """Count a jump to a JUMPDEST without a path; compile one when it is time, and say whether there is one now."""
        if len(self.heat) >= _MOST_COUNTED:
            self.heat.clear()
        heat = self.heat.get(target, 0) + 1
        self.heat[target] = heat
        if heat != HOT_AFTER:
            return False
        path = hot_code.compile_path(self.code, self.targets, target, self._has_push0)
        if path is None:
            return False
        self.paths[target] = path
        Program.compiled += 1
        if Program.compiled >= _MOST_PATHS:
            Program.compiled = 0
            program.cache_clear()
        return True


@functools.lru_cache(maxsize=512)
def program(code: bytes, has_push0: bool) -> Program:
    """The program of this code, kept for the next time it runs."""
    return Program(code, has_push0)
