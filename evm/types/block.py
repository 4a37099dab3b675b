"""Blocks: a header, its transactions, its withdrawals."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.types import Address, Hash32
from evm.types.header import Header
from evm.types.rlp import RlpError, RlpInput, as_bytes, as_int, as_list, decode, decode_list, encode, int_to_rlp
from evm.types.transaction import Transaction, decode_transaction
from evm.types.transaction_list import EncodedTransactions, encode_transactions


@dataclass(frozen=True)
class Withdrawal:
    """A validator withdrawal on L1; `amount` is in gwei. L2 blocks never have any (EIP-4895)."""

    index: int
    validator_index: int
    address: Address
    amount: int

    def encode(self) -> bytes:
        """Canonical RLP."""
        return encode(self._items())

    def _items(self) -> list[RlpInput]:
        return [int_to_rlp(self.index), int_to_rlp(self.validator_index), self.address, int_to_rlp(self.amount)]


@dataclass(frozen=True)
class Block:
    """A block. `withdrawals` is None before Shanghai and an empty tuple on L2 since Canyon."""

    header: Header
    transactions: Sequence[Transaction]
    withdrawals: tuple[Withdrawal, ...] | None = None

    @property
    def hash(self) -> Hash32:
        """The block hash."""
        return self.header.hash

    @property
    def number(self) -> int:
        """The block number."""
        return self.header.number

    def __str__(self) -> str:
        return str(self.header)

    def encode(self) -> bytes:
        """Canonical RLP of the block as `debug_getRawBlock` gives it."""
        items: list[RlpInput] = [
            decode(self.header.raw),
            [decode(raw) if raw[0] >= 0xC0 else raw for raw in encode_transactions(self.transactions)],
            [],
        ]
        if self.withdrawals is not None:
            items.append([withdrawal._items() for withdrawal in self.withdrawals])
        return encode(items)

    @staticmethod
    def decode(raw: bytes) -> "Block":
        """Read canonical RLP. Raises RlpError or TransactionDecodingError when it is no block; uncles are refused."""
        block = Block.decode_frame(raw)
        return Block(
            block.header, tuple(map(decode_transaction, encode_transactions(block.transactions))), block.withdrawals
        )

    @staticmethod
    def decode_frame(raw: bytes) -> "Block":
        """As `decode`, but a transaction is not decoded before someone looks at it: for blocks that were checked before.

        Raises RlpError when it is no block.
        """
        items = decode_list(raw, "block")
        if not 3 <= len(items) <= 4:
            raise RlpError(f"block: expected 3 or 4 fields, got {len(items)}")
        if as_list(items[2], "uncles"):
            raise RlpError("block: has uncles, which no chain here allows")
        withdrawals = None
        if len(items) == 4:
            withdrawals = tuple(
                Withdrawal(
                    as_int(index, "withdrawal index", 8),
                    as_int(validator, "validator index", 8),
                    Address(as_bytes(address, "withdrawal address", 20)),
                    as_int(amount, "withdrawal amount", 8),
                )
                for index, validator, address, amount in (
                    as_list(item, "withdrawal", 4) for item in as_list(items[3], "withdrawals")
                )
            )
        return Block(
            header=Header.decode(encode(items[0])),
            transactions=EncodedTransactions(
                encode(item) if isinstance(item, list) else item for item in as_list(items[1], "transactions")
            ),
            withdrawals=withdrawals,
        )
