"""Lines of source behind a program's addresses, from an ELF file with debug information. Spec: DWARF 4 and 5, section 6.2"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from faultproof.vm.elf import InvalidProgram
from faultproof.vm.symbols import sections

_MD5_SIZE = 16
_PATH, _DIRECTORY = 1, 2
_STRING, _LINE_STRING, _STRING_OFFSET, _UDATA, _DATA1, _DATA2, _DATA4, _DATA8, _DATA16, _BLOCK = (
    0x08, 0x1F, 0x0E, 0x0F, 0x0B, 0x05, 0x06, 0x07, 0x1E, 0x09,
)  # fmt: skip
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE_PC = 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2
_LONG_UNIT = 0xFFFFFFFF


@dataclass(frozen=True)
class SourceLines:
    """Addresses in order; each is behind the line next to it until the next one. A line of None: no source is known."""

    addresses: tuple[int, ...] = ()
    lines: tuple[tuple[str, int] | None, ...] = field(default=(), repr=False)

    def at(self, address: int) -> tuple[str, int] | None:
        """File and line of the instruction at an address; None where they are not known."""
        place = bisect_right(self.addresses, address) - 1
        return self.lines[place] if place >= 0 else None

    def describe(self, address: int) -> str:
        """`file:line`; empty where it is not known."""
        found = self.at(address)
        return f"{found[0]}:{found[1]}" if found else ""


def read_source_lines(image: bytes) -> SourceLines:
    """The lines that an ELF file's debug information gives; none when it has none. Raises InvalidProgram when it is damaged."""
    try:
        found = sections(image)
        program = found.get(".debug_line", b"")
        strings = _Strings(found.get(".debug_line_str", b""), found.get(".debug_str", b""))
        rows: list[tuple[int, int, tuple[str, int] | None]] = []
        offset = 0
        while offset < len(program):
            unit = _Unit(program, offset, strings)
            rows += unit.rows()
            offset = unit.end
    except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
        raise InvalidProgram("the ELF file's line table cannot be read") from error
    # An address where one sequence ends and the next begins belongs to the next.
    rows.sort(key=lambda row: (row[0], row[1]))
    return SourceLines(tuple(row[0] for row in rows), tuple(row[2] for row in rows))


@dataclass(frozen=True)
class _Strings:
    lines: bytes
    other: bytes


class _Reader:
    """Numbers and strings of DWARF, one after the other."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.at = offset

    def number(self, size: int) -> int:
        value = self.data[self.at : self.at + size]
        if len(value) != size:
            raise ValueError("the data end early")
        self.at += size
        return int.from_bytes(value, "little")

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def sleb(self) -> int:
        start = self.at
        value = self.uleb()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def text(self) -> str:
        return _text_at(self.data, self._past_text())

    def _past_text(self) -> int:
        start = self.at
        self.at = self.data.index(b"\x00", start) + 1
        return start


def _text_at(data: bytes, start: int) -> str:
    return data[start : data.index(b"\x00", start)].decode()


class _Unit:
    """The line program of one compilation unit."""

    def __init__(self, data: bytes, offset: int, strings: _Strings) -> None:
        self._strings = strings
        reader = self._reader = _Reader(data, offset)
        length = reader.number(4)
        self._offset_size = 8 if length == _LONG_UNIT else 4
        if self._offset_size == 8:
            length = reader.number(8)
        self.end = reader.at + length
        self._version = reader.number(2)
        if self._version not in (2, 3, 4, 5):
            raise ValueError(f"line tables of version {self._version} are not known")
        self._address_size = 8
        if self._version == 5:
            self._address_size = reader.number(1)
            reader.number(1)
        header_length = reader.number(self._offset_size)
        start = reader.at + header_length
        self._instruction_size = reader.number(1)
        if self._version >= 4:
            reader.number(1)
        reader.number(1)
        line_base = reader.number(1)
        self._line_base = line_base - 256 if line_base > 127 else line_base
        self._line_range = reader.number(1)
        opcode_base = reader.number(1)
        self._operands = [0, *(reader.number(1) for _ in range(opcode_base - 1))]
        self._files = self._new_files() if self._version == 5 else self._old_files()
        reader.at = start

    # --- file names ---

    def _old_files(self) -> list[str]:
        reader = self._reader
        directories = [""]
        while name := reader.text():
            directories.append(name)
        # Files are numbered from one.
        files = [""]
        while name := reader.text():
            directory = directories[reader.uleb()]
            reader.uleb()
            reader.uleb()
            files.append(_joined(directory, name))
        return files

    def _new_files(self) -> list[str]:
        directories = [path for path, _ in self._entries()]
        return [_joined(directories[directory], path) for path, directory in self._entries()]

    def _entries(self) -> list[tuple[str, int]]:
        reader = self._reader
        formats = [(reader.uleb(), reader.uleb()) for _ in range(reader.number(1))]
        entries = []
        for _ in range(reader.uleb()):
            path, directory = "", 0
            for content, form in formats:
                value = self._value(form)
                if content == _PATH:
                    path = str(value)
                elif content == _DIRECTORY and isinstance(value, int):
                    directory = value
            entries.append((path, directory))
        return entries

    def _value(self, form: int) -> str | int:
        reader = self._reader
        sizes = {_DATA1: 1, _DATA2: 2, _DATA4: 4, _DATA8: 8, _DATA16: _MD5_SIZE}
        if form in sizes:
            return reader.number(sizes[form])
        if form == _STRING:
            return reader.text()
        if form == _LINE_STRING:
            return _text_at(self._strings.lines, reader.number(self._offset_size))
        if form == _STRING_OFFSET:
            return _text_at(self._strings.other, reader.number(self._offset_size))
        if form == _UDATA:
            return reader.uleb()
        if form == _BLOCK:
            return reader.number(reader.uleb())
        raise ValueError(f"form {form:#x} is not known")

    # --- rows ---

    def rows(self) -> Iterator[tuple[int, int, tuple[str, int] | None]]:
        """Address, order (ends first), and what is there from the address on."""
        reader = self._reader
        address, file, line = 0, 1, 1
        while reader.at < self.end:
            opcode = reader.number(1)
            if opcode >= len(self._operands):
                adjusted = opcode - len(self._operands)
                address += adjusted // self._line_range * self._instruction_size
                line += self._line_base + adjusted % self._line_range
                yield address, 1, self._place(file, line)
            elif opcode == 0:
                size = reader.uleb()
                after = reader.at + size
                extended = reader.number(1)
                if extended == _END_SEQUENCE:
                    yield address, 0, None
                    address, file, line = 0, 1, 1
                elif extended == _SET_ADDRESS:
                    address = reader.number(size - 1)
                reader.at = after
            elif opcode == _COPY:
                yield address, 1, self._place(file, line)
            elif opcode == _ADVANCE_PC:
                address += reader.uleb() * self._instruction_size
            elif opcode == _ADVANCE_LINE:
                line += reader.sleb()
            elif opcode == _SET_FILE:
                file = reader.uleb()
            elif opcode == _CONST_ADD_PC:
                address += (255 - len(self._operands)) // self._line_range * self._instruction_size
            elif opcode == _FIXED_ADVANCE_PC:
                address += reader.number(2)
            else:
                for _ in range(self._operands[opcode]):
                    reader.uleb()

    def _place(self, file: int, line: int) -> tuple[str, int] | None:
        # Code that the compiler made up has line 0.
        return (_shortened(self._files[file]), line) if line else None


def _shortened(path: str) -> str:
    """A path without what belongs to the machine on which the program was built."""
    for root in ("core/src/", "lib/std/"):
        _, found, rest = path.rpartition("/" + root)
        if found:
            return root.removeprefix("lib/") + rest
    return path


def _joined(directory: str, name: str) -> str:
    return name if not directory or name.startswith("/") else f"{directory}/{name}"
