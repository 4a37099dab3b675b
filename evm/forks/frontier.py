"""Frontier: Ethereum as it began."""

from eth.vm.forks.frontier.computation import FrontierComputation

from evm.forks.computation import TableRunner


class Frontier(TableRunner, FrontierComputation):  # type: ignore[misc]
    """A creation that cannot pay for its code is a success without code; new contracts have nonce 0."""

    first_nonce = 0
    unpaid_code_is_dropped = True

    @classmethod
    def validate_contract_code(cls, code: bytes) -> None:
        """Any code will do."""
