"""L1 as derivation reads it: synchronous look-ups in what has been fetched, and the fetching of what is missing.

Derivation is pure: a look-up either answers from memory or raises NotYetAvailable. The driver awaits `L1Data.fetch`
of what is missing and steps again.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from config.errors import TemporaryError
from config.types import Hash32
from derivation.providers import DataKind, Missing, NotYetAvailable
from evm.types import Block, Header, Receipt
from l1.cache import LruCache
from l1.source import L1BlockNotFound
from node.rollup.l1_heads import L1Heads
from node.rollup.remote_inputs import FetchedInputs
from node.rollup.stall import Cause, Place, Stage, Stall, StalledError

_PREFETCH = 16
"""Headers fetched per request while catching up with L1."""


class L1Source(Protocol):
    """Verified L1 data: `l1.source.L1Client`."""

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]: ...

    async def header_by_hash(self, block_hash: Hash32) -> Header: ...

    async def block_by_hash(self, block_hash: Hash32) -> Block: ...

    async def receipts(self, header: Header) -> tuple[Receipt, ...]: ...


class BlobSource(Protocol):
    """Verified blobs: `l1.beacon.BeaconClient`."""

    async def blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None = None
    ) -> list[bytes]: ...


class L1Data:
    """derivation's L1 provider over a client, a beacon client and the known heads."""

    def __init__(
        self, client: L1Source, blobs: BlobSource, heads: L1Heads, remote: FetchedInputs | None = None
    ) -> None:
        """`remote` has what the chain keeps outside L1, if it does."""
        self.remote = remote
        self._client = client
        self._blob_source = blobs
        self._heads = heads
        self._numbers: dict[int, Header] = {}
        self._headers: LruCache[Hash32, Header] = LruCache(4096)
        self._blocks: LruCache[Hash32, Block] = LruCache(64)
        self._receipts: LruCache[Hash32, tuple[Receipt, ...]] = LruCache(256)
        self._blobs: LruCache[Hash32, bytes] = LruCache(256)
        self._unknown: set[Hash32] = set()
        heads.on_latest(self._on_latest)

    def _on_latest(self, latest: Header) -> None:
        known = self._numbers.get(latest.number - 1)
        if (known is not None and known.hash != latest.parent_hash) or latest.number in self._numbers:
            self._numbers.clear()

    def forget_numbers(self) -> None:
        """Ask L1 anew which blocks are canonical: what was known about numbers may be of a dropped fork."""
        self._numbers.clear()
        self._unknown.clear()

    # --- derivation.providers.L1Provider ---

    def header_by_number(self, number: int) -> Header | None:
        """The canonical header of a number, None when L1 has not come that far."""
        latest = self._heads.latest
        if latest is None or number > latest.number:
            return None
        header = self._numbers.get(number)
        if header is None:
            raise NotYetAvailable(Missing(DataKind.L1_HEADER, number=number))
        return header

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """A header by hash, canonical or not; None when L1 knows no such block."""
        if block_hash in self._unknown:
            return None
        header = self._headers.get(block_hash)
        if header is None:
            raise NotYetAvailable(Missing(DataKind.L1_HEADER, hash=block_hash))
        return header

    def block(self, block_hash: Hash32) -> Block:
        """A block with its transactions."""
        block = self._blocks.get(block_hash)
        if block is None:
            raise NotYetAvailable(Missing(DataKind.L1_BLOCK, self._number_of(block_hash), block_hash))
        return block

    def receipts(self, block_hash: Hash32) -> tuple[Receipt, ...]:
        """The receipts of a block."""
        receipts = self._receipts.get(block_hash)
        if receipts is None:
            raise NotYetAvailable(Missing(DataKind.L1_RECEIPTS, self._number_of(block_hash), block_hash))
        return receipts

    def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        """The blobs (131,072 bytes each) of these versioned hashes in a block, in the order asked."""
        found = [blob for versioned_hash in hashes if (blob := self._blobs.get(versioned_hash)) is not None]
        if len(found) < len(hashes):
            raise NotYetAvailable(
                Missing(DataKind.L1_BLOBS, number=header.number, hash=header.hash, blob_hashes=tuple(hashes))
            )
        return found

    def _number_of(self, block_hash: Hash32) -> int | None:
        header = self._headers.get(block_hash)
        return None if header is None else header.number

    # --- fetching ---

    async def fetch(self, missing: Missing) -> None:
        """Get what derivation asked for. Raises TemporaryError when that fails; the message says what and where."""
        if missing.hash is None:
            await self._fetch_numbers(missing.number or 0)
            return
        match missing.kind:
            case DataKind.L1_HEADER:
                await self._fetch_header(missing.hash)
            case DataKind.L1_BLOCK:
                await self._fetch_block(missing.hash)
            case DataKind.L1_RECEIPTS:
                await self._fetch_receipts(missing.hash)
            case DataKind.L1_BLOBS:
                header = self._headers.get(missing.hash) or await self._client.header_by_hash(missing.hash)
                await self._fetch_blobs(header, missing.blob_hashes)
            case DataKind.L2_BLOCK:
                raise TemporaryError(f"{missing} is not on this node")
            case DataKind.REMOTE_INPUT:
                if self.remote is None:
                    raise TemporaryError(f"{missing} cannot be fetched without a DA server")
                await self.remote.fetch(missing)

    async def _fetch_numbers(self, first: int) -> None:
        latest = self._heads.latest.number if self._heads.latest is not None else first
        numbers = range(first, min(latest, first + _PREFETCH - 1) + 1)
        headers = [header for header in await self._client.headers_by_number(list(numbers)) if header is not None]
        if not headers:
            text = f"L1 says that its head is block {latest}, but does not have block {first}"
            raise StalledError(Stall(Cause.L1_BEHIND, Stage.L1_TRAVERSAL, text, Place("l1", first)))
        for header in headers:
            self._numbers[header.number] = header
            self._headers.put(header.hash, header)
        for number in [number for number in self._numbers if number < first - 64]:
            del self._numbers[number]
        await asyncio.gather(*(self._fetch_contents(header) for header in headers))

    async def _fetch_contents(self, header: Header) -> None:
        await self._fetch_block(header.hash)
        await self._fetch_receipts(header.hash)

    async def _fetch_header(self, block_hash: Hash32) -> None:
        try:
            self._headers.put(block_hash, await self._client.header_by_hash(block_hash))
        except L1BlockNotFound:
            self._unknown.add(block_hash)

    async def _fetch_block(self, block_hash: Hash32) -> None:
        block = await self._client.block_by_hash(block_hash)
        self._blocks.put(block_hash, block)
        self._headers.put(block_hash, block.header)

    async def _fetch_receipts(self, block_hash: Hash32) -> None:
        header = self._headers.get(block_hash) or await self._client.header_by_hash(block_hash)
        self._receipts.put(block_hash, await self._client.receipts(header))

    async def _fetch_blobs(self, header: Header, hashes: Sequence[Hash32]) -> None:
        blobs = await self._blob_source.blobs(header, hashes, self._places(header, hashes))
        for versioned_hash, blob in zip(hashes, blobs, strict=True):
            self._blobs.put(versioned_hash, blob)

    def _places(self, header: Header, hashes: Sequence[Hash32]) -> list[int] | None:
        """The blobs' places among all of the L1 block, None when the block is no longer at hand."""
        block = self._blocks.get(header.hash)
        if block is None:
            return None
        all_hashes = [value for transaction in block.transactions for value in transaction.blob_versioned_hashes]
        return [all_hashes.index(value) for value in hashes]
