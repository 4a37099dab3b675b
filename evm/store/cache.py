"""A cache bounded by bytes, cheap enough for the hottest reads."""

from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteBoundedCache(Generic[Value]):
    """Values by hash, at most about `limit` bytes of them; those not used for longest go first.

    Two generations stand in for an exact least-recently-used order: a hit costs one dictionary look-up and nothing has
    to be moved. When the young generation has taken half of the limit it becomes the old one, and what was not used
    since then is dropped. Reading from several threads is safe.
    """

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._young: dict[bytes, tuple[Value, int]] = {}
        self._old: dict[bytes, tuple[Value, int]] = {}
        self._young_bytes = 0

    def get(self, key: bytes) -> Value | None:
        """The value, or None when it is not cached."""
        entry = self._young.get(key)
        if entry is None:
            entry = self._old.get(key)
            if entry is None:
                return None
            self.put(key, *entry)
        return entry[0]

    def put(self, key: bytes, value: Value, size: int) -> None:
        """Keep a value that takes about `size` bytes."""
        if key not in self._young:
            self._young_bytes += size
        self._young[key] = (value, size)
        if self._young_bytes > self._half:
            self._old, self._young, self._young_bytes = self._young, {}, 0

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old, self._young_bytes = {}, {}, 0

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
