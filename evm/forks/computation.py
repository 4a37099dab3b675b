"""How a message runs, on every fork: what we put over py-evm's computation of the same fork.

Differences from py-evm, each needed: the state is an `EvmState` (no trie, no state root in snapshots); the price of a
creation transaction's initcode is part of its intrinsic gas, so it is never charged here (py-evm charges it again for
a CREATE by a delegated account that is also the transaction's sender); code runs in our own loop; no log lines are
built that nobody reads.
"""

from typing import Any

from eth.constants import GAS_CODEDEPOSIT, STACK_DEPTH_LIMIT
from eth.exceptions import InsufficientFunds, StackDepthLimit, VMError
from eth.vm.message import Message

from evm.forks.interpreter import run_code
from evm.forks.table_loop import run_table


class ChildMessage(Message):  # type: ignore[misc]
    """A message made by running code, whose fields need no checks: opcodes make only valid ones."""

    def __init__(
        self,
        gas: int,
        to: Any,
        sender: Any,
        value: int,
        data: bytes,
        code: bytes,
        depth: int = 0,
        create_address: Any = None,
        code_address: Any = None,
        should_transfer_value: bool = True,
        is_static: bool = False,
        is_delegation: bool = False,
        refund: int = 0,
    ) -> None:
        self.gas = gas
        self.to = to
        self.sender = sender
        self.value = value
        self.data = data
        self.code = code
        self.depth = depth
        self._storage_address = create_address
        self._code_address = code_address
        self.should_transfer_value = should_transfer_value
        self.is_static = is_static
        self._is_delegation = is_delegation
        self.refund = refund


class MessageRunner:
    """Mixed in before a py-evm computation class.

    Spec: yellow paper, 7 "Contract Creation" and 8 "Message Call".
    """

    first_nonce = 1
    """The nonce of a new contract. Spec: EIP-161."""
    unpaid_code_is_dropped = False
    """Whether a creation that cannot pay for its code leaves an account without code, instead of failing."""

    @classmethod
    def consume_initcode_gas_cost(cls, computation: Any) -> None:
        """Nothing: intrinsic gas has it."""

    def prepare_child_message(self, gas: int, to: Any, value: int, data: bytes, code: bytes, **options: Any) -> Any:
        """The message of a call or creation by this computation; by default in its own name."""
        message = self.msg  # type: ignore[attr-defined]
        options.setdefault("sender", message.storage_address)
        return ChildMessage(gas, to, value=value, data=data, code=code, depth=message.depth + 1, **options)

    def add_child_computation(self: Any, child: Any) -> None:
        """Take over what an inner message did, and let go of it.

        py-evm keeps every inner computation to the end of the transaction, which costs gigabytes for one that makes
        hundreds of thousands of cheap calls.
        """
        if child.is_error:
            self.return_data = child.output if child.msg.is_create or not child.should_burn_gas else b""
            return
        self.return_data = b"" if child.msg.is_create else child.output
        self._log_entries.extend(child._log_entries)
        self._gas_meter.gas_refunded += child._gas_meter.gas_refunded
        self.accounts_to_delete.extend(child.accounts_to_delete)

    def register_account_for_deletion(self: Any, beneficiary: Any) -> None:
        """Note that the running contract destroyed itself; an inner call of its own may have noted it already."""
        self.accounts_to_delete.append(self.msg.storage_address)

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
                computation.run()
            elif not message.is_delegation:
                precompile(computation)
        return computation

    def run(self) -> None:
        """Run the code to its end. Raises VMError when it fails."""
        run_code(self)

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
        if cls.first_nonce:
            state.set_nonce(message.storage_address, cls.first_nonce)
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
                if cls.unpaid_code_is_dropped:
                    computation.output = b""
                else:
                    computation.error = error
                    state.revert(snapshot)
            else:
                state.set_code(message.storage_address, code)
        return computation


class TableRunner(MessageRunner):
    """For forks before London, whose prices our own loop does not have: every opcode is the fork's own."""

    def run(self) -> None:
        """Run the code to its end. Raises VMError when it fails."""
        run_table(self)
