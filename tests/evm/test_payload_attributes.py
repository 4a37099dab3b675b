"""Payload attributes in JSON, as consensus clients and files carry them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.types import Address, Gas, Hash32, Timestamp
from evm.types import PayloadAttributes

_UINT64 = st.integers(0, (1 << 64) - 1)
_HASHES = st.binary(min_size=32, max_size=32).map(Hash32)

ATTRIBUTES = st.builds(
    PayloadAttributes,
    timestamp=_UINT64.map(Timestamp),
    prev_randao=_HASHES,
    suggested_fee_recipient=st.binary(min_size=20, max_size=20).map(Address),
    parent_beacon_block_root=st.none() | _HASHES,
    transactions=st.lists(st.binary(max_size=40), max_size=3).map(tuple),
    no_tx_pool=st.booleans(),
    gas_limit=_UINT64.map(Gas),
    eip1559_params=st.none() | st.binary(min_size=8, max_size=8),
    min_base_fee=st.none() | _UINT64,
    with_withdrawals=st.booleans(),
)


@given(ATTRIBUTES)
def test_attributes_go_through_json_unchanged(attributes: PayloadAttributes) -> None:
    assert PayloadAttributes.from_json(attributes.to_json()) == attributes


@given(ATTRIBUTES)
def test_null_is_as_good_as_absent_and_a_quantity_as_a_number(attributes: PayloadAttributes) -> None:
    data = attributes.to_json()
    for name in ("withdrawals", "parentBeaconBlockRoot", "eip1559Params", "minBaseFee"):
        data.setdefault(name, None)
    if attributes.min_base_fee is not None:
        data["minBaseFee"] = hex(attributes.min_base_fee)
    assert PayloadAttributes.from_json(data) == attributes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timestamp": 5}, "timestamp"),
        ({"timestamp": hex(1 << 64)}, "timestamp"),
        ({"prevRandao": "0x00"}, "prevRandao"),
        ({"suggestedFeeRecipient": None}, "suggestedFeeRecipient"),
        ({"gasLimit": None}, "gasLimit"),
        ({"gasLimit": hex(1 << 64)}, "gasLimit"),
        ({"withdrawals": [{}]}, "withdrawals"),
        ({"withdrawals": 1}, "withdrawals"),
        ({"noTxPool": 1}, "noTxPool"),
        ({"transactions": "0x"}, "transactions"),
        ({"transactions": [1]}, "transactions"),
        ({"eip1559Params": "0x00"}, "eip1559Params"),
        ({"minBaseFee": 1 << 64}, "minBaseFee"),
        ({"minBaseFee": -1}, "minBaseFee"),
        ({"minBaseFee": True}, "minBaseFee"),
        ({"minBaseFee": 1.5}, "minBaseFee"),
    ],
)
def test_what_is_malformed_is_refused_with_the_fields_name(change: dict[str, Any], field: str) -> None:
    good = PayloadAttributes(
        Timestamp(1), Hash32(bytes(32)), Address(bytes(20)), None, (), False, Gas(1), None, None, False
    )
    with pytest.raises(ValueError, match=f"'{field}'"):
        PayloadAttributes.from_json(good.to_json() | change)
