"""Rules of admission that look at an account or at what the pool already holds. Each raises PoolRejection."""

from evm.types import Address, SignedTransaction, TransactionType, to_hex
from evm.types.transaction import BlobTransaction
from node.mempool.account import AccountQueue
from node.mempool.entry import PooledTransaction
from node.mempool.errors import PoolRejection, RejectReason
from node.mempool.limits import PoolLimits
from node.mempool.views import AccountView

GAS_PER_BLOB = 131_072


def highest_cost(transaction: SignedTransaction) -> int:
    """The most wei that gas, value and blob gas can take from the sender."""
    cost = transaction.gas_limit * transaction.max_fee_per_gas + transaction.value
    if isinstance(transaction, BlobTransaction):
        cost += len(transaction.versioned_hashes) * GAS_PER_BLOB * transaction.max_fee_per_blob_gas
    return cost


def check_size(transaction: SignedTransaction, limits: PoolLimits) -> None:
    """Canonical bytes (a blob transaction's without its sidecar) are bounded."""
    size = len(transaction.raw)
    if size > limits.max_transaction_bytes:
        raise PoolRejection(
            RejectReason.OVERSIZED, f"oversized data: transaction size {size}, limit {limits.max_transaction_bytes}"
        )


def check_tip(transaction: SignedTransaction, limits: PoolLimits) -> None:
    """The tip offered must reach the pool's price limit."""
    if transaction.max_priority_fee_per_gas < limits.price_limit:
        raise PoolRejection(
            RejectReason.UNDERPRICED,
            "transaction underpriced: "
            f"gas tip cap {transaction.max_priority_fee_per_gas}, minimum needed {limits.price_limit}",
        )


def check_nonce(transaction: SignedTransaction, sender: Address, state: AccountView) -> None:
    """The nonce must not be used up, and the sender must be no contract (EIP-3607)."""
    if transaction.nonce < state.nonce:
        raise PoolRejection(
            RejectReason.NONCE_TOO_LOW, f"nonce too low: next nonce {state.nonce}, tx nonce {transaction.nonce}"
        )
    if transaction.nonce >= (1 << 64) - 1:
        raise PoolRejection(RejectReason.INVALID, "nonce has max value")
    if state.code and not state.is_delegated:
        raise PoolRejection(
            RejectReason.INVALID_SENDER,
            f"sender not an eoa: address {to_hex(sender)}, len(code): {len(state.code)}",
        )


def check_funds(
    transaction: SignedTransaction,
    cost: int,
    state: AccountView,
    account: AccountQueue,
    previous: PooledTransaction | None,
) -> None:
    """The balance must cover the transaction, and together with it all that the account has pending."""
    if cost > state.balance:
        raise PoolRejection(
            RejectReason.INSUFFICIENT_FUNDS,
            f"insufficient funds for gas * price + value: balance {state.balance}, tx cost {cost}, "
            f"overshot {cost - state.balance}",
        )
    if transaction.nonce > account.pending_end:
        return
    queued_cost = account.pending_cost
    if previous is not None and account.is_pending(previous.nonce):
        queued_cost -= previous.cost
    if queued_cost + cost > state.balance:
        raise PoolRejection(
            RejectReason.INSUFFICIENT_FUNDS,
            f"insufficient funds for gas * price + value: balance {state.balance}, queued cost {queued_cost}, "
            f"tx cost {cost}, overshot {queued_cost + cost - state.balance}",
        )


def check_delegation(transaction: SignedTransaction, account: AccountQueue) -> None:
    """An account that runs another's code, or is about to, may have one transaction in flight and no gap.

    Its balance can change by others' transactions, which would invalidate a chain of transactions for nothing.
    """
    if transaction.nonce in account.transactions:
        return
    if account.transactions:
        raise PoolRejection(RejectReason.DELEGATION_LIMIT, "in-flight transaction limit reached for delegated accounts")
    if transaction.nonce != account.next_state_nonce:
        raise PoolRejection(RejectReason.DELEGATION_LIMIT, "gapped-nonce tx from delegated accounts")


def check_replacement(transaction: SignedTransaction, previous: PooledTransaction, limits: PoolLimits) -> None:
    """A replacement must raise every price it offers by the bump."""
    old = previous.transaction
    is_blob = transaction.type == TransactionType.BLOB
    if is_blob != previous.is_blob:
        raise PoolRejection(
            RejectReason.REPLACEMENT_UNDERPRICED,
            "address already reserved: a blob transaction replaces only a blob transaction, and the other way round",
        )
    bump = limits.blob_price_bump if is_blob else limits.price_bump

    def too_low(new: int, current: int) -> bool:
        return new * 100 < current * (100 + bump)

    if (
        too_low(transaction.max_fee_per_gas, old.max_fee_per_gas)
        or too_low(transaction.max_priority_fee_per_gas, old.max_priority_fee_per_gas)
        or (
            isinstance(transaction, BlobTransaction)
            and isinstance(old, BlobTransaction)
            and too_low(transaction.max_fee_per_blob_gas, old.max_fee_per_blob_gas)
        )
    ):
        raise PoolRejection(
            RejectReason.REPLACEMENT_UNDERPRICED,
            "replacement transaction underpriced: "
            f"fee and tip must rise by at least {bump} % over {old.max_fee_per_gas} and {old.max_priority_fee_per_gas}",
        )
