"""A directory of blobs by versioned hash: beacon nodes forget blobs after about 18 days."""

import asyncio
import logging
import os
from pathlib import Path

from config.types import Hash32, short
from l1.kzg import BYTES_PER_BLOB, KzgError, KzgWorker, versioned_hash

_log = logging.getLogger("lamina.l1")


class BlobArchive:
    """Blobs on disk, one file each, `<2 digits>/<hash>.blob`; each is checked when read."""

    def __init__(self, path: Path, kzg: KzgWorker) -> None:
        """The directory is made when the first blob is stored."""
        self.path = path
        self._kzg = kzg

    async def get(self, blob_hash: Hash32) -> bytes | None:
        """The blob, or None when it is not held. A damaged file is logged, set aside and treated as not held."""
        path = self._file(blob_hash)
        try:
            blob = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None
        try:
            found: Hash32 | None = versioned_hash(await self._kzg.commitment(blob))
        except KzgError:
            found = None
        if found == blob_hash:
            return blob
        damaged = path.with_suffix(".damaged")
        _log.error(
            "blob %s in the archive is damaged (%d bytes); set aside as %s, it will be fetched again",
            short(blob_hash),
            len(blob),
            damaged,
        )
        path.replace(damaged)
        return None

    async def put(self, blob_hash: Hash32, blob: bytes) -> None:
        """Store a checked blob. Raises ValueError for a wrong length, OSError when the disk refuses."""
        if len(blob) != BYTES_PER_BLOB:
            raise ValueError(f"a blob has {BYTES_PER_BLOB} bytes, got {len(blob)}")
        await asyncio.to_thread(self._write, self._file(blob_hash), blob)

    def __contains__(self, blob_hash: Hash32) -> bool:
        return self._file(blob_hash).is_file()

    def _file(self, blob_hash: Hash32) -> Path:
        name = blob_hash.hex()
        return self.path / name[2:4] / f"{name}.blob"

    @staticmethod
    def _write(path: Path, blob: bytes) -> None:
        if path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_bytes(blob)
        partial.replace(path)
