"""KZG arithmetic and the worker process around it."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.errors import CriticalError, TemporaryError
from l1 import kzg_core
from l1.kzg import KzgError, KzgWorker, versioned_hash
from tests.conftest import ROOT
from tests.l1.conftest import make_blob


def sidecars(vectors: Path) -> list[dict[str, str]]:
    with gzip.open(vectors / "l1" / "beacon-blob-sidecars-goerli-7422094.json.gz") as file:
        data: list[dict[str, str]] = json.load(file)["data"]
    return data


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


async def test_commitments_and_proofs_of_real_blobs_are_what_the_beacon_chain_says(
    vectors: Path, kzg: KzgWorker
) -> None:
    entries = sidecars(vectors)
    blobs = [unhex(entry["blob"]) for entry in entries]
    commitments = [unhex(entry["kzg_commitment"]) for entry in entries]
    proofs = [unhex(entry["kzg_proof"]) for entry in entries]
    assert len(blobs) == 5
    assert list(await kzg.commitments(blobs)) == commitments
    assert await kzg.blob_proof(blobs[0], commitments[0]) == proofs[0]
    assert await kzg.verify_blob_proofs(blobs, commitments, proofs)
    assert await kzg.verify_blob_proof(blobs[0], commitments[0], proofs[0])


async def test_a_proof_of_another_blob_does_not_verify(vectors: Path, kzg: KzgWorker) -> None:
    first, second, *_ = sidecars(vectors)
    assert not await kzg.verify_blob_proof(
        unhex(first["blob"]), unhex(first["kzg_commitment"]), unhex(second["kzg_proof"])
    )


async def test_a_blob_with_a_word_above_the_field_is_refused(kzg: KzgWorker) -> None:
    with pytest.raises(KzgError, match="no field element"):
        await kzg.commitment(b"\xff" * kzg_core.BYTES_PER_BLOB)


async def test_a_short_blob_is_refused_with_its_length(kzg: KzgWorker) -> None:
    with pytest.raises(KzgError, match="131072 bytes, got 31"):
        await kzg.commitment(bytes(31))


async def test_malformed_points_are_errors_and_not_crashes(kzg: KzgWorker) -> None:
    with pytest.raises(KzgError):
        await kzg.verify_blob_proof(make_blob(1), b"\x00" * 48, b"\x00" * 48)
    with pytest.raises(KzgError, match="48 bytes"):
        await kzg.verify_blob_proof(make_blob(1), b"", b"")


def test_the_versioned_hash_of_the_empty_blob_is_the_known_one() -> None:
    # The commitment to the zero polynomial is the point at infinity.
    assert versioned_hash(b"\xc0" + bytes(47)).hex().startswith("010657f37554c781402a22917dee2f75")


def test_an_altered_trusted_setup_stops_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kzg_core, "TRUSTED_SETUP_SHA256", "00" * 32)
    with pytest.raises(CriticalError, match="not the ceremony's result"):
        kzg_core.trusted_setup_path()


async def test_a_killed_worker_is_reported_and_replaced() -> None:
    async with KzgWorker() as worker:
        await worker.verify_blob_proofs((), (), ())
        assert worker._pool is not None
        for process in list(worker._pool._processes.values()):
            process.kill()
        with pytest.raises(TemporaryError, match="worker process died"):
            await worker.warm_up()
            await worker.warm_up()
        assert await worker.commitments(()) == ()
        assert await worker.verify_blob_proofs((), (), ())


async def test_a_closed_worker_refuses_work() -> None:
    worker = KzgWorker()
    worker.close()
    with pytest.raises(TemporaryError, match="shutting down"):
        await worker.warm_up()


OWNER = """
import asyncio, sys
from l1.kzg import KzgWorker

async def main():
    worker = KzgWorker()
    await worker.verify_blob_proofs((), (), ())
    print(next(iter(worker._pool._processes)), flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_the_worker_does_not_outlive_a_killed_owner(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    owner = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert owner.stdout is not None
    worker_id = int(await asyncio.to_thread(owner.stdout.readline))
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    for _ in range(200):
        try:
            state = Path(f"/proc/{worker_id}/stat").read_text().split(") ")[1][0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the KZG worker still runs 10 s after its owner was killed")
