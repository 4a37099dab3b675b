"""Transactions submitted through this node, kept in a file so that they survive a restart."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from evm.types.rlp import RlpError, item_length

log = logging.getLogger("lamina.mempool")


class Journal:
    """A file of transactions in canonical bytes, each after its length (uint32, big-endian). Blobs are not kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def load(self) -> Iterator[bytes]:
        """The transactions in the file. A torn end, as a crash leaves it, is reported and ignored."""
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        offset = 0
        while offset < len(data):
            size = int.from_bytes(data[offset : offset + 4], "big")
            raw = data[offset + 4 : offset + 4 + size]
            if len(raw) < size or not _is_item(raw):
                log.warning("transaction journal %s is damaged after %d bytes: the rest is ignored", self.path, offset)
                return
            yield raw
            offset += 4 + size

    def append(self, raw: bytes) -> None:
        """Add one transaction. Raises OSError when the file cannot be written."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        self._file.write(_record(raw))
        self._file.flush()

    def rewrite(self, transactions: Iterable[bytes]) -> None:
        """Replace the contents, atomically, by what is still wanted."""
        self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(_record(raw) for raw in transactions)
        fresh.replace(self.path)

    def close(self) -> None:
        """Close the file; `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _record(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def _is_item(raw: bytes) -> bool:
    if not raw:
        return False
    try:
        # A legacy transaction is a list, any other a type byte and a list.
        start = 0 if raw[0] >= 0xC0 else 1
        return item_length(raw, start) == len(raw) - start
    except RlpError:
        return False
