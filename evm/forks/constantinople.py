"""Constantinople: shifts, CREATE2, EXTCODEHASH, storage priced by what changes.

Spec: EIP-145, EIP-1014, EIP-1052, EIP-1283.
"""

from eth.vm.forks.constantinople.computation import ConstantinopleComputation

from evm.forks.byzantium import Byzantium
from evm.forks.computation import TableRunner


class Constantinople(TableRunner, ConstantinopleComputation):  # type: ignore[misc]
    """Adds opcodes; SSTORE is net metered."""

    _precompiles = Byzantium._precompiles
