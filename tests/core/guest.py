"""Runs guest programs in unicorn, function by function, and counts what they execute."""

import struct
from dataclasses import dataclass
from pathlib import Path

import unicorn
from unicorn import riscv_const as registers

_MEMORY = 64 << 20
_INPUT, _OUTPUT, _STACK_TOP, _RETURN = 0x200_0000, 0x280_0000, 0x3F0_0000, 0x3F8_0000
_LOAD, _EXECUTABLE = 1, 1

_UNIMPLEMENTED = 0xC000_1073
"""What the compiler emits for `@trap()`: a write to a read-only register, which no RV64IM machine has."""


@dataclass(frozen=True)
class Result:
    """What a call left at its output, and how many instructions it took."""

    output: bytes
    instructions: int


def _segments(image: bytes) -> list[tuple[int, int, bytes]]:
    """Flags, address and bytes of each part of an ELF file that is loaded."""
    (headers,) = struct.unpack_from("<Q", image, 32)
    (count,) = struct.unpack_from("<H", image, 56)
    found = []
    for index in range(count):
        kind, flags, offset, address, _, size = struct.unpack_from("<IIQQQQ", image, headers + 56 * index)
        if kind == _LOAD:
            found.append((flags, address, image[offset : offset + size]))
    return found


def executable_words(elf: Path) -> list[int]:
    """Every instruction word of an ELF file."""
    parts = [part for flags, _, part in _segments(elf.read_bytes()) if flags & _EXECUTABLE]
    return [word for part in parts for (word,) in struct.iter_unpack("<I", part[: len(part) // 4 * 4])]


def is_rv64im(word: int) -> bool:
    """Whether the word is an instruction of RV64IM, or the trap. Spec: RISC-V unprivileged ISA, "Instruction Set Listings"."""
    opcode, function, upper = word & 0x7F, word >> 12 & 7, word >> 25
    match opcode:
        case 0x37 | 0x17 | 0x6F:  # lui, auipc, jal
            return True
        case 0x67:  # jalr
            return function == 0
        case 0x63:  # branches
            return function not in (2, 3)
        case 0x03:  # loads
            return function != 7
        case 0x23:  # stores
            return function <= 3
        case 0x13:  # operations with an immediate; shifts have a 6-bit amount
            return function not in (1, 5) or upper >> 1 == 0 or (function == 5 and upper >> 1 == 0x10)
        case 0x1B:
            return function == 0 or (function in (1, 5) and upper == 0) or (function == 5 and upper == 0x20)
        case 0x33:
            return upper in (0, 1) or (upper == 0x20 and function in (0, 5))
        case 0x3B:
            return (
                (upper == 0 and function in (0, 1, 5))
                or (upper == 0x20 and function in (0, 5))
                or (upper == 1 and function in (0, 4, 5, 6, 7))
            )
        case 0x0F:  # fence
            return function == 0
        case _:
            return word in (0x0000_0073, 0x0010_0073, _UNIMPLEMENTED)  # ecall, ebreak


class Guest:
    """A program whose entry point is a function (operation, input, input length, output) -> output length."""

    def __init__(self, elf: Path) -> None:
        image = elf.read_bytes()
        (self._entry,) = struct.unpack_from("<Q", image, 24)
        self._machine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self._machine.mem_map(0, _MEMORY)
        for _, address, part in _segments(image):
            self._machine.mem_write(address, part)
        self._instructions = 0
        # Every instruction has four bytes, and a block is always left at its end.
        self._machine.hook_add(unicorn.UC_HOOK_BLOCK, self._count)

    def _count(self, _machine: unicorn.Uc, _address: int, size: int, _data: object) -> None:
        self._instructions += size // 4

    def call(self, operation: int, data: bytes) -> Result:
        """Calls the entry point. A panic of the program is an illegal instruction and raises `unicorn.UcError`."""
        machine = self._machine
        machine.mem_write(_INPUT, data)
        for register, value in (
            (registers.UC_RISCV_REG_A0, operation),
            (registers.UC_RISCV_REG_A1, _INPUT),
            (registers.UC_RISCV_REG_A2, len(data)),
            (registers.UC_RISCV_REG_A3, _OUTPUT),
            (registers.UC_RISCV_REG_SP, _STACK_TOP),
            (registers.UC_RISCV_REG_RA, _RETURN),
        ):
            machine.reg_write(register, value)
        self._instructions = 0
        machine.emu_start(self._entry, _RETURN)
        length = machine.reg_read(registers.UC_RISCV_REG_A0)
        return Result(bytes(machine.mem_read(_OUTPUT, length)), self._instructions)
