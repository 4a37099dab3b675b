"""Precompiles with a bound on their input, so that a fault proof can put the worst call into one L1 transaction.

Spec: op granite exec-engine, "bn256Pairing precompile input restriction"; op isthmus, jovian and karst exec-engine.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eth.exceptions import VMError

from evm.types import Address

BN256_PAIRING = Address(bytes(19) + b"\x08")
BLS12_G1_MSM = Address(bytes(19) + b"\x0c")
BLS12_G2_MSM = Address(bytes(19) + b"\x0e")
BLS12_PAIRING = Address(bytes(19) + b"\x0f")

GRANITE_LIMITS: Mapping[Address, int] = {BN256_PAIRING: 112_687}
ISTHMUS_LIMITS: Mapping[Address, int] = {
    **GRANITE_LIMITS,
    BLS12_G1_MSM: 513_760,
    BLS12_G2_MSM: 488_448,
    BLS12_PAIRING: 235_008,
}
JOVIAN_LIMITS: Mapping[Address, int] = {
    BN256_PAIRING: 81_984,
    BLS12_G1_MSM: 288_960,
    BLS12_G2_MSM: 278_784,
    BLS12_PAIRING: 156_672,
}
KARST_LIMITS: Mapping[Address, int] = {**JOVIAN_LIMITS, BN256_PAIRING: 57_600}
"""Largest input in bytes, by precompile."""


def _limited(precompile: Callable[[Any], Any], limit: int) -> Callable[[Any], Any]:
    def run(computation: Any) -> Any:
        size = len(computation.msg.data)
        if size > limit:
            raise VMError(f"precompile input of {size} bytes is larger than {limit}")
        return precompile(computation)

    return run


def with_limits(
    precompiles: Mapping[Address, Callable[[Any], Any]], limits: Mapping[Address, int]
) -> dict[Address, Callable[[Any], Any]]:
    """The same precompiles, those named in `limits` failing for longer inputs (bytes)."""
    result = dict(precompiles)
    for address, limit in limits.items():
        result[address] = _limited(precompiles[address], limit)
    return result
