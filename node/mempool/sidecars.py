"""Blob transactions as wallets send them: with a sidecar that the chain's blocks do not hold."""

from typing import Protocol

from evm.types import Hash32, SignedTransaction, decode_transaction
from evm.types.transaction import BlobTransaction, DepositTransaction
from l1.sidecar import BlobSidecar, decode_network_transaction, is_network_form
from node.mempool.errors import PoolRejection, RejectReason


class SidecarStore(Protocol):
    """Where a chain with blobs keeps them; the dev L1 supplies one. A pool without it takes no blob transactions."""

    async def verify(self, transaction: BlobTransaction, sidecar: BlobSidecar) -> None:
        """Check version and proofs, outside the event loop. Raises ValueError saying what is wrong."""

    def keep(self, transaction_hash: Hash32, sidecar: BlobSidecar) -> None:
        """The transaction was admitted."""

    def holds(self, transaction_hash: Hash32) -> bool:
        """Whether the sidecar is still there (a reorg may bring its transaction back)."""

    def release(self, transaction_hash: Hash32) -> None:
        """The transaction left the pool and is in no block."""


def decode_submitted(raw: bytes) -> tuple[SignedTransaction, BlobSidecar | None]:
    """A transaction as `eth_sendRawTransaction` gets it, with its sidecar if it has blobs (proofs not verified yet).

    Raises ValueError for anything malformed, and PoolRejection for deposits, which nobody can send.
    """
    if is_network_form(raw):
        return decode_network_transaction(raw)
    transaction = decode_transaction(raw)
    if isinstance(transaction, DepositTransaction):
        raise PoolRejection(RejectReason.TYPE_NOT_SUPPORTED, "transaction type not supported")
    return transaction, None
