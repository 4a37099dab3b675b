"""What the transaction manager asks L1 before it publishes anything, with every failure told as a SendError."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from config.constants import TRANSACTION_GAS_CAP
from config.errors import TemporaryError
from config.l1_chain import L1ChainConfig
from config.types import Address, Gas, Hash32, to_hex
from evm.types.json_codec import parse_quantity
from l1.candidate import TxCandidate
from l1.fees import Quote, fetch_quote
from l1.retry import with_retries
from l1.rpc import RpcCaller, RpcError
from l1.send_error import (
    ErrorNames,
    PublishOutcome,
    SendErrorKind,
    classify_refusal,
    explain_revert,
    revert_data,
    send_error,
)
from l1.tx_policy import TxPolicy

_T = TypeVar("_T")

_TRANSFER_GAS = 21_000


class Inquiry:
    """Prices, gas estimates and nonces of one account. Transport errors are retried as the policy says."""

    def __init__(
        self,
        rpc: RpcCaller,
        account: Address,
        policy: TxPolicy,
        l1_chain: L1ChainConfig | None,
        error_names: ErrorNames | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._rpc = rpc
        self._account = account
        self._policy = policy
        self._l1_chain = l1_chain
        self._error_names = error_names
        self._sleep = sleep

    async def quote(self, with_blobs: bool) -> Quote:
        """L1's prices at its head, asked once. Raises TemporaryError."""
        try:
            return await fetch_quote(self._rpc, with_blobs, self._l1_chain)
        except (RpcError, KeyError, TypeError, ValueError) as error:
            raise TemporaryError(f"L1's prices are not known: {error}") from error

    async def quote_for(self, candidate: TxCandidate) -> Quote:
        """L1's prices for this transaction. Raises SendError."""
        return await self._ask(candidate, lambda: self.quote(bool(candidate.blobs)), "asking L1's prices")

    async def gas_limit(self, candidate: TxCandidate, blob_hashes: Sequence[Hash32]) -> Gas:
        """An estimate on the pending block with the policy's margin. Raises SendError, REVERTED when it would."""
        message: dict[str, Any] = {
            "from": to_hex(self._account),
            "value": hex(candidate.value),
            "data": to_hex(candidate.data),
        }
        if candidate.to is not None:
            message["to"] = to_hex(candidate.to)
        if blob_hashes:
            message["blobVersionedHashes"] = [to_hex(value) for value in blob_hashes]
        gas = await self._quantity(candidate, "eth_estimateGas", [message, "pending"], "estimating its gas")
        raised = gas + max(gas - _TRANSFER_GAS, 0) * self._policy.gas_margin_percent // 100
        # Osaka refuses transactions above the cap: the margin must not lift one there.
        return Gas(raised if gas > TRANSACTION_GAS_CAP else min(raised, TRANSACTION_GAS_CAP))

    async def transaction_count(self, candidate: TxCandidate, tag: str) -> int:
        """The account's nonce at a block tag. Raises SendError."""
        return await self._quantity(
            candidate, "eth_getTransactionCount", [to_hex(self._account), tag], "asking for the account's nonce"
        )

    def advice(self, kind: SendErrorKind, error: RpcError) -> str:
        """What to tell about a refusal."""
        if kind is SendErrorKind.INSUFFICIENT_FUNDS:
            return f"the account 0x{self._account.hex()} cannot pay for it ({error.message}); fund it on {self._policy.chain}"
        return str(error)

    async def _quantity(self, candidate: TxCandidate, method: str, params: Sequence[Any], doing: str) -> int:
        answer = await self._ask(candidate, lambda: self._rpc.call(method, params), doing)
        try:
            return parse_quantity(answer)
        except ValueError as error:
            reason = f"{doing}: {self._rpc.endpoint}: {error}"
            raise send_error(SendErrorKind.UNREACHABLE, candidate, reason) from error

    async def _ask(self, candidate: TxCandidate, question: Callable[[], Awaitable[_T]], doing: str) -> _T:
        try:
            return await with_retries(doing, question, self._policy.retry, sleep=self._sleep)
        except TemporaryError as error:
            raise send_error(SendErrorKind.UNREACHABLE, candidate, f"{doing}: {error}") from error
        except RpcError as error:
            data = revert_data(error)
            if data is not None:
                reason = f"it would have {explain_revert(data, self._error_names)}"
                raise send_error(SendErrorKind.REVERTED, candidate, reason) from error
            meaning = classify_refusal(error)
            kind = SendErrorKind.UNREACHABLE if isinstance(meaning, PublishOutcome) else meaning
            raise send_error(kind, candidate, f"{doing}: {self.advice(kind, error)}") from error
