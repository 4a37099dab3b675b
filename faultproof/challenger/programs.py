"""The lower half of a game's truth: the programs that a challenger can run, told apart by their first state."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from eth_abi.abi import encode

from config.errors import CriticalError
from config.types import Hash32, L2BlockNumber, to_hex
from evm.types import keccak256
from faultproof.challenger.outputs import GameOutputs
from faultproof.game import DisputedOutputs, ExecutionTrace, PreimageNeed, SplitTrace, StepWitness
from faultproof.preimage import local_key
from faultproof.preimage.keys import LocalIdentifier
from faultproof.vm.state import VMStatus

_LENGTH_PREFIX = 8


class UnknownProgram(CriticalError):
    """A game's program is none that this challenger was given."""


@dataclass(frozen=True)
class ProgramInputs:
    """The local data of one run, and the number of the agreed block, which the program finds out by itself.

    Spec: op fault-proof, "Bootstrapping".
    """

    l1_head: Hash32
    agreed_root: Hash32
    claimed_root: Hash32
    claimed_number: L2BlockNumber
    chain_id: int
    agreed_number: L2BlockNumber

    def local_data(self) -> dict[LocalIdentifier, bytes]:
        """By identifier, as the game's contract gives it to the oracle."""
        return {
            LocalIdentifier.L1_HEAD: self.l1_head,
            LocalIdentifier.AGREED_OUTPUT_ROOT: self.agreed_root,
            LocalIdentifier.CLAIMED_OUTPUT_ROOT: self.claimed_root,
            LocalIdentifier.CLAIMED_BLOCK_NUMBER: self.claimed_number.to_bytes(8, "big"),
            LocalIdentifier.CHAIN_ID: self.chain_id.to_bytes(8, "big"),
        }


class FaultProgram(Protocol):
    """A program with the machine that runs it."""

    @property
    def prestate(self) -> Hash32:
        """The commitment to its first state."""
        ...

    def trace(self, inputs: ProgramInputs, length: int) -> ExecutionTrace:
        """A run. `length` is how many steps a game's trace has."""
        ...


class Programs:
    """All that a challenger knows."""

    def __init__(self, programs: Iterable[FaultProgram]) -> None:
        # The first byte of a commitment is the status, which says nothing about a first state.
        self._by_prestate = {program.prestate[1:]: program for program in programs}

    def of(self, prestate: Hash32) -> FaultProgram:
        """The program whose first state a game starts from. Raises UnknownProgram."""
        program = self._by_prestate.get(prestate[1:])
        if program is None:
            known = ", ".join(to_hex(known.prestate) for known in self._by_prestate.values()) or "none"
            raise UnknownProgram(
                f"its program starts from state {to_hex(prestate)}, this challenger can run {known}: "
                "give it the program's first state with --prestate"
            )
        return program


def whole_trace(
    program: FaultProgram, outputs: GameOutputs, l1_head: Hash32, chain_id: int, max_depth: int, split_depth: int
) -> SplitTrace:
    """What is true in a game, from outputs down to states. Runs are made when they are asked for, and kept."""
    length = 1 << (max_depth - split_depth - 1)
    runs: dict[DisputedOutputs, ExecutionTrace] = {}

    def execution(disputed: DisputedOutputs) -> ExecutionTrace:
        if disputed not in runs:
            number = outputs.block_at(disputed.disputed_index)
            before = disputed.starting_index
            agreed = outputs.anchor_number if before is None else outputs.honest_block_at(before)
            inputs = ProgramInputs(
                l1_head, disputed.starting, disputed.disputed, number, chain_id, L2BlockNumber(agreed)
            )
            runs[disputed] = program.trace(inputs, length)
        return runs[disputed]

    make: Callable[[DisputedOutputs], ExecutionTrace] = execution
    return SplitTrace(outputs, make)


def alphabet_root(number: int) -> Hash32:
    """The output root of block `number` that the alphabet VM takes for right."""
    return keccak256(encode(["string", "uint256"], ["alphabet", number]))


@dataclass(frozen=True)
class AlphabetProgram:
    """The smallest VM of the contracts, `AlphabetVM`: every step takes the next letter, the last one judges.

    Where a chain's outputs are not `alphabet_root`s its verdict is always "invalid": a false output root loses there as it
    should, a true one cannot be defended once somebody disputes it down to a step.
    """

    first_letter: int = 0

    @property
    def prestate(self) -> Hash32:
        """The commitment to its first state."""
        return _commitment(VMStatus.UNFINISHED, self._state(0))

    def trace(self, inputs: ProgramInputs, length: int) -> ExecutionTrace:
        """See `FaultProgram`."""
        return _AlphabetTrace(self, inputs, length)

    def _state(self, steps: int) -> bytes:
        return encode(["uint256", "uint256"], [steps, self.first_letter + steps])


@dataclass(frozen=True)
class _AlphabetTrace:
    program: AlphabetProgram
    inputs: ProgramInputs
    last_step: int

    def state_hash_after(self, steps: int) -> Hash32:
        status = VMStatus.UNFINISHED
        if steps == self.last_step:
            is_right = self.inputs.claimed_root == alphabet_root(self.inputs.claimed_number)
            status = VMStatus.VALID if is_right else VMStatus.INVALID
        return _commitment(status, self.program._state(steps))

    def step_after(self, steps: int) -> StepWitness:
        needs: tuple[PreimageNeed, ...] = ()
        if steps + 1 == self.last_step:
            local = self.inputs.local_data()
            needs = tuple(
                PreimageNeed(local_key(ident), _LENGTH_PREFIX, local[ident])
                for ident in (LocalIdentifier.CLAIMED_OUTPUT_ROOT, LocalIdentifier.CLAIMED_BLOCK_NUMBER)
            )
        return StepWitness(self.program._state(steps), b"", needs)


def _commitment(status: VMStatus, state: bytes) -> Hash32:
    return Hash32(bytes((status,)) + keccak256(state)[1:])
