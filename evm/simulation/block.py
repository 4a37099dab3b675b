"""One simulated block: the block builder, but for calls instead of signed transactions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from config.constants import BASE_FEE_VAULT, GAS_PER_BLOB
from config.forks import EthFork
from evm.engine import BlockBuilder, BlockInputs, CallMessage, EvmState
from evm.engine.overrides import BlockOverrides, StateOverride, apply_overrides, overridden_fork
from evm.engine.system_calls import activate_forks, begin_block
from evm.engine.transaction import TransactionResult, run_payload, settled_gas
from evm.rules import Rules
from evm.simulation.errors import Fault, SimulationError
from evm.simulation.hashes import SimulatedHashes
from evm.simulation.request import CallOutcome
from evm.simulation.states import SimulatedStates
from evm.simulation.transactions import unsigned
from evm.simulation.transfers import LogCollector
from evm.store.state import StateUpdate
from evm.tracing.computation import traced
from evm.tracing.room import Room
from evm.types import Address, Header, SignedTransaction
from evm.validity import MAX_INITCODE_BYTES, floor_gas, intrinsic_gas

_NONCES = 1 << 64
_ANSWER_BYTES = 1000
"""About what the answer to a call takes besides its data."""


@dataclass(frozen=True)
class SimulatedChain:
    """What simulated blocks have in common."""

    rules: Rules
    states: SimulatedStates
    hashes: SimulatedHashes
    budget: Callable[[], None] | None


class SimulatedBlockBuilder(BlockBuilder):
    """A simulated block in the making; the system calls at its beginning have run when this exists.

    Without `validation` nonces are not checked, calls without fees are free, and the base fee is 0 unless overridden.
    """

    def __init__(
        self,
        chain: SimulatedChain,
        parent: Header,
        inputs: BlockInputs,
        facts: BlockOverrides,
        accounts: dict[Address, StateOverride],
        *,
        validation: bool,
    ) -> None:
        rules = chain.rules
        super().__init__(rules, chain.states, parent, inputs, chain.hashes, system_calls=False)
        self._validation = validation
        if facts.base_fee is not None or not validation:
            self.base_fee = facts.base_fee or 0
        blob_base_fee = self.environment.blob_base_fee if facts.blob_base_fee is None else facts.blob_base_fee
        self.environment = replace(self.environment, base_fee=self.base_fee, blob_base_fee=blob_base_fee)
        state = self.state = EvmState(self._reader, self.environment, self.fork.precompiles)
        state.budget = chain.budget
        self._stock = self.fork
        self._next_log = 0
        overridden = overridden_fork(self.fork, accounts)
        apply_overrides(state, accounts)
        if self.fork.is_l2:
            activate_forks(state, self.fork, rules.at(parent.timestamp))
        begin_block(state, overridden, parent.hash, inputs.parent_beacon_block_root)
        self.fork = overridden

    def _apply(self) -> StateUpdate:
        return self._reader.apply(self.state.diff(), to_keep=False)

    def _settle(self, message: CallMessage, gas_left: int) -> tuple[CallMessage, bool]:
        """The message with its nonce and gas, and whether the cap, of which `gas_left` is left, took some of it.

        Raises SimulationError.
        """
        gas = self.gas_left if message.gas is None else message.gas
        if gas > self.gas_left:
            raise SimulationError(
                Fault.BLOCK_GAS_LIMIT, f"block gas limit reached: remaining: {self.gas_left}, required: {gas}"
            )
        nonce = self.state.get_nonce(message.sender) if message.nonce is None else message.nonce
        return replace(message, gas=min(gas, gas_left), nonce=nonce), gas > gas_left

    def call(self, asked: CallMessage, gas_left: int, transfers: bool, room: Room) -> CallOutcome:
        """Execute a call at the end of the block. Raises SimulationError when no transaction like it can stand here."""
        message, capped = self._settle(asked, gas_left)
        transaction = unsigned(message, self.rules.chain_id)
        try:
            self._check(message, transaction)
        except SimulationError as error:
            text = f"err: {error} (supplied gas {message.gas_limit})"
            raise SimulationError(error.fault, text) from error
        collector = LogCollector(self._next_log, transfers, room)
        self.state.tracer = collector
        try:
            result, most = self._run(message, transaction)
        finally:
            self.state.tracer = None
        self._next_log = collector.next
        self.blob_gas_used += GAS_PER_BLOB * len(message.blob_versioned_hashes)
        self._record(transaction, result)
        room.take(_ANSWER_BYTES + 2 * len(result.output))
        return CallOutcome(
            result.output, collector.logs, result.gas_used, most, result.error, result.reverted, capped
        )

    def _run(self, message: CallMessage, transaction: SignedTransaction) -> tuple[TransactionResult, int]:
        """Execute what has been checked: the result, and the gas used before refunds."""
        state, sender, gas_limit = self.state, message.sender, message.gas_limit
        free = self._is_free(message)
        price = 0 if free else transaction.effective_gas_price(self.base_fee)
        blob_fee = GAS_PER_BLOB * len(message.blob_versioned_hashes) * state.blob_base_fee
        charge = gas_limit * price + blob_fee
        if state.get_balance(sender) < charge + message.value:
            raise SimulationError(
                Fault.INSUFFICIENT_FUNDS, f"insufficient funds for transfer: address 0x{sender.hex()}"
            )
        state.set_balance(sender, state.get_balance(sender) - charge)
        nonce = state.get_nonce(sender)
        state.set_nonce(sender, (nonce + 1) % _NONCES)
        rules = traced(self.fork, steps=False)
        outcome, refund = run_payload(state, rules, message, sender, price, nonce, self.rules.chain_id)
        gas_used = settled_gas(gas_limit, outcome, refund, message, self.fork)
        state.delta_balance(sender, (gas_limit - gas_used) * price)
        if not free:
            state.delta_balance(state.coinbase, gas_used * (price - self.base_fee))
            if self.fork.is_l2:
                state.delta_balance(BASE_FEE_VAULT, gas_used * self.base_fee)
        state.end_transaction(outcome.destroyed)
        most = max(gas_limit - outcome.gas_left, floor_gas(message, self.fork))
        result = TransactionResult(gas_used, outcome.logs, outcome.output, outcome.error, outcome.reverted)
        return result, most

    def _is_free(self, message: CallMessage) -> bool:
        return not self._validation and not message.max_fee_per_gas and not message.max_priority_fee_per_gas

    def _check(self, message: CallMessage, transaction: SignedTransaction) -> None:
        """In geth's order. Senders may have code, and no signature is asked for."""
        address = f"address 0x{message.sender.hex()}"
        if not self._stock.allows(transaction.type):
            raise SimulationError(Fault.INVALID_PARAMS, "transaction type not supported")
        if self._validation:
            self._check_nonce(transaction.nonce, message.sender)
        if not self._is_free(message):
            if message.max_priority_fee_per_gas > message.max_fee_per_gas:
                raise SimulationError(
                    Fault.INVALID_PARAMS,
                    f"max priority fee per gas higher than max fee per gas: {address}, "
                    f"maxPriorityFeePerGas: {message.max_priority_fee_per_gas}, "
                    f"maxFeePerGas: {message.max_fee_per_gas}",
                )
            if message.max_fee_per_gas < self.base_fee:
                raise SimulationError(
                    Fault.BASE_FEE_TOO_LOW,
                    f"max fee per gas less than block base fee: {address}, "
                    f"maxFeePerGas: {message.max_fee_per_gas}, baseFee: {self.base_fee}",
                )
        self._check_blobs(message, address)
        fork, gas, size = self.fork, message.gas_limit, len(message.data)
        if message.to is None and fork.has(EthFork.SHANGHAI) and size > MAX_INITCODE_BYTES:
            raise SimulationError(
                Fault.INITCODE_SIZE, f"max initcode size exceeded: code size {size} limit {MAX_INITCODE_BYTES}"
            )
        cost = gas * message.max_fee_per_gas + message.value
        cost += GAS_PER_BLOB * len(message.blob_versioned_hashes) * message.max_fee_per_blob_gas
        balance = self.state.get_balance(message.sender)
        if balance < cost:
            raise SimulationError(
                Fault.INSUFFICIENT_FUNDS,
                f"insufficient funds for gas * price + value: {address} have {balance} want {cost}",
            )
        if gas < (needed := intrinsic_gas(message, fork)):
            raise SimulationError(Fault.INTRINSIC_GAS, f"intrinsic gas too low: have {gas}, want {needed}")
        if gas < (floor := floor_gas(message, fork)):
            raise SimulationError(
                Fault.OTHER, f"insufficient gas for floor data gas cost: have {gas}, want {floor}"
            )

    def _check_nonce(self, nonce: int, sender: Address) -> None:
        current, address = self.state.get_nonce(sender), f"address 0x{sender.hex()}"
        if nonce > current:
            raise SimulationError(Fault.NONCE_TOO_HIGH, f"nonce too high: {address}, tx: {nonce} state: {current}")
        if nonce < current:
            raise SimulationError(Fault.NONCE_TOO_LOW, f"nonce too low: {address}, tx: {nonce} state: {current}")
        if nonce + 1 == _NONCES:
            raise SimulationError(Fault.OTHER, f"nonce has max value: {address}, nonce: {nonce}")

    def _check_blobs(self, message: CallMessage, address: str) -> None:
        cap, price = message.max_fee_per_blob_gas, self.state.blob_base_fee
        if not message.blob_versioned_hashes or (not self._validation and not cap):
            return
        if cap < price:
            raise SimulationError(
                Fault.OTHER,
                f"max fee per blob gas less than block blob gas fee: {address} blobGasFeeCap: {cap}, "
                f"blobBaseFee: {price}",
            )
