"""A dispute game in memory: the contract's rules, a toy program whose runs are known, and players.

The rules are written from the specification, so that the solver is tested against them at thousands of games; that they are
the contract's own is for the tests with real contracts to show.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from config.types import Address, Hash32, L2BlockNumber, Wei
from evm.types import keccak256
from faultproof.game import (
    ROOT_POSITION,
    Claim,
    Clock,
    GameTimes,
    GameTree,
    Position,
    Resolution,
    SplitTrace,
    StepWitness,
    resolve,
)
from faultproof.game.trace import DisputedOutputs, disputed_outputs

VALID, INVALID, UNFINISHED = 0, 1, 3

HONEST = Address(b"\x01" * 20)
FREELOADER = Address(b"\x0f" * 20)


class IllegalMove(Exception):
    """The contract would revert."""


def digest(*parts: object) -> Hash32:
    """A hash that stands for some value."""
    return keccak256(repr(parts).encode())


def with_status(status: int, value: Hash32) -> Hash32:
    """A VM state's commitment."""
    return Hash32(bytes([status]) + value[1:])


_ANCHOR = digest("output", -1)


@dataclass(frozen=True)
class Chain:
    """Outputs of a chain of `blocks` blocks after the anchor; the program needs `steps` steps for a block."""

    blocks: int
    steps: int
    anchor: Hash32 = _ANCHOR

    def output_at(self, index: int) -> Hash32:
        """The honest output at a trace index."""
        return digest("output", min(index, self.blocks - 1))

    def block_at(self, index: int) -> L2BlockNumber:
        """As the contract clamps it."""
        return L2BlockNumber(min(index, self.blocks - 1) + 1)

    def next_output(self, starting: Hash32, index: int) -> Hash32:
        """What the program computes from any output, true or not."""
        if index >= self.blocks:
            return starting
        before = self.anchor if index == 0 else self.output_at(index - 1)
        return self.output_at(index) if starting == before else digest("computed", starting, index)

    def run(self, outputs: DisputedOutputs) -> Run:
        """The program's run for two outputs."""
        return Run(self, outputs)


@dataclass(frozen=True)
class Run:
    """One run. A state is its preimage; its commitment starts with the status."""

    chain: Chain
    outputs: DisputedOutputs

    def state(self, steps: int) -> bytes:
        """The state after so many steps."""
        outputs = self.outputs
        if steps == 0:
            return b"absolute prestate"
        return repr((outputs.starting, outputs.disputed, outputs.disputed_index, min(steps, self.chain.steps))).encode()

    def state_hash_after(self, steps: int) -> Hash32:
        """See `ExecutionTrace`."""
        if steps < self.chain.steps:
            return with_status(UNFINISHED, keccak256(self.state(steps)))
        right = self.chain.next_output(self.outputs.starting, self.outputs.disputed_index) == self.outputs.disputed
        return with_status(VALID if right else INVALID, keccak256(self.state(steps)))

    def step_after(self, steps: int) -> StepWitness:
        """See `ExecutionTrace`."""
        return StepWitness(self.state(steps), str(steps).encode())


@dataclass
class World:
    """One game by the contract's rules. Time in seconds; every claim's bond is its depth plus one wei."""

    chain: Chain
    tree: GameTree
    times: GameTimes
    now: int = 0
    steps_done: int = 0
    moves_by: dict[Address, int] = field(default_factory=dict)

    @staticmethod
    def new(
        chain: Chain, root: Hash32, claimant: Address, times: GameTimes, max_depth: int = 8, split_depth: int = 3
    ) -> World:
        """A game that has just been created."""
        claim = Claim(0, None, ROOT_POSITION, root, claimant, Wei(1), Clock(0, 0))
        return World(chain, GameTree([claim], max_depth, split_depth), times)

    def truth(self) -> SplitTrace:
        """What an honest party sees."""
        return SplitTrace(self.chain, self.chain.run)

    def move(self, who: Address, parent_index: int, value: Hash32, attack: bool) -> None:
        """Spec: op fault-dispute-game, "Moves". Raises IllegalMove."""
        tree = self.tree
        parent = tree.claims[parent_index]
        position = parent.position.move(attack)
        if not attack and (parent_index == 0 or position.depth == tree.split_depth + 2):
            raise IllegalMove("a trace's root cannot be defended")
        if position.depth > tree.max_depth:
            raise IllegalMove("too deep")
        if position.depth == tree.split_depth + 1:
            self._check_execution_root(parent, value, attack)
        used = tree.clock_used(parent, self.now, self.times.max_clock)
        if used == self.times.max_clock:
            raise IllegalMove("the clock has run out")
        extension = self.times.extension_at(position.depth, tree.split_depth, tree.max_depth)
        used = min(used, self.times.max_clock - extension)
        if tree.has(parent_index, position, value):
            raise IllegalMove("the claim exists")
        bond = Wei(position.depth + 1)
        claim = Claim(len(tree), parent_index, position, value, who, bond, Clock(used, self.now))
        self.tree = tree.with_claim(claim)
        self.moves_by[who] = self.moves_by.get(who, 0) + 1

    def _check_execution_root(self, parent: Claim, value: Hash32, attack: bool) -> None:
        tree = self.tree
        refuses = attack
        if not attack:
            after = Position.at(tree.split_depth, parent.position.index + 1)
            disputed = tree.trace_ancestor(after, parent, across_split=True)
            refuses = disputed.depth % 2 == tree.split_depth % 2
        if (value[0] in (INVALID, 2)) if refuses else value[0] == VALID:
            return
        raise IllegalMove("the trace's root has the wrong status")

    def step(self, who: Address, index: int, attack: bool, witness: StepWitness) -> None:
        """Spec: op fault-dispute-game, "Step". Raises IllegalMove."""
        tree = self.tree
        claim = tree.claims[index]
        if claim.depth != tree.max_depth:
            raise IllegalMove("only the deepest claims can be stepped")
        leaf = claim.position.relative_to(tree.execution_root(claim).position).index
        parent = tree.parent(claim)
        if attack:
            if leaf == 0:
                pre = keccak256(b"absolute prestate")
            else:
                before = Position(claim.position.gindex - 1)
                pre = tree.trace_ancestor(before, parent, across_split=False).value
            post, same_side = claim.value, True
        else:
            pre = claim.value
            after = tree.trace_ancestor(Position(claim.position.gindex + 1), parent, across_split=False)
            post, same_side = after.value, (claim.depth - after.depth) % 2 == 0
        if keccak256(witness.state_data)[1:] != pre[1:]:
            raise IllegalMove("the prestate does not match")
        if same_side == (self._execute(claim, witness) == post):
            raise IllegalMove("the step is valid")
        if claim.is_countered:
            raise IllegalMove("already countered")
        claims = list(tree.claims)
        claims[index] = replace(claim, countered_by=who)
        self.tree = GameTree(claims, tree.max_depth, tree.split_depth)
        self.steps_done += 1

    def _execute(self, claim: Claim, witness: StepWitness) -> Hash32:
        """The VM: what follows the state in `witness`, whatever run it is of."""
        if witness.state_data == b"absolute prestate":
            outputs = disputed_outputs(self.tree, claim, self.chain.anchor)
            return self.chain.run(outputs).state_hash_after(1)
        starting, disputed, index, steps = eval(witness.state_data.decode(), {"__builtins__": {}})
        outputs = DisputedOutputs(starting, None, disputed, index)
        return self.chain.run(outputs).state_hash_after(steps + 1)

    def can_move(self, claim: Claim) -> bool:
        """Whether the side that answers `claim` still has time."""
        return self.tree.clock_used(claim, self.now, self.times.max_clock) < self.times.max_clock

    def over(self) -> bool:
        """Whether no claim can be answered any more."""
        return not any(self.can_move(claim) for claim in self.tree)

    def resolve(self) -> Resolution:
        """How it ends."""
        return resolve(self.tree)


class Adversary:
    """Makes random moves: true values and lies, on any claim, sensible or not, at any time its clock allows."""

    def __init__(self, seed: int, who: Address = FREELOADER) -> None:
        self.random = random.Random(seed)
        self.who = who

    def value(self, world: World, parent: Claim, attack: bool) -> Hash32 | None:
        """A value for an answer: mostly a lie, sometimes the truth; None when there is nothing to claim."""
        tree, position = world.tree, parent.position.move(attack)
        truth: Hash32 | None
        try:
            truth = world.truth().commitment(tree, parent, position)
        except (LookupError, ValueError):
            truth = None
        if truth is not None and self.random.random() < 0.4:
            return truth
        lie = digest("lie", position.gindex, self.random.randrange(3))
        if position.depth <= tree.split_depth:
            return lie
        if position.depth == tree.split_depth + 1:
            return with_status(self.random.choice((VALID, INVALID, 2)), lie)
        if self.random.random() < 0.3 and truth is not None:
            # A true state under a wrong status, or of another step.
            return with_status(self.random.choice((VALID, INVALID, UNFINISHED)), truth)
        return with_status(UNFINISHED, lie)

    def act(self, world: World) -> bool:
        """Try one thing; whether it was legal."""
        claim = self.random.choice(world.tree.claims[-6:] if self.random.random() < 0.7 else world.tree.claims)
        attack = self.random.random() < 0.6
        try:
            if claim.depth == world.tree.max_depth:
                witness = world.truth().step(world.tree, claim, attack)
                world.step(self.who, claim.index, attack, witness)
            else:
                value = self.value(world, claim, attack)
                if value is None:
                    return False
                world.move(self.who, claim.index, value, attack)
        except (IllegalMove, LookupError, ValueError):
            return False
        return True
