"""A directory of blobs by versioned hash, of bounded size: beacon nodes forget blobs after about 18 days."""

import asyncio
import logging
import os
from pathlib import Path

from config.types import Hash32, short
from l1.kzg import BYTES_PER_BLOB, KzgError, KzgWorker, versioned_hash

_log = logging.getLogger("lamina.l1")


class BlobArchive:
    """Blobs on disk, one file each, `<2 digits>/<hash>.blob`; each is checked when read.

    Above the limit, those that were stored first go first.
    """

    def __init__(self, path: Path, kzg: KzgWorker, *, limit_bytes: int | None = None) -> None:
        """The directory is made when the first blob is stored. `limit_bytes` None: no limit.

        Raises ValueError for a limit that holds not even the blobs of one block.
        """
        if limit_bytes is not None and limit_bytes < 128 * BYTES_PER_BLOB:
            raise ValueError(
                f"an archive of {limit_bytes:,} bytes is too small: a block may have {128 * BYTES_PER_BLOB:,} of blobs"
            )
        self.path = path
        self._kzg = kzg
        self._limit = limit_bytes
        self._files: dict[Path, int] | None = None
        """Every file with its size, the one that was stored first first; None before the directory has been looked at."""
        self._bytes = 0
        self._lock = asyncio.Lock()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files, as far as the directory has been looked at (it is when the first blob is stored)."""
        return self._bytes

    async def get(self, blob_hash: Hash32) -> bytes | None:
        """The blob, or None when it is not held. A damaged file is logged, set aside and treated as not held."""
        path = self._file(blob_hash)
        try:
            blob = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.error("blob %s cannot be read from the archive: %s", short(blob_hash), error)
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
        async with self._lock:
            path.replace(damaged)
            if self._files is not None and path in self._files:
                self._files = {damaged if file == path else file: size for file, size in self._files.items()}
        return None

    async def put(self, blob_hash: Hash32, blob: bytes) -> None:
        """Store a checked blob. Raises ValueError for a wrong length, OSError when the disk refuses."""
        if len(blob) != BYTES_PER_BLOB:
            raise ValueError(f"a blob has {BYTES_PER_BLOB} bytes, got {len(blob)}")
        async with self._lock:
            await asyncio.to_thread(self._put, self._file(blob_hash), blob)

    def __contains__(self, blob_hash: Hash32) -> bool:
        return self._file(blob_hash).is_file()

    def _file(self, blob_hash: Hash32) -> Path:
        name = blob_hash.hex()
        return self.path / name[2:4] / f"{name}.blob"

    def _put(self, path: Path, blob: bytes) -> None:
        files = self._look() if self._files is None else self._files
        self._files = files
        if path in files and path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_bytes(blob)
        partial.replace(path)
        self._bytes += len(blob) - files.pop(path, 0)
        files[path] = len(blob)
        while self._limit is not None and self._bytes > self._limit:
            oldest = next(iter(files))
            oldest.unlink(missing_ok=True)
            self._bytes -= files.pop(oldest)

    def _look(self) -> dict[Path, int]:
        """All files there; what a write that was cut short has left behind is removed."""
        found = []
        for path in self.path.glob("??/*"):
            if path.suffix == ".partial":
                path.unlink(missing_ok=True)
            elif path.suffix in (".blob", ".damaged"):
                facts = path.stat()
                found.append((facts.st_mtime_ns, path, facts.st_size))
        self._bytes = sum(size for _, _, size in found)
        return {path: size for _, path, size in sorted(found)}
