"""`eth_subscribe`: news over WebSocket. Nothing is announced before it is durable."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson

from config.types import to_hex
from evm.receipts import derive_receipts, receipt_to_json
from evm.types import Block, Hash32
from evm.types.json_codec import header_to_json, transaction_to_json
from node.chain import Chain, ChainUpdate
from node.mempool import PooledTransaction, TransactionPool
from node.rpc.connection import MAX_SUBSCRIPTIONS, Connection
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import RpcError, invalid_params, server_error
from node.rpc.eth_blocks import SyncProgress, fully_synced
from node.rpc.logs import LogCriteria, LogLimits, parse_criteria, stored_block_logs
from node.rpc.params import JsonParam, TextParam, parse_hash, parse_list, parse_object

log = logging.getLogger("lamina.rpc")

Key = tuple[Connection, str]
T = TypeVar("T")

MAX_TRANSACTION_HASHES = 200
"""Transactions that one subscription to receipts may name, as in geth."""


class EthSubscriptions(Namespace):
    """newHeads, logs, newPendingTransactions (hashes or whole), transactionReceipts, syncing.

    Spec: geth, "Real-time Events".
    """

    name = "eth"

    def __init__(
        self,
        chain: Chain,
        pool: TransactionPool,
        sync_progress: SyncProgress = fully_synced,
        limits: LogLimits | None = None,
    ) -> None:
        self._chain = chain
        self._sync_progress = sync_progress
        self._limits = limits or LogLimits()
        self._heads: set[Key] = set()
        self._logs: dict[Key, LogCriteria] = {}
        self._hashes: set[Key] = set()
        self._transactions: set[Key] = set()
        self._receipts: dict[Key, frozenset[Hash32]] = {}
        self._syncing: set[Key] = set()
        self._was_syncing = False
        chain.on_new_head(self._on_new_head)
        pool.on_pending(self._on_pending)

    @rpc_method("subscribe", connection=True)
    def subscribe(self, connection: Connection, kind: TextParam, options: JsonParam = None) -> str:
        """Open a subscription; answers its id."""
        if connection.subscription_count >= MAX_SUBSCRIPTIONS:
            raise server_error(f"too many subscriptions: {MAX_SUBSCRIPTIONS} are open on this connection")
        if kind == "newHeads":
            return self._open(connection, self._heads)
        if kind == "newPendingTransactions":
            if options is not None and not isinstance(options, bool):
                raise invalid_params("invalid argument 1: expected a boolean")
            return self._open(connection, self._transactions if options else self._hashes)
        if kind == "logs":
            return self._open_logs(connection, options)
        if kind == "transactionReceipts":
            return self._open_with(connection, self._receipts, _wanted(options))
        if kind == "syncing":
            identifier = self._open(connection, self._syncing)
            # The caller must know the id before the first notification.
            asyncio.get_running_loop().call_soon(connection.notify, identifier, self._sync_status())
            return identifier
        raise RpcError(-32601, f'no "{kind}" subscription in eth namespace')

    @rpc_method("unsubscribe", connection=True)
    def unsubscribe(self, connection: Connection, identifier: TextParam) -> bool:
        """End a subscription."""
        if not connection.unsubscribe(identifier):
            raise server_error("subscription not found")
        return True

    def _sync_status(self) -> dict[str, Any] | bool:
        progress = self._sync_progress()
        return False if progress is None else {"syncing": True, "status": progress}

    def _open(self, connection: Connection, subscribers: set[Key]) -> str:
        identifier = connection.subscribe(lambda: subscribers.discard((connection, identifier)))
        subscribers.add((connection, identifier))
        return identifier

    def _open_logs(self, connection: Connection, options: Any) -> str:
        try:
            criteria = parse_criteria(parse_object(options or {}), self._limits)
        except ValueError as error:
            raise invalid_params(f"invalid argument 1: {error}") from error
        return self._open_with(connection, self._logs, criteria)

    def _open_with(self, connection: Connection, subscribers: dict[Key, T], wanted: T) -> str:
        def cancel() -> None:
            subscribers.pop((connection, identifier), None)

        identifier = connection.subscribe(cancel)
        subscribers[connection, identifier] = wanted
        return identifier

    def _on_new_head(self, update: ChainUpdate) -> None:
        if self._heads:
            for block in update.added:
                _send(self._heads, header_to_json(block.header))
        syncing = self._sync_progress() is not None
        if syncing != self._was_syncing:
            self._was_syncing = syncing
            _send(self._syncing, self._sync_status())
        moved = [(block, True) for block in update.removed] + [(block, False) for block in update.added]
        for (connection, identifier), criteria in list(self._logs.items()):
            for block, removed in moved:
                for log in stored_block_logs(self._chain, block, criteria, removed):
                    connection.notify(identifier, log)

        if self._receipts:
            for block in update.added:
                self._send_receipts(block)

    def _send_receipts(self, block: Block) -> None:
        """All receipts of a block in one message, or those asked for."""
        stored = self._chain.receipts(block.hash)
        if stored is None:
            log.error("the receipts of %s are not stored: they are not announced; check the data directory", block)
            return
        receipts = [receipt_to_json(facts) for facts in derive_receipts(block, stored, self._chain.rules)]
        for (connection, identifier), wanted in list(self._receipts.items()):
            chosen = [
                receipt
                for receipt, transaction in zip(receipts, block.transactions, strict=True)
                if not wanted or transaction.hash in wanted
            ]
            if chosen:
                connection.notify(identifier, chosen)

    def _on_pending(self, entries: Sequence[PooledTransaction]) -> None:
        for entry in entries:
            if self._hashes:
                _send(self._hashes, to_hex(entry.hash))
            if self._transactions:
                _send(self._transactions, transaction_to_json(entry.transaction))


def _wanted(options: Any) -> frozenset[Hash32]:
    """The hashes in the options of transactionReceipts; none for all. Raises RpcError."""
    try:
        hashes = parse_list(parse_object(options or {}).get("transactionHashes") or [])
        if len(hashes) > MAX_TRANSACTION_HASHES:
            raise ValueError(f"exceed max number of transaction hashes allowed per subscription ({MAX_TRANSACTION_HASHES})")
        return frozenset(parse_hash(item) for item in hashes)
    except ValueError as error:
        raise invalid_params(f"invalid argument 1: {error}") from error


def _send(subscribers: set[Key], result: Any) -> None:
    """Encode once for all who want it."""
    encoded = orjson.dumps(result)
    for connection, identifier in list(subscribers):
        connection.notify_encoded(identifier, encoded)
