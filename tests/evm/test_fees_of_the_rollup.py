"""L1 data fees, operator fees and the data footprint against the published formulas and numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.forks import Fork
from evm.fees import (
    L1FeeParameters,
    calldata_gas,
    estimated_size_scaled,
    fastlz_length,
)

BASE_FEE = 1_000_000_000
BLOB_BASE_FEE = 10_000_000
# The transaction that op-geth's fee tests use: no zero bytes counted apart, 30 zeros and 11 others.
SAMPLE = bytes.fromhex(
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8"
    "e41ef24f3f000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d065e77c8cc2"
    "239327c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e5000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a0"
    "0000000000000000000000000000000000000000000000000000000000000148c89ed219d02f1a5be012c689b4f5b731827bebe0000000000000000"
    "00000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a0cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e"
)


def reference_fastlz_length(data: bytes) -> int:
    """A direct transcription of the published pseudo code with 32-bit words, slow and obvious."""
    table = [0] * 8192
    out = 0

    def word(index: int) -> int:
        return data[index] | data[index + 1] << 8 | data[index + 2] << 16

    def slot(value: int) -> int:
        return ((2654435769 * value) & 0xFFFFFFFF) >> 19 & 8191

    def literals(count: int) -> int:
        total = 0
        while count >= 32:
            total += 33
            count -= 32
        return total + (count + 1 if count else 0)

    limit = len(data) - 13 if len(data) >= 13 else 0
    anchor, index = 0, 2
    while index < limit:
        reference = 0
        while True:
            value = word(index)
            reference = table[slot(value)]
            table[slot(value)] = index
            distance = index - reference
            if index >= limit:
                break
            index += 1
            if distance <= 8191 and value == word(reference):
                break
        if index >= limit:
            break
        index -= 1
        if index > anchor:
            out += literals(index - anchor)
        length, end = 0, limit + 9 - (index + 3)
        while length < end:
            if data[reference + 3 + length] != data[index + 3 + length]:
                end = 0
            length += 1
        remaining = length - 1
        while remaining >= 262:
            out += 3
            remaining -= 262
        out += 3 if remaining >= 6 else 2
        index += length
        for _ in range(2):
            table[slot(word(index))] = index
            index += 1
        anchor = index
    return out + literals(len(data) - anchor)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"", 0),
        (b"\x00", 2),
        (bytes(1000), 21),
        (b"\xff" * 1000, 21),
    ],
)
def test_fastlz_lengths_are_the_published_ones(data: bytes, length: int) -> None:
    assert fastlz_length(data) == length


REPETITIVE = st.lists(st.sampled_from([b"\x00", b"ab", b"abcd", b"\xff" * 40]), max_size=80).map(b"".join)


@given(st.binary(max_size=600) | REPETITIVE)
def test_fastlz_length_agrees_with_a_plain_transcription(data: bytes) -> None:
    assert fastlz_length(data) == reference_fastlz_length(data)


def test_fastlz_looks_back_8191_bytes_and_no_further() -> None:
    start = bytes(range(200))
    filler = bytes((index * 7 + index // 251) & 0xFF for index in range(9000))
    for gap in (8191 - 200, 8192 - 200, 8200):
        data = start + filler[:gap] + start
        assert fastlz_length(data) == reference_fastlz_length(data)


def parameters(fork: Fork) -> L1FeeParameters:
    return L1FeeParameters(
        fork=fork, base_fee=BASE_FEE, blob_base_fee=BLOB_BASE_FEE, base_fee_scalar=2, blob_base_fee_scalar=3
    )


def test_the_ecotone_fee_weighs_calldata_gas_by_both_base_fees() -> None:
    data = bytes(30) + b"\x01" * 11
    gas = 30 * 4 + 11 * 16
    assert calldata_gas(data) == gas
    assert parameters(Fork.ECOTONE).l1_fee(data) == gas * (16 * BASE_FEE * 2 + BLOB_BASE_FEE * 3) // 16_000_000


def test_the_bedrock_fee_counts_68_more_bytes_before_regolith() -> None:
    data = bytes(30) + b"\x01" * 11

    def fee(fork: Fork) -> int:
        return L1FeeParameters(fork, BASE_FEE, overhead=50, scalar=7_000_000, uses_bedrock_formula=True).l1_fee(data)

    assert fee(Fork.REGOLITH) == (296 + 50) * BASE_FEE * 7
    assert fee(Fork.BEDROCK) == (296 + 68 * 16 + 50) * BASE_FEE * 7


def test_the_fjord_fee_is_never_below_that_of_100_bytes() -> None:
    price = 16 * BASE_FEE * 2 + BLOB_BASE_FEE * 3
    assert parameters(Fork.FJORD).l1_fee(b"\x01") == 100 * price // 10**6


def test_the_fjord_fee_of_a_published_transaction() -> None:
    assert estimated_size_scaled(SAMPLE) == max(100_000_000, 836_500 * fastlz_length(SAMPLE) - 42_585_600)
    price = 16 * BASE_FEE * 2 + BLOB_BASE_FEE * 3
    assert parameters(Fork.GRANITE).l1_fee(SAMPLE) == estimated_size_scaled(SAMPLE) * price // 10**12


def test_the_operator_fee_starts_with_isthmus_and_scales_up_with_jovian() -> None:
    def fee(fork: Fork) -> int:
        found = L1FeeParameters(fork, 1, operator_fee_scalar=1_439_103_868, operator_fee_constant=1_256_417_826)
        return found.operator_fee(1_618)

    assert fee(Fork.HOLOCENE) == 0
    assert fee(Fork.ISTHMUS) == 1_618 * 1_439_103_868 // 10**6 + 1_256_417_826
    assert fee(Fork.JOVIAN) == 1_618 * 1_439_103_868 * 100 + 1_256_417_826


def slots(fork: Fork, values: dict[int, int]) -> L1FeeParameters:
    return L1FeeParameters.from_l1_block(fork, lambda slot: values.get(slot, 0))


def test_parameters_come_out_of_the_packed_slots_of_l1block() -> None:
    scalars = 0x0000_0000 << 128 | 11 << 96 | 22 << 64 | 5
    operator = 400 << 96 | 33 << 64 | 44
    found = slots(Fork.JOVIAN, {1: 7, 3: scalars, 7: 9, 8: operator})
    assert (found.base_fee, found.blob_base_fee) == (7, 9)
    assert (found.base_fee_scalar, found.blob_base_fee_scalar) == (11, 22)
    assert (found.operator_fee_scalar, found.operator_fee_constant) == (33, 44)
    assert found.da_footprint_gas_scalar == 400


def test_before_l1block_knows_a_footprint_scalar_data_weighs_nothing() -> None:
    assert slots(Fork.JOVIAN, {1: 7, 7: 9}).da_footprint(b"\x01") == 0


def test_the_first_ecotone_block_still_pays_by_the_bedrock_formula() -> None:
    found = slots(Fork.FJORD, {1: 100, 3: 4, 5: 188, 6: 684_000})
    assert found.uses_bedrock_formula
    assert found.l1_fee(b"\x01") == (16 + 188) * 100 * 684_000 // 10**6


def test_the_footprint_is_whole_bytes_times_the_scalar() -> None:
    found = slots(Fork.JOVIAN, {1: 7, 7: 9, 8: 400 << 96})
    assert found.da_footprint(b"\x01") == 100 * 400
