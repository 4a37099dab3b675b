"""Blobs of L1 blocks, each checked against the hash that its transaction names it by: from memory, a local archive, a
directory, beacon nodes and archives, in that order.

Spec: op ecotone derivation, "Blob Retrieval"; consensus specs, MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from config.errors import TemporaryError
from config.types import Hash32, short, to_hex
from evm.types import Header
from l1.beacon_node import BeaconAnswerError, BeaconNode, BlobsForm, BlobsNotThere, SlotClock, WrongBlobs
from l1.blob_archive import BlobArchive
from l1.blob_directory import BlobDirectory
from l1.cache import LruCache
from l1.health import Clock, EndpointKind, EndpointStatus
from l1.http import DEFAULT_TIMEOUT
from l1.kzg import KzgWorker
from l1.rate_limit import RateLimit

__all__ = [
    "BeaconAnswerError",
    "BeaconClient",
    "BeaconNode",
    "BlobsForm",
    "BlobsNotThere",
    "BlobsUnavailable",
    "SlotClock",
    "WrongBlobs",
]

_log = logging.getLogger("lamina.l1")

RETENTION_SECONDS = 4096 * 32 * 12
"""For how long every node must keep blobs: 4,096 epochs, about 18 days."""


class BlobsUnavailable(TemporaryError):
    """No source had a blob that derivation needs; the message names slot, block, blob and what each source said.

    `answered`: at least one beacon node gave an answer, so it is the blob that is missing, not the beacon nodes.
    """

    def __init__(self, message: str, *, answered: bool = True) -> None:
        super().__init__(message)
        self.answered = answered


class BeaconClient:
    """Blobs from a local archive, a directory and several beacon nodes, asked until every blob is found."""

    def __init__(
        self,
        urls: str | Sequence[str],
        kzg: KzgWorker,
        *,
        fallbacks: Sequence[str] = (),
        archive: BlobArchive | None = None,
        directory: BlobDirectory | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        requests_per_second: float = 0,
        memory_blobs: int = 64,
        clock: Clock = time.monotonic,
        now: Clock = time.time,
    ) -> None:
        """`urls` are base URLs of beacon nodes, the preferred first; `fallbacks` those of nodes or archives that keep
        blobs for longer. `requests_per_second` holds for each of them, 0 for no limit. `memory_blobs` blobs are kept in
        memory (128 KiB each). `now` is the time of day in seconds since 1970.
        """

        def node(url: str, kind: EndpointKind) -> BeaconNode:
            limit = RateLimit(requests_per_second, clock=clock) if requests_per_second else None
            return BeaconNode(url, kzg, kind=kind, timeout=timeout, limit=limit, clock=clock)

        addresses = [urls] if isinstance(urls, str) else list(urls)
        self.nodes = (
            *(node(url, EndpointKind.BEACON) for url in addresses),
            *(node(url, EndpointKind.ARCHIVE) for url in fallbacks),
        )
        self._archive = archive
        self._directory = directory
        self._memory: LruCache[Hash32, bytes] = LruCache(memory_blobs)
        self._now = now

    def status(self) -> list[EndpointStatus]:
        """How each node fares, in the order in which they are configured."""
        return [node.status() for node in self.nodes]

    async def look(self) -> None:
        """Ask every node how far it is, for its health."""
        await asyncio.gather(*(node.look() for node in self.nodes))

    async def blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None = None
    ) -> list[bytes]:
        """The blobs (131,072 bytes each) with these versioned hashes in the L1 block of `header`, in order of `hashes`.

        Every blob was checked against its hash. `indices`, where known, are their places among the block's blobs and
        save transfer from nodes that only know `blob_sidecars`. Raises BlobsUnavailable when a blob is nowhere found.
        """
        found = await self._at_hand(header, hashes)
        failures: list[str] = []
        answered = False
        for node in self._ordered(header):
            missing = [blob_hash for blob_hash in dict.fromkeys(hashes) if blob_hash not in found]
            if not missing:
                break
            places = None if indices is None else [indices[hashes.index(blob_hash)] for blob_hash in missing]
            try:
                fetched = await node.blobs(header, missing, places)
            except TemporaryError as error:
                answered = answered or isinstance(error, BlobsNotThere | WrongBlobs)
                failures.append(str(error))
                continue
            answered = True
            found.update(fetched)
            if len(fetched) < len(missing):
                failures.append(f"{node.name} has only {len(fetched)} of {len(missing)} blobs")
            await self._keep(fetched)
        missing = [blob_hash for blob_hash in dict.fromkeys(hashes) if blob_hash not in found]
        if missing:
            raise BlobsUnavailable(await self._explain(header, missing, failures), answered=answered)
        if failures:
            _log.warning("blobs of L1 %s came from a fallback: %s", header, "; ".join(failures))
        for blob_hash, blob in found.items():
            self._memory.put(blob_hash, blob)
        return [found[blob_hash] for blob_hash in hashes]

    async def _at_hand(self, header: Header, hashes: Sequence[Hash32]) -> dict[Hash32, bytes]:
        found: dict[Hash32, bytes] = {}
        for blob_hash in dict.fromkeys(hashes):
            blob = self._memory.get(blob_hash)
            if blob is None and self._archive is not None:
                blob = await self._archive.get(blob_hash)
            if blob is None and self._directory is not None:
                blob = await self._directory.get(blob_hash, header)
            if blob is not None:
                found[blob_hash] = blob
        return found

    def _ordered(self, header: Header) -> list[BeaconNode]:
        """Healthy nodes first; archives last, but first for blobs that other nodes need not have any more."""
        first = EndpointKind.ARCHIVE if self._age(header) > RETENTION_SECONDS else EndpointKind.BEACON
        return sorted(self.nodes, key=lambda node: (node.health.rank, node.health.kind is not first))

    def _age(self, header: Header) -> float:
        return self._now() - header.timestamp

    async def slot(self, header: Header) -> int:
        """The slot of an L1 block (or its number, where the node counts in blocks) as the first node that answers says.

        Raises TemporaryError when none does.
        """
        failures = []
        for node in self.nodes:
            try:
                return (await node.clock()).block_id(header)
            except (TemporaryError, ValueError) as error:
                failures.append(str(error))
        raise TemporaryError(f"no beacon node tells the slot of L1 {header}: {'; '.join(failures)}")

    async def close(self) -> None:
        """Close the connections."""
        for node in self.nodes:
            await node.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _keep(self, blobs: dict[Hash32, bytes]) -> None:
        if self._archive is None:
            return
        for blob_hash, blob in blobs.items():
            try:
                await self._archive.put(blob_hash, blob)
            except OSError as error:
                _log.error("blob %s could not be archived in %s: %s", short(blob_hash), self._archive.path, error)

    async def _explain(self, header: Header, missing: Sequence[Hash32], failures: Sequence[str]) -> str:
        try:
            where = f"slot {await self.slot(header)}"
        except TemporaryError:
            where = "slot unknown"
        sources = [f"the directory {self._directory.path} lacks them"] if self._directory is not None else []
        tried = "; ".join([*failures, *sources]) or "no beacon node is configured"
        days = int(self._age(header) // 86_400)
        if self._age(header) > RETENTION_SECONDS:
            advice = (
                f"They are {days} days old, and nodes keep blobs for about 18: add an archive with "
                "--l1.beacon-fallbacks, or a directory that has them with --l1.blob-directory"
            )
        else:
            advice = (
                "Nodes keep blobs for about 18 days, so one that is in sync has them: wait until it is, check it, or add "
                "another with --l1.beacon"
            )
        return (
            f"blob{'s' if len(missing) > 1 else ''} {', '.join(to_hex(value) for value in missing)} of L1 {header} "
            f"({where}) not found: {tried}. {advice}"
        )
