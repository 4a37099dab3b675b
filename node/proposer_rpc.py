"""The proposer's `admin_` RPC."""

from typing import Any

from node.rpc import Namespace, rpc_method
from node.rpc.errors import server_error
from proposer.service import ProposerService


class ProposerAdmin(Namespace):
    """Starting and stopping the proposer, and what it is doing. Spec: op-proposer RPC."""

    name = "admin"

    def __init__(self, service: ProposerService) -> None:
        self._service = service

    @rpc_method("startProposer")
    async def start_proposer(self) -> None:
        """Start proposing."""
        try:
            await self._service.start_proposer()
        except RuntimeError as error:
            raise server_error(str(error)) from error

    @rpc_method("stopProposer")
    async def stop_proposer(self) -> None:
        """Stop proposing."""
        await self._service.stop_proposer()

    @rpc_method("getProposerStatus")
    async def status(self) -> dict[str, Any]:
        """Games, bonds, what it waits for."""
        return await self._service.proposer_status()
