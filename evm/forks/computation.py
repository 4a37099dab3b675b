"""How a message runs, on every fork: what we put over py-evm's computation of the same fork.

Differences from py-evm, each needed: the state is an `EvmState` (no trie, no state root in snapshots); the price of a
creation transaction's initcode is part of its intrinsic gas, so it is never charged here (py-evm charges it again for
a CREATE by a delegated account that is also the transaction's sender); code runs in our own loop; no log lines are
built that nobody reads.
"""

from typing import Any

from eth.constants import GAS_CODEDEPOSIT, STACK_DEPTH_LIMIT
from eth.exceptions import InsufficientFunds, StackDepthLimit, VMError

from evm.forks.interpreter import run_code


class MessageRunner:
    """Mixed in before a py-evm computation class.

    Spec: yellow paper, 7 "Contract Creation" and 8 "Message Call".
    """

    @classmethod
    def consume_initcode_gas_cost(cls, computation: Any) -> None:
        """Nothing: intrinsic gas has it."""

    @classmethod
    def apply_computation(
        cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """Run a precompile or code. A failure ends up in the computation's `error`."""
        with cls(state, message, transaction_context) as computation:  # type: ignore[call-arg, attr-defined]
            if parent_computation is None:
                computation.contracts_created = []
            else:
                computation.contracts_created = parent_computation.contracts_created
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = cls._precompiles.get(message.code_address)  # type: ignore[attr-defined]
            if precompile is None:
                run_code(computation)
            elif not message.is_delegation:
                precompile(computation)
        return computation

    @classmethod
    def apply_message(cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None) -> Any:
        """Run a call or the initcode of a creation; everything is undone when it fails."""
        snapshot = state.snapshot()
        if message.depth > STACK_DEPTH_LIMIT:
            raise StackDepthLimit("call depth limit reached")
        target = message.storage_address
        if message.should_transfer_value and message.value:
            balance = state.get_balance(message.sender)
            if balance < message.value:
                raise InsufficientFunds(f"balance {balance} is below the value {message.value}")
            state.set_balance(message.sender, balance - message.value)
            state.delta_balance(target, message.value)
        else:
            state.touch_account(target)
        computation = cls.apply_computation(state, message, transaction_context, parent_computation=parent_computation)
        if computation.is_error:
            state.revert(snapshot)
        return computation

    @classmethod
    def apply_create_message(
        cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """Create a contract: run its initcode, charge for the code it returns, store that."""
        snapshot = state.snapshot()
        state.increment_nonce(message.storage_address)
        computation = cls.apply_message(state, message, transaction_context, parent_computation)
        if computation.is_error:
            state.revert(snapshot)
            return computation
        code = computation.output
        if code:
            try:
                cls.validate_contract_code(code)  # type: ignore[attr-defined]
                computation.consume_gas(len(code) * GAS_CODEDEPOSIT, reason="code deposit")
            except VMError as error:
                computation.error = error
                state.revert(snapshot)
            else:
                state.set_code(message.storage_address, code)
        return computation
