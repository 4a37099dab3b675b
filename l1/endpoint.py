"""One L1 execution endpoint among several: its verifying client, its health, and the errors of all of them together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from config.errors import CriticalError, TemporaryError
from evm.types import Header
from l1.health import EndpointHealth, EndpointState
from l1.rpc import RpcError
from l1.source import L1BlockNotFound, L1Client, L1DataMismatch

_T = TypeVar("_T")


class L1EndpointsFailed(TemporaryError):
    """No endpoint gave a usable answer; the message says what each one did."""


class L1Disagreement(TemporaryError):
    """Endpoints call different blocks canonical and there is no majority: nothing is believed until there is one."""


class _WrongChain(TemporaryError):
    """An endpoint follows another chain than the rollup's L1."""


class Absent(Generic[_T]):
    """Says that a block is not there, past the retries that other failures get."""

    def __init__(self, error: L1BlockNotFound) -> None:
        self.error = error


class L1Endpoint:
    """One endpoint with its health. Its client should not retry: the next endpoint is the better second try."""

    def __init__(self, client: L1Client, health: EndpointHealth, chain_id: int | None = None) -> None:
        """`chain_id`, where given, is checked before the first answer is believed, and after each failure to check."""
        self.client = client
        self.health = health
        self.stragglers: set[asyncio.Task[Header | TemporaryError]] = set()
        """Questions of votes that were settled before it answered."""
        client.on_mismatch(health.lied)
        self._chain_id = chain_id
        self._chain_checked = chain_id is None

    @property
    def name(self) -> str:
        """The endpoint's name for messages, without credentials."""
        return self.client.endpoint

    @property
    def is_available(self) -> bool:
        """Whether it is worth waiting for."""
        return not self.health.is_resting and not self.stragglers

    async def ask(self, question: Callable[[L1Client], Awaitable[_T]]) -> _T:
        """Its answer, counted in its health. Raises TemporaryError and its kinds, RpcError when it refuses."""
        try:
            if not self._chain_checked:
                await self._check_chain()
            answer = await question(self.client)
        except (L1BlockNotFound, RpcError):
            self.health.succeeded()
            raise
        except L1DataMismatch as error:
            self.health.lied(error)
            raise
        except _WrongChain as error:
            self.health.on_wrong_chain(error)
            raise
        except TemporaryError as error:
            self.health.failed(error)
            raise
        except asyncio.CancelledError:
            # Somebody lost patience with it. Unless that counts, a silent endpoint would be waited for again and again.
            self.health.failed(TemporaryError(f"{self.name} had not answered when the question was given up"))
            raise
        self.health.succeeded()
        return answer

    async def _check_chain(self) -> None:
        found = await self.client.chain_id()
        if found != self._chain_id:
            raise _WrongChain(
                f"{self.name} follows the chain {found}, the rollup's L1 is {self._chain_id}: replace this URL"
            )
        self._chain_checked = True

    async def answer(self, question: Callable[[L1Client], Awaitable[Header]]) -> Header | TemporaryError:
        """Its answer, or why there is none."""
        try:
            return await self.ask(question)
        except TemporaryError as error:
            return error


def failed(
    what: str, failures: Sequence[TemporaryError], endpoints: Sequence[L1Endpoint], quorum: int
) -> L1BlockNotFound:
    """Says that a block is not there when a quorum has none.

    Raises CriticalError when no endpoint is of the right chain, else L1EndpointsFailed.
    """
    text = "; ".join(str(error) for error in failures)
    if sum(isinstance(error, L1BlockNotFound) for error in failures) >= quorum:
        return L1BlockNotFound(text)
    if all(endpoint.health.state is EndpointState.WRONG_CHAIN for endpoint in endpoints):
        raise CriticalError(f"{what}: no L1 endpoint is of the right chain: {text}")
    advice = f" ({quorum} must agree: add endpoints, or lower --l1.quorum)" if quorum > 1 else ""
    raise L1EndpointsFailed(
        f"{what}: {len(failures)} of {len(endpoints)} L1 endpoints gave no usable answer: {text}{advice}"
    )
