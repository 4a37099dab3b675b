"""One beacon node: asked for the blobs of an L1 block in whichever way it knows, every blob checked.

A beacon node may know the newer `blobs` endpoint, the older `blob_sidecars`, or (anvil) `blobs` by execution block
number; what it refuses is found out and tried last from then on, and where it has nothing in one form it is asked in the
other. Until Fulu `blob_sidecars` comes first where it can be told which blobs are wanted: its answers hold proofs, and
checking one takes far less time than computing a commitment.
Spec: beacon APIs, getBlobs, getBlobSidecars and getSyncingStatus; op ecotone derivation, "Blob Retrieval".
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from config.errors import TemporaryError
from config.types import Hash32, from_hex, short, to_hex
from evm.types import Header
from l1.health import Clock, EndpointHealth, EndpointKind, EndpointStatus
from l1.http import DEFAULT_TIMEOUT, HttpAnswer, HttpEndpoint, redact_url
from l1.kzg import KzgError, KzgWorker, versioned_hash
from l1.rate_limit import RateLimit
from l1.rpc import EndpointBusy

_log = logging.getLogger("lamina.l1")

MAX_BLOBS_PER_BLOCK = 128
"""No fork allows more; checking a blob takes 0.06 s of CPU time, so answers need a bound."""

_ROUTE_MISSING = (404, 405, 410, 501)
_FULU_EPOCH, _EPOCH_SLOTS = "FULU_FORK_EPOCH", "SLOTS_PER_EPOCH"


class BeaconAnswerError(TemporaryError):
    """One beacon node gave no usable answer."""


class WrongBlobs(BeaconAnswerError):
    """A beacon node served something else than the blobs that were asked for. It is dropped, never used."""


class BlobsNotThere(BeaconAnswerError):
    """A beacon node has no blobs for a slot: it is behind, has pruned them, or has no block there."""


class BlobsForm(Enum):
    """How a beacon node is asked for blobs."""

    BLOBS = "blobs"
    SIDECARS = "blob_sidecars"


@dataclass(frozen=True)
class SlotClock:
    """What turns an L1 timestamp into a slot: times in seconds. `slot_seconds` None: asked by block number (anvil).

    `fulu_slot` is the first slot of Fulu, after which there are no sidecars with blob proofs; 0 where the node does not tell.
    """

    genesis_time: int
    slot_seconds: int | None
    fulu_slot: int = 0

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
        self,
        url: str,
        kzg: KzgWorker,
        *,
        kind: EndpointKind = EndpointKind.BEACON,
        timeout: float = DEFAULT_TIMEOUT,
        limit: RateLimit | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Raises ValueError when `url` is not an http(s) URL."""
        self.health = EndpointHealth(redact_url(url), kind, clock)
        self._http = HttpEndpoint(url, timeout=timeout, max_connections=4, observer=self.health.observe, limit=limit)
        self._kzg = kzg
        self._clock: SlotClock | None = None
        self._form = BlobsForm.BLOBS
        self._refused: set[BlobsForm] = set()

    @property
    def name(self) -> str:
        """The node's name for messages, without credentials."""
        return self._http.name

    @property
    def blobs_form(self) -> BlobsForm:
        """How the node was asked for blobs when it last had an answer."""
        return self._form

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
                fulu_slot = 0
                if isinstance(data, dict) and {_FULU_EPOCH, _EPOCH_SLOTS} <= data.keys():
                    fulu_slot = _integer(data, _FULU_EPOCH, self.name) * _integer(data, _EPOCH_SLOTS, self.name)
                self._clock = SlotClock(genesis_time, seconds, fulu_slot)
        return self._clock

    def status(self) -> EndpointStatus:
        """How the node fares."""
        return self.health.status(offers=self.blobs_form.value)

    async def look(self) -> None:
        """Ask how far the node is, for its health. A node that does not know the question is not blamed."""
        try:
            if await self._syncing() is not None:
                self.health.succeeded()
        except TemporaryError as error:
            self.health.failed(error)

    async def blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None = None
    ) -> dict[Hash32, bytes]:
        """Those of the blobs that the node has, checked. `indices` are their places in the block, where known.

        Raises WrongBlobs, BlobsNotThere or TemporaryError.
        """
        try:
            found = await self._blobs(header, hashes, indices)
        except BlobsNotThere as error:
            self.health.succeeded()
            raise BlobsNotThere(f"{error}{await self._why_not_there(header)}") from error
        except WrongBlobs as error:
            self.health.lied(error)
            raise
        except TemporaryError as error:
            self.health.failed(error)
            raise
        self.health.succeeded()
        return found

    async def _blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None
    ) -> dict[Hash32, bytes]:
        clock = await self.clock()
        try:
            block_id = clock.block_id(header)
        except ValueError as error:
            raise BeaconAnswerError(f"{self.name} cannot serve L1 {header}: {error}") from error
        refusals: list[tuple[BlobsForm, str]] = []
        none_there = False
        for form in self._order(block_id < clock.fulu_slot and indices is not None):
            answer = await self._ask(form, block_id, clock, hashes, indices)
            if answer.status in _ROUTE_MISSING or (answer.status == 400 and form is BlobsForm.SIDECARS):
                # The same status means "no such endpoint" and "no such block": the other form may still know it. Some
                # nodes call the question wrong since sidecars ended.
                refusals.append((form, f"HTTP {answer.status} for {form.value} ({answer.excerpt()})"))
                continue
            data = self._data(self._checked(answer, f"beacon/{form.value}/{block_id}"), f"beacon/{form.value}")
            if not isinstance(data, list):
                raise BeaconAnswerError(f"{self.name} answered beacon/{form.value} without a list of blobs")
            if len(data) > MAX_BLOBS_PER_BLOCK:
                raise BeaconAnswerError(f"{self.name} answered with {len(data)} blobs, more than any block holds")
            if not data:
                # It knows the block and has nothing to give in this form: it may in the other one.
                none_there = True
                continue
            self._form, self._refused = form, {refused for refused, _ in refusals}
            read = self._from_blobs if form is BlobsForm.BLOBS else self._from_sidecars
            try:
                return await read(data, hashes)
            except (KzgError, ValueError, KeyError, TypeError) as error:
                raise WrongBlobs(
                    f"{self.name} served a wrong blob for slot {block_id} (L1 {header}): {error}"
                ) from error
        if none_there:
            return {}
        told = "; ".join(text for _, text in refusals)
        raise BlobsNotThere(f"{self.name} has no blobs for slot {block_id} (L1 {header}): {told}")

    def _order(self, proofs_wanted: bool) -> list[BlobsForm]:
        """In which forms to ask, what the node refused last."""
        best = BlobsForm.SIDECARS if proofs_wanted else BlobsForm.BLOBS
        return sorted(BlobsForm, key=lambda form: (form in self._refused, form is not best))

    async def _why_not_there(self, header: Header) -> str:
        try:
            head = await self._syncing()
            slot = (await self.clock()).block_id(header)
        except (TemporaryError, ValueError):
            return ""
        if head is None:
            return ""
        if head < slot:
            return f"; it is at slot {head} only, {slot - head} behind"
        return f"; it is at slot {head}, so it has pruned them or follows another fork"

    async def _syncing(self) -> int | None:
        """The slot that the node is at; None when it does not know the question."""
        answer = await self._http.get("/eth/v1/node/syncing", operation="node/syncing")
        if 400 <= answer.status < 500 and answer.status not in (401, 403, 429):
            return None  # archives need not know it
        data = self._data(self._checked(answer, "node/syncing"), "node/syncing")
        head = _integer(data, "head_slot", self.name)
        self.health.at_head(head, _integer(data, "sync_distance", self.name))
        return head

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
        if not wanted:
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
        if answer.status == 429:
            raise EndpointBusy(
                f"{self.name} limits the request rate (HTTP 429 for {operation}); use another endpoint or plan",
                answer.retry_after,
            )
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


def _integer(data: Any, key: str, name: str) -> int:
    try:
        return int(data[key])
    except (KeyError, TypeError, ValueError) as error:
        raise BeaconAnswerError(f"{name} does not say {key}") from error
