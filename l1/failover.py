"""Calls to one chain through several endpoints: what one of them does not answer, the next is asked.

For those who send transactions and read contracts. Nothing is verified or voted about here: see `l1.endpoints` for that.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from config.errors import TemporaryError
from l1.endpoint import L1Endpoint, failed
from l1.health import EndpointHealth, EndpointKind, EndpointState
from l1.http import DEFAULT_TIMEOUT, redact_url
from l1.retry import NO_RETRY
from l1.rpc import JsonRpcClient
from l1.source import L1Client

_T = TypeVar("_T")


class FailoverRpc:
    """One `l1.rpc.RpcCaller` made of several endpoints.

    The first one that is not resting after failures is asked. What it answers counts, refusals too: a transaction that one
    endpoint refuses is not tried elsewhere.
    """

    def __init__(self, urls: tuple[str, ...], chain_id: int, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """The preferred endpoint first. Each has `timeout` seconds for an HTTP request, and must be of the chain `chain_id`.

        Raises ValueError when there is no endpoint, or one twice.
        """
        if not urls:
            raise ValueError("no L1 endpoint is given")
        if len(set(urls)) < len(urls):
            raise ValueError(f"an L1 endpoint is given twice: {', '.join(map(redact_url, urls))}")
        self._endpoints = tuple(_Direct.at(url, chain_id, timeout) for url in urls)

    @property
    def endpoint(self) -> str:
        """The endpoints' names for messages, without credentials."""
        return ", ".join(direct.endpoint.name for direct in self._endpoints)

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call. Raises RpcError when an endpoint refuses it, TemporaryError when none answers.

        Raises CriticalError when all endpoints are of other chains.
        """
        return await self._first(method, lambda client: client.call(method, params))

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls in order, all from one endpoint; an RpcError in place of one that it refuses.

        Raises like `call`.
        """
        return await self._first(f"{len(calls)} calls", lambda client: client.batch(calls))

    async def close(self) -> None:
        """Close the connections."""
        for direct in self._endpoints:
            await direct.client.close()

    async def _first(self, what: str, question: Callable[[JsonRpcClient], Awaitable[_T]]) -> _T:
        failures: list[TemporaryError] = []
        for direct in sorted(self._endpoints, key=lambda direct: direct.endpoint.health.rank):
            try:
                return await direct.ask(question)
            except TemporaryError as error:
                failures.append(error)
        endpoints = [direct.endpoint for direct in self._endpoints]
        if len(endpoints) == 1 and endpoints[0].health.state is not EndpointState.WRONG_CHAIN:
            raise failures[0]
        raise failed(what, failures, endpoints, quorum=1)


@dataclass(frozen=True)
class _Direct:
    """An endpoint that is asked without verifying what it answers."""

    endpoint: L1Endpoint
    client: JsonRpcClient

    @staticmethod
    def at(url: str, chain_id: int, timeout: float) -> "_Direct":
        health = EndpointHealth(redact_url(url), EndpointKind.EXECUTION)
        client = JsonRpcClient(url, timeout=timeout, observer=health.observe)
        return _Direct(L1Endpoint(L1Client(client, retry=NO_RETRY), health, chain_id), client)

    async def ask(self, question: Callable[[JsonRpcClient], Awaitable[_T]]) -> _T:
        """Its answer, counted in its health; the chain is looked at before the first one. Raises TemporaryError, RpcError."""
        return await self.endpoint.ask(lambda _verifying: question(self.client))
