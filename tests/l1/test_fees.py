"""Fee offers and replacements as properties, revert reasons, and what refusals of nodes mean."""

from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from config.constants import GAS_PER_BLOB
from config.types import Gas, Wei
from l1.fees import GWEI, FeeCeilingReached, FeePolicy, Fees, Quote
from l1.rpc import RpcError
from l1.send_error import PublishOutcome, SendErrorKind, classify_refusal, explain_revert, revert_data

QUOTES = st.builds(
    Quote,
    base_fee=st.integers(0, 1_000 * GWEI),
    tip=st.integers(0, 200 * GWEI),
    blob_base_fee=st.integers(1, 2_000 * GWEI),
    timestamp=st.just(0),
)
FEES = st.builds(
    lambda tip, above, blob: Fees(tip, tip + above, blob),
    st.integers(0, 100 * GWEI),
    st.integers(0, 400 * GWEI),
    st.integers(0, 1_000 * GWEI),
)
BLOBS = st.integers(0, 6)
GAS = st.integers(21_000, 1 << 24).map(Gas)
POLICIES = st.sampled_from([FeePolicy(), FeePolicy(max_cost=Wei(10**16)), FeePolicy(min_tip=0, max_fee=100 * GWEI)])


@given(POLICIES, QUOTES, GAS, BLOBS)
def test_an_offer_pays_the_present_price_and_stays_below_every_ceiling(
    policy: FeePolicy, quote: Quote, gas: Gas, blobs: int
) -> None:
    try:
        fees = policy.offer(quote, gas, blobs)
    except FeeCeilingReached:
        return
    assert fees.tip <= fees.max_fee and fees.max_fee >= quote.base_fee + min(quote.tip, policy.max_tip)
    assert fees.max_fee <= policy.max_fee and fees.tip <= policy.max_tip and fees.blob_fee <= policy.max_blob_fee
    assert fees.blob_fee >= (quote.blob_base_fee or 0) if blobs else fees.blob_fee == 0
    assert policy.max_cost is None or fees.worst_case(gas, blobs) <= policy.max_cost


@given(POLICIES, FEES, QUOTES, GAS, BLOBS)
def test_a_replacement_is_one_that_nodes_take_and_stays_below_every_ceiling(
    policy: FeePolicy, previous: Fees, quote: Quote, gas: Gas, blobs: int
) -> None:
    try:
        fees = policy.replacement(previous, quote, gas, blobs)
    except FeeCeilingReached:
        return
    percent = 200 if blobs else 110
    for old, new in ((previous.tip, fees.tip), (previous.max_fee, fees.max_fee), (previous.blob_fee, fees.blob_fee)):
        assert 100 * new >= percent * old
    assert fees.tip <= fees.max_fee <= policy.max_fee and fees.tip <= policy.max_tip
    assert not blobs or fees.blob_fee <= policy.max_blob_fee
    assert policy.max_cost is None or fees.worst_case(gas, blobs) <= policy.max_cost


@given(FEES, QUOTES, GAS, st.integers(1, 6))
def test_an_offer_that_cannot_be_doubled_uses_what_the_ceiling_of_the_cost_leaves(
    previous: Fees, quote: Quote, gas: Gas, blobs: int
) -> None:
    policy = FeePolicy(max_cost=Wei(10**16))
    assert policy.max_cost is not None
    for replaced in (None, previous):
        try:
            fees = policy.replacement(replaced, quote, gas, blobs) if replaced else policy.offer(quote, gas, blobs)
        except FeeCeilingReached:
            continue
        cost = fees.worst_case(gas, blobs)
        if policy.least_replacement(fees, blobs).worst_case(gas, blobs) > policy.max_cost:
            rounding = 2 * (gas + blobs * GAS_PER_BLOB)
            at_a_ceiling = fees.max_fee == policy.max_fee or fees.blob_fee == policy.max_blob_fee
            assert at_a_ceiling or cost + rounding >= policy.max_cost


@given(FEES, GAS, BLOBS, st.sampled_from([None, Wei(10**13), Wei(10**16), Wei(10**18)]))
def test_bounded_fees_are_lowered_only_as_far_as_the_ceilings_want_it(
    fees: Fees, gas: Gas, blobs: int, max_cost: Wei | None
) -> None:
    policy = FeePolicy(max_cost=max_cost)
    found = policy.bounded(fees, gas, blobs)
    assert found.tip <= found.max_fee <= min(fees.max_fee, policy.max_fee)
    assert found.blob_fee <= (min(fees.blob_fee, policy.max_blob_fee) if blobs else 0)
    if max_cost is None:
        assert found == Fees(fees.tip, fees.max_fee, fees.blob_fee if blobs else 0)
    else:
        assert found.worst_case(gas, blobs) <= max_cost


@pytest.mark.parametrize(
    "wrong",
    [
        {"bump_percent": 9},
        {"blob_bump_percent": 99},
        {"min_tip": 2, "max_tip": 1},
        {"max_tip": 600 * GWEI},
        {"min_blob_fee": 2, "max_blob_fee": 1},
    ],
)
def test_policies_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        FeePolicy(**wrong)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "reverted without a reason"),
        (b"\x08\xc3\x79\xa0" + encode(["string"], ["too late"]), 'reverted with "too late"'),
        (b"\x4e\x48\x7b\x71" + encode(["uint256"], [0x11]), "panicked with code 0x11"),
        (b"\x08\xc3\x79\xa0\x01", "reverted with malformed data 0x08c379a001"),
        (b"\x01\x02\x03\x04", "reverted with Known"),
        (b"\x01\x02\x03\x04" + bytes(31) + b"\x07", f"reverted with Known (0x{'00' * 31}07)"),
        (b"\x05\x06\x07\x08", "reverted with the unknown error 0x05060708"),
        (b"\x05", "reverted with the unknown error 0x05"),
    ],
)
def test_revert_data_is_put_into_words(data: bytes, words: str) -> None:
    assert explain_revert(data, {b"\x01\x02\x03\x04": "Known"}.get) == words


@given(st.binary(max_size=200))
def test_no_revert_data_breaks_the_explanation(data: bytes) -> None:
    assert explain_revert(data).startswith(("reverted", "panicked"))
    assert explain_revert(b"\x08\xc3\x79\xa0" + data).startswith("reverted")


def test_revert_data_is_found_where_nodes_put_it() -> None:
    assert revert_data(RpcError(3, "execution reverted", "0x1234")) == b"\x12\x34"
    assert revert_data(RpcError(-32000, "execution reverted", {"data": "0x12"})) == b"\x12"
    assert revert_data(RpcError(3, "execution reverted")) == b""
    assert revert_data(RpcError(-32000, "insufficient funds for transfer")) is None


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("already known", PublishOutcome.ACCEPTED),
        ("transaction already imported", PublishOutcome.ACCEPTED),
        ("nonce too low: next nonce 5, tx nonce 4", PublishOutcome.NONCE_TOO_LOW),
        ("replacement transaction underpriced", PublishOutcome.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x..", PublishOutcome.UNDERPRICED),
        ("address already reserved", PublishOutcome.RESERVED),
        ("txpool is full", PublishOutcome.BUSY),
        ("execution aborted (timeout = 5s)", PublishOutcome.UNKNOWN),
        ("request timed out", PublishOutcome.UNKNOWN),
        ("internal error", PublishOutcome.UNKNOWN),
        ("Insufficient funds for gas * price + value", SendErrorKind.INSUFFICIENT_FUNDS),
        ("intrinsic gas too low", SendErrorKind.REJECTED),
        ("exceeds block gas limit", SendErrorKind.REJECTED),
    ],
)
def test_refusals_are_understood_by_their_usual_wordings(message: str, meaning: PublishOutcome | SendErrorKind) -> None:
    assert classify_refusal(RpcError(-32000, message)) is meaning
