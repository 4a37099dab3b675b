"""Blobs of L1 blocks from beacon nodes, each checked against the hash that its transaction names it by.

A beacon node may know the newer `blobs` endpoint, the older `blob_sidecars`, or (anvil) `blobs` by execution block
number; what works is found out and tried first from then on.
Spec: beacon APIs, getBlobs and getBlobSidecars; op ecotone derivation, "Blob Retrieval".
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from config.errors import TemporaryError
from config.types import Hash32, from_hex, short, to_hex
from evm.types import Header
from l1.blob_archive import BlobArchive
from l1.cache import LruCache
from l1.http import DEFAULT_TIMEOUT, HttpAnswer, HttpEndpoint, RequestObserver
from l1.kzg import KzgError, KzgWorker, versioned_hash

_log = logging.getLogger("lamina.l1")

MAX_BLOBS_PER_BLOCK = 128
"""No fork allows more; checking a blob takes 0.06 s of CPU time, so answers need a bound."""

_ROUTE_MISSING = (404, 405, 410, 501)


class BlobsUnavailable(TemporaryError):
    """No source had a blob that derivation needs; the message names slot, block, blob and what each source said.

    `answered`: at least one beacon node gave an answer, so it is the blob that is missing, not the beacon nodes.
    """

    def __init__(self, message: str, *, answered: bool = True) -> None:
        super().__init__(message)
        self.answered = answered


class BeaconAnswerError(TemporaryError):
    """One beacon node gave no usable answer."""


class BlobsForm(Enum):
    """How a beacon node is asked for blobs."""

    BLOBS = "blobs"
    SIDECARS = "blob_sidecars"


@dataclass(frozen=True)
class SlotClock:
    """What turns an L1 timestamp into a slot: times in seconds. `slot_seconds` None: asked by block number (anvil)."""

    genesis_time: int
    slot_seconds: int | None

    def block_id(self, header: Header) -> int:
        """The slot of an L1 block, or its number where the node counts in blocks.

        Raises ValueError when the block cannot belong to this beacon chain.
        """
        if self.slot_seconds is None:
            return header.number
        elapsed = header.timestamp - self.genesis_time
        if elapsed < 0 or elapsed % self.slot_seconds:
            raise ValueError(
                f"its timestamp {header.timestamp} is no slot's: the beacon chain started at {self.genesis_time} "
                f"and has slots of {self.slot_seconds} s, so the beacon node is one of another chain"
            )
        return elapsed // self.slot_seconds


class BeaconNode:
    """One beacon node's HTTP API, as far as blobs need it."""

    def __init__(
        self, url: str, kzg: KzgWorker, *, timeout: float = DEFAULT_TIMEOUT, observer: RequestObserver | None = None
    ) -> None:
        """Raises ValueError when `url` is not an http(s) URL."""
        self._http = HttpEndpoint(url, timeout=timeout, max_connections=4, observer=observer)
        self._kzg = kzg
        self._clock: SlotClock | None = None
        self._forms = list(BlobsForm)

    @property
    def name(self) -> str:
        """The node's name for messages, without credentials."""
        return self._http.name

    @property
    def blobs_form(self) -> BlobsForm:
        """How the node is asked for blobs now, by what it turned out to offer."""
        return self._forms[0]

    async def clock(self) -> SlotClock:
        """Genesis time and slot length, asked once. Raises TemporaryError when the node does not tell."""
        if self._clock is None:
            genesis = await self._get("/eth/v1/beacon/genesis", operation="beacon/genesis")
            genesis_time = _integer(self._data(genesis, "beacon/genesis"), "genesis_time", self.name)
            spec = await self._http.get("/eth/v1/config/spec", operation="config/spec")
            if spec.status == 404:
                # anvil serves blobs by execution block number and has no slots to tell of.
                self._clock = SlotClock(genesis_time, None)
                _log.info("%s has no config/spec: asking it for blobs by L1 block number, as anvil wants", self.name)
            else:
                data = self._data(self._checked(spec, "config/spec"), "config/spec")
                if isinstance(data, dict) and "SECONDS_PER_SLOT" not in data and "SLOT_DURATION_MS" in data:
                    seconds = _integer(data, "SLOT_DURATION_MS", self.name) // 1000
                else:
                    seconds = _integer(data, "SECONDS_PER_SLOT", self.name)
                if seconds <= 0:
                    raise BeaconAnswerError(f"{self.name} says that a slot takes {seconds} s")
                self._clock = SlotClock(genesis_time, seconds)
        return self._clock

    async def blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None = None
    ) -> dict[Hash32, bytes]:
        """Those of the blobs that the node has, checked. `indices` are their places in the block, where known.

        Raises BeaconAnswerError or TemporaryError when there is no usable answer, or one that does not hold.
        """
        clock = await self.clock()
        try:
            block_id = clock.block_id(header)
        except ValueError as error:
            raise BeaconAnswerError(f"{self.name} cannot serve L1 {header}: {error}") from error
        refusals = []
        for form in tuple(self._forms):
            answer = await self._ask(form, block_id, clock, hashes, indices)
            if answer.status in _ROUTE_MISSING:
                # The same status means "no such endpoint" and "no such block": the other form may still know it.
                refusals.append(f"HTTP {answer.status} for {form.value} ({answer.excerpt()})")
                continue
            data = self._data(self._checked(answer, f"beacon/{form.value}/{block_id}"), f"beacon/{form.value}")
            if not isinstance(data, list):
                raise BeaconAnswerError(f"{self.name} answered beacon/{form.value} without a list of blobs")
            if len(data) > MAX_BLOBS_PER_BLOCK:
                raise BeaconAnswerError(f"{self.name} answered with {len(data)} blobs, more than any block holds")
            self._forms.sort(key=lambda other: other is not form)
            read = self._from_blobs if form is BlobsForm.BLOBS else self._from_sidecars
            try:
                return await read(data, hashes)
            except (KzgError, ValueError, KeyError, TypeError) as error:
                raise BeaconAnswerError(
                    f"{self.name} served a wrong blob for slot {block_id} (L1 {header}): {error}"
                ) from error
        raise BeaconAnswerError(f"{self.name} has no blobs for slot {block_id} (L1 {header}): {'; '.join(refusals)}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(
        self, form: BlobsForm, block_id: int, clock: SlotClock, hashes: Sequence[Hash32], indices: Sequence[int] | None
    ) -> HttpAnswer:
        if form is BlobsForm.BLOBS:
            # anvil reads one comma-separated value; the standard repeats the parameter.
            separator = "," if clock.slot_seconds is None else "&versioned_hashes="
            query = "versioned_hashes=" + separator.join(to_hex(value) for value in dict.fromkeys(hashes))
        else:
            query = "&".join(f"indices={index}" for index in indices or ())
        return await self._http.get(f"/eth/v1/beacon/{form.value}/{block_id}", query, operation=f"beacon/{form.value}")

    async def _from_blobs(self, data: list[Any], hashes: Iterable[Hash32]) -> dict[Hash32, bytes]:
        blobs = [from_hex(item) for item in data]
        commitments = await self._kzg.commitments(blobs)
        found = {versioned_hash(commitment): blob for commitment, blob in zip(commitments, blobs, strict=True)}
        wanted = {value: found[value] for value in hashes if value in found}
        if data and not wanted:
            raise ValueError(f"none of the {len(data)} blobs has a hash that was asked for")
        return wanted

    async def _from_sidecars(self, data: list[Any], hashes: Sequence[Hash32]) -> dict[Hash32, bytes]:
        wanted: dict[Hash32, tuple[bytes, bytes, bytes]] = {}
        for item in data:
            commitment = from_hex(item["kzg_commitment"])
            blob_hash = versioned_hash(commitment)
            if blob_hash in hashes:
                wanted[blob_hash] = (from_hex(item["blob"]), commitment, from_hex(item["kzg_proof"]))
        blobs, commitments, proofs = zip(*wanted.values(), strict=True) if wanted else ((), (), ())
        if not await self._kzg.verify_blob_proofs(blobs, commitments, proofs):
            names = ", ".join(short(value) for value in wanted)
            raise ValueError(f"the KZG proofs of blobs {names} do not hold")
        return dict(zip(wanted, blobs, strict=True))

    async def _get(self, path: str, *, operation: str) -> HttpAnswer:
        return self._checked(await self._http.get(path, operation=operation), operation)

    def _checked(self, answer: HttpAnswer, operation: str) -> HttpAnswer:
        if answer.status != 200:
            raise BeaconAnswerError(f"{self.name} answered {operation} with HTTP {answer.status}: {answer.excerpt()}")
        return answer

    def _data(self, answer: HttpAnswer, operation: str) -> Any:
        try:
            return answer.json()["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise BeaconAnswerError(
                f"{self.name} answered {operation} with something that is no beacon API answer: {answer.excerpt()}"
            ) from error


class BeaconClient:
    """Blobs from a local archive and several beacon nodes, asked in order until every blob is found."""

    def __init__(
        self,
        urls: str | Sequence[str],
        kzg: KzgWorker,
        *,
        archive: BlobArchive | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        observer: RequestObserver | None = None,
        memory_blobs: int = 64,
    ) -> None:
        """`urls` are base URLs, the preferred first. `memory_blobs` blobs are kept in memory (128 KiB each)."""
        addresses = [urls] if isinstance(urls, str) else list(urls)
        self.nodes = tuple(BeaconNode(url, kzg, timeout=timeout, observer=observer) for url in addresses)
        self._archive = archive
        self._memory: LruCache[Hash32, bytes] = LruCache(memory_blobs)

    async def blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None = None
    ) -> list[bytes]:
        """The blobs (131,072 bytes each) with these versioned hashes in the L1 block of `header`, in order of `hashes`.

        Every blob was checked against its hash. `indices`, where known, are their places among the block's blobs and
        save transfer from nodes that only know `blob_sidecars`. Raises BlobsUnavailable when a blob is nowhere found.
        """
        found: dict[Hash32, bytes] = {}
        for blob_hash in hashes:
            blob = self._memory.get(blob_hash)
            if blob is None and self._archive is not None:
                blob = await self._archive.get(blob_hash)
            if blob is not None:
                found[blob_hash] = blob
        failures: list[str] = []
        answered = False
        for node in self.nodes:
            missing = [blob_hash for blob_hash in dict.fromkeys(hashes) if blob_hash not in found]
            if not missing:
                break
            places = None if indices is None else [indices[hashes.index(blob_hash)] for blob_hash in missing]
            try:
                fetched = await node.blobs(header, missing, places)
            except TemporaryError as error:
                answered = answered or isinstance(error, BeaconAnswerError)
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
        tried = "; ".join(failures) or "no beacon node is configured"
        return (
            f"blob{'s' if len(missing) > 1 else ''} {', '.join(to_hex(value) for value in missing)} of L1 {header} "
            f"({where}) not found: {tried}. Nodes keep blobs for about 18 days: add a beacon node or an archive that "
            "still has them with --l1.beacon"
        )


def _integer(data: Any, key: str, name: str) -> int:
    try:
        return int(data[key])
    except (KeyError, TypeError, ValueError) as error:
        raise BeaconAnswerError(f"{name} does not say {key}") from error
