"""What goes into a block besides transactions, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass

from evm.store.state import StateUpdate
from evm.types import Address, Block, Hash32, Receipt, Withdrawal


@dataclass(frozen=True)
class BlockInputs:
    """The fields of a block that neither its parent nor its transactions settle. `timestamp` in seconds.

    `extra_data` is already encoded: see `L2Rules.extra_data`. `withdrawals` is None before Shanghai, empty on L2;
    `difficulty` is 0 since the Merge.
    """

    timestamp: int
    fee_recipient: Address
    prev_randao: Hash32
    gas_limit: int
    extra_data: bytes = b""
    parent_beacon_block_root: Hash32 | None = None
    withdrawals: tuple[Withdrawal, ...] | None = None
    difficulty: int = 0

    @staticmethod
    def of(block: Block) -> "BlockInputs":
        """The inputs that a finished block was made with."""
        header = block.header
        return BlockInputs(
            timestamp=header.timestamp,
            fee_recipient=header.fee_recipient,
            prev_randao=header.prev_randao,
            gas_limit=header.gas_limit,
            extra_data=header.extra_data,
            parent_beacon_block_root=header.parent_beacon_block_root,
            withdrawals=block.withdrawals,
            difficulty=header.difficulty,
        )


@dataclass(frozen=True)
class ExecutedBlock:
    """A sealed block with what it did: receipts in order, and the state after it, not written yet.

    `requests` are the execution layer requests (EIP-7685) of an L1 block.
    """

    block: Block
    receipts: Sequence[Receipt]
    update: StateUpdate
    requests: tuple[bytes, ...] = ()
