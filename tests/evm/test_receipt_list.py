"""Receipts that are decoded when they are looked at, and the two decoders of RLP agree."""

from hypothesis import given
from hypothesis import strategies as st

from evm.types import Log, Receipt
from evm.types.receipt_list import EncodedReceipts, encode_receipts
from evm.types.rlp import Rlp, decode, encode, split_items

RECEIPTS = (
    Receipt(0x7E, 1, 21_000, (), deposit_nonce=4, deposit_receipt_version=1),
    Receipt(2, 0, 60_000, (Log(b"\x01" * 20, (b"\x02" * 32,), b"data"),)),  # type: ignore[arg-type]
)
ITEMS: st.SearchStrategy[Rlp] = st.recursive(
    st.binary(max_size=300), lambda inner: st.lists(inner, max_size=20), max_leaves=40
)


def test_encoded_receipts_are_a_sequence_of_receipts() -> None:
    receipts = EncodedReceipts(receipt.encode() for receipt in RECEIPTS)
    assert receipts == RECEIPTS and list(receipts) == list(RECEIPTS) and len(receipts) == 2
    assert receipts[1] == RECEIPTS[1] and receipts[:1] == RECEIPTS[:1]
    assert receipts != RECEIPTS[:1] and receipts != 5
    assert hash(receipts) == hash(RECEIPTS)


def test_encoding_them_gives_the_bytes_they_came_from() -> None:
    encodings = [receipt.encode() for receipt in RECEIPTS]
    assert list(encode_receipts(EncodedReceipts(encodings))) == encodings == list(encode_receipts(RECEIPTS))


@given(st.lists(ITEMS, max_size=20))
def test_lists_of_our_own_are_decoded_as_any_others(items: list[Rlp]) -> None:
    encoded = encode(items)
    assert split_items(2 * encoded) == [decode(encoded)] * 2 == [items] * 2
