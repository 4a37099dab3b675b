"""A transaction on its way: everything published for one nonce."""

from dataclasses import dataclass, field

from config.rollup import BlockId
from config.types import Address, Gas, Hash32, Wei
from evm.types import BlobTransaction, DynamicFeeTransaction, SignedTransaction
from l1.candidate import TxCandidate
from l1.fees import Fees
from l1.kzg_core import BYTES_PER_BLOB
from l1.sidecar import BlobSidecar, encode_network_transaction

EMPTY_TRANSACTION_GAS = Gas(21_000)
"""What a transaction uses that calls nothing and holds no data."""


def unsigned_transaction(
    candidate: TxCandidate, chain_id: int, nonce: int, gas_limit: Gas, fees: Fees, sidecar: BlobSidecar | None
) -> SignedTransaction:
    """The type-2 transaction, or type-3 with a sidecar, to be signed. Raises ValueError for a creation with blobs."""
    if sidecar is None:
        return DynamicFeeTransaction(
            nonce=nonce,
            gas_limit=gas_limit,
            to=candidate.to,
            value=candidate.value,
            data=candidate.data,
            chain_id=chain_id,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=fees.tip,
            max_fee=fees.max_fee,
        )
    if candidate.to is None:
        raise ValueError("a transaction with blobs cannot create a contract")
    return BlobTransaction(
        nonce=nonce,
        gas_limit=gas_limit,
        to=candidate.to,
        value=candidate.value,
        data=candidate.data,
        chain_id=chain_id,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=fees.tip,
        max_fee=fees.max_fee,
        max_fee_per_blob_gas=fees.blob_fee,
        versioned_hashes=sidecar.versioned_hashes,
    )


def network_bytes(transaction: SignedTransaction, sidecar: BlobSidecar | None) -> bytes:
    """What `eth_sendRawTransaction` takes."""
    if sidecar is not None and isinstance(transaction, BlobTransaction):
        return encode_network_transaction(transaction, sidecar)
    return transaction.raw


def cancellation(account: Address, with_blob: bool) -> TxCandidate:
    """A transaction that does nothing but use up a nonce. Pools take only blob transactions in place of blob ones."""
    return TxCandidate(account, gas_limit=EMPTY_TRANSACTION_GAS, blobs=(bytes(BYTES_PER_BLOB),) if with_blob else ())


@dataclass
class Flight:
    """What the manager knows of one nonce. Times in seconds of the manager's clock."""

    candidate: TxCandidate
    """What is offered now: the caller's transaction, or its cancellation."""
    nonce: int
    gas_limit: Gas
    fees: Fees
    sidecar: BlobSidecar | None
    started: float
    priced: float
    """When the present fees were first offered."""
    raw: bytes = b""
    """The newest version, as published."""
    hashes: list[Hash32] = field(default_factory=list)
    """Every version published that L1 may include, the newest last."""
    cancel_hashes: set[Hash32] = field(default_factory=set)
    cancel_reason: str = ""
    included: BlockId | None = None
    cost: Wei | None = None
    """What its inclusion cost, once it is confirmed."""
    priced_at: int | None = None
    """L1's newest block when the present fees were first offered, once that is known."""
    reserved_since: float | None = None
    """Since when L1's pool has refused it for transactions of the other kind from the same account."""
    misses: int = 0
    """How often in a row the nonce was found used up by a transaction that is none of these."""

    @property
    def has_blobs(self) -> bool:
        """Whether it is a blob transaction."""
        return self.sidecar is not None

    @property
    def blob_count(self) -> int:
        """Number of blobs."""
        return 0 if self.sidecar is None else len(self.sidecar.blobs)

    @property
    def cancelling(self) -> bool:
        """Whether a cancellation has taken the place of the caller's transaction."""
        return bool(self.cancel_reason)
