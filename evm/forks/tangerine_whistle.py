"""Tangerine Whistle: dearer reads of other accounts, and calls keep a 64th of their gas. Spec: EIP-150."""

from eth.vm.forks.tangerine_whistle.computation import TangerineWhistleComputation

from evm.forks.computation import TableRunner
from evm.forks.frontier import Frontier


class TangerineWhistle(TableRunner, TangerineWhistleComputation):  # type: ignore[misc]
    """Changes prices of opcodes."""

    first_nonce = 0
    validate_contract_code = Frontier.validate_contract_code
