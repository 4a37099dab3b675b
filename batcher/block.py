"""L2 blocks as the batcher needs them: where they stand, and the transactions that L1 does not know yet."""

from dataclasses import dataclass

from config.rollup import BlockId
from config.types import Hash32, Timestamp

BLOCK_OVERHEAD_BYTES = 110
"""What a block adds to a batch besides its transactions, estimated from above."""

TRANSACTION_OVERHEAD_BYTES = 8
"""What the encoding of one transaction in a batch can add to its own bytes, from above."""


@dataclass(frozen=True)
class BatchBlock:
    """An L2 block without its deposits, which derivation takes from L1 by itself.

    `transactions` are canonical bytes (EIP-2718). `sequence_number` is 0 for the first block of an epoch.
    `input_bytes` estimates from above, in bytes, what the block adds to a channel before compression.
    """

    hash: Hash32
    number: int
    parent_hash: Hash32
    timestamp: Timestamp
    l1_origin: BlockId
    sequence_number: int
    transactions: tuple[bytes, ...]
    input_bytes: int

    @property
    def id(self) -> BlockId:
        """Hash and number."""
        return BlockId(self.hash, self.number)

    @staticmethod
    def create(
        block: BlockId,
        parent_hash: Hash32,
        timestamp: int,
        l1_origin: BlockId,
        sequence_number: int,
        transactions: tuple[bytes, ...],
    ) -> "BatchBlock":
        """A block whose size is worked out from its transactions."""
        size = BLOCK_OVERHEAD_BYTES + sum(len(raw) + TRANSACTION_OVERHEAD_BYTES for raw in transactions)
        return BatchBlock(
            block.hash, block.number, parent_hash, Timestamp(timestamp), l1_origin, sequence_number, transactions, size
        )
