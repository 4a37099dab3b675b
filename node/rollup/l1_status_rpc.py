"""The L1 endpoints' health over RPC."""

from typing import Any

from node.l1_sources import L1Sources
from node.rpc import Namespace, rpc_method


class L1Status(Namespace):
    """`admin_`: how the endpoints fare that this node reads L1 from."""

    name = "admin"

    def __init__(self, sources: L1Sources) -> None:
        self._sources = sources

    @rpc_method("l1Endpoints")
    def l1_endpoints(self) -> list[dict[str, Any]]:
        """Every L1 endpoint: `state`, error rate, latency, lag, last error, and in `remedy` what to do about it."""
        return [status.to_json() for status in self._sources.status()]
