"""A transaction in the pool with what was found out about it once."""

from dataclasses import dataclass

from evm.types import Address, Hash32, SignedTransaction, TransactionType
from node.mempool.limits import SLOT_BYTES
from node.mempool.views import PoolRules


@dataclass(eq=False)
class PooledTransaction:
    """An admitted transaction.

    `cost` is the most it can take from the sender in wei: gas, value, blob gas, and the data fee as of admission.
    `arrival` counts admissions, and orders equal tips. `seen` is when it came, in seconds of the pool's clock.
    `authorities` are the accounts whose code it may set (EIP-7702). `announced`: listeners were told that it can be
    executed. `data_size` is the estimate of its compressed bytes, once somebody has asked.
    """

    transaction: SignedTransaction
    sender: Address
    cost: int
    arrival: int
    seen: float
    local: bool
    authorities: tuple[Address, ...] = ()
    announced: bool = False
    data_size: int | None = None

    @property
    def hash(self) -> Hash32:
        """The transaction hash."""
        return self.transaction.hash

    @property
    def nonce(self) -> int:
        """The transaction's nonce."""
        return self.transaction.nonce

    @property
    def slots(self) -> int:
        """Slots of 32 KiB that it takes."""
        return (len(self.transaction.raw) + SLOT_BYTES - 1) // SLOT_BYTES

    @property
    def is_blob(self) -> bool:
        """Whether it carries blobs."""
        return self.transaction.type == TransactionType.BLOB

    def estimated_data_size(self, rules: PoolRules) -> int:
        """Estimated bytes that it takes in compressed batches; they are the same whenever one asks."""
        if self.data_size is None:
            self.data_size = rules.data_size(self.transaction)
        return self.data_size

    def tip(self, base_fee: int) -> int:
        """Wei per gas for the block's maker at this base fee; negative when it cannot pay the base fee."""
        transaction = self.transaction
        return min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee)
