"""The core's trie alone, for tests and tools. `core/src/native/trie_doors.zig` is the other side."""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.errors import CriticalError
from config.types import Hash32, to_hex
from evm.native.fetch import CALLBACK, Fetcher, Kind
from evm.native.library import load_library

_KEY_BYTES = 32
_NOT_THERE, _MISSING, _DAMAGED = -1, -2, -3
_HANDLE, _SIZE, _BYTES, _SSIZE = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_ssize_t
_POINTER = ctypes.POINTER(ctypes.c_void_p)
_DOORS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "lamina_trie_open": (_HANDLE, (_BYTES, CALLBACK, ctypes.c_void_p)),
    "lamina_trie_close": (None, (_HANDLE,)),
    "lamina_trie_get": (_SSIZE, (_HANDLE, _BYTES, _POINTER)),
    "lamina_trie_put": (_SSIZE, (_HANDLE, _BYTES, _BYTES, _SIZE)),
    "lamina_trie_commit": (_SSIZE, (_HANDLE, _BYTES)),
    "lamina_trie_created": (_SSIZE, (_HANDLE, _SIZE, _BYTES, _POINTER)),
    "lamina_trie_replaced": (_SSIZE, (_HANDLE, _POINTER)),
    "lamina_trie_missing": (None, (_HANDLE, _BYTES)),
    "lamina_ordered_root": (None, (_SIZE, ctypes.POINTER(_BYTES), ctypes.POINTER(_SIZE), _BYTES)),
    "lamina_rlp_is_valid": (ctypes.c_uint32, (_BYTES, _SIZE, _SIZE)),
}


@cache
def _door(name: str) -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = getattr(load_library(), name)
    function.restype, function.argtypes = _DOORS[name]
    return function


class TrieNodeMissing(CriticalError):
    """A node is not there. Never to be read as an empty subtree."""

    def __init__(self, node_hash: Hash32) -> None:
        super().__init__(f"trie node {to_hex(node_hash)} is missing")
        self.node_hash = node_hash


class TrieNodeDamaged(CriticalError):
    """A node is not what its hash or its place promises."""


@dataclass(frozen=True)
class TrieCommit:
    """The root after changes, and how the nodes differ from those before, by position: see `trie/trie.zig`."""

    root: Hash32
    created: tuple[tuple[Hash32, bytes], ...]
    replaced: tuple[Hash32, ...]


class NativeTrie:
    """A trie with keys of 32 bytes over nodes that `get` gives by hash."""

    def __init__(self, root: Hash32, get: Callable[[Hash32], bytes | None]) -> None:
        def fetch(_kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
            return [get(key) for key in keys]

        self._fetcher = Fetcher(fetch)
        handle = _door("lamina_trie_open")(root, self._fetcher.callback, None)
        if not handle:
            raise MemoryError("no memory for a trie")
        self._handle: int = handle

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            _door("lamina_trie_close")(handle)

    def get(self, key: bytes) -> bytes | None:
        """The value under a key. Raises TrieNodeMissing, TrieNodeDamaged."""
        place = ctypes.c_void_p()
        length = self._check(_door("lamina_trie_get")(self._handle, _checked(key), ctypes.byref(place)))
        return None if length == _NOT_THERE else ctypes.string_at(place, length)

    def put(self, key: bytes, value: bytes) -> None:
        """Set the value under a key; empty deletes it. Raises TrieNodeMissing, TrieNodeDamaged."""
        self._check(_door("lamina_trie_put")(self._handle, _checked(key), value, len(value)))

    def commit(self) -> TrieCommit:
        """The root after the changes so far. Raises TrieNodeMissing, TrieNodeDamaged."""
        root = ctypes.create_string_buffer(_KEY_BYTES)
        count = self._check(_door("lamina_trie_commit")(self._handle, root))
        created = []
        for index in range(count):
            node_hash, place = ctypes.create_string_buffer(_KEY_BYTES), ctypes.c_void_p()
            length = _door("lamina_trie_created")(self._handle, index, node_hash, ctypes.byref(place))
            created.append((Hash32(node_hash.raw), ctypes.string_at(place, length)))
        place = ctypes.c_void_p()
        hashes = _door("lamina_trie_replaced")(self._handle, ctypes.byref(place)) * _KEY_BYTES
        raw = ctypes.string_at(place, hashes) if hashes else b""
        replaced = tuple(Hash32(raw[start : start + _KEY_BYTES]) for start in range(0, hashes, _KEY_BYTES))
        return TrieCommit(Hash32(root.raw), tuple(created), replaced)

    def _check(self, outcome: int) -> int:
        self._fetcher.reraise()
        if outcome >= _NOT_THERE:
            return outcome
        node_hash = ctypes.create_string_buffer(_KEY_BYTES)
        _door("lamina_trie_missing")(self._handle, node_hash)
        if outcome == _MISSING:
            raise TrieNodeMissing(Hash32(node_hash.raw))
        if outcome == _DAMAGED:
            raise TrieNodeDamaged("a trie node is damaged")
        raise MemoryError("no memory for a trie")


def _checked(key: bytes) -> bytes:
    if len(key) != _KEY_BYTES:
        raise ValueError(f"a key has {_KEY_BYTES} bytes, this one {len(key)}")
    return key


def ordered_root(values: Sequence[bytes]) -> Hash32:
    """The root of a list: of the trie from rlp(index) to value."""
    count = len(values)
    out = ctypes.create_string_buffer(_KEY_BYTES)
    _door("lamina_ordered_root")(count, (_BYTES * count)(*values), (_SIZE * count)(*map(len, values)), out)
    return Hash32(out.raw)


def is_canonical_rlp(data: bytes, max_depth: int = 64) -> bool:
    """Whether the bytes are exactly one RLP value in its only encoding, with at most so many lists inside each other."""
    return bool(_door("lamina_rlp_is_valid")(data, len(data), max_depth))
