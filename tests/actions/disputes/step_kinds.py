"""Where a program's run makes a step of some kind, so that a liar can begin to lie right there."""

from collections.abc import Callable
from enum import StrEnum

from config.errors import CriticalError
from faultproof.challenger.riscv import MachineTrace
from faultproof.preimage import KeyType, PreimageSource, key_type
from faultproof.vm.machine import Machine, NativeMachine
from faultproof.vm.memory import LEAF_SIZE
from faultproof.vm.state import State
from faultproof.vm.step import A7, ECALL_WORD, EXIT, READ

_SEARCHED = 200_000


class StepKind(StrEnum):
    """What the disputed step does."""

    FIRST = "the first step"
    ALU = "an ALU instruction"
    BRANCH = "a branch"
    LOAD = "a load"
    STORE = "a store"
    CROSSING_STORE = "a store across leaves"
    READ_LOCAL = "a read of local data"
    READ_KECCAK = "a read by keccak256"
    READ_SHA256 = "a read by sha256"
    READ_BLOB = "a read of a blob"
    READ_PRECOMPILE = "a read of a precompile's result"
    EXIT = "the exit"
    AFTER_EXIT = "the step after the exit"


_KEYS = {
    StepKind.READ_LOCAL: KeyType.LOCAL,
    StepKind.READ_KECCAK: KeyType.KECCAK256,
    StepKind.READ_SHA256: KeyType.SHA256,
    StepKind.READ_BLOB: KeyType.BLOB,
    StepKind.READ_PRECOMPILE: KeyType.PRECOMPILE,
}


def first_false_state(run: MachineTrace, kind: StepKind, *, odd: bool = False) -> int:
    """The number of the state behind the first step of this kind. `odd`: behind the first such step that makes it odd.

    Raises LookupError when the run has none (for kinds that are searched step by step: soon after its start).
    """
    match kind:
        case StepKind.FIRST:
            return 1
        case StepKind.EXIT:
            return run.steps
        case StepKind.AFTER_EXIT:
            return run.steps + 1
    if kind in _KEYS:
        return _first_read(run, _KEYS[kind], odd) + 1
    return _searched(run, kind, odd) + 1


def _searched(run: MachineTrace, kind: StepKind, odd: bool) -> int:
    # Not quite at the start, where a program only sets its stack up; but a prologue is there.
    machine = run.machine_at(0 if kind is StepKind.CROSSING_STORE else 1000)
    for _ in range(_SEARCHED):
        moment = machine.moment
        if (moment.step % 2 == 0 or not odd) and makes_step_of(kind, moment, _instruction(machine, moment)):
            return moment.step
        machine.run(moment.step + 1)
    raise LookupError(f"the run makes no step of the kind '{kind}' in its first {_SEARCHED} steps")


def _instruction(machine: Machine, moment: State) -> int:
    return int.from_bytes(machine.read(moment.pc, 4), "little")


def makes_step_of(kind: StepKind, moment: State, word: int) -> bool:
    """Whether a state's next step is of a kind. `word`: the instruction that it makes, if any."""
    match kind:
        case StepKind.FIRST:
            return moment.step == 0
        case StepKind.AFTER_EXIT:
            return moment.exited
        case StepKind.EXIT:
            return word == ECALL_WORD and moment.registers[A7] == EXIT
    if kind in _KEYS:
        is_read = word == ECALL_WORD and moment.registers[A7] == READ
        return is_read and key_type(moment.preimage_key) == _KEYS[kind]
    return _by_instruction(moment, word) is kind


def _by_instruction(moment: State, word: int) -> StepKind | None:
    """The kind as far as the instruction tells; None for those that nobody looks for."""
    match word & 0x7F:
        case 0x63:
            return StepKind.BRANCH
        case 0x03:
            return StepKind.LOAD
        case 0x13 | 0x33 | 0x1B | 0x3B:
            return StepKind.ALU
        case 0x23:
            offset = (word >> 25) << 5 | word >> 7 & 31
            address = moment.registers[word >> 15 & 31] + (offset - 4096 if offset & 0x800 else offset)
            crosses = address % LEAF_SIZE + (1 << (word >> 12 & 3)) > LEAF_SIZE
            return StepKind.CROSSING_STORE if crosses else StepKind.STORE
    return None


class _Asked(Exception):
    """The program wants what was waited for."""


class _Watched:
    """A source that stops the run at the reading of a key."""

    def __init__(self, source: PreimageSource, wanted: Callable[[bytes], bool]) -> None:
        self._source = source
        self._wanted = wanted

    def preimage(self, key: bytes) -> bytes:
        if self._wanted(key):
            raise _Asked
        return self._source.preimage(key)

    def hint(self, text: bytes) -> None:
        self._source.hint(text)


def _first_read(run: MachineTrace, wanted: KeyType, odd: bool) -> int:
    """The step that reads the first bytes of the first preimage of a type."""
    start = run.machine_at(0)
    passed: set[bytes] = set()
    while True:
        seen: list[bytes] = []

        def is_wanted(key: bytes, seen: list[bytes] = seen) -> bool:
            seen.append(key)
            return key_type(key) == wanted and key not in passed

        machine = NativeMachine.load(start.state(), start.pages(), _Watched(start.source, is_wanted))
        try:
            machine.run(run.steps)
        except _Asked:
            step = machine.moment.step
            if step % 2 == 0 or not odd:
                return step
            passed.add(seen[-1])
            continue
        except CriticalError as error:
            raise LookupError(f"the run cannot be made again: {error}") from error
        raise LookupError(f"the run reads no {wanted.name} key")
