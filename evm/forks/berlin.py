"""Berlin: the first access to an account or slot is dear, later ones are cheap; MODEXP repriced.

Spec: EIP-2565, EIP-2929.
"""

from eth.vm.forks.berlin.computation import BerlinComputation

from evm.forks.byzantium import MODEXP
from evm.forks.computation import TableRunner
from evm.forks.istanbul import Istanbul
from evm.precompiles.modexp import berlin_gas, modexp


class Berlin(TableRunner, BerlinComputation):  # type: ignore[misc]
    """Access lists and their prices."""

    _precompiles = {**Istanbul._precompiles, MODEXP: modexp(berlin_gas)}  # noqa: RUF012
