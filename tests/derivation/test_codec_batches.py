"""Singular and span batches: round trips, strictness, and garbage that never crashes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.constants import MAX_SPAN_BATCH_ELEMENT_COUNT
from config.rollup import BlockId
from config.types import Address, Hash32
from derivation.codec import (
    BatchError,
    SingularBatch,
    SpanBatch,
    SpanBlock,
    decode_batch,
    decode_span_batch,
    encode_batch,
    encode_span_batch,
    make_span_batch,
)
from derivation.codec.varint import Reader, encode_bits, encode_uvarint
from evm.types import (
    AccessListTransaction,
    Authorization,
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    decode_transaction,
)
from tests.actions.chains import FakeL1, make_rollup

CHAIN = 901

addresses = st.binary(min_size=20, max_size=20).map(Address)
hashes = st.binary(min_size=32, max_size=32).map(Hash32)
u64 = st.integers(0, 2**64 - 1)
u256 = st.integers(0, 2**256 - 1)
access_lists = st.lists(st.tuples(addresses, st.lists(hashes, max_size=3).map(tuple)), max_size=3).map(tuple)
authorizations = st.lists(
    st.builds(Authorization, u256, addresses, u64, st.integers(0, 255), u256, u256), max_size=2
).map(tuple)
common = {
    "nonce": u64,
    "gas_limit": u64,
    "to": st.none() | addresses,
    "value": u256,
    "data": st.binary(max_size=80),
    "chain_id": st.just(CHAIN),
    "y_parity": st.integers(0, 1),
    "r": u256,
    "s": u256,
}
dynamic = {"max_priority_fee": u256, "max_fee": u256, "accesses": access_lists}
transactions = st.one_of(
    st.builds(LegacyTransaction, **{**common, "chain_id": st.sampled_from((None, CHAIN))}, gas_price=u256),
    st.builds(AccessListTransaction, **common, gas_price=u256, accesses=access_lists),
    st.builds(DynamicFeeTransaction, **common, **dynamic),
    st.builds(SetCodeTransaction, **{**common, "to": addresses}, **dynamic, authorizations=authorizations),
).map(lambda tx: tx.raw)
span_batches = st.builds(
    SpanBatch,
    rel_timestamp=u64,
    l1_origin_number=u64,
    parent_check=st.binary(min_size=20, max_size=20),
    l1_origin_check=st.binary(min_size=20, max_size=20),
    blocks=st.lists(
        st.builds(SpanBlock, st.booleans(), st.lists(transactions, max_size=4).map(tuple)), min_size=1, max_size=20
    ).map(tuple),
)
singular_batches = st.builds(
    SingularBatch, hashes, u64, hashes, u64, st.lists(st.binary(max_size=60), max_size=5).map(tuple)
)


@settings(deadline=None)
@given(singular_batches | span_batches)
def test_batches_decode_to_what_was_encoded(batch: SingularBatch | SpanBatch) -> None:
    encoded = encode_batch(batch, CHAIN)
    assert decode_batch(encoded, CHAIN) == batch
    assert decode_batch(encoded + b"extra", CHAIN) == batch


@settings(deadline=None)
@given(singular_batches | span_batches, st.data())
def test_a_cut_off_batch_is_a_batch_error(batch: SingularBatch | SpanBatch, data: st.DataObject) -> None:
    encoded = encode_batch(batch, CHAIN)
    with pytest.raises(BatchError):
        decode_batch(encoded[: data.draw(st.integers(0, len(encoded) - 1))], CHAIN)


@settings(deadline=None)
@given(singular_batches | span_batches, st.data())
def test_a_damaged_batch_is_another_batch_or_a_batch_error(
    batch: SingularBatch | SpanBatch, data: st.DataObject
) -> None:
    damaged = bytearray(encode_batch(batch, CHAIN))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        other = decode_batch(bytes(damaged), CHAIN)
    except BatchError as error:
        assert str(error)
        return
    if isinstance(other, SpanBatch):
        for block in other.blocks:
            for raw in block.transactions:
                assert decode_transaction(raw).raw == raw


@settings(deadline=None)
@given(st.integers(0, 2), st.binary(max_size=300))
def test_garbage_is_a_batch_or_a_batch_error(version: int, content: bytes) -> None:
    try:
        decode_batch(bytes((version,)) + content, CHAIN)
    except BatchError as error:
        assert str(error)


@given(u64)
def test_varints_read_back(value: int) -> None:
    assert Reader(encode_uvarint(value)).uvarint("number") == value


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"\x00", 0), (b"\x7f", 127), (b"\x80\x01", 128), (b"\x80\x00", 0), (b"\xff" * 9 + b"\x01", 2**64 - 1)],
)
def test_varints_are_read_as_other_nodes_read_them(data: bytes, value: int) -> None:
    assert Reader(data).uvarint("number") == value


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x00"])
def test_varints_that_end_early_or_exceed_64_bits_are_refused(data: bytes) -> None:
    with pytest.raises(BatchError):
        Reader(data).uvarint("number")


@given(st.integers(1, 40), st.data())
def test_bit_lists_read_back_and_have_no_bits_beyond_their_items(count: int, data: st.DataObject) -> None:
    bits = data.draw(st.integers(0, (1 << count) - 1))
    assert Reader(encode_bits(bits, count)).bits(count, "bits") == bits
    if count % 8:
        spare = bytearray(encode_bits(bits, count))
        spare[0] |= 1 << count % 8
        with pytest.raises(BatchError, match="more than"):
            Reader(bytes(spare)).bits(count, "bits")


def span_with(blocks: bytes) -> bytes:
    return encode_uvarint(0) + encode_uvarint(0) + bytes(40) + blocks


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        (encode_uvarint(0), "without a block"),
        (encode_uvarint(MAX_SPAN_BATCH_ELEMENT_COUNT + 1), "limit"),
        (encode_uvarint(2**63), "limit"),
        (encode_uvarint(1) + b"\x02", "more than 1 bits"),
        (encode_uvarint(1) + b"\x01" + encode_uvarint(MAX_SPAN_BATCH_ELEMENT_COUNT + 1), "limit"),
        (encode_uvarint(2) + b"\x01" + encode_uvarint(1) + encode_uvarint(MAX_SPAN_BATCH_ELEMENT_COUNT), "limit"),
        (encode_uvarint(1) + b"\x01" + encode_uvarint(1), "contract creation bits"),
    ],
)
def test_span_batches_with_impossible_counts_are_refused(blocks: bytes, reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        decode_span_batch(span_with(blocks), CHAIN)


def one_transaction(content: bytes, creation: bool = False, tail: bytes = b"\x00\x00") -> bytes:
    recipient = b"" if creation else bytes(20)
    return span_with(
        encode_uvarint(1)
        + b"\x00"
        + encode_uvarint(1)
        + bytes((creation,))
        + b"\x00"
        + bytes(64)
        + recipient
        + content
        + tail
    )


LEGACY = b"\xc3\x80\x80\x80"


def test_a_span_batch_with_one_hand_made_legacy_transaction_decodes() -> None:
    unprotected = decode_span_batch(one_transaction(LEGACY, tail=b"\x00\x00\x00"), CHAIN)
    protected = decode_span_batch(one_transaction(LEGACY, tail=b"\x00\x00\x01"), CHAIN)
    assert decode_transaction(unprotected.blocks[0].transactions[0]).chain_id is None
    assert decode_transaction(protected.blocks[0].transactions[0]).chain_id == CHAIN


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x03" + LEGACY, "type 3"),
        (b"\x05" + LEGACY, "type 5"),
        (b"\x7e" + LEGACY, "type 126"),
        (b"\x00" + LEGACY, "type 0"),
        (b"\x80", "RLP list"),
        (b"\xc2\x80\x80", "3 items"),
        (b"\xc4\x80\x80\x80\x80", "3 items"),
        (b"\x02" + LEGACY, "5 items"),
        (b"\xc3\x00\x80\x80", "leading zero"),
        (b"\xc4\x81\x01\x80\x80", "malformed"),
        (b"\xc3\xc0\x80\x80", "integer"),
        (b"\x01\xc4\x80\x80\x80\x80", "expected a list"),
        (b"\xc3\x80\x80", "exceeds"),
        (b"\xf8\x03\x80\x80\x80", "long form"),
    ],
)
def test_malformed_transactions_in_a_span_batch_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        decode_span_batch(one_transaction(content, tail=b""), CHAIN)


def test_a_set_code_transaction_that_creates_a_contract_is_refused() -> None:
    with pytest.raises(BatchError, match="names no recipient"):
        decode_span_batch(one_transaction(b"\x04\xc6\x80\x80\x80\x80\xc0\xc0", creation=True), CHAIN)


@pytest.mark.parametrize(
    "transaction",
    [
        DepositTransaction(0, 0, None, 0, b"", Hash32(bytes(32)), Address(bytes(20)), 0, False),
        BlobTransaction(0, 0, Address(bytes(20)), 0, b"", CHAIN, 0, 1, 1, 0, 0),
        DynamicFeeTransaction(0, 0, None, 0, b"", CHAIN + 1, 0, 1, 1, 0, 0),
        LegacyTransaction(0, 0, None, 0, b"", CHAIN + 1, 0, 1, 1, 0),
        AccessListTransaction(0, 0, None, 0, b"", CHAIN, 2, 1, 1, 0),
    ],
)
def test_what_a_span_batch_cannot_carry_is_not_encoded(transaction: DynamicFeeTransaction) -> None:
    batch = SpanBatch(0, 0, bytes(20), bytes(20), (SpanBlock(False, (transaction.raw,)),))
    with pytest.raises(BatchError):
        encode_span_batch(batch, CHAIN)
    with pytest.raises(BatchError, match="at least one block"):
        encode_span_batch(replace(batch, blocks=()), CHAIN)


@pytest.mark.parametrize("content", [b"", b"\xc0", b"\x85hello", b"\xc5\x80\x80\x80\x80\x80"])
def test_malformed_singular_batches_are_refused(content: bytes) -> None:
    with pytest.raises(BatchError):
        decode_batch(b"\x00" + content, CHAIN)


def test_batches_of_no_or_unknown_version_are_refused() -> None:
    for data in (b"", b"\x02abc", b"\xff"):
        with pytest.raises(BatchError, match="version"):
            decode_batch(data, CHAIN)


def test_a_span_batch_made_of_blocks_says_where_origins_change() -> None:
    rollup = make_rollup(FakeL1())
    origins = [BlockId(Hash32(bytes((n,)) * 32), n) for n in range(8)]
    time = rollup.genesis.l2_time
    blocks = [(time + 2, origins[5], ()), (time + 4, origins[6], ()), (time + 6, origins[6], ())]
    span = make_span_batch(rollup, Hash32(b"\x09" * 32), 5, blocks)
    assert (span.start_timestamp(rollup), span.end_timestamp(rollup)) == (time + 2, time + 6)
    assert span.epoch_numbers() == [5, 6, 6]
    assert [block.origin_changed for block in span.blocks] == [False, True, False]
    assert (span.parent_check, span.l1_origin_check) == (b"\x09" * 20, b"\x06" * 20)
    assert make_span_batch(rollup, Hash32(bytes(32)), 4, blocks).blocks[0].origin_changed
    for wrong in (blocks[::2], [blocks[0], (time + 4, origins[7], ())], [(time + 2, origins[4], ())], []):
        with pytest.raises(BatchError):
            make_span_batch(rollup, Hash32(bytes(32)), 5, wrong)


def nested(depth: int) -> bytes:
    """A list in a list in a list ..., of this depth."""
    data = b"\xc0"
    for _ in range(depth):
        size = len(data)
        header = bytes((0xC0 + size,)) if size < 56 else bytes((0xFA,)) + size.to_bytes(3, "big")
        data = header + data
    return data


def test_deeply_nested_lists_are_refused_without_a_crash() -> None:
    bomb = nested(100_000)
    with pytest.raises(BatchError):
        decode_batch(b"\x00" + bomb, CHAIN)
    with pytest.raises(BatchError):
        decode_span_batch(one_transaction(bomb), CHAIN)


def test_claims_of_millions_of_items_cost_nothing_when_the_bytes_are_not_there() -> None:
    most = encode_uvarint(MAX_SPAN_BATCH_ELEMENT_COUNT)
    for blocks in (most, most + bytes(1_250_000), encode_uvarint(1) + b"\x00" + most + bytes(2_500_000)):
        with pytest.raises(BatchError, match=r"left|does not end"):
            decode_span_batch(span_with(blocks), CHAIN)
