"""The challenger's `admin_` RPC."""

from typing import Any

from faultproof.challenger.service import ChallengerService
from node.rpc import Namespace, rpc_method
from node.rpc.errors import server_error


class ChallengerAdmin(Namespace):
    """Starting and stopping the challenger, and what it is doing."""

    name = "admin"

    def __init__(self, service: ChallengerService) -> None:
        self._service = service

    @rpc_method("startChallenger")
    async def start_challenger(self) -> None:
        """Start playing."""
        try:
            await self._service.start_challenger()
        except RuntimeError as error:
            raise server_error(str(error)) from error

    @rpc_method("stopChallenger")
    async def stop_challenger(self) -> None:
        """Stop playing."""
        await self._service.stop_challenger()

    @rpc_method("getChallengerStatus")
    async def status(self) -> dict[str, Any]:
        """Games, who is right in them, bonds, what it waits for."""
        return await self._service.challenger_status()
