"""What a sealed native block hands over, taken apart when someone asks. `core/src/native/result.zig` is the other side."""

import ctypes
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from io import BytesIO
from struct import iter_unpack

from config.types import Hash32, to_hex
from evm.types import Header

_HASH_BYTES = 32


class _Bytes(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t))

    def copy(self) -> bytes:
        """The bytes."""
        return ctypes.string_at(self.data, self.length)


class _Hashes(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("count", ctypes.c_size_t))

    def copy(self) -> list[Hash32]:
        """The hashes."""
        raw = ctypes.string_at(self.data, _HASH_BYTES * self.count) if self.count else b""
        return [key for (key,) in iter_unpack(f"{_HASH_BYTES}s", raw)]


class _Strings(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("lengths", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
    )

    def copy(self) -> list[bytes]:
        """The strings."""
        if not self.count:
            return []
        # A stream takes pieces off faster than slices do.
        rest = BytesIO(ctypes.string_at(self.data, self.size) if self.size else b"")
        return list(map(rest.read, _numbers(self.lengths, self.count)))


class BlockResult(ctypes.Structure):
    """`Result` of `result.zig`."""

    _fields_ = (
        ("header", _Bytes),
        ("hash", ctypes.c_uint8 * _HASH_BYTES),
        ("receipts", _Strings),
        ("node_hashes", _Hashes),
        ("nodes", _Strings),
        ("replaced", _Hashes),
        ("code_hashes", _Hashes),
        ("codes", _Strings),
        ("account_keys", _Hashes),
        ("accounts", _Strings),
        ("slot_counts", ctypes.c_void_p),
        ("slot_keys", _Hashes),
        ("slot_values", _Strings),
        ("wiped", ctypes.c_uint32),
    )


def _numbers(place: int | None, count: int) -> Sequence[int]:
    if place is None or not count:
        return ()
    return memoryview(ctypes.string_at(place, 4 * count)).cast("I")


class NativeBlockResult:
    """A sealed block and what it did. Everything but the hash is read before the block is closed, or not at all.

    `nodes` are the trie nodes at positions that changed; `copies` counts further positions of those that stand at more
    than one; `replaced` are the nodes that stood at positions that changed, as often as they did. `accounts` are RLP by
    the address's keccak256, None where nothing is left; `slots` the new values by account and by the slot's keccak256,
    big-endian without leading zeros. `wiped`: storage that was there before is gone as a whole.
    """

    def __init__(self, result: BlockResult) -> None:
        self._memory: BlockResult | None = result
        self.hash = Hash32(bytes(result.hash))
        self.wiped = bool(result.wiped)

    @cached_property
    def header(self) -> Header:
        """The header, whose hash is `hash`."""
        header = Header.decode(self._result.header.copy())
        header.__dict__["hash"] = self.hash
        return header

    @property
    def _result(self) -> BlockResult:
        if self._memory is None:
            raise ValueError(f"the block {to_hex(self.hash)} is closed: what it did had to be read before")
        return self._memory

    def release(self) -> None:
        """The block is closed: what has not been read is gone."""
        self._memory = None

    @cached_property
    def receipts(self) -> tuple[bytes, ...]:
        """The receipts as they are stored: `Receipt.decode` reads them."""
        return tuple(self._result.receipts.copy())

    @cached_property
    def _node_hashes(self) -> list[Hash32]:
        hashes: list[Hash32] = self._result.node_hashes.copy()
        return hashes

    @cached_property
    def nodes(self) -> dict[Hash32, bytes]:
        """New trie nodes by hash, children before parents."""
        return dict(zip(self._node_hashes, self._result.nodes.copy(), strict=True))

    @cached_property
    def copies(self) -> dict[Hash32, int]:
        """Further positions of nodes that stand at more than one."""
        if len(self.nodes) == len(self._node_hashes):
            return {}
        return {key: count - 1 for key, count in Counter(self._node_hashes).items() if count > 1}

    @cached_property
    def replaced(self) -> tuple[Hash32, ...]:
        """Nodes that stood at positions that changed."""
        return tuple(self._result.replaced.copy())

    @cached_property
    def codes(self) -> dict[Hash32, bytes]:
        """New codes by hash."""
        return dict(zip(self._result.code_hashes.copy(), self._result.codes.copy(), strict=True))

    @cached_property
    def _account_keys(self) -> list[Hash32]:
        keys: list[Hash32] = self._result.account_keys.copy()
        return keys

    @cached_property
    def accounts(self) -> dict[Hash32, bytes | None]:
        """The accounts that changed."""
        encodings = self._result.accounts.copy()
        return {key: raw or None for key, raw in zip(self._account_keys, encodings, strict=True)}

    @cached_property
    def slots(self) -> dict[Hash32, dict[Hash32, bytes]]:
        """The slots that changed, by account."""
        result = self._result
        changed = zip(result.slot_keys.copy(), result.slot_values.copy(), strict=True)
        counts = _numbers(result.slot_counts, len(self._account_keys))
        return {
            key: dict(next(changed) for _ in range(count))
            for key, count in zip(self._account_keys, counts, strict=True)
            if count
        }

    def read_all(self) -> "NativeBlockResult":
        """Read what has not been read yet, so that the block may be closed."""
        for name in ("header", "receipts", "nodes", "copies", "replaced", "codes", "accounts", "slots"):
            getattr(self, name)
        return self
