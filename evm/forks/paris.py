"""Ethereum after the Merge; on L2: Bedrock and Regolith."""

from eth.vm.forks.paris.computation import ParisComputation

from evm.forks.computation import MessageRunner
from evm.precompiles.modexp import berlin_gas, modexp
from evm.types import Address

MODEXP = Address(bytes(19) + b"\x05")


class Paris(MessageRunner, ParisComputation):  # type: ignore[misc]
    """MODEXP is ours: py-evm takes 0 ** 0 for 0 when the base has no bytes."""

    _precompiles = {**ParisComputation._precompiles, MODEXP: modexp(berlin_gas)}  # noqa: RUF012
