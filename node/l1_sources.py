"""Everything that a node reads L1 with: execution endpoints, beacon nodes, archives, a directory of blobs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from l1.beacon import BeaconClient
from l1.blob_archive import BlobArchive
from l1.blob_directory import BlobDirectory
from l1.endpoints import L1Endpoint, L1Endpoints
from l1.health import EndpointHealth, EndpointKind, EndpointStatus
from l1.http import redact_url
from l1.kzg import KzgWorker
from l1.prefetch import PrefetchingL1
from l1.rate_limit import RateLimit
from l1.retry import NO_RETRY
from l1.rpc import JsonRpcClient
from l1.source import L1Client, VerifiedData

_LOOK_SECONDS = 60.0
"""Seconds between two looks at beacon nodes, which are asked for nothing while there are no new blobs."""


@dataclass(frozen=True)
class L1Options:
    """Endpoints by URL, the preferred first, and how they are asked.

    `quorum`: execution endpoints that must agree on which block is canonical (None: a majority of three or more, else
    one). `timeout` in seconds per request; `rate_limit` in calls per second and endpoint, 0 for none; `max_batch_size`
    in calls per request. `archive_bytes` bounds the own archive of blobs, None for no bound.
    """

    execution: Sequence[str]
    beacon: Sequence[str]
    beacon_fallbacks: Sequence[str] = ()
    blob_directory: Path | None = None
    archive_bytes: int | None = None
    quorum: int | None = None
    timeout: float = 10.0
    rate_limit: float = 0
    max_batch_size: int = 20
    max_concurrency: int = 10


class L1Sources:
    """`reader` for blocks and receipts, `beacon` for blobs; both verify what they give. `close` when done."""

    def __init__(self, options: L1Options, chain_id: int, archive: Path, kzg: KzgWorker) -> None:
        """`chain_id` is the one that every execution endpoint must have; blobs that were used are kept in `archive`.

        Raises ValueError for options that make no sense.
        """
        self._clients: list[JsonRpcClient] = []
        data = VerifiedData()
        self.endpoints = L1Endpoints(
            [self._endpoint(url, options, data, chain_id) for url in options.execution], quorum=options.quorum
        )
        self.reader = PrefetchingL1(self.endpoints)
        self.archive = BlobArchive(archive, kzg, limit_bytes=options.archive_bytes)
        self.beacon = BeaconClient(
            options.beacon,
            kzg,
            fallbacks=options.beacon_fallbacks,
            archive=self.archive,
            directory=BlobDirectory(options.blob_directory, kzg) if options.blob_directory is not None else None,
            timeout=options.timeout,
            requests_per_second=options.rate_limit,
        )

    def status(self) -> list[EndpointStatus]:
        """How every endpoint fares: execution endpoints, beacon nodes, archives, in the order of the flags."""
        return [*self.endpoints.status(), *self.beacon.status()]

    async def watch(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look at the beacon nodes' health now and then, for ever. Execution endpoints are asked all the time anyway."""
        while True:
            await self.beacon.look()
            await sleep(_LOOK_SECONDS)

    async def close(self) -> None:
        """End what is being fetched, and close the connections."""
        await self.reader.close()
        await self.endpoints.close()
        await self.beacon.close()
        for client in self._clients:
            await client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _endpoint(self, url: str, options: L1Options, data: VerifiedData, chain_id: int) -> L1Endpoint:
        health = EndpointHealth(redact_url(url), EndpointKind.EXECUTION)
        client = JsonRpcClient(
            url,
            timeout=options.timeout,
            batch_limit=options.max_batch_size,
            max_connections=options.max_concurrency,
            observer=health.observe,
            limit=RateLimit(options.rate_limit) if options.rate_limit else None,
        )
        self._clients.append(client)
        # One try each: where an endpoint fails, the next one is the better second try.
        return L1Endpoint(L1Client(client, retry=NO_RETRY, data=data), health, chain_id)
