"""GasPriceOracle: the Fjord formula over an independent FastLZ, the operator fee, the fork flags."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import Contract, Reverted, account
from tests.contracts.two_chains import DEPOSITOR, L2, PREDEPLOYS, genesis_params

BASE_FEE = 1_000_000_000
BLOB_BASE_FEE = 10_000_000
BASE_FEE_SCALAR = 2
BLOB_BASE_FEE_SCALAR = 3

EMPTY_TRANSACTION = bytes.fromhex("dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080")
CONTRACT_CALL = bytes.fromhex(
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41e"
    "f24f3f000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d0"
    "65e77c8cc2239327c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e500"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000148c89ed219d"
    "02f1a5be012c689b4f5b731827bebe000000000000000000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a36"
    "75a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e"
)
"""OP mainnet transaction 0x8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594."""


def fastlz_length(data: bytes) -> int:
    """Compressed length by FastLZ level 1 (spec: op exec engine, "Fjord L1-Cost fee changes (FastLZ estimator)").

    Builds the list of (literal run, match) pairs first and prices it after, unlike the contract.
    """
    size, limit = len(data), max(len(data) - 13, 0)
    table: dict[int, int] = {}
    pieces: list[tuple[str, int]] = []

    def key(at: int) -> int:
        return (int.from_bytes(data[at : at + 3], "little") * 2654435769 & 0xFFFFFFFF) >> 19

    anchor, at = 0, 2
    while at < limit - 1:
        earlier = table.get(key(at), 0)
        table[key(at)] = at
        if at - earlier > 8191 or data[at : at + 3] != data[earlier : earlier + 3]:
            at += 1
            continue
        pieces.append(("literals", at - anchor))
        most = size - 4 - (at + 3)
        length = next((n + 1 for n in range(most) if data[earlier + 3 + n] != data[at + 3 + n]), most)
        pieces.append(("match", length - 1))
        for after in (at + length, at + length + 1):
            table[key(after)] = after
        anchor = at = at + length + 2
    pieces.append(("literals", size - anchor))

    def price(kind: str, count: int) -> int:
        if kind == "literals":
            return count + -(-count // 32)
        return count // 262 * 3 + (3 if count % 262 >= 6 else 2)

    return sum(price(kind, count) for kind, count in pieces)


def estimated_size(fastlz: int) -> int:
    """Size in a batch, in millionths of a byte."""
    return max(100_000_000, 836_500 * fastlz - 42_585_600)


def fjord_fee(data: bytes) -> int:
    scaled = BASE_FEE_SCALAR * 16 * BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE
    return estimated_size(fastlz_length(data) + 68) * scaled // 10**12


def oracle_with(jovian: bool = False, operator_scalar: int = 0, operator_constant: int = 0) -> Contract:
    l2 = L2(genesis_params(jovian=jovian))
    data = (
        BASE_FEE_SCALAR.to_bytes(4, "big")
        + BLOB_BASE_FEE_SCALAR.to_bytes(4, "big")
        + bytes(24)
        + BASE_FEE.to_bytes(32, "big")
        + BLOB_BASE_FEE.to_bytes(32, "big")
        + bytes(64)
        + operator_scalar.to_bytes(4, "big")
        + operator_constant.to_bytes(8, "big")
    )
    l2.chain.send(PREDEPLOYS["L1Block"], bytes.fromhex("098999be") + data, sender=DEPOSITOR)
    return l2["GasPriceOracle"]


@pytest.fixture(scope="module")
def oracle() -> Contract:
    return oracle_with()


@pytest.mark.parametrize(
    ("data", "length"),
    [(b"", 0), (b"\x01" * 1000, 21), (bytes(1000), 21), (EMPTY_TRANSACTION, 31), (CONTRACT_CALL, 202)],
    ids=["empty", "ones", "zeros", "empty transaction", "contract call"],
)
def test_the_reference_has_the_published_lengths(data: bytes, length: int) -> None:
    assert fastlz_length(data) == length


def test_a_small_transaction_pays_for_a_hundred_bytes(oracle: Contract) -> None:
    expected = 100_000_000 * (BASE_FEE_SCALAR * 16 * BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE) // 10**12
    assert oracle.call("getL1Fee", EMPTY_TRANSACTION) == expected
    assert oracle.call("getL1GasUsed", EMPTY_TRANSACTION) == 1600


@pytest.mark.parametrize("data", [CONTRACT_CALL, CONTRACT_CALL * 3, bytes(range(256)) * 2, b"", b"\x00" * 20_000])
def test_the_fee_is_that_of_the_fjord_formula(oracle: Contract, data: bytes) -> None:
    assert oracle.call("getL1Fee", data) == fjord_fee(data)
    assert oracle.call("getL1GasUsed", data) == estimated_size(fastlz_length(data) + 68) * 16 // 10**6


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=90), st.sampled_from([b"\x00" * 31, b"\x00" * 300, CONTRACT_CALL[:40]])),
             min_size=8, max_size=30).map(b"".join)
)  # fmt: skip
def test_compressed_lengths_equal_the_reference_for_any_mixture(oracle: Contract, data: bytes) -> None:
    assert oracle.call("getL1Fee", data) == fjord_fee(data)


def test_repetition_further_back_than_the_window_does_not_count(oracle: Contract) -> None:
    noise = b"".join(bytes([(i * i + 7 * i) >> shift & 0xFF for shift in (0, 3, 5, 8)]) for i in range(2100))
    data = CONTRACT_CALL + noise + CONTRACT_CALL
    assert oracle.call("getL1Fee", data) == fjord_fee(data)


def test_every_length_around_the_literal_tail_agrees(oracle: Contract) -> None:
    data = (CONTRACT_CALL + bytes(64)) * 2
    for length in range(400, 440):
        assert oracle.call("getL1Fee", data[:length]) == fjord_fee(data[:length])


def test_the_upper_bound_follows_from_the_size_alone(oracle: Contract) -> None:
    size = 1000 + 68
    scaled = BASE_FEE_SCALAR * 16 * BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE
    assert oracle.call("getL1FeeUpperBound", 1000) == estimated_size(size + size // 255 + 16) * scaled // 10**12


def test_prices_come_from_l1block(oracle: Contract) -> None:
    assert oracle.call("l1BaseFee") == BASE_FEE
    assert oracle.call("blobBaseFee") == BLOB_BASE_FEE
    assert oracle.call("baseFeeScalar") == BASE_FEE_SCALAR
    assert oracle.call("blobBaseFeeScalar") == BLOB_BASE_FEE_SCALAR
    assert oracle.call("decimals") == oracle.call("DECIMALS") == 6
    assert oracle.call("gasPrice") == oracle.call("baseFee") == oracle.chain.base_fee


def test_the_isthmus_operator_fee_counts_the_scalar_in_millionths() -> None:
    oracle = oracle_with(operator_scalar=1_500_000, operator_constant=42)
    assert oracle.call("getOperatorFee", 21_001) == 21_001 * 1_500_000 // 10**6 + 42


def test_the_jovian_operator_fee_counts_the_scalar_a_hundredfold() -> None:
    oracle = oracle_with(jovian=True, operator_scalar=1_500_000, operator_constant=42)
    assert oracle.call("getOperatorFee", 21_001) == 21_001 * 1_500_000 * 100 + 42


@pytest.mark.parametrize("jovian", [False, True])
def test_the_operator_fee_is_capped_instead_of_overflowing(jovian: bool) -> None:
    oracle = oracle_with(jovian=jovian, operator_scalar=2**32 - 1, operator_constant=2**64 - 1)
    highest = oracle.call("getOperatorFee", 2**256 - 1)
    expected = 2**256 - 1 if jovian else (2**256 - 1) // 10**6 + 2**64 - 1
    assert highest == expected


def test_a_chain_starts_with_the_flags_of_isthmus_up(oracle: Contract) -> None:
    flags = [oracle.call(name) for name in ("isEcotone", "isFjord", "isIsthmus", "isJovian")]
    assert flags == [True, True, True, False]
    for name in ("overhead", "scalar"):
        with pytest.raises(Reverted, match="Deprecated"):
            oracle.call(name)


def test_the_depositor_account_raises_the_jovian_flag_once() -> None:
    oracle = L2()["GasPriceOracle"]
    with pytest.raises(Reverted, match="NotDepositor"):
        oracle.send("setJovian", sender=account("anybody"))
    oracle.send("setJovian", sender=DEPOSITOR)
    assert oracle.call("isJovian") is True
    with pytest.raises(Reverted, match="ForkAlreadyActive"):
        oracle.send("setJovian", sender=DEPOSITOR)


def test_flags_go_up_in_order() -> None:
    oracle = L2().chain.deploy("GasPriceOracle")
    for name in ("setFjord", "setIsthmus", "setJovian"):
        with pytest.raises(Reverted, match="ForkNotActive"):
            oracle.send(name, sender=DEPOSITOR)
    for name in ("setEcotone", "setFjord", "setIsthmus", "setJovian"):
        oracle.send(name, sender=DEPOSITOR)
    assert oracle.call("isJovian") is True


def test_before_fjord_the_fee_counts_call_data_gas() -> None:
    l2 = L2()
    l2.chain.set_storage(PREDEPLOYS["GasPriceOracle"], 0, 1)
    l2.chain.set_storage(PREDEPLOYS["L1Block"], 1, BASE_FEE)
    l2.chain.set_storage(PREDEPLOYS["L1Block"], 3, BASE_FEE_SCALAR << 96 | BLOB_BASE_FEE_SCALAR << 64)
    l2.chain.set_storage(PREDEPLOYS["L1Block"], 7, BLOB_BASE_FEE)
    gas = 4 * CONTRACT_CALL.count(0) + 16 * (len(CONTRACT_CALL) - CONTRACT_CALL.count(0)) + 68 * 16
    scaled = 16 * BASE_FEE_SCALAR * BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE
    oracle = l2["GasPriceOracle"]
    assert oracle.call("getL1GasUsed", CONTRACT_CALL) == gas
    assert oracle.call("getL1Fee", CONTRACT_CALL) == gas * scaled // (16 * 10**6)
    with pytest.raises(Reverted, match="ForkNotActive"):
        oracle.call("getL1FeeUpperBound", 10)
