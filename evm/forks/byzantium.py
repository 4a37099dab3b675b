"""Byzantium: REVERT, STATICCALL, return data, and the contracts for large numbers and bn256.

Spec: EIP-140, EIP-211, EIP-214, EIP-196, EIP-197, EIP-198.
"""

from eth.vm.forks.byzantium.computation import ByzantiumComputation

from evm.forks.computation import TableRunner
from evm.precompiles.bn256 import BYZANTIUM_PRICES, bn256_add, bn256_multiply, bn256_pairing
from evm.precompiles.limits import BN256_PAIRING
from evm.precompiles.modexp import byzantium_gas, modexp
from evm.types import Address

MODEXP = Address(bytes(19) + b"\x05")
BN256_ADD = Address(bytes(19) + b"\x06")
BN256_MULTIPLY = Address(bytes(19) + b"\x07")


class Byzantium(TableRunner, ByzantiumComputation):  # type: ignore[misc]
    """Our MODEXP, since py-evm's takes 0 ** 0 for 0 when the base has no bytes, and our bn256, far faster."""

    _precompiles = {  # noqa: RUF012
        **ByzantiumComputation._precompiles,
        MODEXP: modexp(byzantium_gas),
        BN256_ADD: bn256_add(BYZANTIUM_PRICES),
        BN256_MULTIPLY: bn256_multiply(BYZANTIUM_PRICES),
        BN256_PAIRING: bn256_pairing(BYZANTIUM_PRICES),
    }
