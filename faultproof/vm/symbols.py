"""Names of a program's functions, from an ELF file that was not stripped."""

import struct
from bisect import bisect_right
from dataclasses import dataclass

from faultproof.vm.elf import InvalidProgram

_SECTIONS_AT = struct.Struct("<40xQ10xHHH")  # of the file header: offset, size of an entry, count
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SYMBOL_TABLE = 2
_FUNCTION = 2
_WITHOUT_BYTES = 8


@dataclass(frozen=True)
class Symbols:
    """Functions in order of their addresses."""

    starts: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def describe(self, address: int) -> str:
        """`name+offset` of the function that an address is in; empty when it is in none that is known."""
        place = bisect_right(self.starts, address) - 1
        if place < 0:
            return ""
        offset = address - self.starts[place]
        return f"{self.names[place]}+{offset:#x}" if offset else self.names[place]

    def address(self, name: str) -> int | None:
        """Where a function starts."""
        return self.starts[self.names.index(name)] if name in self.names else None


def sections(image: bytes) -> dict[str, bytes]:
    """The contents of an ELF file's sections by their names. Raises struct.error, IndexError or ValueError when it is damaged."""
    offset, entry_size, count, names = _SECTIONS_AT.unpack_from(image)
    if not count:
        return {}
    table = [_SECTION.unpack_from(image, offset + number * entry_size) for number in range(count)]
    names_at = table[names][4]
    found = {}
    for name_at, kind, _, _, start, size, *_ in table:
        name = image[names_at + name_at : image.index(b"\x00", names_at + name_at)].decode()
        found[name] = b"" if kind == _WITHOUT_BYTES else image[start : start + size]
    return found


def read_symbols(image: bytes) -> Symbols:
    """The functions that an ELF file names; none when it was stripped. Raises InvalidProgram when it is damaged."""
    try:
        offset, entry_size, count, _ = _SECTIONS_AT.unpack_from(image)
        sections = [_SECTION.unpack_from(image, offset + number * entry_size) for number in range(count)]
        found: dict[int, str] = {}
        for _, kind, _, _, start, size, link, _, _, _ in sections:
            if kind != _SYMBOL_TABLE:
                continue
            names_at = sections[link][4]
            for at in range(start, start + size, _SYMBOL.size):
                name_at, info, _, _, value, _ = _SYMBOL.unpack_from(image, at)
                if info & 15 == _FUNCTION and name_at:
                    name = image[names_at + name_at : image.index(b"\x00", names_at + name_at)]
                    found[value] = name.decode("utf-8", "replace")
    except (struct.error, IndexError, ValueError) as error:
        raise InvalidProgram("the ELF file's symbol table cannot be read") from error
    starts = tuple(sorted(found))
    return Symbols(starts, tuple(found[start] for start in starts))
