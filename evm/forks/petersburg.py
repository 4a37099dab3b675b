"""Petersburg: Constantinople without its prices of storage. Spec: EIP-1716."""

from eth.vm.forks.petersburg.computation import PetersburgComputation

from evm.forks.byzantium import Byzantium
from evm.forks.computation import TableRunner


class Petersburg(TableRunner, PetersburgComputation):  # type: ignore[misc]
    """SSTORE as in Byzantium."""

    _precompiles = Byzantium._precompiles
