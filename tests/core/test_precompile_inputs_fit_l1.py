"""The costliest precompile calls that a fork allows can be published in one L1 transaction, so every block can be proven.

The forks before Jovian were bounded by 20 M gas, before L1 bounded a transaction by 2^24: their longest inputs do not fit.
"""

from collections.abc import Mapping

import pytest

from config.constants import TRANSACTION_GAS_CAP
from config.forks import Fork
from evm.precompiles.limits import (
    BLS12_G1_MSM,
    BLS12_G2_MSM,
    BLS12_PAIRING,
    BN256_PAIRING,
    GRANITE_LIMITS,
    ISTHMUS_LIMITS,
    JOVIAN_LIMITS,
    KARST_LIMITS,
)
from evm.types import Address
from faultproof.precompile_calls import (
    ACCELERATED,
    AcceleratedPrecompile,
    fits_one_transaction,
    longest_that_fits,
    publishing_gas,
    publishing_gas_of_pieces,
)

LIMITS: dict[Fork, Mapping[Address, int]] = {
    Fork.GRANITE: GRANITE_LIMITS,
    Fork.ISTHMUS: ISTHMUS_LIMITS,
    Fork.JOVIAN: JOVIAN_LIMITS,
    Fork.KARST: KARST_LIMITS,
}
FIXED = [precompile for precompile in ACCELERATED.values() if precompile.fixed_size]
VARIABLE = {address: precompile for address, precompile in ACCELERATED.items() if not precompile.fixed_size}


def name(value: object) -> str:
    if isinstance(value, AcceleratedPrecompile):
        return value.name
    return ACCELERATED[Address(value)].name if isinstance(value, bytes) else str(getattr(value, "name", value))


def worst(fork: Fork, address: Address) -> int:
    """Gas to publish the longest call of the fork."""
    size = ACCELERATED[address].longest(LIMITS[fork][address])
    return publishing_gas(size, ACCELERATED[address].gas_of(size))


@pytest.mark.parametrize("fork", [Fork.JOVIAN, Fork.KARST], ids=name)
@pytest.mark.parametrize("address", VARIABLE, ids=name)
def test_the_longest_input_fits_since_jovian(fork: Fork, address: Address) -> None:
    assert worst(fork, address) <= TRANSACTION_GAS_CAP


@pytest.mark.parametrize("fork", [Fork.JOVIAN, Fork.KARST], ids=name)
@pytest.mark.parametrize("address", VARIABLE, ids=name)
def test_the_longest_input_fits_in_pieces_too_since_jovian(fork: Fork, address: Address) -> None:
    """Nodes of L1 pass on no transaction with more than 128 KiB."""
    size = ACCELERATED[address].longest(LIMITS[fork][address])
    assert publishing_gas_of_pieces(size, ACCELERATED[address].gas_of(size)) <= TRANSACTION_GAS_CAP


@pytest.mark.parametrize("precompile", FIXED, ids=name)
def test_a_call_of_a_fixed_size_fits_in_every_fork(precompile: AcceleratedPrecompile) -> None:
    assert fits_one_transaction(precompile, precompile.item_bytes)


@pytest.mark.parametrize(
    ("fork", "address", "gas", "fitting"),
    [
        (Fork.GRANITE, BN256_PAIRING, 22_278_000, 84_480),
        (Fork.ISTHMUS, BLS12_G1_MSM, 29_358_000, 294_720),
        (Fork.ISTHMUS, BLS12_G2_MSM, 28_893_000, 284_544),
        (Fork.ISTHMUS, BLS12_PAIRING, 24_386_000, 161_280),
    ],
    ids=name,
)
def test_the_longest_input_before_jovian_does_not_fit(fork: Fork, address: Address, gas: int, fitting: int) -> None:
    assert worst(fork, address) == pytest.approx(gas, abs=5_000)
    assert worst(fork, address) > TRANSACTION_GAS_CAP
    assert longest_that_fits(ACCELERATED[address]) == fitting


def test_every_precompile_with_a_limit_is_accelerated_and_those_of_any_length_have_one() -> None:
    for limits in LIMITS.values():
        assert set(limits) <= set(ACCELERATED)
    assert set(VARIABLE) == set(JOVIAN_LIMITS) == set(KARST_LIMITS)


def test_the_headroom_of_jovians_pairing_is_what_its_authors_found() -> None:
    # The OP Stack's own account of the limit speaks of about 503,000 gas.
    assert TRANSACTION_GAS_CAP - worst(Fork.JOVIAN, BN256_PAIRING) == pytest.approx(503_000, abs=3_000)


def test_karsts_pairing_leaves_room_for_a_dearer_pairing() -> None:
    size = KARST_LIMITS[BN256_PAIRING]
    dearer = ACCELERATED[BN256_PAIRING].gas_of(size) * 3 // 2
    assert publishing_gas(size, dearer) <= TRANSACTION_GAS_CAP


@pytest.mark.parametrize("address", VARIABLE, ids=name)
def test_the_longest_that_fits_is_the_longest(address: Address) -> None:
    precompile = ACCELERATED[address]
    size = longest_that_fits(precompile)
    assert fits_one_transaction(precompile, size)
    assert not fits_one_transaction(precompile, size + precompile.item_bytes)


def test_lengths_that_are_no_whole_number_of_items_do_not_count() -> None:
    assert ACCELERATED[BN256_PAIRING].longest(112_687) == 586 * 192


def test_long_calldata_is_priced_by_the_floor_when_the_call_is_cheap() -> None:
    assert publishing_gas(400_000, 3_000) == 21_000 + 40 * (400_000 + 164)
    assert publishing_gas(400_000, 3_000, zero_bytes=400_000) < publishing_gas(400_000, 3_000)


def test_a_cheap_call_that_fails_leaves_enough_for_the_storage() -> None:
    # All but a 64th of the gas goes with the failed call.
    needed = publishing_gas(192, 50_000)
    assert needed // 64 >= 75_000
