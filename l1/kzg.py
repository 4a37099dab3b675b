"""KZG work in a process of its own, awaited from the event loop.

ckzg holds the interpreter's lock: proofs for six blobs would stop RPC and sequencing for seconds. The worker starts
with the first request, loads the trusted setup once, and ends with `close` or with the process that started it.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self, TypeVar

from config.errors import TemporaryError
from config.worker_processes import worker_context
from evm.types.transaction import BlobTransaction
from l1 import kzg_core
from l1.kzg_core import BYTES_PER_BLOB, CELLS_PER_BLOB, KzgError, versioned_hash
from l1.sidecar import (
    BlobSidecar,
    SidecarError,
    SidecarVersion,
    build_sidecar,
    decode_network_transaction,
    encode_network_transaction,
    is_network_form,
)

__all__ = [
    "BYTES_PER_BLOB",
    "CELLS_PER_BLOB",
    "BlobSidecar",
    "KzgError",
    "KzgWorker",
    "SidecarError",
    "SidecarVersion",
    "build_sidecar",
    "decode_network_transaction",
    "encode_network_transaction",
    "is_network_form",
    "versioned_hash",
]

_T = TypeVar("_T")


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group; the owner decides when the worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        # The pool's queue keeps a worker waiting for ever when its owner was killed: it would outlive the node.
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()


def _warm() -> None:
    kzg_core.trusted_setup()


def _commitments(blobs: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(kzg_core.commitment_of(blob) for blob in blobs)


def _verify_sidecar(sidecar: BlobSidecar) -> None:
    sidecar.verify()


class KzgWorker:
    """The worker process behind awaitable functions. Requests are served one after the other."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    async def warm_up(self) -> None:
        """Start the worker and load the trusted setup now (about two seconds) instead of at the first request."""
        await self._run(_warm)

    async def commitments(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        """The 48-byte commitments of blobs. Raises KzgError for a malformed blob."""
        return await self._run(_commitments, tuple(blobs)) if blobs else ()

    async def commitment(self, blob: bytes) -> bytes:
        """The 48-byte commitment of one blob. Raises KzgError when it is malformed."""
        return (await self.commitments((blob,)))[0]

    async def blob_proof(self, blob: bytes, commitment: bytes) -> bytes:
        """The 48-byte proof of a blob. Raises KzgError for malformed input."""
        return await self._run(kzg_core.blob_proof_of, blob, commitment)

    async def point_proof(self, blob: bytes, point: bytes) -> bytes:
        """The 48-byte proof of a blob's value at a 32-byte point. Raises KzgError for malformed input."""
        return await self._run(kzg_core.point_proof_of, blob, point)

    async def cell_proofs(self, blob: bytes) -> tuple[bytes, ...]:
        """The 128 cell proofs (48 bytes each) of a blob. Raises KzgError for a malformed blob."""
        return await self._run(kzg_core.cell_proofs_of, blob)

    async def verify_blob_proof(self, blob: bytes, commitment: bytes, proof: bytes) -> bool:
        """Whether the proof shows that the commitment belongs to the blob. Raises KzgError for malformed input."""
        return await self.verify_blob_proofs((blob,), (commitment,), (proof,))

    async def verify_blob_proofs(
        self, blobs: Sequence[bytes], commitments: Sequence[bytes], proofs: Sequence[bytes]
    ) -> bool:
        """Whether all proofs hold, checked together. Raises KzgError for malformed input."""
        return await self._run(kzg_core.verify_blob_proofs, tuple(blobs), tuple(commitments), tuple(proofs))

    async def build_sidecar(self, blobs: Sequence[bytes], version: SidecarVersion) -> BlobSidecar:
        """The sidecar of blobs with the proofs that `version` asks for. Raises KzgError for a malformed blob."""
        return await self._run(build_sidecar, tuple(blobs), version)

    async def verify_sidecar(self, transaction: BlobTransaction, sidecar: BlobSidecar) -> None:
        """Raises SidecarError unless the sidecar is the transaction's and all its proofs hold."""
        sidecar.check_belongs_to(transaction)
        await self._run(_verify_sidecar, sidecar)

    def close(self) -> None:
        """End the worker. Requests that wait are cancelled; one that runs is finished first."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    async def _run(self, function: Callable[..., _T], *arguments: object) -> _T:
        if self._closed:
            raise TemporaryError("the KZG worker is closed; the node is shutting down")
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=worker_context(), initializer=_start_worker)
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = None
            pool.shutdown(wait=False)
            raise TemporaryError(
                "the KZG worker process died (out of memory, or killed); a new one starts with the next request"
            ) from error
