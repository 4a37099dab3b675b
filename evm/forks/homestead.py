"""Homestead: DELEGATECALL; a creation that cannot pay for its code fails. Spec: EIP-2, EIP-7."""

from eth.vm.forks.homestead.computation import HomesteadComputation

from evm.forks.computation import TableRunner
from evm.forks.frontier import Frontier


class Homestead(TableRunner, HomesteadComputation):  # type: ignore[misc]
    """Adds DELEGATECALL; unpaid code is a failure."""

    first_nonce = 0
    validate_contract_code = Frontier.validate_contract_code
