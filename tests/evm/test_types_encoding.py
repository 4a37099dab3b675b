"""RLP, headers, receipts and blocks: there and back, against another implementation, and what is refused."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rlp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.types import Address, Hash32
from evm.statetest.other_cases import run_rlp_test, run_transaction_test, transaction_forks
from evm.types import Block, DepositTransaction, Header, Log, Receipt, Withdrawal
from evm.types.receipt import logs_bloom
from evm.types.rlp import MAX_DEPTH, Rlp, RlpError, as_int, decode, encode, int_to_rlp, item_length

uint64 = st.integers(0, 2**64 - 1)
uint256 = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20).map(Address)
words = st.binary(min_size=32, max_size=32).map(Hash32)
items: st.SearchStrategy[Rlp] = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)

# --- RLP ---


@given(items)
def test_rlp_is_what_another_implementation_writes(item: Rlp) -> None:
    assert encode(item) == rlp.encode(item)
    assert decode(encode(item)) == item
    assert item_length(encode(item) + b"rest") == len(encode(item))


@given(st.binary(max_size=80))
@example(b"\xc9" + bytes(8) + b"\x81")
def test_only_canonical_rlp_is_decoded(data: bytes) -> None:
    try:
        item = decode(data)
    except RlpError as error:
        assert str(error)
        try:
            other = rlp.decode(data)
        except rlp.exceptions.DecodingError:
            return
        # The other implementation leaves out a last item that is cut off.
        assert rlp.encode(other) != data
    else:
        assert encode(item) == data


@given(uint256)
def test_integers_have_no_leading_zeros(number: int) -> None:
    data = int_to_rlp(number)
    assert as_int(data, "number") == number
    assert data[:1] != b"\x00"
    with pytest.raises(RlpError, match="leading zero"):
        as_int(b"\x00" + data, "number")


def test_nesting_beyond_reason_is_refused_and_does_not_end_the_process() -> None:
    nested = b""
    for _ in range(2_000):
        nested = rlp.codec.length_prefix(len(nested), 0xC0) + nested
    with pytest.raises(RlpError, match=f"nested more than {MAX_DEPTH} deep"):
        decode(nested)


# --- headers ---

optional_fields = st.integers(0, 6)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    count = draw(optional_fields)
    values: list[Any] = [draw(uint256), draw(words), draw(uint64), draw(uint64), draw(words), draw(words)]
    names = (
        "base_fee_per_gas",
        "withdrawals_root",
        "blob_gas_used",
        "excess_blob_gas",
        "parent_beacon_block_root",
        "requests_hash",
    )
    return Header(
        parent_hash=draw(words),
        fee_recipient=draw(addresses),
        state_root=draw(words),
        transactions_root=draw(words),
        receipts_root=draw(words),
        logs_bloom=draw(st.binary(min_size=256, max_size=256)),
        number=draw(uint64),
        gas_limit=draw(uint64),
        gas_used=draw(uint64),
        timestamp=draw(uint64),
        extra_data=draw(st.binary(max_size=40)),
        prev_randao=draw(words),
        difficulty=draw(uint256),
        nonce=draw(st.binary(min_size=8, max_size=8)),
        **dict(zip(names[:count], values[:count], strict=True)),
    )


@settings(max_examples=60)
@given(headers())
def test_a_header_of_any_age_survives_its_bytes(header: Header) -> None:
    again = Header.decode(header.encode())
    assert again == header
    assert again.hash == header.hash
    with pytest.raises(RlpError):
        Header.decode(header.encode() + b"\x00")


@given(headers())
def test_a_header_with_a_gap_between_its_forks_cannot_be_written(header: Header) -> None:
    if header.withdrawals_root is None:
        return
    with pytest.raises(ValueError, match="is set but a field before it is not"):
        replace(header, base_fee_per_gas=None).encode()


@pytest.mark.parametrize("count", [14, 22])
def test_a_header_has_fifteen_to_twentyone_fields(count: int) -> None:
    with pytest.raises(RlpError, match=f"expected 15 to 21 fields, got {count}"):
        Header.decode(encode([b""] * count))


# --- receipts ---

logs = st.builds(Log, address=addresses, topics=st.lists(words, max_size=4).map(tuple), data=st.binary(max_size=70))
receipts = st.one_of(
    st.builds(
        Receipt,
        type=st.sampled_from((0, 1, 2, 3, 4)),
        status=st.sampled_from((0, 1)),
        cumulative_gas_used=uint64,
        logs=st.lists(logs, max_size=3).map(tuple),
    ),
    st.builds(
        Receipt,
        type=st.just(0x7E),
        status=st.sampled_from((0, 1)),
        cumulative_gas_used=uint64,
        logs=st.lists(logs, max_size=2).map(tuple),
        deposit_nonce=uint64,
        deposit_receipt_version=st.none() | st.just(1),
    ),
)


@given(receipts)
def test_a_receipt_survives_its_bytes(receipt: Receipt) -> None:
    again = Receipt.decode(receipt.encode())
    assert again == receipt
    assert again.bloom == logs_bloom(receipt.logs)


@given(receipts)
def test_the_receipts_root_leaves_the_deposit_nonce_out_before_canyon(receipt: Receipt) -> None:
    raw = receipt.encode_for_root()
    fields = decode(raw if receipt.type == 0 else raw[1:])
    assert len(fields) == (6 if receipt.deposit_receipt_version is not None else 4)


@given(st.lists(logs, min_size=1, max_size=3))
def test_the_bloom_filter_holds_every_address_and_topic(entries: list[Log]) -> None:
    whole = int.from_bytes(logs_bloom(entries), "big")
    for entry in entries:
        one = int.from_bytes(logs_bloom([entry]), "big")
        assert whole & one == one
        assert 0 < one.bit_count() <= 3 * (1 + len(entry.topics))


def test_a_receipt_with_a_false_bloom_filter_is_refused() -> None:
    honest = decode(Receipt(0, 1, 21_000, ()).encode())
    assert isinstance(honest, list)
    honest[2] = b"\x01" + bytes(255)
    with pytest.raises(RlpError, match=r"[Bb]loom"):
        Receipt.decode(encode(honest))


# --- blocks ---


@settings(max_examples=40)
@given(
    headers(),
    st.none() | st.lists(st.builds(Withdrawal, uint64, uint64, addresses, uint64), max_size=2).map(tuple),
    st.lists(uint64, max_size=2),
)
def test_a_block_survives_its_bytes(
    header: Header, withdrawals: tuple[Withdrawal, ...] | None, values: list[int]
) -> None:
    transactions = tuple(
        DepositTransaction(0, 21_000, None, value, b"", Hash32(bytes(32)), Address(bytes(20)), 0, False)
        for value in values
    )
    block = Block(header, transactions, withdrawals)
    assert Block.decode(block.encode()) == block


def test_a_block_with_uncles_is_refused() -> None:
    with pytest.raises(RlpError, match="has uncles"):
        Block.decode(encode([[], [], [[b"\x01"]]]))


# --- public vectors ---


@pytest.fixture(scope="module")
def small_suites(vectors: Path) -> Mapping[str, Mapping[str, Any]]:
    """The RLP and transaction tests of ethereum/tests by file name."""

    def read() -> Iterator[tuple[str, Mapping[str, Any]]]:
        with tarfile.open(vectors / "evm" / "ethereum-tests.tar.xz") as archive:
            for member in archive:
                if member.name.startswith(("RLPTests/", "TransactionTests/")) and member.name.endswith(".json"):
                    file = archive.extractfile(member)
                    assert file is not None
                    yield member.name, json.load(file)

    return dict(read())


def test_rlp_vectors(small_suites: Mapping[str, Mapping[str, Any]]) -> None:
    wrong, count = [], 0
    for file, cases in small_suites.items():
        if file.startswith("RLPTests/"):
            for name, body in cases.items():
                count += 1
                if complaint := run_rlp_test(body):
                    wrong.append(f"{file} {name}: {complaint}")
    assert wrong == []
    assert count > 50


def test_transaction_vectors_on_every_fork_that_is_supported(small_suites: Mapping[str, Mapping[str, Any]]) -> None:
    wrong, count = [], 0
    for file, cases in small_suites.items():
        if file.startswith("TransactionTests/"):
            for name, body in cases.items():
                for fork in transaction_forks(body):
                    count += 1
                    if complaint := run_transaction_test(body, fork):
                        wrong.append(f"{file} {name} {fork}: {complaint}")
    assert wrong == []
    assert count > 500


def test_a_list_that_ends_within_its_last_item_is_refused() -> None:
    for malformed in ("c20081", "c30000b8", "cc808200008500000000000081"):
        with pytest.raises(RlpError):
            decode(bytes.fromhex(malformed))
    assert decode(bytes.fromhex("c28181")) == [b"\x81"]
