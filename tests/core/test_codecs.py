"""The core's transactions, headers and size estimate, against those of `evm`."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.types import ZERO_HASH, Address, Hash32
from evm.fees import fastlz_length as python_fastlz_length
from evm.native.codecs import NotCanonical, fastlz_length, read_transaction, recode_header
from evm.types import DepositTransaction, Header, Transaction, decode_transaction
from evm.types.rlp import RlpError
from evm.types.signature import InvalidSignature
from evm.types.transaction import TransactionDecodingError
from tests.core.block_strategies import SENDERS, deposits, signed_transactions

pytestmark = pytest.mark.usefixtures("native_library")

_SETTINGS = settings(deadline=None, max_examples=200)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """Of any type, the first of its sender."""
    nonces = dict.fromkeys(SENDERS, 3)
    return draw(st.one_of(signed_transactions(nonces), deposits(nonces)))


def assert_read_the_same(raw: bytes) -> None:
    """Assert that both decoders agree on the bytes, be it that they are no transaction."""
    try:
        expected = decode_transaction(raw)
    except TransactionDecodingError:
        with pytest.raises(NotCanonical):
            read_transaction(raw)
        return
    found = read_transaction(raw)
    is_deposit = isinstance(expected, DepositTransaction)
    try:
        sender: Address | None = expected.sender
    except InvalidSignature:
        sender = None
    assert (found.type, found.hash, found.sender) == (int(expected.type), expected.hash, sender)
    assert (found.nonce, found.gas_limit, found.to) == (expected.nonce, expected.gas_limit, expected.to)
    assert (found.value, found.data, found.chain_id) == (expected.value, expected.data, expected.chain_id)
    assert (found.max_fee, found.max_priority_fee) == (expected.max_fee_per_gas, expected.max_priority_fee_per_gas)
    assert found.access_list == expected.access_list
    assert found.blob_hashes == expected.blob_versioned_hashes
    assert found.authorizations == tuple(
        (entry.chain_id, entry.address, entry.nonce, entry.y_parity, entry.r, entry.s)
        for entry in expected.authorization_list
    )
    if isinstance(expected, DepositTransaction):
        assert (found.mint, found.is_system) == (expected.mint, expected.is_system_transaction)
    else:
        assert not is_deposit
        assert found.signing_hash == expected.signing_hash()


@_SETTINGS
@given(transactions())
def test_transactions_of_every_type_are_read_the_same(transaction: Transaction) -> None:
    assert_read_the_same(transaction.raw)


@_SETTINGS
@given(transactions(), st.data())
def test_damaged_transactions_are_read_or_refused_alike(transaction: Transaction, data: st.DataObject) -> None:
    raw = bytearray(transaction.raw)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, min(len(raw) - 1, 200)))] = data.draw(st.integers(0, 255))
    assert_read_the_same(bytes(raw))
    assert_read_the_same(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert_read_the_same(bytes(raw) + data.draw(st.sampled_from((b"\x00", b"\x80", b"\xc0"))))


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=200))
def test_garbage_is_no_transaction(data: bytes) -> None:
    assert_read_the_same(data)


_hashes = st.binary(min_size=32, max_size=32).map(Hash32)
_numbers = st.one_of(st.integers(0, 300), st.integers(0, (1 << 64) - 1))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """A header of any age."""
    header = Header(
        parent_hash=draw(_hashes),
        fee_recipient=Address(draw(st.binary(min_size=20, max_size=20))),
        state_root=draw(_hashes),
        transactions_root=ZERO_HASH,
        receipts_root=draw(_hashes),
        logs_bloom=draw(st.binary(min_size=256, max_size=256)),
        number=draw(_numbers),
        gas_limit=draw(_numbers),
        gas_used=draw(_numbers),
        timestamp=draw(_numbers),
        extra_data=draw(st.binary(max_size=40)),
        prev_randao=draw(_hashes),
        difficulty=draw(st.integers(0, (1 << 256) - 1)),
    )
    optional = {
        "base_fee_per_gas": st.integers(0, (1 << 256) - 1),
        "withdrawals_root": _hashes,
        "blob_gas_used": _numbers,
        "excess_blob_gas": _numbers,
        "parent_beacon_block_root": _hashes,
        "requests_hash": _hashes,
    }
    names = list(optional)[: draw(st.integers(0, len(optional)))]
    return replace(header, **{name: draw(optional[name]) for name in names})  # type: ignore[arg-type]


@_SETTINGS
@given(headers())
def test_headers_of_every_age_come_back_as_they_were(header: Header) -> None:
    assert recode_header(header.raw) == header.raw


@_SETTINGS
@given(headers(), st.data())
def test_a_damaged_header_comes_back_as_it_was_or_is_refused(header: Header, data: st.DataObject) -> None:
    raw = bytearray(header.raw)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        expected = Header.decode(bytes(raw)).encode()
    except RlpError:
        expected = None
    try:
        assert recode_header(bytes(raw)) == expected == bytes(raw)
    except NotCanonical:
        # Numbers that Python lets have more than 64 bits are refused here.
        assert expected is None or max(_small_fields(Header.decode(bytes(raw)))) >> 64


def _small_fields(header: Header) -> list[int]:
    optional = (header.blob_gas_used, header.excess_blob_gas)
    return [header.number, header.gas_limit, header.gas_used, header.timestamp, *(value or 0 for value in optional)]


@_SETTINGS
@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.sampled_from((b"abc", b"\0" * 40, b"abcdefgh", b"x")), max_size=60).map(b"".join),
    )
)
def test_the_size_estimate_is_the_same(data: bytes) -> None:
    assert fastlz_length(data) == python_fastlz_length(data)


def test_the_size_estimate_of_long_data_is_the_same() -> None:
    for data in (
        bytes(70_000),
        bytes(range(256)) * 300,
        b"".join(number.to_bytes(3, "big") for number in range(30_000)),
    ):
        assert fastlz_length(data) == python_fastlz_length(data)
