"""London: BASEFEE, smaller refunds, no code that begins with 0xEF. Spec: EIP-3198, EIP-3529, EIP-3541."""

from eth.vm.forks.london.computation import LondonComputation

from evm.forks.berlin import Berlin
from evm.forks.computation import MessageRunner


class London(MessageRunner, LondonComputation):  # type: ignore[misc]
    """The first fork whose prices are those of our own instruction loop."""

    _precompiles = Berlin._precompiles
