"""The machine in pure Python: slow, and the same state hash by state hash."""

import copy
from collections.abc import Iterator
from typing import Protocol

from faultproof.preimage import MissingPreimage, PreimageSource
from faultproof.vm.memory import LEAF_SIZE, MEMORY_SIZE, SparseMemory
from faultproof.vm.state import State
from faultproof.vm.step import A1, A7, ECALL_WORD, EXIT, SET_KEY, step

LARGEST_TEXT = 1 << 24
"""Bytes of a hint or an output that a host takes."""


class Runnable(Protocol):
    """What `program_output` asks of a machine."""

    @property
    def moment(self) -> State:
        """The state, its memory root aside."""

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory."""


class PreimageReader:
    """READ's answers from a source of preimages, each of which is asked for once in a row."""

    def __init__(self, source: PreimageSource) -> None:
        self.source = source
        self._key = b""
        self._value = b""

    def value(self, key: bytes) -> bytes:
        """The preimage behind its length. Raises MissingPreimage."""
        if key != self._key:
            preimage = self.source.preimage(key)
            self._key, self._value = key, len(preimage).to_bytes(8, "big") + preimage
        return self._value

    def read(self, key: bytes, offset: int) -> bytes:
        """Up to 32 bytes from an offset on. Raises MissingPreimage when there are none."""
        value = self.value(key)
        if offset >= len(value):
            raise past_end(key, offset)
        return value[offset : offset + LEAF_SIZE]


def past_end(key: bytes, offset: int) -> MissingPreimage:
    """The error of a read at or past the end."""
    return MissingPreimage(f"the program reads preimage 0x{key.hex()} at offset {offset}, which is past its end")


def program_output(machine: "Runnable") -> bytes:
    """What a program that has made EXIT left for people; empty when it has not. Spec: docs/fpvm.md, section 10"""
    moment = machine.moment
    address, size = moment.registers[A1], moment.registers[A1 + 1]
    ended_itself = moment.exited and moment.registers[A7] == EXIT and moment.pc <= MEMORY_SIZE - 4
    if not ended_itself or machine.read(moment.pc, 4) != ECALL_WORD.to_bytes(4, "little"):
        return b""
    return machine.read(address, size) if size <= LARGEST_TEXT and address <= MEMORY_SIZE - size else b""


class ReferenceMachine:
    """Runs programs step by step; the interface is that of `machine.Machine`."""

    def __init__(self, state: State, memory: SparseMemory, source: PreimageSource) -> None:
        self._state = state
        self.memory = memory
        self._reader = PreimageReader(source)
        self._last_hint = b""

    @property
    def source(self) -> PreimageSource:
        """Where preimages come from."""
        return self._reader.source

    @property
    def moment(self) -> State:
        """The state, its memory root possibly of an earlier moment."""
        return copy.deepcopy(self._state)

    def state(self) -> State:
        """The state, with the memory root."""
        self._state.memory_root = self.memory.root()
        return self.moment

    def run(self, stop_at: int) -> None:
        """Runs until the step counter is `stop_at` or the program has ended. Raises MissingPreimage."""
        while not self._state.exited and self._state.step < stop_at:
            hint = self._hint()
            if hint and hint != self._last_hint:
                self.source.hint(hint)
                self._last_hint = hint
            step(self._state, self.memory, self._reader)

    def _hint(self) -> bytes:
        """What the program says at SET_KEY. Spec: docs/fpvm.md, section 10"""
        state = self._state
        address, size = state.registers[A1], state.registers[A1 + 1]
        if state.registers[A7] != SET_KEY or not 0 < size <= LARGEST_TEXT or address > MEMORY_SIZE - size:
            return b""
        if state.pc % 4 or state.pc >= MEMORY_SIZE or self.memory.read(state.pc, 4) != ECALL_WORD.to_bytes(4, "little"):
            return b""
        return self.memory.read(address, size)

    def leaf_proof(self, address: int) -> bytes:
        """The proof of the leaf that holds an address. Spec: docs/fpvm.md, section 2"""
        return self.memory.leaf_proof(address)

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory. Raises ValueError when the range is not within it."""
        return self.memory.read(address, size)

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of every page that is not zero, in order."""
        return self.memory.pages()

    def fork(self) -> "ReferenceMachine":
        """A copy that goes its own way."""
        return ReferenceMachine(self.moment, copy.deepcopy(self.memory), self.source)
