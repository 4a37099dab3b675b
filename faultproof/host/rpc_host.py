"""Preimages from endpoints, fetched when the program asks and by what it has said that it is going to ask for.

Nothing that an endpoint says is believed: what is served by hash hashes to it, blobs are checked against their commitment.
The program runs in a thread of its own and waits; connections live in another thread with an event loop.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from config.errors import TemporaryError
from config.types import ZERO_HASH, Hash32, from_hex, to_hash32, to_hex
from evm.types import Header, keccak256
from evm.types.json_codec import block_from_json, header_from_json
from faultproof.game import BlobElement, PrecompileCall
from faultproof.host.blobs import blob_preimages, evaluation_points
from faultproof.host.hints import Hint, HintKind
from faultproof.host.precompiles import precompile_preimage
from faultproof.host.tries import list_trie
from faultproof.preimage import KeyType, MissingPreimage, blob_key, keccak256_key, key_type, precompile_key
from l1.beacon import BeaconClient
from l1.failover import FailoverRpc
from l1.kzg import KzgWorker
from l1.rpc import JsonRpcClient, RpcCaller, RpcError
from l1.source import L1Client

log = logging.getLogger("lamina.host")

T = TypeVar("T")

Preimages = dict[Hash32, bytes]

_HASH = 32
_NOTES = "hints.txt"
_MALFORMED = (KeyError, TypeError, ValueError)
_CODE_PREFIX = "0x63"
"""How a node's database tells codes from trie nodes."""


@dataclass(frozen=True)
class HostEndpoints:
    """`l1`: execution RPCs of the chain `l1_chain_id`, the preferred one first, `beacons`: beacon APIs, `l2`: execution RPC
    of the own node with `debug_` and `optimism_`.
    """

    l1: tuple[str, ...]
    l1_chain_id: int
    beacons: tuple[str, ...]
    l2: str


@dataclass(frozen=True)
class RunFacts:
    """What helps to find a run's data: its L1 head, and the numbers of the agreed and of the claimed L2 block."""

    l1_head: Hash32
    agreed_number: int
    claimed_number: int


class RpcHost:
    """Connections, and the thread that serves them; both begin with the first question."""

    def __init__(self, endpoints: HostEndpoints) -> None:
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._fetcher: Fetcher | None = None
        self._clients: tuple[FailoverRpc | JsonRpcClient, ...] = ()

    def source(self, facts: RunFacts, directory: Path | None = None) -> "HostSource":
        """The preimages of one run; in `directory` it notes what blob elements and results belong to."""
        return HostSource(self, facts, directory)

    def element(self, hint: Hint, key: bytes, facts: RunFacts) -> BlobElement | None:
        """The proof of the field element behind a key, if it is one of the blob that a hint is about."""
        fetcher, loop = self._start()
        return asyncio.run_coroutine_threadsafe(fetcher.element(hint, key, facts), loop).result()

    def run(self, hint: Hint, key: bytes, facts: RunFacts) -> Preimages:
        """Fetch what a hint is about. Raises MissingPreimage, TemporaryError."""
        fetcher, loop = self._start()
        return asyncio.run_coroutine_threadsafe(fetcher.fetch(hint, key, facts), loop).result()

    def close(self) -> None:
        """Close the connections and end the thread."""
        with self._lock:
            loop, fetcher, thread, clients = self._loop, self._fetcher, self._thread, self._clients
            self._loop = self._fetcher = self._thread = None
            self._clients = ()
        if loop is None or fetcher is None or thread is None:
            return
        for closing in (fetcher.close(), *(client.close() for client in clients)):
            asyncio.run_coroutine_threadsafe(closing, loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _start(self) -> "tuple[Fetcher, asyncio.AbstractEventLoop]":
        with self._lock:
            if self._loop is None or self._fetcher is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="preimage-host", daemon=True)
                self._thread.start()
                asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result()
            assert self._fetcher is not None
            return self._fetcher, self._loop

    async def _connect(self) -> None:
        endpoints, kzg = self._endpoints, KzgWorker()
        l1, l2 = self._clients = (FailoverRpc(endpoints.l1, endpoints.l1_chain_id), JsonRpcClient(endpoints.l2))
        self._fetcher = Fetcher(L1Client(l1), BeaconClient(endpoints.beacons, kzg), kzg, l2)


class HostSource:
    """One run's preimages. Everything fetched is kept, so that a run can be made again."""

    def __init__(self, host: RpcHost, facts: RunFacts, directory: Path | None = None) -> None:
        self._host = host
        self._facts = facts
        self._notes = None if directory is None else directory / _NOTES
        self._noted: list[bytes] = []
        self._known: Preimages = {}
        self._hint = b""

    def hint(self, text: bytes) -> None:
        """The program says what the next preimages belong to; nothing is fetched before one of them is asked for."""
        self._hint = text

    def preimage(self, key: bytes) -> bytes:
        """The preimage of a key. Raises MissingPreimage when the hint does not lead to it, TemporaryError."""
        found = self._known.get(Hash32(key))
        if found is None:
            try:
                hint = Hint.parse(self._hint)
            except ValueError as error:
                raise MissingPreimage(
                    f"key 0x{key.hex()} is asked for after a hint that says nothing ({error}): the program is not one of ours"
                ) from error
            log.debug("fetching", extra={"hint": self._hint[:120].decode("ascii", "replace")})
            self._note(hint)
            self._known |= self._host.run(hint, key, self._facts)
            found = self._known.get(Hash32(key))
        if found is None:
            raise MissingPreimage(f"key 0x{key.hex()} is none of what {self._hint[:120]!r} is about")
        return found

    def evidence(self, key: bytes) -> BlobElement | PrecompileCall | None:
        """What shows that the preimage of a blob's or a precompile's key is the right one. Raises TemporaryError."""
        for text in dict.fromkeys((*self._noted, *self._written())):
            hint = Hint.parse(text)
            if hint.kind is HintKind.L1_BLOB and key_type(key) == KeyType.BLOB:
                element = self._host.element(hint, key, self._facts)
                if element is not None:
                    return element
            elif hint.kind is HintKind.L1_PRECOMPILE and key_type(key) == KeyType.PRECOMPILE:
                call = PrecompileCall(*hint.call)
                if precompile_key(call.address, call.required_gas, call.data) == key:
                    return call
        return None

    def _note(self, hint: Hint) -> None:
        if hint.kind not in (HintKind.L1_BLOB, HintKind.L1_PRECOMPILE):
            return
        self._noted.append(self._hint)
        if self._notes is not None:
            self._notes.parent.mkdir(parents=True, exist_ok=True)
            with self._notes.open("ab") as out:
                out.write(self._hint + b"\n")

    def _written(self) -> list[bytes]:
        if self._notes is None or not self._notes.exists():
            return []
        return self._notes.read_bytes().splitlines()


class Fetcher:
    """Fetches what hints are about."""

    def __init__(self, l1: L1Client, beacon: BeaconClient, kzg: KzgWorker, l2: RpcCaller) -> None:
        self._l1 = l1
        self._beacon = beacon
        self._kzg = kzg
        self._l2 = l2
        self._witnessed: set[int] = set()

    async def close(self) -> None:
        """Close connections."""
        await self._beacon.close()
        self._kzg.close()

    async def fetch(self, hint: Hint, key: bytes, facts: RunFacts) -> Preimages:
        """What a hint is about, and what comes with it. Raises MissingPreimage, TemporaryError."""
        data = hint.data
        match hint.kind:
            case HintKind.L1_HEADER:
                return _by_hash([(await self._l1.header_by_hash(Hash32(data))).encode()])
            case HintKind.L1_TRANSACTIONS:
                block = await self._l1.block_by_hash(Hash32(data))
                return _list_nodes([tx.raw for tx in block.transactions])
            case HintKind.L1_RECEIPTS:
                header = await self._l1.header_by_hash(Hash32(data))
                return _list_nodes([receipt.encode() for receipt in await self._l1.receipts(header)])
            case HintKind.L1_BLOB:
                return await asyncio.to_thread(blob_preimages, *await self._blob(hint, facts))
            case HintKind.L1_PRECOMPILE:
                return dict([await asyncio.to_thread(precompile_preimage, *hint.call)])
            case HintKind.L2_OUTPUT:
                return await self._output(Hash32(data), facts)
            case HintKind.L2_HEADER:
                return _by_hash([(await self._l2_header(Hash32(data))).encode()])
            case HintKind.L2_TRANSACTIONS:
                answer = await self._ask("eth_getBlockByHash", [to_hex(data), True])
                return _list_nodes(
                    [tx.raw for tx in self._read(block_from_json, answer, "eth_getBlockByHash").transactions]
                )
            case HintKind.L2_STATE_NODE:
                return await self._state(Hash32(data), to_hex(data), facts)
            case HintKind.L2_CODE:
                return await self._state(Hash32(data), _CODE_PREFIX + data.hex(), facts)

    async def element(self, hint: Hint, key: bytes, facts: RunFacts) -> BlobElement | None:
        """See `RpcHost.element`."""
        blob, commitment = await self._blob(hint, facts)
        for point in evaluation_points():
            if blob_key(commitment, point) == key:
                return BlobElement(commitment, point, await self._kzg.point_proof(blob, point))
        return None

    async def _blob(self, hint: Hint, facts: RunFacts) -> tuple[bytes, bytes]:
        versioned_hash, timestamp = Hash32(hint.data[:_HASH]), int.from_bytes(hint.data[_HASH:], "big")
        header = await self._l1.header_by_hash(facts.l1_head)
        while header.timestamp > timestamp:
            header = await self._l1.header_by_hash(header.parent_hash)
        if header.timestamp != timestamp:
            raise MissingPreimage(f"no L1 block before the run's L1 head has the timestamp {timestamp}")
        (blob,) = await self._beacon.blobs(header, [versioned_hash])
        return blob, await self._kzg.commitment(blob)

    async def _output(self, root: Hash32, facts: RunFacts) -> Preimages:
        """Spec: op proposals, "L2 Output Commitment Construction"."""
        answer = await self._ask("optimism_outputAtBlock", [hex(facts.agreed_number)])

        def parts(output: Any) -> bytes:
            block_hash, state, passer = output["blockRef"]["hash"], output["stateRoot"], output["withdrawalStorageRoot"]
            return ZERO_HASH + to_hash32(state) + to_hash32(passer) + to_hash32(block_hash)

        preimage = self._read(parts, answer, "optimism_outputAtBlock")
        if keccak256(preimage) != root:
            raise MissingPreimage(
                f"output root {to_hex(root)} is not that of L2 block {facts.agreed_number} of the own node: a run from it "
                "cannot be made"
            )
        return _by_hash([preimage])

    async def _l2_header(self, block_hash: Hash32) -> Header:
        answer = await self._ask("eth_getBlockByHash", [to_hex(block_hash), False])
        return self._read(header_from_json, answer, "eth_getBlockByHash")

    async def _state(self, wanted: Hash32, database_key: str, facts: RunFacts) -> Preimages:
        """A trie node or a code: from the witnesses of the run's blocks, which hold nearly all, or by its hash."""
        found: Preimages = {}
        for number in range(facts.agreed_number + 1, facts.claimed_number + 1):
            if number not in self._witnessed:
                self._witnessed.add(number)
                found |= await self._witness(number)
        if keccak256_key(wanted) in found:
            return found
        answer = await self._ask("debug_dbGet", [database_key])
        return found | _by_hash([self._read(from_hex, answer, "debug_dbGet")])

    async def _witness(self, number: int) -> Preimages:
        """What executing an L2 block of the own node reads; nothing where the node does not tell."""
        try:
            answer = await self._l2.call("debug_executionWitness", [hex(number)])
            return _by_hash([from_hex(item) for kind in ("state", "codes") for item in answer[kind]])
        except RpcError as error:
            log.info("no execution witness of L2 block %d (%s): asking for one node after the other", number, error)
            return {}
        except _MALFORMED as error:
            raise self._unusable("debug_executionWitness", error) from error

    async def _ask(self, method: str, params: list[Any]) -> Any:
        try:
            return await self._l2.call(method, params)
        except RpcError as error:
            raise TemporaryError(str(error)) from error

    def _read(self, reader: Callable[[Any], T], answer: Any, method: str) -> T:
        try:
            return reader(answer)
        except _MALFORMED as error:
            raise self._unusable(method, error) from error

    def _unusable(self, method: str, error: Exception) -> TemporaryError:
        return TemporaryError(f"{self._l2.endpoint} answered {method} with something unusable ({error!r})")


def _by_hash(values: list[bytes]) -> Preimages:
    return {keccak256_key(keccak256(value)): value for value in values}


def _list_nodes(items: list[bytes]) -> Preimages:
    _, nodes = list_trie(items)
    return {keccak256_key(node_hash): node for node_hash, node in nodes.items()}
