"""`txpool_`: what is in the pool."""

from collections.abc import Callable, Sequence
from typing import Any

from evm.types import Address
from evm.types.json_codec import transaction_to_json
from node.mempool import PooledTransaction, TransactionPool
from node.rpc.checksum import checksum
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.params import AddressParam


class TxPool(Namespace):
    """Spec: geth, "txpool namespace"."""

    name = "txpool"

    def __init__(self, pool: TransactionPool) -> None:
        self._pool = pool

    @rpc_method("status")
    def status(self) -> dict[str, str]:
        """Counts of executable transactions and of those behind a nonce gap."""
        return {"pending": hex(self._pool.pending_count), "queued": hex(self._pool.queued_count)}

    @rpc_method("content")
    def content(self) -> dict[str, Any]:
        """All transactions by sender and nonce."""
        return self._all(_full)

    @rpc_method("contentFrom")
    def content_from(self, address: AddressParam) -> dict[str, Any]:
        """One sender's transactions by nonce."""
        return {
            "pending": _by_nonce(self._pool.pending(address), _full),
            "queued": _by_nonce(self._pool.queued(address), _full),
        }

    @rpc_method("inspect")
    def inspect(self) -> dict[str, Any]:
        """All transactions by sender and nonce, each as a line of text."""
        return self._all(_line)

    def _all(self, show: Callable[[PooledTransaction], Any]) -> dict[str, Any]:
        return {
            "pending": self._by_sender(self._pool.pending, show),
            "queued": self._by_sender(self._pool.queued, show),
        }

    def _by_sender(
        self, select: Callable[[Address], list[PooledTransaction]], show: Callable[[PooledTransaction], Any]
    ) -> dict[str, Any]:
        return {checksum(sender): _by_nonce(found, show) for sender in self._pool.senders() if (found := select(sender))}


def _by_nonce(entries: Sequence[PooledTransaction], show: Callable[[PooledTransaction], Any]) -> dict[str, Any]:
    return {str(entry.nonce): show(entry) for entry in entries}


def _full(entry: PooledTransaction) -> dict[str, Any]:
    return transaction_to_json(entry.transaction)


def _line(entry: PooledTransaction) -> str:
    transaction = entry.transaction
    to = "contract creation" if transaction.to is None else checksum(transaction.to)
    return f"{to}: {transaction.value} wei + {transaction.gas_limit} gas × {transaction.max_fee_per_gas} wei"
