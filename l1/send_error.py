"""Why a transaction could not be sent, told apart by what the caller can do about it."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from config.errors import CriticalError, TemporaryError
from config.types import Wei, from_hex
from l1.candidate import NOTHING, TxCandidate
from l1.rpc import EXECUTION_REVERTED, RpcError

ErrorNames = Callable[[bytes], str | None]
"""The name of a contract error by its 4-byte selector, where known."""


class SendErrorKind(Enum):
    """What stood in the way."""

    REVERTED = "reverted"
    FEE_CEILING = "fee ceiling"
    UNREACHABLE = "L1 unreachable"
    INSUFFICIENT_FUNDS = "insufficient funds"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class SendError(Exception):
    """A transaction is not on L1. `kind` says why; every instance is a TemporaryError or a CriticalError as well.

    `cost` is what was spent all the same, in wei: on the transaction that used its nonce up.
    """

    def __init__(self, kind: SendErrorKind, candidate: TxCandidate, reason: str, cost: Wei = NOTHING) -> None:
        super().__init__(f"{candidate} was not sent: {reason}")
        self.kind = kind
        self.candidate = candidate
        self.reason = reason
        self.cost = cost


class TemporarySendError(SendError, TemporaryError):
    """Sending the same again later can succeed."""


class CriticalSendError(SendError, CriticalError):
    """Sending the same again cannot succeed before the operator acts."""


_CRITICAL = (SendErrorKind.INSUFFICIENT_FUNDS, SendErrorKind.REJECTED)


def send_error(kind: SendErrorKind, candidate: TxCandidate, reason: str, cost: Wei = NOTHING) -> SendError:
    """The error of the severity that belongs to `kind`."""
    return (CriticalSendError if kind in _CRITICAL else TemporarySendError)(kind, candidate, reason, cost)


class PublishOutcome(Enum):
    """What an endpoint made of a raw transaction, as far as the manager treats it differently."""

    ACCEPTED = "accepted"
    NONCE_TOO_LOW = "nonce too low"
    NONCE_TOO_HIGH = "nonce too high"
    UNDERPRICED = "underpriced"
    RESERVED = "account reserved by the other transaction kind"
    UNKNOWN = "no answer"
    BUSY = "pool is full"

    @property
    def maybe_in_pool(self) -> bool:
        """Whether L1 has the transaction, or may have it."""
        return self in (PublishOutcome.ACCEPTED, PublishOutcome.UNKNOWN)


_WORDINGS: tuple[tuple[PublishOutcome | SendErrorKind, tuple[str, ...]], ...] = (
    (
        PublishOutcome.ACCEPTED,
        ("already known", "already imported", "alreadyknown", "known transaction", "already exists"),
    ),
    (PublishOutcome.RESERVED, ("already reserved",)),
    # Blob pools take no gaps; after a reorg that dropped an earlier transaction there is one.
    (PublishOutcome.NONCE_TOO_HIGH, ("nonce too high", "nonce gap", "gapped nonce", "gapped-nonce")),
    (PublishOutcome.NONCE_TOO_LOW, ("nonce too low", "oldnonce", "nonce is too low", "invalid nonce")),
    (
        PublishOutcome.UNDERPRICED,
        (
            "underpriced",
            "could not replace",
            "replacementnotallowed",
            "less than block base fee",
            "fee cap less than",
            "feetoolow",
            "fee too low",
            "less than block blob gas fee",
            "blob gas price too low",
            "gas tip cap",
        ),
    ),
    (PublishOutcome.BUSY, ("txpool is full", "pool is full", "too many", "limit exceeded")),
    # An endpoint in trouble, or too busy to answer in time; whether it took a transaction is not known then.
    (PublishOutcome.UNKNOWN, ("execution aborted", "timeout", "timed out", "deadline exceeded", "internal error")),
    (SendErrorKind.INSUFFICIENT_FUNDS, ("insufficient funds", "insufficient balance", "insufficientfunds")),
)
"""Usual wordings of geth, reth, erigon, nethermind and anvil; there are no codes for these. First match counts."""


def classify_refusal(error: RpcError) -> PublishOutcome | SendErrorKind:
    """What the refusal of a raw transaction means; `REJECTED` when its wording is not a known one."""
    text = error.message.lower()
    for meaning, wordings in _WORDINGS:
        if any(wording in text for wording in wordings):
            return meaning
    return SendErrorKind.REJECTED


def revert_data(error: RpcError) -> bytes | None:
    """The bytes a reverted call gave back; None when the error is not about a revert. Empty when nothing came back."""
    data: Any = error.data
    if isinstance(data, dict):
        data = data.get("data", data.get("result"))
    reverted = error.code == EXECUTION_REVERTED or "revert" in error.message.lower()
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return from_hex(data)
        except ValueError:
            return b"" if reverted else None
    return b"" if reverted else None


def explain_revert(data: bytes, names: ErrorNames | None = None) -> str:
    """Revert data in words: the reason string, the panic code, or the contract error's name or selector.

    Spec: Solidity documentation, "Error handling".
    """
    selector, body = data[:4], data[4:]
    try:
        if selector == b"\x08\xc3\x79\xa0":
            return f'reverted with "{decode(["string"], body)[0]}"'
        if selector == b"\x4e\x48\x7b\x71":
            return f"panicked with code 0x{decode(['uint256'], body)[0]:02x}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return f"reverted with malformed data 0x{data[:36].hex()}"
    if not data:
        return "reverted without a reason"
    name = names(selector) if names is not None and len(selector) == 4 else None
    if name is not None:
        return f"reverted with {name}" + (f" (0x{body[:96].hex()})" if body else "")
    return f"reverted with the unknown error 0x{data[:36].hex()}{'..' if len(data) > 36 else ''}"
