"""Calls to one chain through several endpoints: what one of them does not answer, the next is asked.

For those who send transactions and read contracts. Nothing is verified or voted about here: see `l1.endpoints` for that.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from config.errors import CriticalError, TemporaryError
from evm.types.json_codec import parse_quantity
from l1.endpoint import WrongChain
from l1.health import EndpointHealth, EndpointKind, EndpointState
from l1.http import DEFAULT_TIMEOUT, redact_url
from l1.rpc import JsonRpcClient, RpcError

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
        self._endpoints = tuple(_Endpoint(url, chain_id, timeout) for url in urls)

    @property
    def endpoint(self) -> str:
        """The endpoints' names for messages, without credentials."""
        return ", ".join(endpoint.client.endpoint for endpoint in self._endpoints)

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
        for endpoint in self._endpoints:
            await endpoint.client.close()

    async def _first(self, what: str, question: Callable[[JsonRpcClient], Awaitable[_T]]) -> _T:
        failures: list[TemporaryError] = []
        for endpoint in sorted(self._endpoints, key=lambda endpoint: endpoint.health.rank):
            try:
                return await endpoint.ask(question)
            except TemporaryError as error:
                failures.append(error)
        if all(endpoint.health.state is EndpointState.WRONG_CHAIN for endpoint in self._endpoints):
            raise CriticalError(f"{what}: no L1 endpoint is of the right chain: {_listed(failures)}")
        if len(failures) == 1:
            raise failures[0]
        raise TemporaryError(f"{what}: none of {len(failures)} L1 endpoints gave a usable answer: {_listed(failures)}")


def _listed(failures: Sequence[TemporaryError]) -> str:
    return "; ".join(map(str, failures))


class _Endpoint:
    def __init__(self, url: str, chain_id: int, timeout: float) -> None:
        self.health = EndpointHealth(redact_url(url), EndpointKind.EXECUTION)
        self.client = JsonRpcClient(url, timeout=timeout, observer=self.health.observe)
        self._chain_id = chain_id
        self._checked = False

    async def ask(self, question: Callable[[JsonRpcClient], Awaitable[_T]]) -> _T:
        """Its answer, counted in its health; the chain is looked at before the first one. Raises TemporaryError, RpcError."""
        try:
            if not self._checked:
                await self._check_chain()
            answer = await question(self.client)
        except WrongChain as error:
            self.health.on_wrong_chain(error)
            raise
        except TemporaryError as error:
            self.health.failed(error)
            raise
        except RpcError:
            self.health.succeeded()
            raise
        self.health.succeeded()
        return answer

    async def _check_chain(self) -> None:
        try:
            found = parse_quantity(await self.client.call("eth_chainId"), "chain id")
        except (RpcError, ValueError) as error:
            raise TemporaryError(f"{self.client.endpoint} does not tell its chain id: {error}") from error
        if found != self._chain_id:
            raise WrongChain(
                f"{self.client.endpoint} follows the chain {found}, the rollup's L1 is {self._chain_id}: replace this URL"
            )
        self._checked = True
