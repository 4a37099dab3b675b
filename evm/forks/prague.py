"""Prague: delegated accounts and BLS12-381 precompiles."""

from eth.vm.forks.prague.computation import PragueComputation

from evm.forks.cancun import Cancun
from evm.forks.computation import MessageRunner
from evm.forks.shanghai import CREATE_OPCODES


class Prague(MessageRunner, PragueComputation):  # type: ignore[misc]
    """Adds calls to delegated accounts (EIP-7702) and the BLS12-381 precompiles (EIP-2537)."""

    opcodes = {**PragueComputation.opcodes, **CREATE_OPCODES}  # noqa: RUF012
    _precompiles = {**PragueComputation._precompiles, **Cancun._precompiles}  # noqa: RUF012
