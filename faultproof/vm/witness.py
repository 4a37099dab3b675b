"""What the contract needs to execute one step. Spec: docs/fpvm.md, sections 3 and 7"""

from dataclasses import dataclass

from config.types import Hash32
from faultproof.vm.machine import Machine
from faultproof.vm.memory import LEAF_SIZE, InvalidProof, ProvenMemory, climb
from faultproof.vm.reference import PreimageReader
from faultproof.vm.state import State
from faultproof.vm.step import Oracle, step


@dataclass(frozen=True)
class Read:
    """What a step reads of a preimage: key as the program has it, offset into `value`, the preimage behind its length."""

    key: Hash32
    offset: int
    value: bytes


@dataclass(frozen=True)
class Witness:
    """A state, and the proofs of the step from it."""

    state_data: bytes
    proof_data: bytes
    read: Read | None
    post_state: State


def witness(machine: Machine) -> Witness:
    """The witness of a machine's next step; the machine stays where it is. Raises MissingPreimage."""
    state = machine.state()
    state_data = state.encode()
    memory = _ProvingMemory(machine, state.memory_root)
    oracle = _RecordingOracle(PreimageReader(machine.source))
    step(state, memory, oracle)
    state.memory_root = memory.root()
    return Witness(state_data, b"".join(memory.proofs), oracle.read_made, state)


def step_from_witness(state_data: bytes, proof_data: bytes, oracle: Oracle) -> State:
    """The state after the step, from the witness alone: what the contract does.

    Raises InvalidState, InvalidProof, and what the oracle raises.
    """
    state = State.decode(state_data)
    memory = ProvenMemory(state.memory_root, proof_data)
    step(state, memory, oracle)
    if memory.unused:
        raise InvalidProof(f"the step needs {memory.unused} bytes of proofs less")
    state.memory_root = memory.root()
    return state


class _ProvingMemory:
    """A machine's memory that keeps a proof of every leaf that is read, and keeps writes to itself."""

    def __init__(self, machine: Machine, root: Hash32) -> None:
        self._machine = machine
        self._root = root
        self._written: tuple[int, bytes] | None = None
        self.proofs: list[bytes] = []

    def read_leaf(self, index: int) -> bytes:
        proof = self._machine.leaf_proof(index * LEAF_SIZE)
        if self._written is not None:
            proof = self._after_write(index, proof)
        self.proofs.append(proof)
        return proof[:LEAF_SIZE]

    def _after_write(self, index: int, proof: bytes) -> bytes:
        """The proof of another leaf after the write: one of its siblings is above the written leaf."""
        assert self._written is not None
        written, leaf = self._written
        level = (index ^ written).bit_length() - 1
        siblings = self.proofs[-1][LEAF_SIZE:]
        sibling = climb(leaf, written, siblings[: level * LEAF_SIZE])
        at = (1 + level) * LEAF_SIZE
        return proof[:at] + sibling + proof[at + LEAF_SIZE :]

    def write_leaf(self, index: int, leaf: bytes) -> None:
        self._written = (index, leaf)
        self._root = climb(leaf, index, self.proofs[-1][LEAF_SIZE:])

    def root(self) -> Hash32:
        return self._root


class _RecordingOracle:
    """Keeps what was asked for."""

    def __init__(self, reader: PreimageReader) -> None:
        self._reader = reader
        self.read_made: Read | None = None

    def read(self, key: bytes, offset: int) -> bytes:
        self.read_made = Read(Hash32(key), offset, self._reader.value(key))
        return self._reader.read(key, offset)
