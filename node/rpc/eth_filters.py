"""`eth_getLogs` and filters to poll."""

from typing import Any

from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params
from node.rpc.filters import FilterManager
from node.rpc.logs import LogQuery, LogSearch, parse_log_query
from node.rpc.params import BoolParam, JsonParam, TextParam


class EthFilters(Namespace):
    """Spec: Ethereum execution APIs, "eth/filter"."""

    name = "eth"

    def __init__(self, search: LogSearch, filters: FilterManager) -> None:
        self._search = search
        self._filters = filters

    @rpc_method("getLogs")
    async def get_logs(self, query: JsonParam) -> list[dict[str, Any]]:
        """Logs that match, in order."""
        return await self._search.find(self._parse(query))

    @rpc_method("newFilter")
    def new_filter(self, query: JsonParam) -> str:
        """A filter for logs of blocks to come."""
        parsed = self._parse(query)
        first, last = (None if end is None else end.number for end in (parsed.from_block, parsed.to_block))
        if first is not None and last is not None and first > last:
            raise invalid_params("invalid block range params")
        return self._filters.install("logs", parsed)

    @rpc_method("newBlockFilter")
    def new_block_filter(self) -> str:
        """A filter for hashes of blocks to come."""
        return self._filters.install("blocks")

    @rpc_method("newPendingTransactionFilter")
    def new_pending_transaction_filter(self, full: BoolParam = False) -> str:
        """A filter for transactions that become executable: their hashes, or whole ones."""
        return self._filters.install("full transactions" if full else "transactions")

    @rpc_method("getFilterChanges")
    def get_filter_changes(self, identifier: TextParam) -> list[Any]:
        """What came since the last poll."""
        return self._filters.changes(identifier)

    @rpc_method("getFilterLogs")
    async def get_filter_logs(self, identifier: TextParam) -> list[dict[str, Any]]:
        """All logs that a log filter's query matches."""
        return await self._search.find(self._filters.query(identifier))

    @rpc_method("uninstallFilter")
    def uninstall_filter(self, identifier: TextParam) -> bool:
        """Whether there was such a filter."""
        return self._filters.uninstall(identifier)

    def _parse(self, query: Any) -> LogQuery:
        try:
            return parse_log_query(query, self._search.limits)
        except ValueError as error:
            raise invalid_params(f"invalid argument 0: {error}") from error
