"""Blobs that somebody saved in a directory: for those that no node keeps any more."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from config.types import Hash32, from_hex, short
from evm.types import Header
from l1.answers import MALFORMED
from l1.kzg import KzgError, KzgWorker, versioned_hash

_log = logging.getLogger("lamina.l1")


class BlobDirectory:
    """A directory that is only read. A blob may lie there as

    - `HASH.blob`, `HASH.bin` or `HASH`, the versioned hash in hex with or without 0x: the 131,072 bytes,
    - the same below a directory of the hash's third and fourth digit, as a node's own archive (`DATADIR/blobs`) has it,
    - part of `blobs-N.json`, N the number of its L1 block: a beacon `blob_sidecars` or `blobs` answer.
    """

    def __init__(self, path: Path, kzg: KzgWorker) -> None:
        """Raises ValueError when there is no such directory."""
        if not path.is_dir():
            raise ValueError(f"{path} is no directory of blobs")
        self.path = path
        self._kzg = kzg

    async def get(self, blob_hash: Hash32, header: Header) -> bytes | None:
        """The blob of an L1 block, checked; None when it is not there. A file with another content is logged."""
        for path in self._files(blob_hash):
            blob = await asyncio.to_thread(_read, path)
            if blob is not None and await self._is(blob, blob_hash, path):
                return blob
        path = self.path / f"blobs-{header.number}.json"
        document = await asyncio.to_thread(_read, path)
        if document is None:
            return None
        try:
            for item in json.loads(document)["data"]:
                blob = self._in_answer(item, blob_hash)
                if blob is not None and await self._is(blob, blob_hash, None):
                    return blob
        except MALFORMED as error:
            _log.error("%s is no answer of a beacon node: %s", path, error)
        return None

    def _files(self, blob_hash: Hash32) -> list[Path]:
        digits = blob_hash.hex()
        names = [f"{prefix}{digits}{suffix}" for prefix in ("", "0x") for suffix in (".blob", ".bin", "")]
        return [place / name for place in (self.path, self.path / digits[2:4]) for name in names]

    @staticmethod
    def _in_answer(item: Any, blob_hash: Hash32) -> bytes | None:
        """The blob of a `blobs` answer, or of a sidecar whose commitment fits."""
        if isinstance(item, str):
            return from_hex(item)
        return from_hex(item["blob"]) if versioned_hash(from_hex(item["kzg_commitment"], 48)) == blob_hash else None

    async def _is(self, blob: bytes, blob_hash: Hash32, file: Path | None) -> bool:
        try:
            if versioned_hash(await self._kzg.commitment(blob)) == blob_hash:
                return True
        except KzgError:
            pass
        if file is not None:
            _log.error("%s does not hold the blob %s that it is named after: remove it", file, short(blob_hash))
        return False


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        _log.error("%s cannot be read: %s", path, error)
        return None
