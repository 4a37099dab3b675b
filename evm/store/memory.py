"""How one limit of memory is shared out among the caches of a store."""

from dataclasses import dataclass

_SIXTEENTHS = {"nodes": 5, "native": 2, "flat": 4, "blocks": 2, "write_buffer": 1, "codes": 1}
"""The write buffer counts twice: LevelDB fills one while it writes the one before to disk."""
_OPEN_FILE = 64 << 10
"""Bytes that LevelDB holds per open file (index and Bloom filter), about, at most."""

MINIMUM = 16 << 20
DEFAULT = 128 << 20


@dataclass(frozen=True)
class CacheSizes:
    """Bytes: decoded trie nodes, accounts and slots of the flat state, codes, LevelDB's blocks, one write buffer, what the
    native engine keeps.

    `open_files`: how many files LevelDB may keep open; they take up to 64 kB each beside the caches.
    """

    nodes: int
    flat: int
    codes: int
    blocks: int
    write_buffer: int
    open_files: int
    native: int = 0

    @property
    def total(self) -> int:
        """All together."""
        return self.nodes + self.native + self.flat + self.codes + self.blocks + 2 * self.write_buffer

    @staticmethod
    def of(limit: int = DEFAULT) -> "CacheSizes":
        """Caches that take at most `limit` bytes together. Raises ValueError below the minimum of 16 MB."""
        if limit < MINIMUM:
            raise ValueError(f"the caches need at least {MINIMUM >> 20} MB, not {limit >> 20}")
        part = limit // 16
        return CacheSizes(
            **{name: share * part for name, share in _SIXTEENTHS.items()},
            open_files=max(64, min(512, limit // 4 // _OPEN_FILE)),
        )
