"""Programs: ELF files become the VM's first state. Spec: docs/fpvm.md, section 6"""

import struct
from dataclasses import dataclass
from itertools import pairwise

from faultproof.vm.memory import MEMORY_SIZE, SparseMemory
from faultproof.vm.state import State

CONFIGURATION_ADDRESS = 0x1000_0000
CONFIGURATION_SIZE = 0x1_0000

_FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_IDENT = b"\x7fELF\x02\x01\x01"  # 64-bit, little-endian, version 1
_EXECUTABLE, _RISCV = 2, 243
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3


class InvalidProgram(ValueError):
    """A file that is no program for the VM, or a configuration that does not fit; the message says why."""


@dataclass(frozen=True)
class Segment:
    """Bytes at an address, followed by zeros up to `size`."""

    address: int
    data: bytes
    size: int


@dataclass(frozen=True)
class Program:
    """What an ELF file puts into memory, and where it starts."""

    entry: int
    segments: tuple[Segment, ...]

    def configured(self, configuration: bytes) -> "Program":
        """The program with its configuration section filled in.

        Raises InvalidProgram when it has no such section, the section is not empty or the configuration is too long.
        """
        if len(configuration) > CONFIGURATION_SIZE - 8:
            raise InvalidProgram(
                f"a configuration of {len(configuration)} bytes is longer than {CONFIGURATION_SIZE - 8}"
            )
        content = (len(configuration).to_bytes(8, "big") + configuration).ljust(CONFIGURATION_SIZE, b"\x00")
        segments = list(self.segments)
        for place, segment in enumerate(segments):
            if segment.address == CONFIGURATION_ADDRESS and len(segment.data) == CONFIGURATION_SIZE:
                if any(segment.data):
                    raise InvalidProgram("the program's configuration section is filled in already")
                segments[place] = Segment(segment.address, content, segment.size)
                return Program(self.entry, tuple(segments))
        raise InvalidProgram("the program has no configuration section, so it takes no configuration")

    def state(self) -> tuple[State, SparseMemory]:
        """The first state."""
        memory = SparseMemory()
        for segment in self.segments:
            memory.write(segment.address, segment.data)
        return State(memory_root=memory.root(), pc=self.entry), memory


def read_elf(image: bytes) -> Program:
    """The program in an ELF file. Raises InvalidProgram."""
    try:
        return _read(image)
    except struct.error as error:
        raise InvalidProgram("the ELF file ends in the middle of a header") from error


def _read(image: bytes) -> Program:
    if not image.startswith(_IDENT):
        raise InvalidProgram("not a 64-bit little-endian ELF file")
    fields = _FILE_HEADER.unpack_from(image)
    _, kind, machine, _, entry, offset, _, flags, _, entry_size, count, *_ = fields
    if machine != _RISCV:
        raise InvalidProgram(f"the ELF file is for machine {machine}, not for RISC-V ({_RISCV})")
    if kind != _EXECUTABLE:
        raise InvalidProgram(f"the ELF file has type {kind}; only statically linked executables ({_EXECUTABLE}) run")
    if flags:
        raise InvalidProgram(
            f"the ELF flags are {flags:#x}: the program uses compressed instructions or floating point"
        )
    if entry % 4 or entry >= MEMORY_SIZE:
        raise InvalidProgram(f"no instruction can be at the entry point {entry:#x}")
    if count and entry_size != _PROGRAM_HEADER.size:
        raise InvalidProgram(f"program headers of {entry_size} bytes, expected {_PROGRAM_HEADER.size}")

    segments = []
    for number in range(count):
        segment_kind, _, at, address, _, data_size, size, _ = _PROGRAM_HEADER.unpack_from(
            image, offset + number * _PROGRAM_HEADER.size
        )
        if segment_kind in (_DYNAMIC, _INTERPRETER):
            raise InvalidProgram("the program is dynamically linked")
        if segment_kind != _LOAD or size == 0:
            continue
        if data_size > size or address > MEMORY_SIZE - size or at + data_size > len(image):
            raise InvalidProgram(f"segment {number} at {address:#x} does not fit into the file or below 2^32")
        segments.append(Segment(address, image[at : at + data_size], size))
    segments.sort(key=lambda segment: segment.address)
    for lower, upper in pairwise(segments):
        if lower.address + lower.size > upper.address:
            raise InvalidProgram(f"the segments at {lower.address:#x} and {upper.address:#x} overlap")
    return Program(entry, tuple(segments))
