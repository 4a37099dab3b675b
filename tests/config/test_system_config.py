"""The part of the configuration that L1 transactions change."""

from typing import Any

import pytest

from config.system_config import SystemConfig

BASE: dict[str, Any] = {
    "batcherAddr": "0x" + "33" * 20,
    "overhead": "0x" + "00" * 32,
    "scalar": "0x01" + "00" * 23 + "00000005" + "00000007",
    "gasLimit": 30_000_000,
}


def test_the_ecotone_scalar_holds_two_scalars() -> None:
    assert SystemConfig.from_json(BASE).base_fee_scalars() == (7, 5)


def test_a_scalar_of_version_zero_has_no_blob_part() -> None:
    assert SystemConfig.from_json({**BASE, "scalar": "0xa6fe0"}).base_fee_scalars() == (684_000, 0)


@pytest.mark.parametrize("scalar", ["0xffffffff", "0x100000000", "0x" + "00" + "01" + "00" * 30])
def test_a_scalar_of_version_zero_that_32_bits_do_not_hold_counts_as_the_largest(scalar: str) -> None:
    assert SystemConfig.from_json({**BASE, "scalar": scalar}).base_fee_scalars() == (0xFFFFFFFF, 0)


def test_a_scalar_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown scalar version 2"):
        SystemConfig.from_json({**BASE, "scalar": "0x02" + "00" * 31}).base_fee_scalars()


def test_short_words_are_filled_on_the_left() -> None:
    config = SystemConfig.from_json({**BASE, "overhead": "0x0", "scalar": "0xbc"})
    assert config.overhead == bytes(32)
    assert config.scalar == bytes(31) + b"\xbc"


def test_fields_split_up_mean_the_same_as_packed_ones() -> None:
    packed = SystemConfig.from_json(
        {
            **BASE,
            "eip1559Params": "0x000000fa00000006",
            "operatorFeeParams": "0x" + "00" * 20 + "00000009" + "000000000000000a",
        }
    )
    split = SystemConfig.from_json(
        {
            **BASE,
            "scalar": "0x0",
            "baseFeeScalar": "0x7",
            "blobBaseFeeScalar": 5,
            "eip1559Denominator": 250,
            "eip1559Elasticity": "0x6",
            "operatorFeeScalar": 9,
            "operatorFeeConstant": "10",
        }
    )
    assert split == packed


def test_null_means_not_set() -> None:
    nulls = dict.fromkeys(
        (
            *("baseFeeScalar", "blobBaseFeeScalar", "eip1559Params", "eip1559Denominator", "eip1559Elasticity"),
            *("operatorFeeParams", "operatorFeeScalar", "operatorFeeConstant", "minBaseFee", "daFootprintGasScalar"),
        )
    )
    assert SystemConfig.from_json({**BASE, **nulls}) == SystemConfig.from_json(BASE)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"overhead": "0x1" + "00" * 32}, "overhead does not fit in 32 bytes"),
        ({"gasLimit": "plenty"}, "gasLimit is not a number"),
        ({"eip1559Denominator": 1 << 32}, "eip1559Denominator does not fit in 32 bits"),
        ({"batcherAddr": "0x33"}, "expected 20 bytes"),
        ({"eip1559Params": "0x0102"}, "expected 8 bytes"),
    ],
)
def test_a_malformed_field_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SystemConfig.from_json({**BASE, **changes})
