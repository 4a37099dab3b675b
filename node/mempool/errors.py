"""Why the pool does not take a transaction. Texts start as geth's do, so that clients recognise them."""

from enum import Enum


class RejectReason(Enum):
    """Kinds of rejection; the value names the kind in metrics."""

    ALREADY_KNOWN = "already_known"
    MALFORMED = "malformed"
    TYPE_NOT_SUPPORTED = "type_not_supported"
    OVERSIZED = "oversized"
    INVALID = "invalid"
    INVALID_SENDER = "invalid_sender"
    UNDERPRICED = "underpriced"
    REPLACEMENT_UNDERPRICED = "replacement_underpriced"
    NONCE_TOO_LOW = "nonce_too_low"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DELEGATION_LIMIT = "delegation_limit"
    ACCOUNT_LIMIT = "account_limit"
    POOL_FULL = "pool_full"
    BAD_SIDECAR = "bad_sidecar"


class PoolRejection(Exception):
    """A transaction was not admitted; nothing in the pool changed."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
