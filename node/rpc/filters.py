"""Filters that callers poll: what each has seen so far. They are forgotten when nobody polls them."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.types import to_hex
from evm.types.json_codec import transaction_to_json
from node.chain import Chain, ChainUpdate
from node.mempool import PooledTransaction, TransactionPool
from node.rpc.errors import server_error
from node.rpc.logs import LogQuery, stored_block_logs

FILTER_TIMEOUT = 300.0
"""Seconds after which a filter nobody polls is removed, as in geth."""

MAX_FILTERS = 2_000
MAX_PENDING_CHANGES = 100_000
"""Changes kept per filter; the oldest go first."""


@dataclass
class _Filter:
    kind: str
    query: LogQuery | None
    polled: float
    changes: list[Any] = field(default_factory=list)

    def add(self, changes: Sequence[Any]) -> None:
        self.changes.extend(changes)
        if len(self.changes) > MAX_PENDING_CHANGES:
            del self.changes[: len(self.changes) - MAX_PENDING_CHANGES]


class FilterManager:
    """All installed filters of a node. `clock` gives seconds (monotonic)."""

    def __init__(self, chain: Chain, pool: TransactionPool, clock: Callable[[], float]) -> None:
        self._chain = chain
        self._clock = clock
        self._filters: dict[str, _Filter] = {}
        chain.on_new_head(self._on_new_head)
        pool.on_pending(self._on_pending)

    def install(self, kind: str, query: LogQuery | None = None) -> str:
        """A new filter for "logs" (with a query), "blocks", "transactions" or "full transactions"; answers its id.

        Raises RpcError when there are too many.
        """
        self._drop_abandoned()
        if len(self._filters) >= MAX_FILTERS:
            raise server_error(f"too many filters: {MAX_FILTERS} are installed; uninstall some or subscribe instead")
        identifier = "0x" + secrets.token_hex(16)
        self._filters[identifier] = _Filter(kind, query, self._clock())
        return identifier

    def uninstall(self, identifier: str) -> bool:
        """Remove a filter; False when there is none."""
        return self._filters.pop(identifier, None) is not None

    def changes(self, identifier: str) -> list[Any]:
        """What came since the last poll. Raises RpcError "filter not found"."""
        found = self._get(identifier)
        changes, found.changes = found.changes, []
        return changes

    def query(self, identifier: str) -> LogQuery:
        """The query of a log filter. Raises RpcError "filter not found", also for filters of other kinds."""
        query = self._get(identifier).query
        if query is None:
            raise server_error("filter not found")
        return query

    def _get(self, identifier: str) -> _Filter:
        self._drop_abandoned()
        found = self._filters.get(identifier)
        if found is None:
            raise server_error("filter not found")
        found.polled = self._clock()
        return found

    def _drop_abandoned(self) -> None:
        deadline = self._clock() - FILTER_TIMEOUT
        for identifier in [key for key, item in self._filters.items() if item.polled < deadline]:
            del self._filters[identifier]

    def _on_new_head(self, update: ChainUpdate) -> None:
        self._drop_abandoned()
        if not self._filters:
            return
        hashes = [to_hex(block.hash) for block in update.added]
        for item in self._filters.values():
            if item.kind == "blocks":
                item.add(hashes)
            elif item.query is not None:
                for block in update.removed:
                    if _in_range(item.query, block.number):
                        item.add(stored_block_logs(self._chain, block, item.query.criteria, removed=True))
                for block in update.added:
                    if _in_range(item.query, block.number):
                        item.add(stored_block_logs(self._chain, block, item.query.criteria))

    def _on_pending(self, entries: Sequence[PooledTransaction]) -> None:
        for item in self._filters.values():
            if item.kind == "transactions":
                item.add([to_hex(entry.hash) for entry in entries])
            elif item.kind == "full transactions":
                item.add([transaction_to_json(entry.transaction) for entry in entries])


def _in_range(query: LogQuery, number: int) -> bool:
    first = None if query.from_block is None else query.from_block.number
    last = None if query.to_block is None else query.to_block.number
    return (first is None or number >= first) and (last is None or number <= last)
