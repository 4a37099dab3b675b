"""Calls: messages run on a block's state without entering any block (eth_call, eth_estimateGas, eth_createAccessList).

Spec: Ethereum execution APIs, "eth_call"; behaviour where they are silent as in geth.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from config.constants import GAS_PER_BLOB
from config.forks import EthFork
from evm.engine.block_hashes import AncestorHashes, HeaderSource
from evm.engine.environment import BlockEnvironment
from evm.engine.message import contract_address
from evm.engine.overrides import BlockOverrides, StateOverride, apply_overrides, overridden_fork
from evm.engine.recording import RecordingState
from evm.engine.state import EvmState, StateSource
from evm.engine.transaction import TransactionResult, run_payload, settled_gas
from evm.forks import ForkRules
from evm.rules import Rules
from evm.types import ZERO_ADDRESS, Address, Hash32, Header
from evm.types.transaction import AccessList, Authorization
from evm.validity import MAX_INITCODE_BYTES, floor_gas, intrinsic_gas

DEFAULT_GAS_CAP = 50_000_000


class CallError(ValueError):
    """A call that could not even start, in geth's words."""


class CallFailed(Exception):
    """Gas could not be estimated because the call fails at any amount. `output` is what it reverted with."""

    def __init__(self, message: str, output: bytes = b"", reverted: bool = False) -> None:
        super().__init__(message)
        self.output = output
        self.reverted = reverted


@dataclass(frozen=True)
class CallMessage:
    """What to run. Fees and value in wei; `gas` None means as much as the caller's cap allows.

    With no fee given, no fee is paid, and BASEFEE reads 0 so that code sees no base fee above the price.
    """

    sender: Address = ZERO_ADDRESS
    to: Address | None = None
    data: bytes = b""
    value: int = 0
    gas: int | None = None
    max_fee_per_gas: int = 0
    max_priority_fee_per_gas: int = 0
    max_fee_per_blob_gas: int = 0
    nonce: int | None = None
    access_list: AccessList = ()
    authorization_list: tuple[Authorization, ...] = ()
    blob_versioned_hashes: tuple[Hash32, ...] = ()
    legacy: bool = False
    """Whether a transaction like it has one price per gas instead of two."""

    @property
    def gas_limit(self) -> int:
        """`gas`, settled. Raises ValueError while it is not."""
        if self.gas is None:
            raise ValueError("the call's gas is not settled")
        return self.gas


@dataclass(frozen=True)
class CallResult:
    """What a call came to. `error` is empty on success; `output` is what it returned or reverted with."""

    succeeded: bool
    output: bytes
    gas_used: int
    error: str = ""
    reverted: bool = False


@dataclass(frozen=True)
class AccessListResult:
    """The accounts and slots that a call touches, and the gas it uses when they are announced."""

    access_list: AccessList
    gas_used: int
    error: str = ""


@dataclass(frozen=True)
class CallContext:
    """Where calls run: after a block, with its facts, changed by overrides.

    `budget` is called every few thousand instructions and stops the call by raising; `gas_cap` bounds its gas.
    """

    rules: Rules
    fork: ForkRules
    source: StateSource
    environment: BlockEnvironment
    state_overrides: Mapping[Address, StateOverride] = field(default_factory=dict)
    gas_cap: int = DEFAULT_GAS_CAP
    budget: Callable[[], None] | None = None

    def new_state(self, message: CallMessage) -> RecordingState:
        """The state as the call finds it."""
        environment = self.environment
        if message.max_fee_per_gas == 0 and message.max_priority_fee_per_gas == 0:
            environment = replace(environment, base_fee=0)
        # A precompile that is moved stays cheap to call where it was, and only there.
        state = RecordingState(self.source, environment, self.rules.at(environment.timestamp).precompiles)
        state.budget = self.budget
        apply_overrides(state, self.state_overrides)
        return state


def call_context(
    rules: Rules,
    source: StateSource,
    headers: HeaderSource,
    header: Header,
    state_overrides: Mapping[Address, StateOverride] | None = None,
    block_overrides: BlockOverrides | None = None,
    gas_cap: int = DEFAULT_GAS_CAP,
    budget: Callable[[], None] | None = None,
) -> CallContext:
    """The context of calls on the state after `header`'s block, which `source` reads. Raises InvalidOverride."""
    overrides = block_overrides or BlockOverrides()
    timestamp = header.timestamp if overrides.timestamp is None else overrides.timestamp
    environment = BlockEnvironment(
        chain_id=rules.chain_id,
        number=header.number if overrides.number is None else overrides.number,
        timestamp=timestamp,
        coinbase=overrides.fee_recipient or header.fee_recipient,
        gas_limit=header.gas_limit if overrides.gas_limit is None else overrides.gas_limit,
        base_fee=(header.base_fee_per_gas or 0) if overrides.base_fee is None else overrides.base_fee,
        prev_randao=overrides.prev_randao or header.prev_randao,
        blob_base_fee=rules.blob_base_fee(header.excess_blob_gas or 0, timestamp)
        if overrides.blob_base_fee is None
        else overrides.blob_base_fee,
        block_hash=AncestorHashes.below(headers, header),
    )
    accounts = state_overrides or {}
    fork = overridden_fork(rules.at(timestamp), accounts)
    return CallContext(rules, fork, source, environment, accounts, gas_cap, budget)


def run_call(context: CallContext, message: CallMessage) -> CallResult:
    """Run a call. Raises CallError when it cannot start: lack of funds, too little gas for its data, fees too low."""
    _, result = _execute(context, settle_gas(context, message))
    return CallResult(result.succeeded, result.output, result.gas_used, result.error, result.reverted)


def settle_gas(context: CallContext, message: CallMessage) -> CallMessage:
    """The message with as much gas as it asks for and the cap allows."""
    gas = context.gas_cap if message.gas is None else min(message.gas, context.gas_cap)
    return replace(message, gas=gas)


def _execute(context: CallContext, message: CallMessage) -> tuple[RecordingState, TransactionResult]:
    fork = context.fork
    state = context.new_state(message)
    sender, gas_limit = message.sender, message.gas_limit
    check_start(context, state, message)
    price = min(message.max_fee_per_gas, state.base_fee + message.max_priority_fee_per_gas)
    nonce = state.get_nonce(sender) if message.nonce is None else message.nonce
    blob_gas = GAS_PER_BLOB * len(message.blob_versioned_hashes)
    state.set_balance(sender, max(0, state.get_balance(sender) - gas_limit * price - blob_gas * state.blob_base_fee))
    state.set_nonce(sender, min(nonce + 1, (1 << 64) - 1))
    outcome, refund = run_payload(state, fork, message, sender, price, nonce, context.rules.chain_id)
    gas_used = settled_gas(gas_limit, outcome, refund, message, fork)
    spent = gas_limit - outcome.gas_left
    created = contract_address(sender, nonce) if message.to is None else None
    return state, TransactionResult(
        gas_used,
        outcome.logs,
        outcome.output,
        outcome.error,
        outcome.reverted,
        created,
        refunded=max(0, spent - gas_used),
    )


def check_start(context: CallContext, state: EvmState, message: CallMessage) -> None:
    """Raises CallError when the message cannot start on this state."""
    fork, gas_limit = context.fork, message.gas_limit
    address = f"0x{message.sender.hex()}"
    if message.max_priority_fee_per_gas > message.max_fee_per_gas:
        raise CallError(
            f"max priority fee per gas higher than max fee per gas: address {address}, "
            f"maxPriorityFeePerGas: {message.max_priority_fee_per_gas}, maxFeePerGas: {message.max_fee_per_gas}"
        )
    if message.max_fee_per_gas < state.base_fee:
        raise CallError(
            f"max fee per gas less than block base fee: address {address}, "
            f"maxFeePerGas: {message.max_fee_per_gas}, baseFee: {state.base_fee}"
        )
    cost = gas_limit * message.max_fee_per_gas + message.value
    cost += GAS_PER_BLOB * len(message.blob_versioned_hashes) * message.max_fee_per_blob_gas
    balance = state.get_balance(message.sender)
    if balance < cost:
        raise CallError(f"insufficient funds for gas * price + value: address {address} have {balance} want {cost}")
    needed = intrinsic_gas(message, fork)
    if gas_limit < needed:
        raise CallError(f"intrinsic gas too low: have {gas_limit}, want {needed}")
    floor = floor_gas(message, fork)
    if gas_limit < floor:
        raise CallError(f"insufficient gas for floor data gas cost: have {gas_limit}, want {floor}")
    if message.to is None and fork.has(EthFork.SHANGHAI) and len(message.data) > MAX_INITCODE_BYTES:
        raise CallError(f"max initcode size exceeded: code size {len(message.data)} limit {MAX_INITCODE_BYTES}")


_TRANSFER_GAS = 21_000
_CALL_STIPEND = 2_300
_ESTIMATE_ERROR_RATIO = 0.015
"""How far above the least gas an estimate may be, as a part of it; saves most of the search."""


def estimate_gas(context: CallContext, message: CallMessage, error_ratio: float = _ESTIMATE_ERROR_RATIO) -> int:
    """Gas with which the call succeeds, not much above the least.

    Raises CallError when it cannot start, CallFailed when it fails whatever the gas.
    """
    highest = _highest_gas(context, message)
    if message.to is not None and not message.data and not message.access_list and not message.authorization_list:
        state = context.new_state(message)
        if not state.get_code(message.to) and message.to not in context.fork.precompiles:
            result = _attempt(context, message, _TRANSFER_GAS)
            if result is not None and result.succeeded:
                return _TRANSFER_GAS
    result = _attempt(context, message, highest)
    if result is None or (not result.succeeded and result.error == "out of gas"):
        raise CallFailed(f"gas required exceeds allowance ({highest})")
    if not result.succeeded:
        raise CallFailed(result.error, result.output, result.reverted)
    lowest = result.gas_used - 1
    # Enough for most calls: what was used before refunds, and what a call must leave to its caller (EIP-150).
    guess = (result.gas_used + result.refunded + _CALL_STIPEND) * 64 // 63
    if guess < highest:
        if _succeeds(context, message, guess):
            highest = guess
        else:
            lowest = guess
    while lowest + 1 < highest and (highest - lowest) / highest >= error_ratio:
        middle = min((lowest + highest) // 2, 2 * lowest)
        if _succeeds(context, message, middle):
            highest = middle
        else:
            lowest = middle
    return highest


def _highest_gas(context: CallContext, message: CallMessage) -> int:
    highest = message.gas if message.gas is not None and message.gas >= _TRANSFER_GAS else context.environment.gas_limit
    if message.max_fee_per_gas:
        balance = context.new_state(message).get_balance(message.sender)
        if message.value > balance:
            raise CallError("insufficient funds for transfer")
        highest = min(highest, (balance - message.value) // message.max_fee_per_gas)
    cap = context.fork.transaction_gas_cap
    if cap is not None:
        highest = min(highest, cap)
    return min(highest, context.gas_cap)


def _attempt(context: CallContext, message: CallMessage, gas: int) -> TransactionResult | None:
    """The result with this much gas; None when it is too little to start."""
    needed = max(intrinsic_gas(message, context.fork), floor_gas(message, context.fork))
    if gas < needed:
        return None
    return _execute(context, replace(message, gas=gas))[1]


def _succeeds(context: CallContext, message: CallMessage, gas: int) -> bool:
    result = _attempt(context, message, gas)
    return result is not None and result.succeeded


def create_access_list(context: CallContext, message: CallMessage) -> AccessListResult:
    """The access list that covers all the call touches, found by running it until nothing new appears.

    Code that touches other slots whenever others are announced never comes to an end: the context's budget ends it.
    Raises CallError when the call cannot start.
    """
    message = settle_gas(context, message)
    while True:
        state, result = _execute(context, message)
        found = _accessed(context, state, message)
        if found == message.access_list:
            return AccessListResult(found, result.gas_used, result.error)
        message = replace(message, access_list=found)
        if context.budget is not None:
            context.budget()


def _accessed(context: CallContext, state: RecordingState, message: CallMessage) -> AccessList:
    target = message.to or contract_address(
        message.sender, state.source_nonce(message.sender) if message.nonce is None else message.nonce
    )
    free = {message.sender, target, state.coinbase} | context.fork.precompiles
    slots: dict[Address, set[int]] = {address: set() for address in state.accessed_addresses - free}
    for address, slot in state.accessed_slots:
        slots.setdefault(address, set()).add(slot)
    return tuple(
        (address, tuple(Hash32(slot.to_bytes(32, "big")) for slot in sorted(slots[address])))
        for address in sorted(slots)
    )
