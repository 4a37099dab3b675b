"""The beacon client: which endpoint it uses, what it refuses, where it looks next."""

import gzip
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from config.types import Hash32, to_address, to_hex
from evm.types import Header
from l1.beacon import BeaconClient, BlobsForm, BlobsUnavailable
from l1.blob_archive import BlobArchive
from l1.kzg import KzgWorker, SidecarVersion, versioned_hash
from tests.l1.conftest import Handler, Served, make_blob

Serve = Callable[[Handler], Awaitable[Served]]

GENESIS = 1_700_000_000
SLOT = 12


def header(slot: int = 5) -> Header:
    return Header(
        parent_hash=Hash32(bytes(32)),
        fee_recipient=to_address("0x" + "00" * 20),
        state_root=Hash32(bytes(32)),
        transactions_root=Hash32(bytes(32)),
        receipts_root=Hash32(bytes(32)),
        logs_bloom=bytes(256),
        number=3,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=GENESIS + slot * SLOT,
        extra_data=b"",
        prev_randao=Hash32(bytes(32)),
        base_fee_per_gas=7,
    )


@dataclass
class Beacon:
    """A beacon node with the blobs of slot 5; `forms` are the endpoints it knows."""

    blobs: Sequence[bytes]
    sidecars: Sequence[dict[str, Any]] = ()
    forms: tuple[str, ...] = ("blobs", "blob_sidecars")
    spec: dict[str, Any] = field(default_factory=lambda: {"SECONDS_PER_SLOT": str(SLOT)})
    missing_status: int = 404
    asked: list[str] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        match request.path.strip("/").split("/"):
            case ["eth", "v1", "beacon", "genesis"]:
                return web.json_response({"data": {"genesis_time": str(GENESIS)}})
            case ["eth", "v1", "config", "spec"]:
                return web.json_response({"data": self.spec}) if self.spec else web.Response(status=404)
            case ["eth", "v1", "beacon", form, "5"] if form in self.forms:
                return web.json_response(
                    {"data": [to_hex(blob) for blob in self.blobs] if form == "blobs" else list(self.sidecars)}
                )
            case _:
                return web.json_response({"code": 404, "message": "Block not found"}, status=self.missing_status)


def real_sidecars(vectors: Path) -> list[dict[str, Any]]:
    with gzip.open(vectors / "l1" / "beacon-blob-sidecars-goerli-7422094.json.gz") as file:
        data: list[dict[str, Any]] = json.load(file)["data"]
    return data


def hash_of(sidecar: dict[str, Any]) -> Hash32:
    return versioned_hash(bytes.fromhex(sidecar["kzg_commitment"][2:]))


async def test_a_real_sidecar_answer_gives_its_blobs_in_the_order_asked_for(
    vectors: Path, serve: Serve, kzg: KzgWorker
) -> None:
    sidecars = real_sidecars(vectors)
    beacon = Beacon([], sidecars, forms=("blob_sidecars",))
    hashes = [hash_of(sidecar) for sidecar in reversed(sidecars)]
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        blobs = await client.blobs(header(), hashes)
        assert blobs == [bytes.fromhex(sidecar["blob"][2:]) for sidecar in reversed(sidecars)]
        assert client.nodes[0].blobs_form is BlobsForm.SIDECARS
        asked = len(beacon.asked)
        assert await client.blobs(header(), hashes[:2]) == blobs[:2], "from memory"
        assert len(beacon.asked) == asked


async def test_the_working_endpoint_is_remembered_and_indices_are_passed_on(serve: Serve, kzg: KzgWorker) -> None:
    blobs = [make_blob(1), make_blob(2)]
    sidecar = await kzg.build_sidecar(blobs, SidecarVersion.BLOB_PROOFS)
    entries = [
        {"index": str(index), "blob": to_hex(blob), "kzg_commitment": to_hex(commitment), "kzg_proof": to_hex(proof)}
        for index, (blob, commitment, proof) in enumerate(zip(blobs, sidecar.commitments, sidecar.proofs, strict=True))
    ]
    beacon = Beacon([], entries, forms=("blob_sidecars",))
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        await client.blobs(header(), sidecar.versioned_hashes[:1], [0])
        await client.blobs(header(), sidecar.versioned_hashes[1:], [1])
    paths = [path for path in beacon.asked if "/beacon/blob" in path]
    assert paths[0].startswith("/eth/v1/beacon/blobs/5?versioned_hashes=0x01")
    assert paths[1:] == ["/eth/v1/beacon/blob_sidecars/5?indices=0", "/eth/v1/beacon/blob_sidecars/5?indices=1"]
    assert len([path for path in beacon.asked if "genesis" in path]) == 1


async def test_until_fulu_blobs_are_asked_for_with_their_proofs(serve: Serve, kzg: KzgWorker) -> None:
    blobs = [make_blob(1)]
    sidecar = await kzg.build_sidecar(blobs, SidecarVersion.BLOB_PROOFS)
    entry = {
        "index": "0",
        "blob": to_hex(blobs[0]),
        "kzg_commitment": to_hex(sidecar.commitments[0]),
        "kzg_proof": to_hex(sidecar.proofs[0]),
    }
    spec = {"SECONDS_PER_SLOT": str(SLOT), "SLOTS_PER_EPOCH": "6"}
    for fulu, indices, form in (("1", [0], "blob_sidecars"), ("1", None, "blobs"), ("0", [0], "blobs")):
        beacon = Beacon(blobs, [entry], spec=spec | {"FULU_FORK_EPOCH": fulu})
        async with BeaconClient((await serve(beacon)).url, kzg) as client:
            assert await client.blobs(header(5), sidecar.versioned_hashes, indices) == blobs
        (path,) = [path for path in beacon.asked if "/beacon/blob" in path]
        assert path.startswith(f"/eth/v1/beacon/{form}/5?")


async def test_a_node_without_sidecars_for_a_block_is_asked_for_its_blobs(serve: Serve, kzg: KzgWorker) -> None:
    blobs = [make_blob(1)]
    hashes = [versioned_hash(await kzg.commitment(blob)) for blob in blobs]
    spec = {"SECONDS_PER_SLOT": str(SLOT), "SLOTS_PER_EPOCH": "32", "FULU_FORK_EPOCH": "1"}
    beacon = Beacon(blobs, sidecars=(), spec=spec)
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        assert await client.blobs(header(5), hashes, [0]) == blobs
    forms = [path.split("/")[4] for path in beacon.asked if "/beacon/blob" in path]
    assert forms == ["blob_sidecars", "blobs"]


async def test_a_node_that_calls_the_question_for_sidecars_wrong_is_asked_for_blobs(serve: Serve, kzg: KzgWorker) -> None:
    blobs = [make_blob(1), make_blob(2)]
    hashes = [versioned_hash(await kzg.commitment(blob)) for blob in blobs]
    spec = {"SECONDS_PER_SLOT": str(SLOT), "SLOTS_PER_EPOCH": "32", "FULU_FORK_EPOCH": "1"}
    beacon = Beacon(blobs, forms=("blobs",), spec=spec, missing_status=400)
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        assert await client.blobs(header(), hashes[:1], [0]) == blobs[:1]
        assert await client.blobs(header(), hashes[1:], [1]) == blobs[1:]
    forms = [path.split("/")[4] for path in beacon.asked if "/beacon/blob" in path]
    assert forms == ["blob_sidecars", "blobs", "blobs"], "it is remembered"


async def test_the_newer_endpoint_is_used_where_it_exists(serve: Serve, kzg: KzgWorker) -> None:
    blob = make_blob(3)
    wanted = versioned_hash(await kzg.commitment(blob))
    beacon = Beacon([make_blob(4), blob])
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        assert await client.blobs(header(), [wanted, wanted]) == [blob, blob]
    assert not any("sidecars" in path for path in beacon.asked)


async def test_a_wrong_blob_is_refused_and_the_next_node_asked(
    serve: Serve, kzg: KzgWorker, caplog: pytest.LogCaptureFixture
) -> None:
    blob = make_blob(5)
    wanted = versioned_hash(await kzg.commitment(blob))
    liar, honest = await serve(Beacon([make_blob(6)])), await serve(Beacon([blob]))
    async with BeaconClient([liar.url, honest.url], kzg) as client:
        assert await client.blobs(header(), [wanted]) == [blob]
    assert f"{liar.url} served a wrong blob for slot 5" in caplog.text


async def test_a_sidecar_whose_blob_does_not_fit_its_commitment_is_refused(serve: Serve, kzg: KzgWorker) -> None:
    sidecar = await kzg.build_sidecar([make_blob(7)], SidecarVersion.BLOB_PROOFS)
    entry = {
        "blob": to_hex(make_blob(8)),
        "kzg_commitment": to_hex(sidecar.commitments[0]),
        "kzg_proof": to_hex(sidecar.proofs[0]),
    }
    beacon = Beacon([], [entry], forms=("blob_sidecars",))
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        with pytest.raises(BlobsUnavailable, match=r"the KZG proofs of blobs 0x01.* do not hold"):
            await client.blobs(header(), sidecar.versioned_hashes)


@pytest.mark.parametrize("data", [[None], ["0x12"], ["zz"], [{"blob": 1}], [7]])
async def test_malformed_answers_are_refused(data: list[Any], serve: Serve, kzg: KzgWorker) -> None:
    async def broken(request: web.Request) -> web.Response:
        if "genesis" in request.path:
            return web.json_response({"data": {"genesis_time": str(GENESIS)}})
        if "spec" in request.path:
            return web.json_response({"data": {"SECONDS_PER_SLOT": "12"}})
        return web.json_response({"data": data})

    async with BeaconClient((await serve(broken)).url, kzg) as client:
        with pytest.raises(BlobsUnavailable, match="served a wrong blob"):
            await client.blobs(header(), [Hash32(b"\x01" * 32)])


async def test_a_blob_that_nobody_has_is_told_with_slot_block_hash_and_sources(serve: Serve, kzg: KzgWorker) -> None:
    first, second = await serve(Beacon([], forms=())), await serve(Beacon([]))
    wanted = Hash32(b"\x01" + b"\x77" * 31)
    async with BeaconClient([first.url, second.url], kzg) as client:
        with pytest.raises(BlobsUnavailable) as caught:
            await client.blobs(header(), [wanted])
    message = str(caught.value)
    for part in (to_hex(wanted), "slot 5", "block 3", first.url, second.url, "has only 0 of 1 blobs", "--l1.beacon"):
        assert part in message


async def test_nodes_that_are_down_are_skipped(serve: Serve, kzg: KzgWorker) -> None:
    blob = make_blob(9)
    wanted = versioned_hash(await kzg.commitment(blob))
    async with BeaconClient(["http://127.0.0.1:1", (await serve(Beacon([blob]))).url], kzg) as client:
        assert await client.blobs(header(), [wanted]) == [blob]
        assert await client.slot(header()) == 5


async def test_blobs_are_put_together_from_several_nodes(serve: Serve, kzg: KzgWorker) -> None:
    blobs = [make_blob(10), make_blob(11)]
    hashes = [versioned_hash(commitment) for commitment in await kzg.commitments(blobs)]
    nodes = [(await serve(Beacon([blob]))).url for blob in blobs]
    async with BeaconClient(nodes, kzg) as client:
        assert await client.blobs(header(), hashes) == blobs


async def test_a_block_between_slots_shows_that_the_beacon_node_is_of_another_chain(
    serve: Serve, kzg: KzgWorker
) -> None:
    async with BeaconClient((await serve(Beacon([]))).url, kzg) as client:
        off = replace(header(), timestamp=GENESIS + 61)
        with pytest.raises(BlobsUnavailable, match="another chain"):
            await client.blobs(off, [Hash32(b"\x01" * 32)])


async def test_slots_given_in_milliseconds_are_understood(serve: Serve, kzg: KzgWorker) -> None:
    async with BeaconClient((await serve(Beacon([], spec={"SLOT_DURATION_MS": "12000"}))).url, kzg) as client:
        assert await client.slot(header(9)) == 9


async def test_without_a_spec_blobs_are_asked_for_by_block_number(serve: Serve, kzg: KzgWorker) -> None:
    beacon = Beacon([], spec={})
    async with BeaconClient((await serve(beacon)).url, kzg) as client:
        assert await client.slot(header(9)) == 3


async def test_the_archive_keeps_what_was_fetched_and_sets_damaged_files_aside(
    tmp_path: Path, serve: Serve, kzg: KzgWorker, caplog: pytest.LogCaptureFixture
) -> None:
    blob = make_blob(12)
    wanted = versioned_hash(await kzg.commitment(blob))
    archive = BlobArchive(tmp_path / "blobs", kzg)
    assert await archive.get(wanted) is None and wanted not in archive
    served = await serve(Beacon([blob]))
    async with BeaconClient(served.url, kzg, archive=archive) as client:
        await client.blobs(header(), [wanted])
    assert wanted in archive and await archive.get(wanted) == blob
    (file,) = (tmp_path / "blobs").rglob("*.blob")
    file.write_bytes(blob[:-1] + b"\x55")
    assert await archive.get(wanted) is None
    assert "is damaged" in caplog.text and file.with_suffix(".damaged").exists()
    async with BeaconClient(served.url, kzg, archive=archive) as client:
        assert await client.blobs(header(), [wanted]) == [blob]
    assert await archive.get(wanted) == blob
    with pytest.raises(ValueError, match="131072 bytes, got 1"):
        await archive.put(wanted, b"x")
