"""Where a withdrawal stands, told from the two chains alone. Spec: op withdrawals, "Withdrawal Flow"."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from config.types import Address, Hash32, to_address, to_hex
from l1.contracts import (
    AnchorStateRegistryContract,
    DisputeGameFactoryContract,
    FaultDisputeGameContract,
    FoundGame,
    GameFacts,
    GameStatus,
    PortalContract,
)
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from node.bridge.l2_view import FoundWithdrawal, L2View

_PAGE = 64
"""Games asked for per request while looking for one that covers the withdrawal."""

_CLOCK_SLACK = 1800
"""Seconds by which L2 timestamps may be ahead of L1's. Spec: op derivation, "Batch Queue" (max sequencer drift)."""


class Stage(Enum):
    """Steps of a withdrawal, named as clients name them."""

    WAITING_TO_PROVE = "waiting-to-prove"
    READY_TO_PROVE = "ready-to-prove"
    WAITING_TO_FINALIZE = "waiting-to-finalize"
    READY_TO_FINALIZE = "ready-to-finalize"
    FINALIZED = "finalized"


@dataclass(frozen=True)
class Proof:
    """A proof that L1 holds: who proved, against which game, when. `lost` says why it can never be used, or is None."""

    submitter: Address
    game: Address
    timestamp: int
    facts: GameFacts
    lost: str | None


@dataclass(frozen=True)
class Standing:
    """A withdrawal's stage with what it waits for. `wait_seconds` None: nobody can tell.

    `game` is the one to prove against, `proof` the one to finalize with, where the stage has one. `now` is the
    timestamp of L1's head, which all of it is told as of.
    """

    withdrawal: FoundWithdrawal
    stage: Stage
    now: int
    missing: str
    wait_seconds: int | None = None
    game: FoundGame | None = None
    proof: Proof | None = None
    proofs: tuple[Proof, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `lamina withdraw status --json` prints it."""
        transaction = self.withdrawal.transaction
        return {
            "withdrawalHash": to_hex(transaction.hash),
            "l2TransactionHash": to_hex(self.withdrawal.l2_transaction_hash),
            "l2BlockNumber": self.withdrawal.l2_block_number,
            "sender": to_hex(transaction.sender),
            "target": to_hex(transaction.target),
            "value": str(transaction.value),
            "status": self.stage.value,
            "missing": self.missing,
            "waitSeconds": self.wait_seconds,
            "game": None
            if self.game is None
            else {
                "address": to_hex(self.game.address),
                "index": self.game.index,
                "l2BlockNumber": self.game.l2_block_number,
            },
            "proofs": [
                {
                    "submitter": to_hex(proof.submitter),
                    "game": to_hex(proof.game),
                    "timestamp": proof.timestamp,
                    "gameStatus": proof.facts.status.name,
                    "lost": proof.lost,
                }
                for proof in self.proofs
            ],
        }


class WithdrawalWatch:
    """Reads what L1 and L2 say about withdrawals."""

    def __init__(self, l1: JsonRpcClient, l2: L2View, portal: Address) -> None:
        self._rpc = l1
        self._l1 = L1Client(l1)
        self.l2 = l2
        self.portal = PortalContract(l1, portal)
        self._contracts: tuple[DisputeGameFactoryContract, AnchorStateRegistryContract] | None = None

    async def _places(self) -> tuple[DisputeGameFactoryContract, AnchorStateRegistryContract]:
        if self._contracts is None:
            (factory,), (registry,) = await self.portal.read_many(
                [("disputeGameFactory", ()), ("anchorStateRegistry", ())]
            )
            self._contracts = (
                DisputeGameFactoryContract(self._rpc, to_address(factory)),
                AnchorStateRegistryContract(self._rpc, to_address(registry)),
            )
        return self._contracts

    async def standing(self, withdrawal: FoundWithdrawal) -> Standing:
        """Where a withdrawal stands now. Raises TemporaryError when an endpoint does not answer."""
        now = (await self._l1.header_by_number("latest")).timestamp
        hashed = withdrawal.transaction.hash
        if await self.portal.is_finalized(hashed):
            return Standing(withdrawal, Stage.FINALIZED, now, "nothing: it was executed on L1", 0)
        proofs = await self._proofs(hashed)
        usable = [proof for proof in proofs if proof.lost is None]
        for proof in usable:
            if await self.portal.check_withdrawal(hashed, proof.submitter) is None:
                return Standing(
                    withdrawal, Stage.READY_TO_FINALIZE, now, "finalizing it", 0, proof=proof, proofs=proofs
                )
        if usable:
            waits = [(await self._until_final(proof, now), proof) for proof in usable]
            (seconds, why), proof = min(waits, key=lambda wait: (wait[0][0] is None, wait[0][0] or 0))
            return Standing(withdrawal, Stage.WAITING_TO_FINALIZE, now, why, seconds, proof=proof, proofs=proofs)
        if await self.portal.paused():
            return Standing(
                withdrawal, Stage.WAITING_TO_PROVE, now, "withdrawals are paused on L1", None, proofs=proofs
            )
        again = f" again: {proofs[-1].lost}" if proofs else ""
        game, why = await self._game_for(withdrawal, now)
        if game is None:
            return Standing(withdrawal, Stage.WAITING_TO_PROVE, now, why, None, proofs=proofs)
        return Standing(withdrawal, Stage.READY_TO_PROVE, now, f"proving it{again}", 0, game=game, proofs=proofs)

    async def _proofs(self, withdrawal: Hash32) -> tuple[Proof, ...]:
        count = await self.portal.read_one("numProofSubmitters", withdrawal)
        listed = await self.portal.read_many([("proofSubmitters", (withdrawal, index)) for index in range(count)])
        submitters = list(dict.fromkeys(to_address(submitter) for (submitter,) in listed))
        proofs = []
        for submitter in submitters:
            proven = await self.portal.proven(withdrawal, submitter)
            if proven is not None:
                facts = await FaultDisputeGameContract(self._rpc, proven.game).facts()
                lost = await self._lost(proven.game, facts)
                proofs.append(Proof(submitter, proven.game, proven.timestamp, facts, lost))
        return tuple(proofs)

    async def _lost(self, game: Address, facts: GameFacts) -> str | None:
        """Why withdrawals proven against a game can never be finalized, or None when they still may."""
        _, registry = await self._places()
        name = f"the game {to_hex(game)} that it was proven against"
        if facts.status is GameStatus.CHALLENGER_WINS:
            return f"{name} was lost: its claim is false"
        answers = await registry.read_many(
            [(check, (to_hex(game),)) for check in ("isGameBlacklisted", "isGameRetired", "isGameRespected")]
        )
        (blacklisted,), (retired,), (respected,) = answers
        if blacklisted:
            return f"{name} was blacklisted"
        if retired:
            return f"{name} was retired"
        return None if respected else f"{name} is of a type that did not count"

    async def _until_final(self, proof: Proof, now: int) -> tuple[int | None, str]:
        """Seconds until a proof can be used, and what passes meanwhile. The portal compares with `>`, hence the 1."""
        _, registry = await self._places()
        mature = proof.timestamp + await self.portal.proof_maturity_delay() + 1
        finality = await registry.finality_delay()
        facts = proof.facts
        if facts.status is GameStatus.DEFENDER_WINS:
            final = facts.resolved_at + finality + 1
            if max(mature, final) <= now:
                paused = await self.portal.paused()
                return None, "withdrawals are paused on L1" if paused else "the portal refuses it for now"
            if final > mature:
                return final - now, "the delay after the end of its game passes"
            return mature - now, "the delay after its proof passes"
        clock = facts.created_at + facts.max_clock_duration
        if clock > now:
            # A contested game takes longer: its other clocks run then.
            return max(mature, clock + finality + 1) - now, "its game runs (the time holds if nobody disputes it)"
        if facts.claim_count > 1:
            return None, "its game is disputed and not resolved"
        return max(mature - now, finality + 1), "its game's clock has run out; it can be resolved"

    async def _game_for(self, withdrawal: FoundWithdrawal, now: int) -> tuple[FoundGame | None, str]:
        """The game to prove against: its claim is what our own L2 says, and it will end first. Else what is missing."""
        factory, registry = await self._places()
        game_type = await self.portal.respected_game_type()
        wrong: list[FoundGame] = []
        ahead: list[FoundGame] = []
        fitting: list[tuple[bool, int, FoundGame]] = []
        async for game in _games_since(factory, game_type, withdrawal.l2_timestamp - _CLOCK_SLACK):
            if game.l2_block_number < withdrawal.l2_block_number or game.timestamp >= now:
                continue
            facts = await FaultDisputeGameContract(self._rpc, game.address).facts()
            if await self._lost(game.address, facts) is not None or not await registry.is_game_proper(game.address):
                continue
            root = await self.l2.output_root(game.l2_block_number)
            if root is None:
                ahead.append(game)
            elif root != game.root_claim:
                wrong.append(game)
            else:
                fitting.append((facts.status is GameStatus.IN_PROGRESS, game.timestamp, game))
        if fitting:
            return min(fitting, key=lambda entry: entry[:2])[2], ""
        if ahead:
            return None, f"the L2 endpoint is behind: game {ahead[0].index} claims L2 block {ahead[0].l2_block_number}"
        if wrong:
            return None, (
                f"{len(wrong)} games cover L2 block {withdrawal.l2_block_number}, but their claims are not what the L2 "
                "endpoint says; waiting for an honest one"
            )
        newest = await _newest(factory, game_type)
        so_far = "there is none yet" if newest is None else f"the newest covers block {newest.l2_block_number}"
        return None, f"a dispute game that covers L2 block {withdrawal.l2_block_number} ({so_far})"


async def _newest(factory: DisputeGameFactoryContract, game_type: int) -> FoundGame | None:
    count = await factory.game_count()
    found = await factory.find_latest_games(game_type, count - 1, 1) if count else []
    return found[0] if found else None


async def _games_since(factory: DisputeGameFactoryContract, game_type: int, since: int) -> AsyncIterator[FoundGame]:
    """Games of a type, the newest first, down to those created before a timestamp."""
    start = await factory.game_count() - 1
    while start >= 0:
        page = await factory.find_latest_games(game_type, start, _PAGE)
        for game in page:
            if game.timestamp < since:
                return
            yield game
        if len(page) < _PAGE:
            return
        start = page[-1].index - 1
