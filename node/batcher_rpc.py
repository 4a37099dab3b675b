"""The batcher's `admin_` RPC."""

from typing import Any

from batcher.service import BatcherService
from node.rpc import Namespace, rpc_method
from node.rpc.errors import server_error


class BatcherAdmin(Namespace):
    """Starting, stopping, flushing the batcher, and what it is doing. Spec: op-batcher RPC."""

    name = "admin"

    def __init__(self, service: BatcherService) -> None:
        self._service = service

    @rpc_method("startBatcher")
    async def start_batcher(self) -> None:
        """Start posting."""
        try:
            await self._service.start_batcher()
        except RuntimeError as error:
            raise server_error(str(error)) from error

    @rpc_method("stopBatcher")
    async def stop_batcher(self) -> None:
        """Stop posting; the next start goes on from the safe head."""
        await self._service.stop_batcher()

    @rpc_method("flushBatcher")
    async def flush_batcher(self) -> None:
        """Close and post the open channel now."""
        await self._service.flush_batcher()

    @rpc_method("getBatcherStatus")
    async def status(self) -> dict[str, Any]:
        """Heads, backlog, channels, costs."""
        return await self._service.batcher_status()
