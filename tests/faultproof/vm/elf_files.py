"""ELF files for the VM's tests, as a linker writes them."""

import struct
from collections.abc import Sequence

from faultproof.vm.elf import Program

LOAD = 1


def elf(segments: Sequence[tuple[int, int, bytes, int]], *, entry: int = 0x1000, **changes: int) -> bytes:
    """A file with program headers of (type, address, bytes, size in memory)."""
    header = {"kind": 2, "machine": 243, "flags": 0, "count": len(segments), "entry_size": 56} | changes
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    offset = 64 + 56 * len(segments)
    table, content = b"", b""
    for kind, address, data, size in segments:
        at = offset + len(content)
        table += struct.pack("<IIQQQQQQ", kind, 5, at, address, 0xDEAD, len(data), size, 4096)
        content += data
    fields = (ident, header["kind"], header["machine"], 1, entry, 64, 0, header["flags"], 64, header["entry_size"])
    return struct.pack("<16sHHIQQQIHHHHHH", *fields, header["count"], 0, 0, 0) + table + content


def elf_of(program: Program) -> bytes:
    """The file that a program would be read from."""
    return elf([(LOAD, each.address, each.data, each.size) for each in program.segments], entry=program.entry)
