"""A block's transactions as bytes: decoded one by one when someone looks, and the same as if they all had been."""

import pytest

from evm.types import Address, Block, DepositTransaction, Hash32, Transaction
from evm.types.transaction import TransactionDecodingError
from evm.types.transaction_list import EncodedTransactions, encode_transactions, transaction_hashes, without_deposits
from tests.node.pool_world import header, transfer

DEPOSIT = DepositTransaction(
    nonce=0,
    gas_limit=21_000,
    to=Address(b"\x33" * 20),
    value=0,
    data=b"data",
    source_hash=Hash32(b"\x11" * 32),
    sender=Address(b"\x22" * 20),
    mint=5,
    is_system_transaction=False,
)


def some() -> list[Transaction]:
    return [DEPOSIT, *(transfer(0, nonce) for nonce in range(3))]


def test_it_is_equal_to_the_transactions_that_it_encodes() -> None:
    transactions = some()
    encoded = EncodedTransactions(transaction.raw for transaction in transactions)
    assert encoded == transactions
    assert list(encoded) == transactions
    assert encoded[-1] == transactions[-1]
    assert encoded[1:3] == tuple(transactions[1:3])
    assert encoded[0] is encoded[0]
    assert hash(encoded) == hash(tuple(transactions))
    with pytest.raises(IndexError):
        encoded[4]


def test_bytes_and_hashes_are_the_same_in_both_forms() -> None:
    transactions = some()
    encoded = EncodedTransactions(transaction.raw for transaction in transactions)
    for form in (transactions, encoded):
        assert list(encode_transactions(form)) == [transaction.raw for transaction in transactions]
        assert transaction_hashes(form) == [transaction.hash for transaction in transactions]
        assert without_deposits(form) == [transaction.raw for transaction in transactions[1:]]


def test_a_block_is_decoded_whole_or_only_its_frame() -> None:
    block = Block(header(7), tuple(some()), ())
    assert Block.decode(block.encode()) == block
    frame = Block.decode_frame(block.encode())
    assert frame == block
    assert frame.encode() == block.encode()


def test_what_is_no_transaction_shows_when_someone_looks_at_it() -> None:
    good, bad = transfer(0, 0), b"\x02\xc0"
    raw = Block(header(7), EncodedTransactions([good.raw, bad]), ()).encode()
    with pytest.raises(TransactionDecodingError):
        Block.decode(raw)
    frame = Block.decode_frame(raw)
    assert frame.transactions[0] == good
    with pytest.raises(TransactionDecodingError):
        frame.transactions[1]
