"""Runs guest programs in unicorn, function by function, and counts what they execute."""

import struct
from dataclasses import dataclass
from pathlib import Path

import unicorn
from unicorn import riscv_const as registers

_MEMORY = 64 << 20
_INPUT, _OUTPUT, _STACK_TOP, _RETURN = 0x200_0000, 0x280_0000, 0x3F0_0000, 0x3F8_0000
_LOAD = 1


@dataclass(frozen=True)
class Result:
    """What a call left at its output, and how many instructions it took."""

    output: bytes
    instructions: int


class Guest:
    """A program whose entry point is a function (operation, input, input length, output) -> output length."""

    def __init__(self, elf: Path) -> None:
        image = elf.read_bytes()
        (self._entry, headers) = struct.unpack_from("<QQ", image, 24)
        (count,) = struct.unpack_from("<H", image, 56)
        self._machine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self._machine.mem_map(0, _MEMORY)
        for index in range(count):
            kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", image, headers + 56 * index)
            if kind == _LOAD:
                self._machine.mem_write(address, image[offset : offset + size])
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
