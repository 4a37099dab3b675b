"""The dev L1's blobs: what the pool takes, and what the beacon API shows by slot."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from config.forks import EthFork
from config.types import Hash32, to_hex
from evm.types import BlobTransaction
from evm.types.rlp import decode, encode
from evm.types.transaction import sign_transaction
from l1.kzg import BlobSidecar, KzgWorker, SidecarVersion, build_sidecar, encode_network_transaction
from node.devl1.genesis import DEV_L1_CHAIN_ID
from node.rpc import RpcError
from tests.l1.conftest import make_blob
from tests.node.rpc_world import DEV_ADDRESSES, DEV_KEYS
from tests.node.test_devl1_chain import GENESIS_TIME, SLOT, World

Start = Callable[[EthFork], Awaitable[World]]


@pytest.fixture(scope="module")
def kzg() -> Iterator[KzgWorker]:
    """One worker for all tests: loading the trusted setup takes seconds."""
    worker = KzgWorker()
    yield worker
    worker.close()


@pytest.fixture
async def start(tmp_path: Path, kzg: KzgWorker) -> AsyncIterator[Start]:
    """Starts a dev L1 whose servers listen and which makes blocks when told to."""
    worlds: list[World] = []

    async def begin(fork: EthFork) -> World:
        world = World(tmp_path, fork, kzg=kzg)
        worlds.append(world)
        await world.l1.start()
        return world

    yield begin
    for world in worlds:
        await world.l1.stop()


def blob_transaction(hashes: tuple[Hash32, ...], nonce: int = 0) -> BlobTransaction:
    """Signed, without its sidecar."""
    signed = sign_transaction(
        BlobTransaction(
            nonce, 21_000, DEV_ADDRESSES[4], 0, b"", DEV_L1_CHAIN_ID, 0, 0, 0, 10**9, 10**10, (), 10**9, hashes
        ),
        DEV_KEYS[0],
    )
    assert isinstance(signed, BlobTransaction)
    return signed


def sidecar_of(seeds: tuple[int, ...], version: SidecarVersion) -> BlobSidecar:
    """A sidecar of random blobs."""
    return build_sidecar([make_blob(seed) for seed in seeds], version)


async def send(world: World, sidecar: BlobSidecar, nonce: int = 0) -> str:
    """Over RPC, as a batcher does."""
    raw = encode_network_transaction(blob_transaction(sidecar.versioned_hashes, nonce), sidecar)
    answer: str = await world.call("eth_sendRawTransaction", to_hex(raw))
    return answer


async def get(world: World, path: str) -> tuple[int, Any]:
    """Status and JSON of a beacon API answer."""
    async with ClientSession() as session, session.get(world.l1.beacon.url + path) as answer:
        return answer.status, await answer.json()


async def test_the_beacon_api_tells_genesis_and_slots(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    status, body = await get(world, "/eth/v1/beacon/genesis")
    assert (status, body["data"]["genesis_time"]) == (200, str(GENESIS_TIME))
    status, body = await get(world, "/eth/v1/config/spec")
    assert (status, body["data"]["SECONDS_PER_SLOT"]) == (200, str(SLOT))
    assert body["data"]["FULU_FORK_EPOCH"] == str(2**64 - 1), "never"


async def test_since_osaka_the_beacon_chain_is_at_fulu(start: Start) -> None:
    world = await start(EthFork.OSAKA)
    _, body = await get(world, "/eth/v1/config/spec")
    assert body["data"]["FULU_FORK_EPOCH"] == "0"


async def test_headers_are_found_by_slot_and_a_missed_slot_is_not(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    for slot in (1, 2, 5):
        world.producer.produce(slot)
    for slot, found in ((0, True), (1, True), (2, True), (3, False), (4, False), (5, True), (6, False)):
        status, body = await get(world, f"/eth/v1/beacon/headers/{slot}")
        assert status == (200 if found else 404)
        if found:
            assert body["data"]["header"]["message"]["slot"] == str(slot)
        else:
            assert body["message"] == f"no block at slot {slot}: the slot was missed or lies ahead"
    _, head = await get(world, "/eth/v1/beacon/headers/head")
    assert head["data"]["header"]["message"]["slot"] == "5"
    status, body = await get(world, "/eth/v1/beacon/headers/nonsense")
    assert (status, body["code"]) == (400, 400)


async def test_the_root_of_a_beacon_block_is_its_childs_parent_root(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    for slot in (1, 4):
        world.producer.produce(slot)
    _, parent = await get(world, "/eth/v1/beacon/headers/1")
    _, child = await get(world, "/eth/v1/beacon/headers/4")
    assert child["data"]["header"]["message"]["parent_root"] == parent["data"]["root"]
    root = world.block(2).header.parent_beacon_block_root
    assert root is not None
    assert to_hex(root) == parent["data"]["root"]


async def test_blobs_are_served_by_slot_in_the_order_of_the_block(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    first, second = sidecar_of((1, 2), SidecarVersion.BLOB_PROOFS), sidecar_of((3,), SidecarVersion.BLOB_PROOFS)
    await send(world, first)
    await send(world, second, nonce=1)
    world.producer.produce(3)
    status, body = await get(world, "/eth/v1/beacon/blob_sidecars/3")
    assert status == 200
    blobs = [*first.blobs, *second.blobs]
    assert [entry["index"] for entry in body["data"]] == ["0", "1", "2"]
    assert [entry["blob"] for entry in body["data"]] == [to_hex(blob) for blob in blobs]
    assert [entry["kzg_proof"] for entry in body["data"]] == [to_hex(p) for p in (*first.proofs, *second.proofs)]
    assert {entry["signed_block_header"]["message"]["slot"] for entry in body["data"]} == {"3"}
    _, some = await get(world, "/eth/v1/beacon/blob_sidecars/3?indices=0,2")
    assert [entry["index"] for entry in some["data"]] == ["0", "2"]
    _, by_hash = await get(world, f"/eth/v1/beacon/blobs/3?versioned_hashes={to_hex(second.versioned_hashes[0])}")
    assert by_hash["data"] == [to_hex(blobs[2])]
    _, empty = await get(world, "/eth/v1/beacon/blob_sidecars/0")
    assert empty["data"] == []
    status, body = await get(world, "/eth/v1/beacon/blobs/3?versioned_hashes=0x12")
    assert (status, body["code"]) == (400, 400)


async def test_since_osaka_blob_sidecars_are_gone_and_blobs_are_served(start: Start) -> None:
    world = await start(EthFork.OSAKA)
    sidecar = sidecar_of((7,), SidecarVersion.CELL_PROOFS)
    await send(world, sidecar)
    world.producer.produce(1)
    status, body = await get(world, "/eth/v1/beacon/blob_sidecars/1")
    assert (status, body["code"]) == (410, 410)
    assert "use /eth/v1/beacon/blobs" in body["message"]
    status, body = await get(world, "/eth/v1/beacon/blobs/1")
    assert (status, body["data"]) == (200, [to_hex(sidecar.blobs[0])])


@pytest.mark.parametrize(
    ("fork", "version", "complaint"),
    [
        (EthFork.PRAGUE, SidecarVersion.CELL_PROOFS, "has version 1, this chain takes version 0"),
        (EthFork.OSAKA, SidecarVersion.BLOB_PROOFS, "has version 0, this chain takes version 1"),
    ],
)
async def test_a_sidecar_of_the_wrong_version_is_refused(
    start: Start, fork: EthFork, version: SidecarVersion, complaint: str
) -> None:
    world = await start(fork)
    with pytest.raises(RpcError, match=complaint):
        await send(world, sidecar_of((1,), version))
    assert world.l1.execution.pool.pending_count == 0


async def test_a_blob_transaction_without_its_sidecar_or_with_a_false_proof_is_refused(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    sidecar, other = (sidecar_of((seed,), SidecarVersion.BLOB_PROOFS) for seed in (1, 2))
    bare = blob_transaction(sidecar.versioned_hashes)
    with pytest.raises(RpcError, match="sidecar"):
        await world.call("eth_sendRawTransaction", to_hex(bare.raw))
    forged = BlobSidecar(sidecar.blobs, sidecar.commitments, other.proofs, sidecar.version)
    with pytest.raises(RpcError, match="proof"):
        await world.call("eth_sendRawTransaction", to_hex(encode_network_transaction(bare, forged)))
    fields = decode(bare.raw[1:])
    foreign = b"\x03" + encode([fields, list(other.blobs), list(other.commitments), list(other.proofs)])
    with pytest.raises(RpcError, match="commitments give the blob hashes"):
        await world.call("eth_sendRawTransaction", to_hex(foreign))
    assert world.l1.execution.pool.pending_count == 0


async def test_a_withheld_blob_is_denied_until_it_is_restored(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    sidecar = sidecar_of((5,), SidecarVersion.BLOB_PROOFS)
    await send(world, sidecar)
    world.producer.produce(1)
    name = to_hex(sidecar.versioned_hashes[0])
    assert await world.call("devl1_withholdBlob", name) is True
    assert (await get(world, "/eth/v1/beacon/blobs/1"))[1]["data"] == []
    assert await world.call("devl1_restoreBlob", name) is True
    assert await world.call("devl1_restoreBlob", name) is False
    assert (await get(world, "/eth/v1/beacon/blobs/1"))[1]["data"] == [to_hex(sidecar.blobs[0])]


async def test_blobs_are_stored_with_commitment_and_proofs_until_they_are_lost(start: Start) -> None:
    world = await start(EthFork.PRAGUE)
    sidecar = sidecar_of((9,), SidecarVersion.BLOB_PROOFS)
    await send(world, sidecar)
    world.producer.produce(1)
    stored = world.l1.blobs.get(sidecar.versioned_hashes[0])
    assert stored is not None
    assert (stored.blob, stored.commitment, stored.proofs) == (
        sidecar.blobs[0],
        sidecar.commitments[0],
        sidecar.proofs,
    )
    world.l1.blobs.delete(sidecar.versioned_hashes[0])
    assert world.l1.blobs.get(sidecar.versioned_hashes[0]) is None
