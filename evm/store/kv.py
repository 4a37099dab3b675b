"""An ordered key-value store: on disk through LevelDB, or in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import plyvel

from config.errors import CriticalError
from evm.store.memory import CacheSizes


class StoreError(CriticalError):
    """The store cannot be opened, read or written; the message names its directory and what to do."""


class WriteBatch:
    """Puts and deletes that take effect together or not at all; a later one of the same key wins."""

    def __init__(self) -> None:
        self.operations: dict[bytes, bytes | None] = {}
        """Value by key; None deletes."""

    def put(self, key: bytes, value: bytes) -> None:
        """Store `value` under `key`."""
        self.operations[key] = value

    def delete(self, key: bytes) -> None:
        """Remove `key`; nothing happens when it is not there."""
        self.operations[key] = None

    def __len__(self) -> int:
        return len(self.operations)


class KeyValueStore(Protocol):
    """What the rest of the node knows about a store. Any thread may read; one writes at a time."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        ...

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        """Apply a batch atomically. With `sync` it survives power loss once this returns."""
        ...

    def scan(self, prefix: bytes, start: bytes | None = None, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key begins with `prefix`, in key order (descending with `reverse`), as they are now.

        `start` is the whole key to begin at, itself included when it is there: keys before it (behind it with
        `reverse`) are skipped.
        """
        ...

    def close(self) -> None:
        """Release the store; nothing may use it afterwards."""
        ...


class MemoryStore:
    """A store that is gone with the process."""

    def __init__(self) -> None:
        # By the first two bytes, so that scanning small tables does not touch the many state nodes.
        self._tables: dict[bytes, dict[bytes, bytes]] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        table = self._tables.get(key[:2])
        return None if table is None else table.get(key)

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        """Apply a batch; there is no disk to sync."""
        for key, value in batch.operations.items():
            table = self._tables.setdefault(key[:2], {})
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value

    def scan(self, prefix: bytes, start: bytes | None = None, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """As `KeyValueStore.scan`."""
        entries = [
            (key, value)
            for name, table in list(self._tables.items())
            if name.startswith(prefix[:2]) or prefix.startswith(name)
            for key, value in list(table.items())
            if key.startswith(prefix) and (start is None or (key <= start if reverse else key >= start))
        ]
        entries.sort(reverse=reverse)
        return iter(entries)

    def close(self) -> None:
        """Drop everything."""
        self._tables.clear()


class LevelDbStore:
    """A LevelDB directory. One process at a time can hold it.

    Raises StoreError when the directory is held by another process, unreadable or damaged.
    """

    def __init__(self, path: Path, caches: CacheSizes | None = None) -> None:
        caches = caches or CacheSizes.of()
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._db = plyvel.DB(
                str(path),
                create_if_missing=True,
                lru_cache_size=caches.blocks,
                write_buffer_size=caches.write_buffer,
                # Hashes do not compress, and the snappy in plyvel's wheels took a quarter of a busy node's time to find out.
                compression=None,
                bloom_filter_bits=10,
                max_open_files=caches.open_files,
            )
        except plyvel.CorruptionError as error:
            raise StoreError(
                f"the database in {path} is damaged ({error}): restore it from a backup, or delete it and resync"
            ) from error
        except (plyvel.Error, OSError) as error:
            if "lock" in str(error).lower():
                raise StoreError(
                    f"the database in {path} is in use by another process: stop that process, "
                    "or give this one another data directory"
                ) from error
            raise StoreError(
                f"the database in {path} cannot be opened ({error}): check the path and its access rights"
            ) from error

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None. Raises StoreError when the disk fails or the data is damaged."""
        try:
            # The flat state has no hashes that would show damage; LevelDB's checksums do.
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except (plyvel.Error, RuntimeError) as error:
            raise self._failed("read", error) from error
        return value

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        """Apply a batch atomically. Raises StoreError when that fails; then nothing of it is stored."""
        try:
            with self._db.write_batch(transaction=True, sync=sync) as pending:
                for key, value in batch.operations.items():
                    if value is None:
                        pending.delete(key)
                    else:
                        pending.put(key, value)
        except (plyvel.Error, RuntimeError) as error:
            raise self._failed("written", error) from error

    def scan(self, prefix: bytes, start: bytes | None = None, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """As `KeyValueStore.scan`; later writes do not show in a scan that has begun."""
        low, high = prefix or None, _after(prefix)
        if start is not None and reverse:
            # The smallest key behind `start`, since `high` itself is left out.
            just_behind = start + b"\x00"
            high = just_behind if high is None else min(high, just_behind)
        elif start is not None:
            low = max(start, prefix)
        try:
            # Made here and not in the generator: it shows the store as it is at this moment.
            # Backwards plyvel leaves out an entry right at the lower bound when it is the only one: see `_entries`.
            iterator = self._db.iterator(start=None if reverse else low, stop=high, reverse=reverse)
        except (plyvel.Error, RuntimeError) as error:
            raise self._failed("read", error) from error
        return self._entries(iterator, low if reverse else None)

    def _entries(self, iterator: Iterator[tuple[bytes, bytes]], lowest: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        try:
            for entry in iterator:
                if lowest is not None and entry[0] < lowest:
                    return
                yield entry
        except (plyvel.Error, RuntimeError) as error:
            raise self._failed("read", error) from error

    def statistics(self) -> str:
        """LevelDB's own table: files and bytes per level, time and bytes of compactions."""
        text: bytes | None = self._db.get_property(b"leveldb.stats")
        return (text or b"").decode().rstrip()

    def compact(self) -> None:
        """Rewrite all files so that deleted entries take no space; takes as long as copying the database."""
        self._db.compact_range()

    def close(self) -> None:
        """Close the files and give up the lock. Closing twice is fine."""
        self._db.close()

    def _failed(self, what: str, error: Exception) -> StoreError:
        # plyvel raises RuntimeError when the database has been closed.
        if isinstance(error, RuntimeError):
            return StoreError(f"the database in {self._path} is closed: the node is shutting down")
        # LevelDB's own words come as bytes.
        reason = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else error
        return StoreError(
            f"the database in {self._path} could not be {what}: {reason}; check the disk, then restart the node"
        )


def _after(prefix: bytes) -> bytes | None:
    """The smallest key behind all keys that begin with `prefix`; None when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None
