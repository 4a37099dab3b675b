"""A block's transactions that are decoded when someone looks at them: most are only stored and passed on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from config.types import Hash32
from evm.types.hashing import keccak256
from evm.types.transaction import Transaction, TransactionType, decode_transaction

_DEPOSIT = bytes((TransactionType.DEPOSIT,))


class EncodedTransactions(Sequence[Transaction]):
    """Transactions in order, from canonical bytes that are known to be decodable. Equal to any sequence of the same ones.

    Looking at one raises TransactionDecodingError when it is none after all.
    """

    def __init__(self, encodings: Iterable[bytes]) -> None:
        self.encodings = tuple(encodings)
        self._decoded: dict[int, Transaction] = {}

    def _at(self, index: int) -> Transaction:
        transaction = self._decoded.get(index)
        if transaction is None:
            transaction = self._decoded[index] = decode_transaction(self.encodings[index])
        return transaction

    @overload
    def __getitem__(self, index: int) -> Transaction: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Transaction, ...]: ...

    def __getitem__(self, index: int | slice) -> Transaction | tuple[Transaction, ...]:
        places = range(len(self.encodings))[index]
        return self._at(places) if isinstance(places, int) else tuple(map(self._at, places))

    def __iter__(self) -> Iterator[Transaction]:
        return map(self._at, range(len(self.encodings)))

    def __len__(self) -> int:
        return len(self.encodings)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def encode_transactions(transactions: Sequence[Transaction]) -> Sequence[bytes]:
    """The canonical bytes of each."""
    if isinstance(transactions, EncodedTransactions):
        return transactions.encodings
    return [transaction.raw for transaction in transactions]


def transaction_hashes(transactions: Sequence[Transaction]) -> list[Hash32]:
    """The hash of each."""
    if isinstance(transactions, EncodedTransactions):
        return [keccak256(raw) for raw in transactions.encodings]
    return [transaction.hash for transaction in transactions]


def without_deposits(transactions: Sequence[Transaction]) -> list[bytes]:
    """The canonical bytes of those that are no deposits: what batches hold."""
    return [raw for raw in encode_transactions(transactions) if raw[:1] != _DEPOSIT]
