"""Ethereum after the Merge; on L2: Bedrock and Regolith."""

from eth.vm.forks.paris.computation import ParisComputation

from evm.forks.computation import MessageRunner
from evm.precompiles.bn256 import bn256_add, bn256_multiply, bn256_pairing
from evm.precompiles.limits import BN256_PAIRING
from evm.precompiles.modexp import berlin_gas, modexp
from evm.types import Address

MODEXP = Address(bytes(19) + b"\x05")
BN256_ADD = Address(bytes(19) + b"\x06")
BN256_MULTIPLY = Address(bytes(19) + b"\x07")


class Paris(MessageRunner, ParisComputation):  # type: ignore[misc]
    """Our MODEXP, since py-evm's takes 0 ** 0 for 0 when the base has no bytes, and our bn256, far faster."""

    _precompiles = {  # noqa: RUF012
        **ParisComputation._precompiles,
        MODEXP: modexp(berlin_gas),
        BN256_ADD: bn256_add,
        BN256_MULTIPLY: bn256_multiply,
        BN256_PAIRING: bn256_pairing,
    }
