"""Istanbul: CHAINID, SELFBALANCE, BLAKE2F, cheaper bn256, net metered storage again.

Spec: EIP-152, EIP-1108, EIP-1344, EIP-1884, EIP-2200.
"""

from eth.vm.forks.istanbul.computation import IstanbulComputation

from evm.forks.byzantium import BN256_ADD, BN256_MULTIPLY, Byzantium
from evm.forks.computation import TableRunner
from evm.precompiles.bn256 import ISTANBUL_PRICES, bn256_add, bn256_multiply, bn256_pairing
from evm.precompiles.limits import BN256_PAIRING


class Istanbul(TableRunner, IstanbulComputation):  # type: ignore[misc]
    """Adds opcodes and BLAKE2F; other prices."""

    _precompiles = {  # noqa: RUF012
        **IstanbulComputation._precompiles,
        **Byzantium._precompiles,
        BN256_ADD: bn256_add(ISTANBUL_PRICES),
        BN256_MULTIPLY: bn256_multiply(ISTANBUL_PRICES),
        BN256_PAIRING: bn256_pairing(ISTANBUL_PRICES),
    }
