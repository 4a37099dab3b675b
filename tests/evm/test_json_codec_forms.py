"""What the codec accepts and prints beyond the recorded answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.types import Address, Hash32
from evm.types import (
    AccessListTransaction,
    Authorization,
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    LegacyTransaction,
    Log,
    Receipt,
    SetCodeTransaction,
    SignedTransaction,
)
from evm.types.json_codec import (
    Inclusion,
    LogPosition,
    block_from_json,
    log_from_json,
    log_to_json,
    parse_quantity,
    quantity,
    receipt_from_json,
    transaction_from_json,
    transaction_to_json,
)
from evm.types.transaction import sign_transaction

KEY = b"\x01" * 32
TO = Address(b"\x70" * 20)
HASH = Hash32(b"\x48" * 32)
INCLUSION = Inclusion(HASH, 9, 2, 1000)
DEPOSIT = DepositTransaction(
    nonce=0, gas_limit=1_000_000, to=TO, value=3, data=b"\x01\x02", source_hash=HASH, sender=Address(b"\xde" * 20),
    mint=5, is_system_transaction=False,
)  # fmt: skip

ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
HASHES = st.binary(min_size=32, max_size=32).map(Hash32)
WORDS = st.integers(0, 2**256 - 1)
UINT64 = st.integers(0, 2**64 - 1)
ACCESSES = st.lists(st.tuples(ADDRESSES, st.lists(HASHES, max_size=2).map(tuple)), max_size=2).map(tuple)
AUTHORIZATIONS = st.lists(
    st.builds(Authorization, WORDS, ADDRESSES, UINT64, st.integers(0, 1), WORDS, WORDS), min_size=1, max_size=2
).map(tuple)
COMMON = {"nonce": UINT64, "gas_limit": UINT64, "value": WORDS, "data": st.binary(max_size=40)}
UNSIGNED = {"y_parity": st.just(0), "r": st.just(0), "s": st.just(0)}
CHAIN = {"chain_id": st.integers(1, 2**60)}
FEES = {"max_priority_fee": WORDS, "max_fee": WORDS, "accesses": ACCESSES}
TO_OR_CREATE = {"to": st.none() | ADDRESSES}
TRANSACTIONS: st.SearchStrategy[SignedTransaction] = st.one_of(
    st.builds(
        LegacyTransaction, **COMMON, **UNSIGNED, **TO_OR_CREATE, gas_price=WORDS, chain_id=st.none() | CHAIN["chain_id"]
    ),
    st.builds(
        AccessListTransaction, **COMMON, **UNSIGNED, **TO_OR_CREATE, **CHAIN, gas_price=WORDS, accesses=ACCESSES
    ),
    st.builds(DynamicFeeTransaction, **COMMON, **UNSIGNED, **TO_OR_CREATE, **CHAIN, **FEES),
    st.builds(
        BlobTransaction, **COMMON, **UNSIGNED, **CHAIN, **FEES, to=ADDRESSES, max_fee_per_blob_gas=WORDS,
        versioned_hashes=st.lists(HASHES, max_size=3).map(tuple),
    ),
    st.builds(SetCodeTransaction, **COMMON, **UNSIGNED, **CHAIN, **FEES, to=ADDRESSES, authorizations=AUTHORIZATIONS),
)  # fmt: skip


@given(TRANSACTIONS)
def test_every_signed_transaction_survives_json(unsigned: SignedTransaction) -> None:
    transaction = sign_transaction(unsigned, KEY)

    printed = json.loads(json.dumps(transaction_to_json(transaction)))

    assert transaction_from_json(printed) == transaction
    assert transaction_from_json(printed).raw == transaction.raw


@given(st.builds(DepositTransaction, st.just(0), UINT64, st.none() | ADDRESSES, WORDS, st.binary(max_size=40), HASHES,
                 ADDRESSES, st.integers(0, 2**128 - 1), st.booleans()))  # fmt: skip
def test_every_deposit_survives_json(deposit: DepositTransaction) -> None:
    assert transaction_from_json(json.loads(json.dumps(transaction_to_json(deposit)))) == deposit


def test_a_deposit_prints_the_fields_that_op_geth_prints() -> None:
    receipt = Receipt(0x7E, 1, 21000, (), deposit_nonce=17, deposit_receipt_version=1)

    assert transaction_to_json(DEPOSIT, INCLUSION, receipt) == {
        "blockHash": "0x" + "48" * 32,
        "blockNumber": "0x9",
        "from": "0x" + "de" * 20,
        "gas": "0xf4240",
        "gasPrice": "0x0",
        "hash": "0x" + DEPOSIT.hash.hex(),
        "input": "0x0102",
        "nonce": "0x11",
        "to": "0x" + "70" * 20,
        "transactionIndex": "0x2",
        "value": "0x3",
        "type": "0x7e",
        "v": "0x0",
        "r": "0x0",
        "s": "0x0",
        "sourceHash": "0x" + "48" * 32,
        "mint": "0x5",
        "depositReceiptVersion": "0x1",
    }


def test_a_deposit_without_mint_or_receipt_leaves_those_fields_out() -> None:
    plain = DepositTransaction(0, 1, None, 0, b"", HASH, TO, 0, True)

    printed = transaction_to_json(plain, INCLUSION)

    assert printed["isSystemTx"] is True
    assert printed["nonce"] == "0x0"
    assert printed["to"] is None
    assert "mint" not in printed
    assert "depositReceiptVersion" not in printed


def test_the_gas_price_is_what_is_paid_once_included_and_the_maximum_before() -> None:
    transaction = sign_transaction(DynamicFeeTransaction(0, 21000, TO, 0, b"", 1, 0, 0, 0, 7, 5000), KEY)

    assert transaction_to_json(transaction, INCLUSION)["gasPrice"] == hex(1007)
    pending = transaction_to_json(transaction)
    assert pending["gasPrice"] == hex(5000)
    assert pending["blockHash"] is pending["blockNumber"] is pending["transactionIndex"] is None


def signed_json(**changes: Any) -> dict[str, Any]:
    transaction = sign_transaction(DynamicFeeTransaction(1, 21000, TO, 0, b"", 10, 0, 0, 0, 7, 5000), KEY)
    return {**transaction_to_json(transaction), **changes}


def test_forms_of_other_clients_are_read() -> None:
    reference = transaction_from_json(signed_json())
    upper = {key: "0x" + value[2:].upper() if isinstance(value, str) else value for key, value in signed_json().items()}
    assert transaction_from_json(upper) == reference
    without_parity = signed_json()
    del without_parity["yParity"], without_parity["accessList"], without_parity["type"]
    assert transaction_from_json(without_parity) == reference
    data_instead = signed_json(data="0x", extra="ignored", gasPrice=None)
    del data_instead["input"]
    assert transaction_from_json(data_instead) == reference


@pytest.mark.parametrize(
    ("v", "chain_id", "expected"),
    [("0x1b", None, (0, None)), ("0x1c", "0xa", (1, None)), ("0x38", "0xa", (1, 10)), ("0x1", "0xa", (1, 10))],
)
def test_the_v_of_a_legacy_transaction_gives_parity_and_chain(
    v: str, chain_id: str | None, expected: tuple[int, int | None]
) -> None:
    data = {"nonce": "0x0", "gas": "0x1", "value": "0x0", "input": "0x", "gasPrice": "0x1", "r": "0x1", "s": "0x1"}

    transaction = transaction_from_json({**data, "v": v, "chainId": chain_id, "to": None})

    assert isinstance(transaction, LegacyTransaction)
    assert (transaction.y_parity, transaction.chain_id) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gas": None}, "'gas' is missing"),
        ({"gas": 21000}, "'gas': expected a hex quantity"),
        ({"gas": "0xzz"}, "'gas': not a hex quantity"),
        ({"to": "0x1234"}, "'to': expected 20 bytes"),
        ({"input": "0x0"}, "'input': not a hex string"),
        ({"input": 7}, "'input': expected hex"),
        ({"type": "0x55"}, "type 0x55 is not known"),
        ({"accessList": {}}, "'accessList': expected a list"),
        ({"accessList": ["0x"]}, "access list entry: expected an object"),
    ],
)
def test_a_malformed_transaction_is_refused_with_the_field_s_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transaction_from_json(signed_json(**changes))


def test_a_block_without_whole_transactions_is_refused() -> None:
    with pytest.raises(ValueError, match="ask for the block with full transactions"):
        block_from_json({"transactions": ["0x" + "00" * 32]})


def test_a_log_prints_its_place_and_is_read_back() -> None:
    log = Log(TO, (HASH,), b"\x01")

    printed = log_to_json(log, LogPosition(HASH, 3, HASH, 1, 7), removed=True)

    assert log_from_json(printed) == log
    assert (printed["blockNumber"], printed["transactionIndex"], printed["logIndex"]) == ("0x3", "0x1", "0x7")
    assert printed["removed"] is True


def test_the_intermediate_root_of_an_old_receipt_is_read() -> None:
    receipt = receipt_from_json({"root": "0x" + "48" * 32, "cumulativeGasUsed": "0x1", "logs": []})

    assert receipt.status == HASH
    assert receipt.type == 0


@given(WORDS)
def test_quantities_are_read_back(value: int) -> None:
    assert parse_quantity(quantity(value)) == value
    assert quantity(value) == "0x0" or not quantity(value).startswith("0x0")


@pytest.mark.parametrize("text", ["", "0x", "12", 12, None, "0xg", "-0x1"])
def test_what_is_no_quantity_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="height: "):
        parse_quantity(text, "height")
