"""One game in the challenger's care: what it is about, who is right, and which transactions it needs now.

Nothing is remembered that L1 and the own node do not say; what is kept between rounds only saves asking again.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from enum import Enum

from config.errors import CriticalError
from config.types import ZERO_HASH, Address, Gas, Hash32, L2BlockNumber, Wei, to_hex
from faultproof.challenger.due import Due
from faultproof.challenger.game_state import GameReader, GameState
from faultproof.challenger.outputs import GameOutputs, Verdict, game_outputs, judge
from faultproof.challenger.ports import L1Block, L1Reader, RollupNode
from faultproof.challenger.preimages import prepare
from faultproof.challenger.programs import Programs, whole_trace
from faultproof.challenger.refusals import Refusals
from faultproof.challenger.settings import ChallengerSettings, Mode
from faultproof.game import Action, Claim, Move, SplitTrace, Step, honest_actions, resolve
from l1.candidate import TxCandidate
from l1.contract import ContractCallFailed
from l1.contracts import ANSWERS_AT_ONCE, AnchorStateRegistryContract, GameStatus, ListedGame
from l1.dispute_contracts import GameConstants, PlayedGameContract, PreimageOracleContract
from l1.rpc import RpcCaller

log = logging.getLogger("lamina.challenger")

_NO_WEI = Wei(0)
_SETTLING_GAS, _SETTLING_GAS_PER_ANSWER = 200_000, 25_000
"""More than settling a claim takes: tests/contracts/gas_of_disputes.json."""


class Stage(Enum):
    """What a game still needs."""

    RUNNING = "running"
    RESOLVED = "resolved"
    UNLOCKED = "bonds unlocked"
    DONE = "done"


@dataclass
class Surroundings:
    """What all agents share."""

    rpc: RpcCaller
    node: RollupNode
    l1: L1Reader
    programs: Programs
    account: Address
    settings: ChallengerSettings
    # One run of a program at a time: each takes a core and much memory.
    machine_lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class GameFace:
    """What an agent shows of its game. Amounts in wei, of the challenger's account."""

    index: int
    address: Address
    stage: Stage = Stage.RUNNING
    l2_block_number: L2BlockNumber = field(default_factory=lambda: L2BlockNumber(0))
    root_claim: Hash32 = ZERO_HASH
    status: GameStatus = GameStatus.IN_PROGRESS
    claims: int = 0
    own_claims: int = 0
    verdict: Verdict | None = None
    bonds_in: Wei = _NO_WEI
    bonds_lost: Wei = _NO_WEI
    waiting_for: str | None = None
    problem: str | None = None

    def __str__(self) -> str:
        return f"game {self.index} ({to_hex(self.address)[:10]}.., L2 block {self.l2_block_number})"


@dataclass(frozen=True)
class _Truth:
    """What is true about one game; it stays so as long as that makes the same claim and is judged by the same L1 blocks."""

    subject: tuple[Hash32 | int, ...]
    outputs: GameOutputs
    verdict: Verdict


class GameAgent:
    """Plays one game."""

    def __init__(self, around: Surroundings, listed: ListedGame) -> None:
        self._around = around
        self._contract = PlayedGameContract(around.rpc, listed.address)
        self._constants: GameConstants | None = None
        self._reader: GameReader | None = None
        self._truth: _Truth | None = None
        self._trace: SplitTrace | None = None
        self._seen_running = False
        self._prepares = False
        self._refusals: dict[str, Refusals] = {}
        self._now = 0
        self.face = GameFace(listed.index, listed.address)

    def __str__(self) -> str:
        return str(self.face)

    @property
    def oracle(self) -> Address | None:
        """The preimage oracle of its steps; None before it was read for the first time."""
        return None if self._constants is None else self._constants.oracle

    @property
    def is_done(self) -> bool:
        """Whether nothing will come of it any more."""
        return self.face.stage is Stage.DONE

    def refused(self, due: Due) -> None:
        """L1 would not have it."""
        self._refusals.setdefault(due.purpose, Refusals()).add(self._now)

    async def due(self, head: L1Block) -> list[Due]:
        """What can be done about the game as of an L1 block.

        Raises TemporaryError; CriticalError when this game cannot be played, which says nothing about others.
        """
        self._now = head.timestamp
        found = await self._find_due(head)
        ready = []
        for due in found:
            refusals = self._refusals.get(due.purpose)
            if refusals is None or refusals.again_at <= head.timestamp:
                ready.append(due)
                continue
            self.face.problem = (
                f"L1 has refused {refusals.count} times: {due.purpose}; the next try is at L1 time {refusals.again_at}"
            )
        return ready

    async def _find_due(self, head: L1Block) -> list[Due]:
        face = self.face
        face.waiting_for = face.problem = None
        self._prepares = False
        if self._reader is None:
            self._constants = await self._contract.constants()
            self._reader = GameReader(self._contract, self._constants, self._around.l1)
        state = await self._reader.read(head)
        own = state.claims_of(self._around.account)
        face.status = state.facts.status
        face.l2_block_number, face.root_claim = state.facts.l2_block_number, state.facts.root_claim
        face.claims, face.own_claims = len(state.tree), len(own)
        if not state.is_running:
            # Runs of programs take much memory.
            self._trace = None
            return await self._payout(state)
        self._seen_running = True
        face.bonds_in = Wei(sum(claim.bond for claim in own))
        verdict = await self._judge(state)
        if self._around.settings.mode is Mode.WATCH:
            self._say_outcome(state, verdict)
            return []
        dues = await self._play(state, verdict, head)
        return dues + self._resolution(state, verdict, head, dues)

    # --- the truth ---

    async def _judge(self, state: GameState) -> Verdict:
        facts = state.facts
        # An L1 reorg can put another game in the place of this one.
        subject = (facts.l1_head, facts.root_claim, facts.l2_block_number, facts.starting_root, facts.starting_block_number)
        if self._truth is None or self._truth.subject != subject:
            outputs = await game_outputs(self._around.node, self._around.l1, facts)
            neighbours = self._around.settings.neighbours
            verdict = await asyncio.to_thread(judge, outputs, facts.root_claim, state.constants.split_depth, neighbours)
            self._truth, self._trace = _Truth(subject, outputs, verdict), None
            log.log(
                logging.INFO if verdict.is_right else logging.WARNING,
                "%s is %s: %s",
                self,
                "right" if verdict.is_right else "FALSE",
                verdict.why,
            )
        self.face.verdict = self._truth.verdict
        return self._truth.verdict

    def _whole_trace(self, state: GameState) -> SplitTrace:
        assert self._truth is not None
        if self._trace is None:
            constants = state.constants
            self._trace = whole_trace(
                self._around.programs.of(constants.absolute_prestate),
                self._truth.outputs,
                state.facts.l1_head,
                constants.l2_chain_id,
                constants.max_depth,
                constants.split_depth,
            )
        return self._trace

    def _say_outcome(self, state: GameState, verdict: Verdict) -> None:
        stands = resolve(state.tree, state.progress.block_number_challenger).defender_wins
        if stands != verdict.is_right:
            self.face.waiting_for = (
                f"somebody to play: as it stands a {'false' if stands else 'true'} root claim would "
            )
            self.face.waiting_for += "win" if stands else "lose"

    # --- moves ---

    async def _play(self, state: GameState, verdict: Verdict, head: L1Block) -> list[Due]:
        mode = self._around.settings.mode
        if not verdict.is_right and mode is not Mode.ACTIVE:
            self.face.waiting_for = "nothing: its root claim is false, and in this mode only true ones are defended"
            return []
        challenger = state.progress.block_number_challenger
        if verdict.is_block is not None and challenger is None:
            return [await self._block_challenge(verdict.is_block)]
        own_answers = any(not claim.is_root for claim in state.claims_of(self._around.account))
        if challenger is not None and not own_answers:
            # Decided; only who has claims in it still has bonds to defend.
            return []
        trace = self._whole_trace(state)
        async with self._around.machine_lock:
            actions = await asyncio.to_thread(self._actions, state, trace)
        dues = []
        for action in actions:
            try:
                if isinstance(action, Step):
                    dues += await self._step(action, head)
                elif challenger is None or not action.parent.is_root:
                    dues += await self._move(action, state, head)
            except CriticalError as error:
                self.face.problem = f"it cannot {action}: {error}"
        return dues

    def _actions(self, state: GameState, trace: SplitTrace) -> list[Action]:
        """What is missing, as far as it can be told: what can be done is done, whatever stands in the way of the rest."""
        actions: list[Action] = []
        try:
            for action in honest_actions(state.tree, trace):
                actions.append(action)  # noqa: PERF402 - those before an error count
        except (CriticalError, LookupError) as error:
            self.face.problem = str(error)
        return actions

    async def _move(self, move: Move, state: GameState, head: L1Block) -> list[Due]:
        left = state.seconds_left(move.parent, head.timestamp)
        if left == 0:
            self.face.waiting_for = f"the end: it is too late to {move}"
            return []
        bond = await self._contract.required_bond(move.position.gindex)
        candidate = self._contract.move(move.parent.value, move.parent.index, move.value, move.attack, bond)
        return [Due(self, str(move), (candidate,), bond, left)]

    async def _step(self, step: Step, head: L1Block) -> list[Due]:
        constants = self._constants
        assert constants is not None
        oracle = PreimageOracleContract(self._around.rpc, constants.oracle)
        preparation = await prepare(step, self._contract, oracle, self._around.account, head.timestamp)
        if preparation.waits_for is not None:
            self.face.waiting_for, self._prepares = preparation.waits_for, True
            if not preparation.candidates:
                return []
            bonds = Wei(sum(candidate.value for candidate in preparation.candidates))
            return [Due(self, f"bring preimages for: {step}", preparation.candidates, bonds, seconds_left=0)]
        witness = step.witness
        candidate = self._contract.step(step.claim.index, step.attack, witness.state_data, witness.proof)
        return [Due(self, str(step), (*preparation.candidates, candidate), seconds_left=0)]

    async def _block_challenge(self, number: int) -> Due:
        """Spec: op fault-dispute-game, "L2 Block Number Challenge"."""
        node = self._around.node
        output, header = await node.output_at(number), await node.header_at(number)
        if header.hash != output.block.hash:
            raise CriticalError(f"the own node has two L2 blocks {number}: {output.block} and {header}")
        candidate = self._contract.challenge_root_block(output.parts, header.encode())
        return Due(self, f"show that the claimed root is that of L2 block {number}", (candidate,), seconds_left=0)

    # --- the end ---

    def _resolution(self, state: GameState, verdict: Verdict, head: L1Block, dues: list[Due]) -> list[Due]:
        settings = self._around.settings
        if not (settings.resolve_all or self.face.own_claims or not verdict.is_right):
            return []
        claims = state.settling(head.timestamp)
        progress = state.progress
        if not claims and not progress.resolved[0]:
            return []
        outcome = resolve(state.tree, progress.block_number_challenger)
        if dues or self._prepares:
            # Something can still change how it ends: a step has no deadline but the settling of its claim.
            return []
        if outcome.defender_wins != verdict.is_right:
            self.face.problem = (
                f"it would end for the {'proposer' if outcome.defender_wins else 'challenger'}, which is wrong "
                f"({verdict.why}): nothing is settled, the chain's guardian can still blacklist it"
            )
            return []
        if progress.resolved[0]:
            return [Due(self, "resolve", (self._contract.resolve(),))]
        return [Due(self, f"settle claim {claim.index}", (self._settlement(state, claim),)) for claim in claims]

    def _settlement(self, state: GameState, claim: Claim) -> TxCandidate:
        candidate = self._contract.resolve_claim(claim.index)
        if not state.waits_for_answers(claim):
            return candidate
        # It goes out together with the settlements that it needs, so L1 cannot say yet how much gas it takes.
        answers = min(len(state.tree.children(claim)), ANSWERS_AT_ONCE)
        return replace(candidate, gas_limit=Gas(_SETTLING_GAS + answers * _SETTLING_GAS_PER_ANSWER))

    async def _payout(self, state: GameState) -> list[Due]:
        """Brings the account's bonds home. Spec: op bond-incentives, "Claiming Credit"."""
        face, around = self.face, self._around
        credit = await self._contract.credit_of(around.account)
        face.bonds_in = credit.amount
        unsettled = [index for index, done in enumerate(state.progress.resolved) if not done]
        if state.progress.prover is not None and unsettled:
            if not credit.refund:
                face.stage = Stage.DONE
                return []
            face.stage = Stage.RESOLVED
            return self._if_allowed(
                [Due(self, f"settle claim {index}", (self._contract.resolve_claim(index),)) for index in unsettled]
            )
        if credit.refund and self._seen_running:
            face.bonds_lost = Wei(max(0, credit.refund - credit.amount))
        if not credit.amount:
            face.stage = Stage.DONE
            may_come_back = credit.mode == 0 and credit.refund and not await self._is_proper()
            if not may_come_back:
                return []
        face.stage = Stage.UNLOCKED if credit.is_unlocked else Stage.RESOLVED
        purpose = "collect the bonds" if credit.is_unlocked else "unlock the bonds"
        try:
            await self._contract.read("claimCredit", to_hex(around.account))
        except ContractCallFailed as error:
            face.waiting_for = f"the moment when it can {purpose} ({error})"
            return []
        return self._if_allowed([Due(self, purpose, (self._contract.claim_credit(around.account),))])

    def _if_allowed(self, dues: list[Due]) -> list[Due]:
        return [] if self._around.settings.mode is Mode.WATCH else dues

    async def _is_proper(self) -> bool:
        assert self._constants is not None
        registry = AnchorStateRegistryContract(self._around.rpc, self._constants.registry)
        return await registry.is_game_proper(self.face.address)
