"""Executes one transaction on the state of a running block: from buying gas to paying it out.

Signed transactions must have passed `evm.validity`; deposits cannot fail to be executed.
"""

from dataclasses import dataclass

from config.constants import (
    BASE_FEE_VAULT,
    GAS_PER_BLOB,
    L1_FEE_VAULT,
    OPERATOR_FEE_VAULT,
)
from config.forks import EthFork, Fork
from evm.engine.message import MessageOutcome, contract_address, run_message, warm_up
from evm.engine.state import EvmState
from evm.fees import L1FeeParameters
from evm.forks import ForkRules
from evm.tracing.frames import Frame, FrameEnd
from evm.tracing.opcodes import STOP
from evm.types import ZERO_ADDRESS, Address, DepositTransaction, Log, SignedTransaction
from evm.types.signature import InvalidSignature
from evm.types.transaction import Authorization
from evm.validity import (
    DELEGATION_PREFIX,
    MAX_INITCODE_BYTES,
    Payload,
    floor_gas,
    intrinsic_gas,
    is_delegation,
)

_REFUND_QUOTIENT = 5
_REFUND_QUOTIENT_BEFORE_LONDON = 2
_SELFDESTRUCT_REFUND_BEFORE_LONDON = 24_000
_AUTHORIZATION_REFUND = 25_000 - 12_500
_MAX_NONCE = (1 << 64) - 1


@dataclass(frozen=True)
class TransactionResult:
    """What a transaction did. `gas_used` is after refunds and the data floor; `error` is empty on success.

    `refunded` is the gas given back for cleared storage, where a call was asked for it.
    """

    gas_used: int
    logs: tuple[Log, ...]
    output: bytes
    error: str = ""
    reverted: bool = False
    created: Address | None = None
    deposit_nonce: int | None = None
    refunded: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end."""
        return not self.error


def execute_signed(
    state: EvmState,
    fork: ForkRules,
    transaction: SignedTransaction,
    chain_id: int,
    fees: L1FeeParameters | None,
    l1_fee: int,
) -> TransactionResult:
    """Execute a valid signed transaction. `fees` and `l1_fee` (wei) are the rollup's charges; None and 0 on L1.

    Spec: yellow paper, 6 "Transaction Execution"; op exec-engine, "Fee Vaults".
    """
    sender = transaction.sender
    gas_limit = transaction.gas_limit
    base_fee = state.base_fee
    price = transaction.effective_gas_price(base_fee)
    charge = gas_limit * price + l1_fee
    if fees is not None:
        charge += fees.operator_fee(gas_limit)
    blob_hashes = transaction.blob_versioned_hashes
    if blob_hashes:
        charge += GAS_PER_BLOB * len(blob_hashes) * state.blob_base_fee
    state.set_balance(sender, state.get_balance(sender) - charge)
    state.set_nonce(sender, transaction.nonce + 1)
    outcome, refund = run_payload(state, fork, transaction, sender, price, transaction.nonce, chain_id)
    gas_used = settled_gas(gas_limit, outcome, refund, transaction, fork)

    give_back = (gas_limit - gas_used) * price
    if fees is not None:
        operator_fee = fees.operator_fee(gas_used)
        give_back += fees.operator_fee(gas_limit) - operator_fee
        state.delta_balance(BASE_FEE_VAULT, gas_used * base_fee)
        state.delta_balance(L1_FEE_VAULT, l1_fee)
        if fork.has_op(Fork.ISTHMUS):
            state.delta_balance(OPERATOR_FEE_VAULT, operator_fee)
    if give_back:
        state.delta_balance(sender, give_back)
    state.delta_balance(state.coinbase, gas_used * (price - base_fee))
    state.end_transaction(outcome.destroyed)
    return TransactionResult(
        gas_used=gas_used,
        logs=outcome.logs,
        output=outcome.output,
        error=outcome.error,
        reverted=outcome.reverted,
        created=outcome.created,
    )


def execute_deposit(
    state: EvmState, fork: ForkRules, transaction: DepositTransaction, chain_id: int
) -> TransactionResult:
    """Execute a deposit: mint, then run for free. It is included whatever happens; a failed one keeps mint and nonce.

    Spec: op deposits, "Execution"; op regolith overview.
    """
    sender = transaction.sender
    if transaction.mint:
        state.delta_balance(sender, transaction.mint)
    nonce = state.get_nonce(sender)
    snapshot = state.snapshot()
    unable = _why_not_started(state, fork, transaction)
    regolith = fork.has_op(Fork.REGOLITH)
    unmetered = transaction.is_system_transaction and not regolith
    if unable:
        if state.tracer is not None:
            state.tracer.enter(Frame(STOP, ZERO_ADDRESS, ZERO_ADDRESS, b"", 0, None))
            state.tracer.exit(FrameEnd(b"", 0, f"failed deposit: {unable}"))
        state.revert(snapshot)
        state.set_nonce(sender, nonce + 1)
        state.end_transaction()
        return TransactionResult(
            gas_used=0 if unmetered else transaction.gas_limit,
            logs=(),
            output=b"",
            error=f"failed deposit: {unable}",
            deposit_nonce=nonce,
        )
    state.set_nonce(sender, nonce + 1)
    outcome, refund = run_payload(state, fork, transaction, sender, 0, nonce, chain_id)
    state.end_transaction(outcome.destroyed)
    if regolith:
        gas_used = settled_gas(transaction.gas_limit, outcome, refund, transaction, fork)
    else:
        gas_used = 0 if unmetered else transaction.gas_limit
    return TransactionResult(
        gas_used=gas_used,
        logs=outcome.logs,
        output=outcome.output,
        error=outcome.error,
        reverted=outcome.reverted,
        created=outcome.created,
        deposit_nonce=nonce,
    )


def _why_not_started(state: EvmState, fork: ForkRules, transaction: DepositTransaction) -> str:
    if transaction.is_system_transaction and fork.has_op(Fork.REGOLITH):
        return "system transactions are not supported since Regolith"
    if state.get_nonce(transaction.sender) >= _MAX_NONCE:
        return "nonce has max value"
    needed = max(intrinsic_gas(transaction, fork), floor_gas(transaction, fork))
    if transaction.gas_limit < needed:
        return f"intrinsic gas too low: have {transaction.gas_limit}, want {needed}"
    if state.get_balance(transaction.sender) < transaction.value:
        return f"insufficient funds for transfer: address 0x{transaction.sender.hex()}"
    if transaction.to is None and fork.has(EthFork.SHANGHAI) and len(transaction.data) > MAX_INITCODE_BYTES:
        return f"max initcode size exceeded: code size {len(transaction.data)} limit {MAX_INITCODE_BYTES}"
    return ""


def run_payload(
    state: EvmState,
    fork: ForkRules,
    transaction: Payload,
    sender: Address,
    price: int,
    nonce: int,
    chain_id: int,
) -> tuple[MessageOutcome, int]:
    """Run what a transaction or call carries: its outcome, and the gas refund of its authorizations.

    The sender's nonce has been raised; `nonce` is the one before. `price` is what GASPRICE reads (wei per gas).
    """
    to = transaction.to
    created = contract_address(sender, nonce) if to is None else None
    warm_up(state, fork, sender, to or created or sender, transaction.access_list)
    refund = 0
    if transaction.authorization_list:
        refund = apply_authorizations(state, transaction.authorization_list, chain_id)
    outcome = run_message(
        state,
        fork,
        origin=sender,
        sender=sender,
        to=to,
        value=transaction.value,
        data=transaction.data,
        gas=transaction.gas_limit - intrinsic_gas(transaction, fork),
        gas_price=price,
        created=created,
        blob_hashes=transaction.blob_versioned_hashes,
    )
    return outcome, refund


def settled_gas(gas_limit: int, outcome: MessageOutcome, refund: int, payload: Payload, fork: ForkRules) -> int:
    """Gas paid for, after the capped refund and the data floor. Spec: EIP-3529, EIP-7623."""
    used = gas_limit - outcome.gas_left
    refund += outcome.refund
    quotient = _REFUND_QUOTIENT
    if not fork.has(EthFork.LONDON):
        refund += _SELFDESTRUCT_REFUND_BEFORE_LONDON * len(set(outcome.destroyed))
        quotient = _REFUND_QUOTIENT_BEFORE_LONDON
    return max(used - min(refund, used // quotient), floor_gas(payload, fork))


def apply_authorizations(state: EvmState, authorizations: tuple[Authorization, ...], chain_id: int) -> int:
    """Delegate the accounts that signed for it; entries that do not hold are skipped. The gas refund comes back.

    Spec: EIP-7702, "Behavior".
    """
    refund = 0
    for entry in authorizations:
        if entry.chain_id not in (0, chain_id) or entry.nonce >= _MAX_NONCE:
            continue
        try:
            authority = entry.authority
        except InvalidSignature:
            continue
        state.mark_address_warm(authority)
        code = state.get_code(authority)
        if (code and not is_delegation(code)) or state.get_nonce(authority) != entry.nonce:
            continue
        if state.account_exists(authority):
            refund += _AUTHORIZATION_REFUND
        state.set_code(authority, DELEGATION_PREFIX + entry.address if any(entry.address) else b"")
        state.set_nonce(authority, entry.nonce + 1)
    return refund
