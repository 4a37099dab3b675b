"""A run that goes forwards and backwards."""

from bisect import bisect_right

from faultproof.vm.disassembler import disassemble
from faultproof.vm.guide import Guide
from faultproof.vm.machine import Machine
from faultproof.vm.memory import MEMORY_SIZE
from faultproof.vm.state import State
from faultproof.vm.step import A0, A1, A7, ECALL_WORD, EXIT, READ, SET_KEY

_CHECKPOINT_EVERY = 5_000_000
_MOST_CHECKPOINTS = 24


class Debugger:
    """A machine with checkpoints behind it: going back is going forward from the nearest one."""

    def __init__(
        self,
        machine: Machine,
        guide: Guide | None = None,
    ) -> None:
        self.machine = machine
        self.guide = guide or Guide()
        self._first = machine.moment.step
        self._checkpoints: dict[int, Machine] = {self._first: machine.fork()}
        self._distance = _CHECKPOINT_EVERY

    @property
    def step(self) -> int:
        """Where the run is."""
        return self.machine.moment.step

    def go(self, step: int) -> None:
        """Goes to a step, the first or the last one when there is none such. Raises MissingPreimage."""
        step = max(step, self._first)
        if step < self.step:
            earlier = sorted(self._checkpoints)
            self.machine = self._checkpoints[earlier[bisect_right(earlier, step) - 1]].fork()
        while self.step < step and not self.machine.moment.exited:
            self.machine.run(min(step, self.step // self._distance * self._distance + self._distance))
            if self.step % self._distance == 0 and self.step not in self._checkpoints:
                self._keep()

    def _keep(self) -> None:
        self._checkpoints[self.step] = self.machine.fork()
        if len(self._checkpoints) > _MOST_CHECKPOINTS:
            # Half of them, twice as far apart.
            self._distance *= 2
            self._checkpoints = {
                step: machine
                for step, machine in self._checkpoints.items()
                if step == self._first or step % self._distance == 0
            }

    def find(self, address: int, limit: int) -> bool:
        """Goes on to the next step at an address, `limit` steps far at most; whether it was found. Else stays there."""
        for _ in range(limit):
            if self.machine.moment.exited:
                return False
            self.go(self.step + 1)
            if self.machine.moment.pc == address:
                return True
        return False

    def instruction(self) -> str:
        """The next instruction, and what an ecall asks for."""
        moment = self.machine.moment
        if moment.exited:
            return f"exited with code {moment.exit_code}"
        if moment.pc % 4 or moment.pc >= MEMORY_SIZE:
            return "no instruction can be here"
        word = int.from_bytes(self.machine.read(moment.pc, 4), "little")
        text = disassemble(word, moment.pc)
        return f"{text}  {_ecall(moment)}" if word == ECALL_WORD else text

    def origin(self) -> str:
        """Source line, L2 block and transaction of the next instruction, as far as they are known."""
        return self.guide.origin(self.machine.moment)

    def place(self) -> str:
        """Step, address, function and instruction on one line."""
        moment = self.machine.moment
        function = self.guide.function(moment.pc)
        return f"{moment.step:>12}  {moment.pc:#010x}  {f'<{function}>  ' if function else ''}{self.instruction()}"


def _ecall(moment: State) -> str:
    number, a0, a1 = moment.registers[A7], moment.registers[A0], moment.registers[A1]
    if number == SET_KEY:
        return f"SET_KEY from {a0:#x}"
    if number == READ:
        return f"READ {a1} bytes of 0x{moment.preimage_key.hex()} at {moment.preimage_offset} to {a0:#x}"
    return f"EXIT with {a0}" if number == EXIT else f"unknown, a7 = {number}"
