"""What is true: the trace that claims are compared with.

An honest party sees one trace from outputs at the top to VM states at the bottom. `SplitTrace` joins the two: above the split
depth output roots of L2 blocks, below it, for each pair of neighbouring outputs, the states of the program that computes the
second from the first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from config.types import Address, Hash32, L2BlockNumber
from faultproof.game.claims import Claim, GameTree
from faultproof.game.position import Position

_LOCAL_KEY = 1


@dataclass(frozen=True)
class BlobElement:
    """Why a preimage is a blob's field element: commitment (48 bytes), point (32 bytes), KZG proof (48 bytes)."""

    commitment: bytes
    point: bytes
    proof: bytes


@dataclass(frozen=True)
class PrecompileCall:
    """The call whose result a preimage is."""

    address: Address
    required_gas: int
    data: bytes


@dataclass(frozen=True)
class PreimageNeed:
    """A preimage that the oracle must hold before a step: key, and the offset that is read (length prefix included).

    `value` is the whole preimage without its prefix, `evidence` what shows that it belongs to a key that is no hash of it.
    """

    key: Hash32
    offset: int
    value: bytes = field(repr=False)
    evidence: "BlobElement | PrecompileCall | None" = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether the game itself must provide it (`addLocalData`)."""
        return self.key[0] == _LOCAL_KEY

    @property
    def local_ident(self) -> int:
        """The number of a local key."""
        return int.from_bytes(self.key[1:], "big")


@dataclass(frozen=True)
class StepWitness:
    """What the contract's `step` takes: the state before, a proof of the memory it touches, the preimages that it reads."""

    state_data: bytes
    proof: bytes
    preimages: tuple[PreimageNeed, ...] = ()


class Trace(Protocol):
    """The truth about one game. Answers are the same every time they are asked for."""

    def commitment(self, game: GameTree, claim: Claim, position: Position) -> Hash32:
        """What an honest claim says at `position`, seen from `claim`: at its own position, or at a counter's."""
        ...

    def step(self, game: GameTree, claim: Claim, attack: bool) -> StepWitness:
        """The VM step that counters a claim at the deepest level: the one into its state (attack) or out of it."""
        ...


class OutputTrace(Protocol):
    """Output roots of the blocks after the anchor."""

    def output_at(self, index: int) -> Hash32:
        """The honest output root at a trace index; past the claimed block, or what L1 data gave, the last one again."""
        ...

    @property
    def anchor(self) -> Hash32:
        """The output root that the game starts from."""
        ...

    def block_at(self, index: int) -> L2BlockNumber:
        """The block number that the program is asked for at a trace index: at most that of the root claim."""
        ...


class ExecutionTrace(Protocol):
    """The states of one run of the program. State 0 is the absolute prestate, which no claim is about."""

    def state_hash_after(self, steps: int) -> Hash32:
        """The state's commitment after so many steps; the last one for ever once the program has ended."""
        ...

    def step_after(self, steps: int) -> StepWitness:
        """What proves the step that follows `steps` steps."""
        ...


@dataclass(frozen=True)
class DisputedOutputs:
    """The two neighbouring outputs between which an execution trace runs, as the claims (not the truth) have them.

    `starting_index` is None where the trace starts from the anchor. Spec: op fault-dispute-game, "PreimageOracle Interaction".
    """

    starting: Hash32
    starting_index: int | None
    disputed: Hash32
    disputed_index: int


def disputed_outputs(game: GameTree, claim: Claim, anchor: Hash32) -> DisputedOutputs:
    """The outputs whose transition the execution trace of `claim` (below the split depth) is about."""
    root = game.execution_root(claim)
    return outputs_of_leaf(game, game.parent(root), root.position == game.parent(root).position.attack(), anchor)


def outputs_of_leaf(game: GameTree, leaf: Claim, attack: bool, anchor: Hash32) -> DisputedOutputs:
    """The outputs whose transition an attack on, or defense of, a claim at the split depth disputes."""
    index = leaf.position.index
    if not attack:
        after = Position.at(game.split_depth, index + 1)
        disputed = game.trace_ancestor(after, leaf, across_split=True)
        return DisputedOutputs(leaf.value, index, disputed.value, disputed.position.trace_index(game.split_depth))
    if index == 0:
        return DisputedOutputs(anchor, None, leaf.value, 0)
    before = Position.at(game.split_depth, index - 1)
    starting = game.trace_ancestor(before, leaf, across_split=True)
    return DisputedOutputs(starting.value, starting.position.trace_index(game.split_depth), leaf.value, index)


class SplitTrace:
    """The whole trace of a game. `execution` gives the run of the program that two disputed outputs ask for."""

    def __init__(self, outputs: OutputTrace, execution: Callable[[DisputedOutputs], ExecutionTrace]) -> None:
        self._outputs = outputs
        self._execution = execution

    def commitment(self, game: GameTree, claim: Claim, position: Position) -> Hash32:
        """See `Trace`."""
        if position.depth <= game.split_depth:
            return self._outputs.output_at(position.trace_index(game.split_depth))
        trace, root = self._trace_at(game, claim, position)
        below = position.relative_to(root)
        # A claim at leaf i is about the state after i + 1 steps: the state after none is the absolute prestate.
        return trace.state_hash_after(below.trace_index(game.max_depth - game.split_depth - 1) + 1)

    def step(self, game: GameTree, claim: Claim, attack: bool) -> StepWitness:
        """See `Trace`."""
        trace, root = self._trace_at(game, claim, claim.position)
        leaf = claim.position.relative_to(root).index
        return trace.step_after(leaf if attack else leaf + 1)

    def _trace_at(self, game: GameTree, claim: Claim, position: Position) -> tuple[ExecutionTrace, Position]:
        if claim.depth > game.split_depth:
            root = game.execution_root(claim)
            outputs = disputed_outputs(game, claim, self._outputs.anchor)
            return self._execution(outputs), root.position
        # `position` is the root of a trace that nobody has begun yet.
        outputs = outputs_of_leaf(game, claim, position == claim.position.attack(), self._outputs.anchor)
        return self._execution(outputs), position
