"""Ethereum after the Merge: PREVRANDAO; on L2: Bedrock and Regolith. Spec: EIP-4399."""

from eth.vm.forks.paris.computation import ParisComputation

from evm.forks.computation import MessageRunner
from evm.forks.london import London


class Paris(MessageRunner, ParisComputation):  # type: ignore[misc]
    """DIFFICULTY reads the beacon chain's randomness."""

    _precompiles = London._precompiles
