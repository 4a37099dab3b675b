"""Liars: they play by the honest strategy, about a truth that is false from a block and a step on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from config.types import Gas, Hash32, Wei
from faultproof.challenger.game_state import GameReader, GameState
from faultproof.challenger.outputs import GameOutputs
from faultproof.challenger.ports import L1Block, L1Reader, Output
from faultproof.challenger.programs import ProgramInputs, whole_trace
from faultproof.challenger.riscv import MachineTrace, RiscvProgram
from faultproof.game import ExecutionTrace, Move, SplitTrace, Step, honest_actions
from l1.candidate import TxCandidate
from l1.contracts import GameFacts
from l1.dispute_contracts import GameConstants, PlayedGameContract
from tests.actions.disputes.step_kinds import StepKind, first_false_state
from tests.faultproof.challenger_world import LyingTrace

_MOVE_GAS, _STEP_GAS = Gas(600_000), Gas(2_000_000)
PLENTY_OF_TIME = 1 << 62


class Player(Protocol):
    """Somebody who plays one game."""

    async def moves(self, head: L1Block) -> list[TxCandidate]:
        """What the player sends as of an L1 block."""
        ...


@dataclass
class LyingProgram:
    """The fault-proof program, wrong from the first step of a kind on; the verdict at its end is the opposite then."""

    kind: StepKind
    honest: RiscvProgram
    odd: bool = False
    began_at: int | None = None
    """The first false state of the last run that was asked for."""

    @property
    def prestate(self) -> Hash32:
        """That of the honest program."""
        return self.honest.prestate

    def trace(self, inputs: ProgramInputs, length: int) -> ExecutionTrace:
        """A run with lies."""
        run = self.honest.trace(inputs, length)
        assert isinstance(run, MachineTrace)
        self.began_at = first_false_state(run, self.kind, odd=self.odd)
        return LyingTrace(run, self.began_at)


@dataclass
class Bonds:
    """What claims cost, asked once per position's depth."""

    contract: PlayedGameContract
    known: dict[int, Wei] = field(default_factory=dict)

    async def at(self, gindex: int) -> Wei:
        """The bond (wei) of a claim at a position."""
        depth = gindex.bit_length()
        if depth not in self.known:
            self.known[depth] = await self.contract.required_bond(gindex)
        return self.known[depth]


class Liar:
    """Plays one game by the honest strategy about its own truth; steps that L1 refuses are tried once.

    `waits_until`: moves only when no more than so many seconds are left on its clock.
    """

    def __init__(
        self,
        contract: PlayedGameContract,
        constants: GameConstants,
        facts: GameFacts,
        l1: L1Reader,
        outputs: Mapping[int, Output],
        program: LyingProgram,
        lock: asyncio.Lock,
        *,
        safe_number: int,
        waits_until: int = PLENTY_OF_TIME,
        stops_at_depth: int | None = None,
    ) -> None:
        """`outputs`: by block number, as the liar has them. `stops_at_depth`: makes no claim below it.

        `lock`: held while the program runs, since liars may share a run, and one thread at a time may use it.
        """
        self.contract = contract
        self.lock = lock
        self._reader = GameReader(contract, constants, l1)
        self._bonds = Bonds(contract)
        self._waits_until = waits_until
        self._stops_at = constants.max_depth if stops_at_depth is None else stops_at_depth
        self._tried: set[int] = set()
        self.program = program
        self.trace: SplitTrace = whole_trace(
            program,
            GameOutputs(
                outputs.__getitem__,
                anchor=facts.starting_root,
                anchor_number=facts.starting_block_number,
                claimed_number=facts.l2_block_number,
                safe_number=safe_number,
            ),
            facts.l1_head,
            constants.l2_chain_id,
            constants.max_depth,
            constants.split_depth,
        )

    async def moves(self, head: L1Block) -> list[TxCandidate]:
        """What is missing in its eyes."""
        state = await self._reader.read(head)
        if not state.is_running:
            return []
        async with self.lock:
            actions = await asyncio.to_thread(lambda: list(honest_actions(state.tree, self.trace)))
        candidates = []
        for action in actions:
            if isinstance(action, Step):
                candidates += self._attempt(action)
            elif action.position.depth <= self._stops_at:
                candidates += await self._move(action, state, head)
        return candidates

    async def _move(self, move: Move, state: GameState, head: L1Block) -> list[TxCandidate]:
        if not 0 < state.seconds_left(move.parent, head.timestamp) <= self._waits_until:
            return []
        bond = await self._bonds.at(move.position.gindex)
        made = self.contract.move(move.parent.value, move.parent.index, move.value, move.attack, bond)
        return [replace(made, gas_limit=_MOVE_GAS)]

    def _attempt(self, step: Step) -> list[TxCandidate]:
        """A step that the contract must refuse; sent all the same, without asking first."""
        if step.claim.index in self._tried:
            return []
        self._tried.add(step.claim.index)
        witness = step.witness
        made = self.contract.step(step.claim.index, step.attack, witness.state_data, witness.proof)
        return [replace(made, gas_limit=_STEP_GAS)]


class Poisoner:
    """A liar's accomplice: where the honest side has made the deepest claim, it puts a false one beside it.

    Left alone it would take the bond of the claim that both answer: resolution pays the leftmost answer that stands.
    """

    def __init__(self, contract: PlayedGameContract, constants: GameConstants, l1: L1Reader, liar: Liar) -> None:
        self._contract = contract
        self._reader = GameReader(contract, constants, l1)
        self._bonds = Bonds(contract)
        self._liar = liar

    async def moves(self, head: L1Block) -> list[TxCandidate]:
        """One claim beside each of the deepest."""
        state = await self._reader.read(head)
        deepest = state.tree.max_depth
        candidates = []
        for claim in state.tree:
            if not state.is_running or claim.depth != deepest:
                continue
            parent = state.tree.parent(claim)
            if len(state.tree.children(parent)) > 1:
                continue
            async with self._liar.lock:
                lie = await asyncio.to_thread(self._liar.trace.commitment, state.tree, parent, claim.position)
            if lie == claim.value:
                lie = Hash32(lie[:-1] + bytes([lie[-1] ^ 1]))
            attack = claim.position == parent.position.attack()
            bond = await self._bonds.at(claim.position.gindex)
            made = self._contract.move(parent.value, parent.index, lie, attack, bond)
            candidates.append(replace(made, gas_limit=_MOVE_GAS))
        return candidates
