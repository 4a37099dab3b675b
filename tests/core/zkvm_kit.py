"""What the tests of the zkVM program share: runs of programs linked with what stands for a zkVM, and an object's symbols."""

import struct
from pathlib import Path

from faultproof.preimage import MemorySource
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import program_output

INPUT_KEY = b"\x01" + (1).to_bytes(31, "big")
_SYMBOL_TABLE, _UNDEFINED = 2, 0


def run(program: Path, data: bytes, max_steps: int = 1 << 40) -> tuple[int, bytes, int]:
    """What a program makes of the input: exit code, output and the number of instructions."""
    state, memory = read_elf(program.read_bytes()).state()
    machine = NativeMachine.load(state, memory.pages(), MemorySource({INPUT_KEY: data}))
    machine.run(max_steps)
    moment = machine.moment
    return moment.exit_code, program_output(machine), moment.step


def global_symbols(path: Path) -> tuple[set[str], set[str]]:
    """The names that a relocatable object defines for others, and those it leaves to others. Spec: ELF, "Symbol Table"."""
    image = path.read_bytes()
    (headers,) = struct.unpack_from("<Q", image, 40)
    (count,) = struct.unpack_from("<H", image, 60)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, headers + 64 * index) for index in range(count)]
    defined: set[str] = set()
    undefined: set[str] = set()
    for _, kind, _, _, offset, size, names, *_ in sections:
        if kind != _SYMBOL_TABLE:
            continue
        text = sections[names][4]
        for position in range(offset, offset + size, 24):
            name, info, _, section = struct.unpack_from("<IBBH", image, position)
            if info >> 4:  # not local
                found = image[text + name : image.index(b"\0", text + name)].decode()
                (undefined if section == _UNDEFINED else defined).add(found)
    return defined, undefined
