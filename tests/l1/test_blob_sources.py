"""Where blobs come from: which source is asked first, what is said of each, what lies on disk."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.types import Hash32, to_hex
from l1.beacon import RETENTION_SECONDS, BeaconClient, BlobsUnavailable
from l1.blob_archive import BlobArchive
from l1.blob_directory import BlobDirectory
from l1.health import EndpointKind, EndpointState
from l1.kzg import BYTES_PER_BLOB, KzgWorker, versioned_hash
from tests.l1.conftest import Handler, Served, make_blob
from tests.l1.fake_l1 import VirtualClock
from tests.l1.test_beacon import GENESIS, SLOT, Beacon, header

Serve = Callable[[Handler], Awaitable[Served]]

SOON = float(GENESIS + 6 * SLOT)
MUCH_LATER = float(GENESIS + RETENTION_SECONDS + 3 * 86_400)


async def hash_of(blob: bytes, kzg: KzgWorker) -> Hash32:
    return versioned_hash(await kzg.commitment(blob))


def asked_for_blobs(beacon: Beacon) -> int:
    return sum("/beacon/blob" in path for path in beacon.asked)


class SyncingBeacon(Beacon):
    """A beacon node that tells how far it is."""

    head_slot = 0
    distance = 0

    async def __call__(self, request: web.Request) -> web.Response:
        if request.path == "/eth/v1/node/syncing":
            data = {"head_slot": str(self.head_slot), "sync_distance": str(self.distance), "is_syncing": True}
            return web.json_response({"data": data})
        return await super().__call__(request)


async def test_young_blobs_come_from_beacon_nodes_and_old_ones_from_archives(serve: Serve, kzg: KzgWorker) -> None:
    blob = make_blob(20)
    wanted = await hash_of(blob, kzg)
    for now, first in ((SOON, "node"), (MUCH_LATER, "archive")):
        node, archive = Beacon([blob]), Beacon([blob])
        urls = (await serve(node)).url, (await serve(archive)).url
        async with BeaconClient(urls[0], kzg, fallbacks=[urls[1]], now=partial(float, now)) as client:
            assert await client.blobs(header(), [wanted]) == [blob]
            assert [status.kind for status in client.status()] == [EndpointKind.BEACON, EndpointKind.ARCHIVE]
        assert (asked_for_blobs(node), asked_for_blobs(archive)) == ((1, 0) if first == "node" else (0, 1))


async def test_a_node_that_is_behind_or_has_pruned_is_told_apart_and_the_advice_fits_the_age(
    serve: Serve, kzg: KzgWorker
) -> None:
    behind, pruned = SyncingBeacon([], forms=()), SyncingBeacon([], forms=())
    behind.head_slot, behind.distance = 2, 9
    pruned.head_slot = 500_000
    urls = [(await serve(behind)).url, (await serve(pruned)).url]
    wanted = Hash32(b"\x01" + b"\x55" * 31)
    async with BeaconClient(urls, kzg, now=lambda: SOON) as client:
        with pytest.raises(BlobsUnavailable) as young:
            await client.blobs(header(), [wanted])
        assert client.status()[0].state is EndpointState.BEHIND and client.status()[0].lag == 9
    async with BeaconClient(urls, kzg, now=lambda: MUCH_LATER) as client:
        with pytest.raises(BlobsUnavailable) as old:
            await client.blobs(header(), [wanted])
    assert f"{urls[0]} has no blobs for slot 5" in str(young.value)
    assert "it is at slot 2 only, 3 behind" in str(young.value)
    assert "at slot 500000, so it has pruned them or follows another fork" in str(young.value)
    assert "one that is in sync has them" in str(young.value)
    assert "They are 21 days old" in str(old.value) and "--l1.beacon-fallbacks" in str(old.value)
    assert "--l1.blob-directory" in str(old.value) and to_hex(wanted) in str(old.value)


async def test_a_node_that_limits_requests_or_lies_is_asked_last_for_a_while(serve: Serve, kzg: KzgWorker) -> None:
    blobs = [make_blob(21), make_blob(22)]
    hashes = [await hash_of(blob, kzg) for blob in blobs]
    limited, liar, honest = 0, SyncingBeacon([make_blob(23)]), Beacon(blobs)

    async def busy(request: web.Request) -> web.Response:
        nonlocal limited
        limited += 1
        return web.Response(status=429, headers={"Retry-After": "30"})

    clock = VirtualClock()
    urls = [(await serve(busy)).url, (await serve(liar)).url, (await serve(honest)).url]
    async with BeaconClient(urls, kzg, clock=clock, now=lambda: SOON) as client:
        assert await client.blobs(header(), hashes[:1]) == blobs[:1]
        states = [status.state for status in client.status()]
        assert states == [EndpointState.LIMITED, EndpointState.LYING, EndpointState.HEALTHY]
        assert await client.blobs(header(), hashes[1:]) == blobs[1:]
        assert (limited, asked_for_blobs(liar)) == (1, 1), "the honest one was asked first"
        clock.now += 3600
        await client.look()
        assert client.status()[0].failures == 2 and client.status()[1].state is EndpointState.HEALTHY


async def test_a_missed_slot_is_no_failure_of_a_node(serve: Serve, kzg: KzgWorker) -> None:
    async with BeaconClient((await serve(Beacon([]))).url, kzg, now=lambda: SOON) as client:
        for _ in range(5):
            with pytest.raises(BlobsUnavailable, match="slot 9"):
                await client.blobs(header(9), [Hash32(b"\x01" * 32)])
        assert client.status()[0].state is EndpointState.HEALTHY and client.status()[0].failures == 0


@pytest.mark.parametrize("name", ["{}.blob", "0x{}.bin", "{}", "sub/{}.blob", "sidecars", "blobs"])
async def test_a_blob_is_found_in_a_directory_in_each_form(name: str, tmp_path: Path, kzg: KzgWorker) -> None:
    blob = make_blob(24)
    commitment = await kzg.commitment(blob)
    wanted = versioned_hash(commitment)
    if "{}" in name:
        file = tmp_path / name.format(wanted.hex()).replace("sub", wanted.hex()[2:4])
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(blob)
    else:
        entry: object = {"blob": to_hex(blob), "kzg_commitment": to_hex(commitment)}
        other: object = {"blob": to_hex(make_blob(25)), "kzg_commitment": to_hex(bytes(48))}
        if name == "blobs":
            entry, other = to_hex(blob), to_hex(make_blob(25))
        (tmp_path / "blobs-3.json").write_text(json.dumps({"data": [other, entry]}))
    directory = BlobDirectory(tmp_path, kzg)
    assert await directory.get(wanted, header()) == blob
    async with BeaconClient([], kzg, directory=directory) as client:
        assert await client.blobs(header(), [wanted]) == [blob]


async def test_files_of_a_directory_that_do_not_hold_what_they_say_are_named_and_not_used(
    tmp_path: Path, kzg: KzgWorker, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = await hash_of(make_blob(26), kzg)
    (tmp_path / f"{wanted.hex()}.blob").write_bytes(make_blob(27))
    (tmp_path / f"{wanted.hex()}.bin").write_bytes(b"short")
    (tmp_path / "blobs-3.json").write_text('{"data": [{"blob": 7}]}')
    directory = BlobDirectory(tmp_path, kzg)
    async with BeaconClient([], kzg, directory=directory) as client:
        with pytest.raises(BlobsUnavailable, match=f"the directory {tmp_path} lacks them"):
            await client.blobs(header(), [wanted])
    assert f"{wanted.hex()}.blob does not hold the blob" in caplog.text
    assert f"{wanted.hex()}.bin does not hold the blob" in caplog.text
    assert "blobs-3.json is no answer of a beacon node" in caplog.text
    with pytest.raises(ValueError, match="is no directory"):
        BlobDirectory(tmp_path / "missing", kzg)


def numbered(number: int) -> Hash32:
    return Hash32(b"\x01" + number.to_bytes(31, "big"))


async def test_the_archive_stays_within_its_limit_by_forgetting_what_it_stored_first(
    tmp_path: Path, kzg: KzgWorker
) -> None:
    blob = bytes(BYTES_PER_BLOB)
    archive = BlobArchive(tmp_path, kzg, limit_bytes=128 * BYTES_PER_BLOB)
    for number in range(130):
        await archive.put(numbered(number), blob)
        await archive.put(numbered(number), blob)
    assert archive.size_bytes == 128 * BYTES_PER_BLOB
    assert [number for number in range(130) if numbered(number) not in archive] == [0, 1]
    for order, file in enumerate(sorted(tmp_path.rglob("*.blob"), reverse=True)):
        os.utime(file, ns=(order, order))
    leftover = tmp_path / "00" / "x.1.partial"
    leftover.write_bytes(b"half")
    again = BlobArchive(tmp_path, kzg, limit_bytes=128 * BYTES_PER_BLOB)
    await again.put(numbered(200), blob)
    assert again.size_bytes == 128 * BYTES_PER_BLOB and not leftover.exists()
    assert numbered(129) not in again and numbered(2) in again, "the times of files say what was stored first"
    with pytest.raises(ValueError, match="too small"):
        BlobArchive(tmp_path, kzg, limit_bytes=1)


BLOB = make_blob(30)
SOURCES = ["closed", "empty", "liar", "nonsense", "busy", "error", "truth"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_blobs_are_true_or_not_had_whatever_mix_of_nodes_there_is(kzg: KzgWorker, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=4))

    def handler(kind: str) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            if "genesis" in request.path:
                return web.json_response({"data": {"genesis_time": str(GENESIS)}})
            if "spec" in request.path:
                return web.json_response({"data": {"SECONDS_PER_SLOT": str(SLOT)}})
            answers = {
                "empty": web.json_response({"data": []}),
                "liar": web.json_response({"data": [to_hex(make_blob(31))]}),
                "nonsense": web.Response(text="<html>"),
                "busy": web.Response(status=429),
                "error": web.Response(status=500),
                "truth": web.json_response({"data": [to_hex(BLOB)]}),
            }
            return answers[kind]

        return handle

    async def read() -> None:
        runners, urls = [], []
        for kind in kinds:
            if kind == "closed":
                urls.append("http://127.0.0.1:1")
                continue
            app = web.Application()
            app.router.add_route("*", "/{tail:.*}", handler(kind))
            runners.append(web.AppRunner(app))
            await runners[-1].setup()
            await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
            urls.append(f"http://127.0.0.1:{runners[-1].addresses[0][1]}")
        async with BeaconClient(urls, kzg, now=lambda: SOON) as client:
            wanted = await hash_of(BLOB, kzg)
            if "truth" in kinds:
                assert await client.blobs(header(), [wanted]) == [BLOB]
            else:
                with pytest.raises(BlobsUnavailable) as caught:
                    await client.blobs(header(), [wanted])
                assert all(url in str(caught.value) for url in urls)
                assert caught.value.answered == any(kind in ("empty", "liar") for kind in kinds)
        for runner in runners:
            await runner.cleanup()

    asyncio.run(read())
