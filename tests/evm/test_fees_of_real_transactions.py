"""What real transactions of OP Mainnet and Base paid for L1 data, by their published receipts, and the numbers that
other implementations publish for made-up ones."""

import pytest

from config.forks import Fork
from evm.fees import L1FeeParameters, estimated_size_scaled, fastlz_length
from evm.types import keccak256
from evm.types.rlp import encode

ECOTONE_TX = bytes.fromhex(
    "02f8b30a832253fc8402d11f39842c8a46398301388094dc6ff44d5d932cbd77b52e5612ba0529dc6226f180b844a9059cbb0000000000000000"
    "00000000d43e02db81f4d46cdf8521f623d21ea0ec7562a50000000000000000000000000000000000000000000000008ac7230489e80000c001"
    "a02947e24750723b48f886931562c55d9e07f856d8e06468e719755e18bbc3a570a0784da9ce59fd7754ea5be6e17a86b348e441348cd48ace59"
    "d174772465eadbd1"
)
"""OP Mainnet block 118024092, transaction 0xa75ef696bf67439b4d5b61da85de9f3ceaa2e145abe982212101b244b63749c2."""

BASE_TX = bytes.fromhex(
    "02f86c8221058034839a4ae283021528942f16386bb37709016023232523ff6d9daf444be380841249c58bc080a001b927eda2af9b00b52a57be"
    "0885e0303c39dd2831732e14051c2336470fd468a0681bf120baf562915841a48601c2b54a6742511e535cf8f71c95115af7ff63bd"
)
"""Base block 21713817, transaction 0xf9420cbaf66a2dda75a015488d37262cbfd4abd0aad7bb2be8a63e14b1fa7a94."""

COMPRESSIBLE_TX = bytes.fromhex(
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41ef24f3f"
    + "00" * 31
    + "6e000000000000000000000000af88d065e77c8cc2239327c5edb3a432268e5831"
    + "00" * 29
    + "03c1e5"
    + "00" * 63
    + "a0"
    + "00" * 31
    + "148c89ed219d02f1a5be012c689b4f5b731827bebe"
    + "00" * 12
    + "c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8"
    "a07cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e"
)
"""A transaction of OP Mainnet that op-geth's and op-revm's tests share; FastLZ makes 202 bytes of it."""


def _word(value: str) -> str:
    return value.rjust(64, "0")


_TOKEN = "21c4928109acb0659a88ae5329b5374a3024694c"
_AMOUNT = _word("049b9ca9a694340000")
_APPROVE = "095ea7b3" + _word(_TOKEN) + _AMOUNT + "00" * 28
_DEPOSIT = "b6b55f25" + _AMOUNT + "00" * 28
_CALLS = (
    "82ad56cb"
    + "".join(_word(value) for value in ("20", "2", "40", "120"))
    + "".join(_word(value) for value in ("dc6ff44d5d932cbd77b52e5612ba0529dc6226f1", "0", "60", "44"))
    + _APPROVE
    + "".join(_word(value) for value in (_TOKEN, "0", "60", "24"))
    + _DEPOSIT
    + "00" * 28
)
FJORD_TX = bytes.fromhex(
    "02f904940a8303fba78401d6d2798401db2b6d830493e0943e6f4f7866654c18f536170780344aa8772950b680b904246a761202"
    + "".join(_word(value) for value in ("87000a300de7200382b55d40045000000e5d60e", "0", "140", "1"))
    + "".join(_word(value) for value in ("0", "0", "0", "0", "0", "3a0", "224"))
    + _CALLS
    + _word("41")
    + "5ec214a3950bea839a7e6fbb0ba1540ac2076acd50820e2d5ef83d0902cdffb24a47aff7de5190290769c4f0a9c6fabf63012986a0d590b1"
    + "b571547a8c7050ea1b"
    + "00" * 31
    + "c080a06db770e6e25a617fe9652f0958bd9bd6e49281a53036906386ed39ec48eadf63a07f47cf51a4a40b4494cf26efc686709a9b03939e20ee"
    + "27e59682f5faa536667e"
)
"""OP Mainnet block 124665056, transaction 0x1059e8004daff32caa1f1b1ef97fe3a07a8cf40508f5b835b66d9420d87c4a4a."""

EMPTY_TX = encode([b"", b"", b"", bytes.fromhex("095e7baea6a6c7c4c2dfeb977efac326af552d87"), b"", b"", b"", b"", b""])
"""The unsigned legacy transaction of op-geth's fee tests."""


def test_a_transaction_of_ecotone_paid_what_its_receipt_says() -> None:
    fees = L1FeeParameters(
        Fork.ECOTONE,
        base_fee=47_036_678_951,
        blob_base_fee=57_422_457_042,
        base_fee_scalar=1_368,
        blob_base_fee_scalar=810_949,
    )
    assert fees.l1_gas_used(ECOTONE_TX) == 2_456
    assert fees.l1_fee(ECOTONE_TX) == 7_306_020_222_001


def test_a_transaction_of_fjord_paid_what_its_receipt_says() -> None:
    assert keccak256(FJORD_TX).hex() == "1059e8004daff32caa1f1b1ef97fe3a07a8cf40508f5b835b66d9420d87c4a4a"
    fees = L1FeeParameters(
        Fork.FJORD, base_fee=1_055_991_687, blob_base_fee=1, base_fee_scalar=5_227, blob_base_fee_scalar=1_014_213
    )
    assert fees.l1_gas_used(FJORD_TX) == 4_471
    assert fees.l1_fee(FJORD_TX) == 24_681_034_813


def test_a_creation_on_base_before_canyon_paid_what_its_receipt_says() -> None:
    """Base block 1371947, transaction 0x7b983c25dbf2e48cf06366ce23a75a9dcf048c1c464a979812bfd5b287b281ed.

    Its bytes are not published with the receipt; what counts is that they weigh 363,136 gas.
    """
    fees = L1FeeParameters(
        Fork.REGOLITH, base_fee=16_388_039_404, overhead=188, scalar=684_000, uses_bedrock_formula=True
    )
    heavy = b"\x01" * (363_136 // 16)
    assert fees.l1_gas_used(heavy) == 363_324
    assert fees.l1_fee(heavy) == 4_072_650_931_438_524


def test_a_transaction_of_granite_on_base_paid_what_its_receipt_says() -> None:
    fees = L1FeeParameters(
        Fork.GRANITE,
        base_fee=14_121_491_676,
        blob_base_fee=1_324_954_204,
        base_fee_scalar=2_269,
        blob_base_fee_scalar=1_055_762,
    )
    assert fees.l1_gas_used(BASE_TX) == 1_600
    assert fees.l1_fee(BASE_TX) == 191_150_293_412


@pytest.mark.parametrize(
    ("fork", "gas", "fee"),
    [
        (Fork.BEDROCK, 1_618, 11_326_000_000_000),
        (Fork.REGOLITH, 530, 3_710_000_000_000),
        (Fork.ECOTONE, 480, 960_900),
        (Fork.FJORD, 1_600, 3_203_000),
    ],
)
def test_the_empty_transaction_costs_what_op_geth_says_on_each_fork(fork: Fork, gas: int, fee: int) -> None:
    fees = L1FeeParameters(
        fork,
        base_fee=1_000_000_000,
        blob_base_fee=10_000_000,
        base_fee_scalar=2,
        blob_base_fee_scalar=3,
        overhead=50,
        scalar=7_000_000,
        uses_bedrock_formula=fork < Fork.ECOTONE,
    )
    assert (fees.l1_gas_used(EMPTY_TX), fees.l1_fee(EMPTY_TX)) == (gas, fee)


def test_a_compressible_transaction_has_the_published_size_and_fee_since_fjord() -> None:
    fees = L1FeeParameters(
        Fork.FJORD, base_fee=1_000, blob_base_fee=1_000, base_fee_scalar=1_000, blob_base_fee_scalar=1_000
    )
    assert fastlz_length(COMPRESSIBLE_TX) == 202
    assert estimated_size_scaled(COMPRESSIBLE_TX) == 126_387_400
    assert fees.l1_fee(COMPRESSIBLE_TX) == 2_148
    assert fees.l1_fee(bytes.fromhex("facade")) == 1_700


def test_three_bytes_cost_the_published_1048_by_the_regolith_formula_in_the_first_ecotone_block() -> None:
    fees = L1FeeParameters(Fork.ECOTONE, base_fee=1_000, overhead=1_000, scalar=1_000, uses_bedrock_formula=True)
    assert fees.l1_fee(bytes.fromhex("facade")) == 1_048


def test_the_operator_fee_has_the_published_values_before_and_since_jovian() -> None:
    def fee(fork: Fork) -> int:
        return L1FeeParameters(fork, 0, operator_fee_scalar=1_000, operator_fee_constant=10).operator_fee(1_000)

    assert fee(Fork.ISTHMUS) == 11
    assert fee(Fork.JOVIAN) == fee(Fork.KARST) == 100_000_010


def test_unused_gas_gives_back_the_published_operator_fee() -> None:
    fees = L1FeeParameters(Fork.ISTHMUS, 0, operator_fee_scalar=2_000, operator_fee_constant=5)
    assert fees.operator_fee(50_000) - fees.operator_fee(0) == 100


def test_the_largest_operator_fee_of_jovian_has_the_103_bits_that_the_specification_gives() -> None:
    fees = L1FeeParameters(Fork.JOVIAN, 0, operator_fee_scalar=(1 << 32) - 1, operator_fee_constant=(1 << 64) - 1)
    assert fees.operator_fee((1 << 64) - 1).bit_length() == 103


@pytest.mark.parametrize(("raw", "size"), [(COMPRESSIBLE_TX, 126), (BASE_TX, 100)])
def test_the_data_footprint_counts_whole_estimated_bytes(raw: bytes, size: int) -> None:
    assert L1FeeParameters(Fork.JOVIAN, 0, da_footprint_gas_scalar=400).da_footprint(raw) == size * 400
