"""Transactions: encodings there and back, signatures that others accept, and bytes that are refused."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from config.types import Address, Hash32, from_hex, to_hex
from evm.types import (
    AccessListTransaction,
    Authorization,
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    Transaction,
    decode_transaction,
    keccak256,
)
from evm.types.rlp import decode, encode
from evm.types.signature import (
    SECP256K1_HALF_ORDER,
    SECP256K1_ORDER,
    InvalidSignature,
    address_of,
    recover_address,
    sign,
)
from evm.types.transaction import TransactionDecodingError, sign_transaction

uint64 = st.integers(0, 2**64 - 1)
uint256 = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20).map(Address)
words = st.binary(min_size=32, max_size=32).map(Hash32)
keys = st.integers(1, SECP256K1_ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
accesses = st.lists(st.tuples(addresses, st.lists(words, max_size=2).map(tuple)), max_size=2).map(tuple)
chain_ids = st.integers(1, 2**32)
common = {
    "nonce": uint64,
    "gas_limit": uint64,
    "value": uint256,
    "data": st.binary(max_size=64),
    "y_parity": st.just(0),
    "r": st.just(0),
    "s": st.just(0),
}
fees = {"max_priority_fee": uint256, "max_fee": uint256, "accesses": accesses, "chain_id": chain_ids}
authorizations = st.lists(
    st.builds(Authorization.sign, keys, st.integers(0, 2**32), addresses, uint64), min_size=1, max_size=2
).map(tuple)

unsigned: st.SearchStrategy[SignedTransaction] = st.one_of(
    st.builds(LegacyTransaction, to=st.none() | addresses, chain_id=st.none() | chain_ids, gas_price=uint256, **common),
    st.builds(
        AccessListTransaction,
        to=st.none() | addresses,
        chain_id=chain_ids,
        gas_price=uint256,
        accesses=accesses,
        **common,
    ),
    st.builds(DynamicFeeTransaction, to=st.none() | addresses, **fees, **common),
    st.builds(
        BlobTransaction,
        to=addresses,
        max_fee_per_blob_gas=uint256,
        versioned_hashes=st.lists(words, max_size=2).map(tuple),
        **fees,
        **common,
    ),
    st.builds(SetCodeTransaction, to=addresses, authorizations=authorizations, **fees, **common),
)
deposits = st.builds(
    DepositTransaction,
    nonce=st.just(0),
    gas_limit=uint64,
    to=st.none() | addresses,
    value=uint256,
    data=st.binary(max_size=64),
    source_hash=words,
    sender=addresses,
    mint=st.integers(0, 2**128 - 1),
    is_system_transaction=st.booleans(),
)


@settings(deadline=None)
@given(unsigned, keys)
def test_a_signed_transaction_survives_its_bytes_with_hash_and_sender(plain: SignedTransaction, key: bytes) -> None:
    signed = sign_transaction(plain, key)
    again = decode_transaction(signed.raw)
    assert again == signed
    assert type(again) is type(signed)
    assert again.hash == signed.hash == keccak256(signed.raw)
    assert not isinstance(again, DepositTransaction)
    assert again.sender == address_of(key)
    assert again.encode() == signed.raw


@given(deposits)
def test_a_deposit_survives_its_bytes(deposit: DepositTransaction) -> None:
    again = decode_transaction(deposit.raw)
    assert again == deposit
    assert deposit.raw[0] == 0x7E
    assert again.is_deposit


@settings(deadline=None, max_examples=40)
@given(unsigned, keys)
def test_another_implementation_recovers_the_same_sender(plain: SignedTransaction, key: bytes) -> None:
    signed = sign_transaction(plain, key)
    if isinstance(signed, BlobTransaction | SetCodeTransaction):
        # Its model asks for more than the encoding does (blobs, authorizations on one chain): only types 0 to 2.
        return
    assert from_hex(Account.recover_transaction(to_hex(signed.raw))) == address_of(key)


@settings(deadline=None)
@given(st.one_of(unsigned, deposits), st.data())
def test_bytes_that_were_cut_or_changed_in_shape_are_refused(transaction: Transaction, data: st.DataObject) -> None:
    raw = transaction.raw
    cut = data.draw(st.integers(0, len(raw) - 1))
    for broken in (raw[:cut], raw + b"\x00"):
        with pytest.raises(TransactionDecodingError):
            decode_transaction(broken)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_transaction_or_a_decoding_error(raw: bytes) -> None:
    try:
        transaction = decode_transaction(raw)
    except TransactionDecodingError as error:
        assert str(error)
    else:
        assert transaction.encode() == raw


def signed_transfer() -> DynamicFeeTransaction:
    signed = sign_transaction(
        DynamicFeeTransaction(1, 21_000, Address(b"\x01" * 20), 5, b"", 10, 0, 0, 0, 2, 3), b"\x01" * 32
    )
    assert isinstance(signed, DynamicFeeTransaction)
    return signed


@pytest.mark.parametrize(
    ("index", "value", "complaint"),
    [
        (1, b"\x00\x01", "nonce: integer with leading zero"),
        (1, b"\x01" * 9, "nonce: integer of 9 bytes, at most 8"),
        (4, b"\x01" * 9, "gas limit: integer of 9 bytes"),
        (5, b"\x01" * 19, "to"),
        (6, b"\x01" * 33, "value: integer of 33 bytes, at most 32"),
        (8, b"", "access list"),
        (9, b"\x01" * 2, "y parity: integer of 2 bytes"),
    ],
)
def test_a_field_of_the_wrong_shape_is_named(index: int, value: bytes, complaint: str) -> None:
    items = decode(signed_transfer().raw[1:])
    assert isinstance(items, list)
    items[index] = value
    with pytest.raises(TransactionDecodingError, match=complaint):
        decode_transaction(b"\x02" + encode(items))


@pytest.mark.parametrize("kind", [0x00, 0x05, 0x7D, 0x7F, 0xBF])
def test_unknown_types_are_refused(kind: int) -> None:
    with pytest.raises(TransactionDecodingError, match=f"type 0x{kind:02x} is not known"):
        decode_transaction(bytes((kind,)) + signed_transfer().raw[1:])


@pytest.mark.parametrize("v", [0, 1, 26, 29, 34])
def test_legacy_signatures_have_a_v_that_some_rule_gives(v: int) -> None:
    fields = [b"", b"", b"", b"", b"", b"", v.to_bytes(1, "big").lstrip(b"\x00"), b"\x01", b"\x01"]
    with pytest.raises(TransactionDecodingError, match="neither 27, 28 nor at least 35"):
        decode_transaction(encode(fields))


# --- signatures ---


@settings(deadline=None)
@given(keys, words)
def test_a_signature_names_its_signer_and_is_the_low_one(key: bytes, digest: Hash32) -> None:
    y_parity, r, s = sign(key, digest)
    assert 0 < s <= SECP256K1_HALF_ORDER
    assert recover_address(digest, y_parity, r, s) == address_of(key)
    with pytest.raises(InvalidSignature, match="out of range"):
        recover_address(digest, 1 - y_parity, r, SECP256K1_ORDER - s)


@pytest.mark.parametrize(
    ("y_parity", "r", "s", "complaint"),
    [
        (2, 1, 1, "parity must be 0 or 1"),
        (0, 0, 1, "out of range"),
        (0, 1, 0, "out of range"),
        (0, SECP256K1_ORDER, 1, "out of range"),
        (0, 1, SECP256K1_HALF_ORDER + 1, "out of range"),
        # No point of the curve has this x coordinate.
        (0, 5, 1, "no public key"),
    ],
)
def test_signatures_that_no_key_can_have_made_are_refused(y_parity: int, r: int, s: int, complaint: str) -> None:
    with pytest.raises(InvalidSignature, match=complaint):
        recover_address(keccak256(b"message"), y_parity, r, s)


def test_an_authorization_names_who_signed_it() -> None:
    authorization = Authorization.sign(b"\x05" * 32, 10, Address(b"\x09" * 20), 7)
    assert authorization.authority == address_of(b"\x05" * 32)
    assert authorization.signing_hash() == keccak256(b"\x05" + encode([b"\x0a", b"\x09" * 20, b"\x07"]))
