"""How fast the fault-proof VM runs a compiled program, next to unicorn, and how long a bisection of the trace takes.

The program hashes its input and then the hash, over and over. Needs the Zig compiler.
"""

import sys
import tempfile
from pathlib import Path

import unicorn
from unicorn import riscv_const

from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from evm.types import keccak256
from faultproof.preimage import MemorySource, keccak256_key, local_key
from faultproof.vm.elf import Program, read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import program_output
from faultproof.vm.step import EXIT, READ, SET_KEY
from tests.core.toolchain import ROOT, builder, ensure_native_library

_FOREVER = (1 << 64) - 1
_DATA = b"what the program hashes"
_ROUNDS = 20_000
_LAPS = 5
_STATISTIC = "median lap, per second of processor time"


def compile_program(folder: Path) -> Program:
    """The self-test program, told to hash so many rounds."""
    arguments = (*builder.GUEST_ARGUMENTS, "--script", str(ROOT / "core" / "guest.ld"))
    target = folder / "selftest.elf"
    image = builder.compile_output(builder.Output("guest_selftest.zig", target, arguments), target).read_bytes()
    return read_elf(image).configured(_ROUNDS.to_bytes(4, "big"))


def preimages() -> dict[bytes, bytes]:
    """What the program asks for."""
    digest = keccak256(_DATA)
    key, claim = keccak256_key(digest), digest
    for _ in range(_ROUNDS):
        claim = keccak256(claim)
    return {local_key(1): key, key: _DATA, local_key(2): claim}


def start(program: Program, known: dict[bytes, bytes]) -> NativeMachine:
    """The machine at the program's first state."""
    state, memory = program.state()
    return NativeMachine.load(state, memory.pages(), MemorySource(known))


class Emulator:
    """Unicorn with the program's three ecalls."""

    def __init__(self, program: Program, known: dict[bytes, bytes]) -> None:
        self._machine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self._known = known
        self._value, self._offset = b"", 0
        self.exit_code = -1
        state, memory = program.state()
        self._entry = state.pc
        # The stack's last megabytes, the program, and some heap.
        self._machine.mem_map(0x0FC0_0000, 0x0140_0000)
        for number, page in memory.pages():
            self._machine.mem_write(number * 4096, page)
        self._machine.hook_add(unicorn.UC_HOOK_INTR, self._ecall)

    def run(self) -> None:
        """To the end."""
        self._machine.emu_start(self._entry, 0)

    def _ecall(self, machine: unicorn.Uc, *_: object) -> None:
        number, a0, a1 = (
            machine.reg_read(register)
            for register in (riscv_const.UC_RISCV_REG_A7, riscv_const.UC_RISCV_REG_A0, riscv_const.UC_RISCV_REG_A1)
        )
        if number == SET_KEY:
            preimage = self._known[bytes(machine.mem_read(a0, 32))]
            self._value, self._offset = len(preimage).to_bytes(8, "big") + preimage, 0
        elif number == READ:
            part = self._value[self._offset : self._offset + a1]
            machine.mem_write(a0, part)
            machine.reg_write(riscv_const.UC_RISCV_REG_A0, len(part))
            self._offset += len(part)
        elif number == EXIT:
            self.exit_code = a0
            machine.emu_stop()


def measure_speed(program: Program, known: dict[bytes, bytes]) -> int:
    """Reports instructions per second; answers how many steps the trace has."""
    ours, theirs, steps = Stopwatch(), Stopwatch(), 0
    for _ in range(_LAPS):
        machine = start(program, known)
        with ours:
            machine.run(_FOREVER)
        moment = machine.moment
        assert moment.exit_code == 0, program_output(machine)
        steps = moment.step
        emulator = Emulator(program, known)
        with theirs:
            emulator.run()
        assert emulator.exit_code == 0
    detail = {"steps": steps, "statistic": _STATISTIC, "byClock": round(ours.clock_rate(steps) / 1e6, 1)}
    value, peer = ours.median_rate(steps) / 1e6, theirs.median_rate(steps) / 1e6
    report(Figure("vm_speed", value, "million instructions/s", "unicorn 2.1.4", peer, detail))
    return steps


def measure_bisection(program: Program, known: dict[bytes, bytes], steps: int) -> None:
    """Reports how long it takes to find one step, a state hash at each middle, always going into the right half."""
    watch, rounds, executed = Stopwatch(), 0, 0
    with watch:
        agreed, low, high = start(program, known), 0, 1 << (steps - 1).bit_length()
        while high - low > 1:
            middle = (low + high) // 2
            machine = agreed.fork()
            machine.run(middle)
            executed += machine.moment.step - low
            machine.state().hash()
            rounds += 1
            if rounds % 3:
                agreed, low = machine, middle
            else:
                high = middle
    detail = {"steps": steps, "rounds": rounds, "stepsExecuted": executed, "byClock": round(watch.wall[0], 3)}
    report(Figure("vm_bisection", watch.cpu[0], "seconds of processor time", detail=detail))


def main() -> int:
    """Print the figures; 1 where the compiler is missing."""
    if ensure_native_library() is None:
        print("vm: the native library is not built, and ziglang is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(Path(folder))
    known = preimages()
    measure_bisection(program, known, measure_speed(program, known))
    return 0


if __name__ == "__main__":
    sys.exit(main())
