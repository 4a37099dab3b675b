"""L1 from several endpoints: what one of them does not give, or gives wrong, comes from the next.

Data asked for by hash proves itself, so the first endpoint that gives it is enough. Which block is canonical proves
nothing: the endpoints vote (`l1.vote`), and where they disagree without a majority the answer is held back.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from config.errors import TemporaryError
from config.types import Hash32, short, to_hex
from evm.types import Address, Block, Header, Receipt
from l1.consensus import default_quorum
from l1.endpoint import Absent, L1Disagreement, L1Endpoint, L1EndpointsFailed, failed
from l1.health import EndpointStatus
from l1.retry import RetryPolicy, with_retries
from l1.source import BlockTag, L1BlockNotFound, L1Client
from l1.vote import CanonicalVote

__all__ = ["L1Disagreement", "L1Endpoint", "L1Endpoints", "L1EndpointsFailed"]

_T = TypeVar("_T")


class L1Endpoints:
    """Verified headers, blocks and receipts of L1, as `l1.source.L1Client`, from several endpoints."""

    def __init__(
        self,
        endpoints: Sequence[L1Endpoint],
        *,
        quorum: int | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """The preferred endpoint first. `quorum`: how many must agree on which block is canonical (default: a
        majority of three or more, else one). `retry` is for rounds in which no endpoint gave an answer.

        Raises ValueError when there are no endpoints, two of one name, or fewer than the quorum.
        """
        if not endpoints:
            raise ValueError("no L1 endpoint is given")
        self._endpoints = tuple(endpoints)
        names = [endpoint.name for endpoint in endpoints]
        if len(set(names)) < len(names):
            raise ValueError(f"an L1 endpoint is given twice, its second vote would count for nothing: {names}")
        self.quorum = default_quorum(len(endpoints)) if quorum is None else quorum
        if not 1 <= self.quorum <= len(endpoints):
            raise ValueError(f"a quorum of {self.quorum} cannot be had from {len(endpoints)} L1 endpoints")
        self._vote = CanonicalVote(self._endpoints, self.quorum)
        self._retry = retry or RetryPolicy()
        self._sleep = sleep

    @property
    def endpoint(self) -> str:
        """The endpoints' names for messages, without credentials."""
        return ", ".join(endpoint.name for endpoint in self._endpoints)

    def status(self) -> list[EndpointStatus]:
        """How each endpoint fares, in the order in which they are configured."""
        return [endpoint.health.status(offers=endpoint.client.receipts_method.value) for endpoint in self._endpoints]

    async def close(self) -> None:
        """End what is still being asked."""
        await self._vote.close()

    # --- by hash: the first endpoint that proves it ---

    async def header_by_hash(self, block_hash: Hash32) -> Header:
        """The header with this hash. Raises L1BlockNotFound when a quorum has none, or L1EndpointsFailed."""
        what = f"reading the header of L1 block {short(block_hash)}"
        return await self._first(what, lambda client: client.header_by_hash(block_hash))

    async def block_by_hash(self, block_hash: Hash32) -> Block:
        """The block with this hash. Raises like `header_by_hash`."""
        return await self._first(
            f"reading L1 block {short(block_hash)}", lambda client: client.block_by_hash(block_hash)
        )

    async def receipts(self, header: Header) -> tuple[Receipt, ...]:
        """The receipts of a block. Raises like `header_by_hash`."""
        return await self._first(f"reading the receipts of L1 {header}", lambda client: client.receipts(header))

    async def storage(self, header: Header, address: Address, slot: Hash32) -> Hash32:
        """What a storage slot holds after a block, proven. Raises like `header_by_hash`."""
        what = f"reading slot {short(slot)} of {to_hex(address)} in L1 {header}"
        return await self._first(what, lambda client: client.storage(header, address, slot))

    async def preload(self, headers: Sequence[Header]) -> None:
        """Get blocks and receipts into the cache in few requests, as far as that works at once. Raises TemporaryError."""
        await self._ordered()[0].ask(lambda client: client.preload(headers))

    async def chain_id(self) -> int:
        """The chain id that the endpoints report."""
        return await self._first("reading the L1 chain id", lambda client: client.chain_id())

    # --- by number and tag: what a quorum says ---

    async def block_number(self) -> int:
        """The number of the newest block."""
        return (await self.header_by_number("latest")).number

    async def block_by_number(self, number: int | BlockTag) -> Block:
        """The canonical block of that number or behind a tag. Raises like `header_by_number`."""
        return await self.block_by_hash((await self.header_by_number(number)).hash)

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """The canonical header of that number, or behind a tag: the newest block that a quorum has there.

        Raises L1BlockNotFound when a quorum has none (yet), L1Disagreement when endpoints contradict each other
        without a majority, L1EndpointsFailed when too few of them answer.
        """
        if isinstance(number, int):
            return await self._retried(f"reading the header of L1 block {number}", lambda: self._vote.by_number(number))
        return await self._retried(f"reading the {number} L1 block", lambda: self._vote.by_tag(number))

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]:
        """The canonical headers of several blocks; None where L1 has not come that far.

        Those of consecutive numbers come from one endpoint in one request: they are linked by their parents' hashes,
        so it is enough that a quorum knows the last one. Raises like `header_by_number`.
        """
        if not numbers:
            return []
        if list(numbers) != list(range(numbers[0], numbers[0] + len(numbers))):
            return list(await asyncio.gather(*(self._maybe_canonical(number) for number in numbers)))
        what = f"reading the headers of L1 blocks {numbers[0]} to {numbers[-1]}"
        return await self._retried(what, lambda: self._linked(what, numbers))

    # --- inside ---

    def _ordered(self) -> list[L1Endpoint]:
        return sorted(self._endpoints, key=lambda endpoint: endpoint.health.rank)

    async def _retried(self, what: str, operation: Callable[[], Awaitable[_T | Absent[_T]]]) -> _T:
        answer = await with_retries(what, operation, self._retry, sleep=self._sleep)
        if isinstance(answer, Absent):
            raise answer.error
        return answer

    async def _first(self, what: str, question: Callable[[L1Client], Awaitable[_T]]) -> _T:
        return await self._retried(what, lambda: self._round(what, question))

    async def _round(self, what: str, question: Callable[[L1Client], Awaitable[_T]]) -> _T | Absent[_T]:
        failures: list[TemporaryError] = []
        for endpoint in self._ordered():
            try:
                return await endpoint.ask(question)
            except TemporaryError as error:
                failures.append(error)
        return Absent(failed(what, failures, self._endpoints, self.quorum))

    async def _maybe_canonical(self, number: int) -> Header | None:
        try:
            return await self.header_by_number(number)
        except L1BlockNotFound:
            return None

    async def _linked(self, what: str, numbers: Sequence[int]) -> list[Header | None]:
        failures: list[TemporaryError] = []
        longest: list[Header] = []
        for endpoint in self._ordered():
            try:
                headers = _chain(endpoint, await endpoint.ask(lambda client: client.headers_by_number(numbers)))
            except TemporaryError as error:
                failures.append(error)
                continue
            if not headers:
                failures.append(L1BlockNotFound.at(endpoint.name, f"L1 block {numbers[0]}"))
            if len(headers) <= len(longest):
                continue
            agreed = await self._vote.by_number(headers[-1].number, (endpoint, headers[-1]))
            if isinstance(agreed, Absent) or agreed.hash != headers[-1].hash:
                failures.append(L1Disagreement(f"{endpoint.name} has {headers[-1]}, which the others do not confirm"))
                continue
            longest = headers
            if len(headers) == len(numbers):
                break
        if not longest:
            failed(what, failures, self._endpoints, self.quorum)
        return [*longest, *([None] * (len(numbers) - len(longest)))]


def _chain(endpoint: L1Endpoint, found: Sequence[Header | None]) -> list[Header]:
    """The headers up to the first that is missing. Raises TemporaryError when they are no chain."""
    headers = [header for header in found if header is not None]
    if any(header is not None for header in found[len(headers) :]):
        raise TemporaryError(f"{endpoint.name} left out L1 blocks in the middle of a range; it may be pruning")
    for parent, header in itertools.pairwise(headers):
        if header.parent_hash != parent.hash:
            raise TemporaryError(
                f"{endpoint.name} gave L1 {header}, which does not follow {parent}: L1 was reorganised meanwhile"
            )
    return headers
