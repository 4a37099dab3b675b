"""The steps of a withdrawal: begin it on L2, prove and finalize it on L1, or all of them in one go."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from config.constants import L2_STANDARD_BRIDGE, L2_TO_L1_MESSAGE_PASSER
from config.errors import CriticalError, TemporaryError
from config.types import Address, Gas, Hash32, Wei, short, to_hex
from contracts.artifacts import load_artifact
from l1.contracts import FaultDisputeGameContract, GameStatus
from l1.retry import RetryPolicy
from l1.txmgr import TransactionReceipt, TxCandidate
from node.bridge.account import BridgeAccount
from node.bridge.l2_view import FoundWithdrawal
from node.bridge.stages import Stage, Standing, WithdrawalWatch

log = logging.getLogger("lamina.bridge")

RELAY_GAS = Gas(200_000)
"""Gas on the other chain for what a withdrawal does there: enough for a transfer or a token bridge's message."""

_RESOLVE_PATIENCE = 30
"""Seconds that a game whose clock has run out is left to others to resolve."""


@dataclass(frozen=True)
class Asked:
    """What to withdraw: wei and a call, or an amount of a token (`token` on L2, `remote_token` on L1)."""

    to: Address
    amount: int
    data: bytes = b""
    gas_limit: Gas = RELAY_GAS
    token: Address | None = None
    remote_token: Address | None = None


async def initiate(l2: BridgeAccount, asked: Asked) -> TransactionReceipt:
    """Begin a withdrawal on L2. Raises SendError or CriticalError. Spec: op withdrawals, "Withdrawal Flow"."""
    if asked.token is None or asked.remote_token is None:
        data = load_artifact("L2ToL1MessagePasser").encode_call(
            "initiateWithdrawal", to_hex(asked.to), asked.gas_limit, asked.data
        )
        return await l2.send(TxCandidate(L2_TO_L1_MESSAGE_PASSER, data, Wei(asked.amount)), "withdrawal begun")
    await l2.approve(asked.token, L2_STANDARD_BRIDGE, asked.amount, asked.remote_token)
    data = load_artifact("L2StandardBridge").encode_call(
        "bridgeERC20To",
        to_hex(asked.token),
        to_hex(asked.remote_token),
        to_hex(asked.to),
        asked.amount,
        asked.gas_limit,
        asked.data,
    )
    return await l2.send(TxCandidate(L2_STANDARD_BRIDGE, data), "token withdrawal begun")


class Withdrawer:
    """Takes withdrawals further on L1, for any account: whose withdrawal it is does not matter."""

    def __init__(self, account: BridgeAccount, watch: WithdrawalWatch) -> None:
        self._account = account
        self._watch = watch

    async def prove(self, withdrawal: FoundWithdrawal) -> TransactionReceipt:
        """Prove it against the game that ends first.

        Raises ValueError when it is not at that stage, saying what is missing; TemporaryError when an endpoint fails.
        """
        standing = await self._watch.standing(withdrawal)
        if standing.stage is not Stage.READY_TO_PROVE:
            raise ValueError(f"the withdrawal cannot be proven now, it is {standing.stage.value}: {standing.missing}")
        return await self._prove(standing)

    async def finalize(self, withdrawal: FoundWithdrawal) -> TransactionReceipt:
        """Execute it on L1. Raises ValueError when it is not at that stage, saying what is missing."""
        standing = await self._watch.standing(withdrawal)
        if standing.stage is not Stage.READY_TO_FINALIZE:
            raise ValueError(
                f"the withdrawal cannot be finalized now, it is {standing.stage.value}: {standing.missing}"
            )
        return await self._finalize(standing)

    async def run(
        self, withdrawal: FoundWithdrawal, tell: Callable[[Standing], None], *, poll_seconds: float = 2.0
    ) -> Standing:
        """Take every step until it is finalized. May be cut off anywhere and called again: the chains say where it is.

        Proves again when the game it was proven against is lost, blacklisted or retired. `tell` hears of every look.
        Raises CriticalError when a step cannot succeed; an endpoint that fails is asked again.
        """
        retry = RetryPolicy()
        pause = poll_seconds
        await self._account.settle()
        while True:
            try:
                standing = await self._watch.standing(withdrawal)
                tell(standing)
                match standing.stage:
                    case Stage.FINALIZED:
                        return standing
                    case Stage.READY_TO_PROVE:
                        await self._prove(standing)
                    case Stage.READY_TO_FINALIZE:
                        await self._finalize(standing)
                    case _:
                        if not await self._resolve_if_left(standing):
                            await asyncio.sleep(_nap(standing.wait_seconds, poll_seconds))
                pause = poll_seconds
            except TemporaryError as error:
                log.warning("the withdrawal waits: %s", error, extra={"retry_in": f"{pause:.0f}s"})
                await asyncio.sleep(pause)
                pause = min(2 * pause, max(poll_seconds, retry.max_pause))

    async def _prove(self, standing: Standing) -> TransactionReceipt:
        game = standing.game
        if game is None:
            raise ValueError("there is no game to prove against")
        transaction = standing.withdrawal.transaction
        proof = await self._watch.l2.prove(transaction, game.l2_block_number)
        if proof.root != game.root_claim:
            raise TemporaryError(f"L2 block {game.l2_block_number} changed while the withdrawal was being proven")
        candidate = self._watch.portal.prove_withdrawal(transaction, game.index, proof.parts, proof.storage_proof)
        return await self._account.send(candidate, f"withdrawal proven against game {game.index}")

    async def _finalize(self, standing: Standing) -> TransactionReceipt:
        proof = standing.proof
        if proof is None:
            raise ValueError("there is no proof to finalize with")
        transaction = standing.withdrawal.transaction
        submitter = None if proof.submitter == self._account.address else proof.submitter
        candidate = self._watch.portal.finalize_withdrawal(transaction, submitter)
        receipt = await self._account.send(candidate, "withdrawal finalized")
        if not self._was_executed(receipt, transaction.hash):
            log.warning(
                "the withdrawal is finalized, but what it called on L1 failed: a bridge's message can be replayed "
                "through L1CrossDomainMessenger, a plain call is lost",
                extra={"withdrawal": short(transaction.hash)},
            )
        return receipt

    def _was_executed(self, receipt: TransactionReceipt, withdrawal: Hash32) -> bool:
        portal = self._watch.portal
        topic = portal.artifact.event_topic("WithdrawalFinalized")
        for log_entry in receipt.logs:
            if log_entry.address == portal.address and log_entry.topics[:2] == (topic, withdrawal):
                return any(log_entry.data)
        raise CriticalError(f"{receipt} has no WithdrawalFinalized log: is {to_hex(portal.address)} an OptimismPortal?")

    async def _resolve_if_left(self, standing: Standing) -> bool:
        """Resolve an undisputed game whose clock ran out some time ago; True when something was sent."""
        proof = standing.proof
        if standing.stage is not Stage.WAITING_TO_FINALIZE or proof is None:
            return False
        facts = proof.facts
        over = facts.created_at + facts.max_clock_duration + _RESOLVE_PATIENCE
        if facts.status is not GameStatus.IN_PROGRESS or facts.claim_count != 1 or standing.now <= over:
            return False
        game = FaultDisputeGameContract(self._account.rpc, proof.game)
        if not await game.read_one("resolvedSubgames", 0):
            await self._account.send(game.resolve_claim(0), "root claim of the game resolved")
        await self._account.send(game.resolve(), "game resolved")
        return True


def _nap(wait: int | None, poll_seconds: float) -> float:
    """Seconds until the next look: often near the end of a known wait, seldom far from it."""
    return poll_seconds if wait is None else min(max(poll_seconds, wait / 10), 60.0)
