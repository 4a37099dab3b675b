"""The VM's implementations side by side: one case, and what each of them makes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from config.types import ZERO_HASH, Hash32
from evm.types import keccak256
from faultproof.preimage import KeyType, MemorySource, key_type
from faultproof.vm.machine import NativeMachine
from faultproof.vm.memory import SparseMemory
from faultproof.vm.reference import PreimageReader, ReferenceMachine
from faultproof.vm.state import State
from faultproof.vm.witness import Witness, step_from_witness, witness
from l1.deployment.params import MIN_LARGE_PREIMAGE_SIZE
from tests.contracts.harness import Chain, Contract, Result, account
from tests.faultproof.vm.assembler import code

CODE = 0x1000_0000
GAME = account("game")
LOCAL_CONTEXT = keccak256(b"one disputed claim")


@dataclass
class Case:
    """A state to start from: registers by number, code at `pc`, data by address."""

    words: Iterable[int] = ()
    registers: Mapping[int, int] = field(default_factory=dict)
    data: Mapping[int, bytes] = field(default_factory=dict)
    pc: int = CODE
    preimages: Mapping[bytes, bytes] = field(default_factory=dict)
    preimage_key: bytes = bytes(32)
    preimage_offset: int = 0

    def start(self) -> tuple[State, SparseMemory]:
        """State and memory."""
        memory = SparseMemory()
        if text := code(self.words):
            memory.write(self.pc, text)
        for address, content in self.data.items():
            memory.write(address, content)
        state = State(ZERO_HASH, self.preimage_key, self.preimage_offset, self.pc)
        for number, value in self.registers.items():
            state.registers[number] = value & ((1 << 64) - 1)
        state.memory_root = memory.root()
        return state, memory

    def reference(self) -> ReferenceMachine:
        """The slow machine at the start."""
        state, memory = self.start()
        return ReferenceMachine(state, memory, MemorySource(self.preimages))

    def native(self) -> NativeMachine:
        """The fast machine at the start."""
        state, memory = self.start()
        return NativeMachine.load(state, memory.pages(), MemorySource(self.preimages))


class Judge:
    """The contract, on a chain of its own, with the oracle that it reads."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.chain.auto_mine = False
        self.oracle: Contract = self.chain.deploy("PreimageOracle", MIN_LARGE_PREIMAGE_SIZE, 0)
        self.riscv: Contract = self.chain.deploy("RISCV", self.oracle.address)

    def load_part(self, evidence: Witness) -> None:
        """Gives the oracle the part that a step reads, as a challenger would."""
        read = evidence.read
        if read is None:
            return
        preimage = read.value[8:]
        kind = key_type(read.key)
        if kind == KeyType.LOCAL:
            identifier = int.from_bytes(read.key[1:], "big")
            word = preimage.ljust(32, b"\x00")
            arguments = (identifier, LOCAL_CONTEXT, word, len(preimage), read.offset)
            self.oracle.send("loadLocalData", *arguments, sender=GAME)
        elif kind == KeyType.KECCAK256:
            self.oracle.send("loadKeccak256PreimagePart", read.offset, preimage)
        elif kind == KeyType.SHA256:
            self.oracle.send("loadSha256PreimagePart", read.offset, preimage)
        else:
            raise AssertionError(f"the oracle takes no preimages of type {kind}")

    def step(self, state_data: bytes, proof_data: bytes) -> Hash32:
        """The state hash after the step. Raises Reverted."""
        return Hash32(self.riscv.call("step", state_data, proof_data, LOCAL_CONTEXT, sender=GAME))

    def send_step(self, evidence: Witness) -> Result:
        """The step as a transaction, for its gas."""
        return self.riscv.send("step", evidence.state_data, evidence.proof_data, LOCAL_CONTEXT, sender=GAME)


@cache
def judge() -> Judge:
    """One contract for all tests: it keeps no state but the oracle's."""
    return Judge()


def agreed_step(case: Case, *, on_chain: bool = True) -> State:
    """The state after the case's first step, on which all implementations agree."""
    return agreed_steps(case, 1, on_chain=on_chain)[-1]


def agreed_steps(case: Case, count: int, *, on_chain: bool = True) -> list[State]:
    """The states after each of the first steps, on which all implementations agree, hash by hash."""
    native, reference = case.native(), case.reference()
    states = []
    for _ in range(count):
        evidence = witness(native)
        stop_at = native.moment.step + 1
        native.run(stop_at)
        reference.run(stop_at)
        state = reference.state()
        assert native.state() == state
        assert evidence.post_state == state
        reader = PreimageReader(native.source)
        assert step_from_witness(evidence.state_data, evidence.proof_data, reader) == state
        if on_chain:
            judge().load_part(evidence)
            assert judge().step(evidence.state_data, evidence.proof_data).hex() == state.hash().hex()
        states.append(state)
    return states
