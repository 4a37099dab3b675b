"""A bounded map that forgets what was not used for longest."""

from collections import OrderedDict
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class LruCache(Generic[_K, _V]):
    """At most `capacity` entries; reading one makes it the most recently used."""

    def __init__(self, capacity: int) -> None:
        """Raises ValueError when `capacity` is not positive."""
        if capacity < 1:
            raise ValueError(f"a cache needs a capacity of at least 1, got {capacity}")
        self._capacity = capacity
        self._entries: OrderedDict[_K, _V] = OrderedDict()

    def get(self, key: _K) -> _V | None:
        """The value, or None when it is not held."""
        # One thread may evict while another reads: only the lookup itself may decide whether the entry is there.
        try:
            value = self._entries[key]
            self._entries.move_to_end(key)
        except KeyError:
            return None
        return value

    def put(self, key: _K, value: _V) -> None:
        """Hold a value, forgetting the least recently used one when full."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
