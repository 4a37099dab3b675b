"""The beacon API of the dev L1: genesis, spec, headers and blobs by slot.

Spec: Ethereum beacon APIs, "getBlobSidecars", "getBlobs", "getGenesis", "getSpec".
"""

from collections.abc import Iterator

from aiohttp import web

from config.types import Hash32, Timestamp, from_hex, to_hex
from evm.types import Block, keccak256
from l1.sidecar import SidecarVersion
from node.chain import Chain
from node.devl1.blobs import BlobStore, StoredBlob
from node.devl1.slots import SlotClock
from node.http_listener import HttpListener

_SLOTS_PER_EPOCH = 32
_FAR_FUTURE_EPOCH = 2**64 - 1
_GENESIS_VALIDATORS_ROOT = keccak256(b"dev L1 validators")


def beacon_block_root(slot: int, parent: Hash32) -> Hash32:
    """A stand-in for the root of the beacon block at `slot`: unique, never zero, bound to the parent execution block."""
    return keccak256(b"dev L1 beacon block" + slot.to_bytes(8, "big") + parent)


class BeaconApi(HttpListener):
    """Answers beacon API requests from the chain and the blob store."""

    def __init__(
        self,
        chain: Chain,
        blobs: BlobStore,
        clock: SlotClock,
        osaka_time: Timestamp | None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(
            [
                web.get("/eth/v1/beacon/genesis", self._genesis),
                web.get("/eth/v1/config/spec", self._spec),
                web.get("/eth/v1/node/version", self._version),
                web.get("/eth/v1/beacon/headers/{block_id}", self._header),
                web.get("/eth/v1/beacon/blob_sidecars/{block_id}", self._blob_sidecars),
                web.get("/eth/v1/beacon/blobs/{block_id}", self._blobs_of),
            ],
            host,
            port,
        )
        self._chain = chain
        self._blobs = blobs
        self._clock = clock
        self._osaka_time = osaka_time
        self.withheld: set[Hash32] = set()
        """Versioned hashes of blobs that it denies having (bad weather for tests)."""

    async def _genesis(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "data": {
                    "genesis_time": str(self._clock.genesis_time),
                    "genesis_validators_root": to_hex(_GENESIS_VALIDATORS_ROOT),
                    "genesis_fork_version": "0x00000000",
                }
            }
        )

    async def _spec(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "data": {
                    "SECONDS_PER_SLOT": str(self._clock.seconds_per_slot),
                    "SLOTS_PER_EPOCH": str(_SLOTS_PER_EPOCH),
                    "FULU_FORK_EPOCH": str(self._fulu_epoch()),
                }
            }
        )

    def _fulu_epoch(self) -> int:
        """When sidecars with blob proofs end: with Osaka, its other half."""
        if self._osaka_time is None:
            return _FAR_FUTURE_EPOCH
        epoch_seconds = self._clock.seconds_per_slot * _SLOTS_PER_EPOCH
        return max(0, -((self._clock.genesis_time - self._osaka_time) // epoch_seconds))

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"data": {"version": "lamina-devl1"}})

    async def _header(self, request: web.Request) -> web.Response:
        block = self._block(request.match_info["block_id"])
        slot = self._clock.slot_of(block.header.timestamp)
        return web.json_response(
            {
                "execution_optimistic": False,
                "finalized": block.number <= self._chain.finalized.number,
                "data": {
                    "root": to_hex(beacon_block_root(slot, block.header.parent_hash)),
                    "canonical": True,
                    "header": {"message": self._header_message(block), "signature": to_hex(bytes(96))},
                },
            }
        )

    def _header_message(self, block: Block) -> dict[str, str]:
        slot = self._clock.slot_of(block.header.timestamp)
        root = block.header.parent_beacon_block_root or Hash32(bytes(32))
        return {
            "slot": str(slot),
            "proposer_index": "0",
            "parent_root": to_hex(root),
            "state_root": to_hex(keccak256(block.header.state_root)),
            "body_root": to_hex(keccak256(block.header.transactions_root)),
        }

    def _block(self, block_id: str) -> Block:
        """The canonical block of a beacon block id. Raises 404 for a missed slot, 400 for nonsense."""
        if block_id == "head":
            header = self._chain.head
        elif block_id == "finalized":
            header = self._chain.finalized
        elif block_id == "genesis":
            header = self._chain.genesis
        elif block_id.isdecimal():
            found = self._at_slot(int(block_id))
            if found is None:
                raise _error(web.HTTPNotFound, 404, f"no block at slot {block_id}: the slot was missed or lies ahead")
            return found
        else:
            raise _error(
                web.HTTPBadRequest, 400, f"not a block id: {block_id!r} (use a slot, head, finalized or genesis)"
            )
        block = self._chain.block_by_hash(header.hash)
        if block is None:
            raise _error(web.HTTPNotFound, 404, f"no block {block_id}")
        return block

    def _at_slot(self, slot: int) -> Block | None:
        """Binary search by timestamp: slots can be missed, so block numbers run behind slots."""
        wanted = self._clock.timestamp(slot)
        low, high = 0, self._chain.head.number
        while low <= high:
            middle = (low + high) // 2
            header = self._chain.header_by_number(middle)
            if header is None:
                return None
            if header.timestamp == wanted:
                return self._chain.block_by_hash(header.hash)
            if header.timestamp < wanted:
                low = middle + 1
            else:
                high = middle - 1
        return None

    def _blobs_in(self, block: Block) -> Iterator[tuple[int, Hash32, StoredBlob]]:
        index = 0
        for transaction in block.transactions:
            for versioned_hash in transaction.blob_versioned_hashes:
                stored = None if versioned_hash in self.withheld else self._blobs.get(versioned_hash)
                if stored is not None:
                    yield index, versioned_hash, stored
                index += 1

    async def _blob_sidecars(self, request: web.Request) -> web.Response:
        block = self._block(request.match_info["block_id"])
        wanted = {int(part) for value in request.query.getall("indices", []) for part in value.split(",") if part}
        message = self._header_message(block)
        sidecars = []
        for index, _, stored in self._blobs_in(block):
            if stored.version != SidecarVersion.BLOB_PROOFS:
                raise _error(web.HTTPGone, 410, "blob_sidecars ended with Osaka: use /eth/v1/beacon/blobs")
            if wanted and index not in wanted:
                continue
            sidecars.append(
                {
                    "index": str(index),
                    "blob": to_hex(stored.blob),
                    "kzg_commitment": to_hex(stored.commitment),
                    "kzg_proof": to_hex(stored.proofs[0]),
                    "signed_block_header": {"message": message, "signature": to_hex(bytes(96))},
                    "kzg_commitment_inclusion_proof": [to_hex(bytes(32))] * 17,
                }
            )
        return web.json_response({"data": sidecars})

    async def _blobs_of(self, request: web.Request) -> web.Response:
        block = self._block(request.match_info["block_id"])
        try:
            wanted = {
                from_hex(part, 32)
                for value in request.query.getall("versioned_hashes", [])
                for part in value.split(",")
            }
        except ValueError as error:
            raise _error(web.HTTPBadRequest, 400, str(error)) from error
        return web.json_response(
            {
                "execution_optimistic": False,
                "finalized": block.number <= self._chain.finalized.number,
                "data": [
                    to_hex(stored.blob)
                    for _, versioned_hash, stored in self._blobs_in(block)
                    if not wanted or versioned_hash in wanted
                ],
            }
        )


def _error(kind: type[web.HTTPException], code: int, message: str) -> web.HTTPException:
    return kind(text=f'{{"code":{code},"message":"{message}"}}', content_type="application/json")
