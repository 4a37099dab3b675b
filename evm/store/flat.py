"""The head state as plain entries, one per account and slot: a read is one look-up and no walk through a trie.

The entries on disk are those of one root, which is written with them. Whoever reads holds a `FlatView` of a root. It
answers only as long as the entries are still those of that root, and says so when they are not: a value read while
the next block was being written is thrown away, not trusted.
"""

from threading import Lock
from typing import TypeAlias

from config.types import Hash32
from evm.store.account import Account
from evm.store.cache import ByteBoundedCache
from evm.store.diff import StateChanges
from evm.store.kv import KeyValueStore, WriteBatch
from evm.store.layout import ACCOUNT_PREFIX, FLAT_ROOT_KEY, SLOT_PREFIX

ACCOUNT_BYTES = 400
"""Bytes that a cached account takes with its key, about."""
SLOT_BYTES = 300
"""Bytes that a cached slot takes with its key, about."""


class StaleView(Exception):
    """The entries have moved on to another state: read the trie."""


class _Absent:
    """Stands in the cache for what is not there."""


_ABSENT = _Absent()
_CachedAccount: TypeAlias = Account | bytes | _Absent
"""Bytes are an account that nobody has asked for since it changed."""


class FlatState:
    """Reads entries and stages their changes. Any thread may read; one at a time moves to another root."""

    def __init__(self, kv: KeyValueStore, cache_bytes: int) -> None:
        self._kv = kv
        self._lock = Lock()
        self._version = 0
        self._root: Hash32 | None = None
        self._accounts: ByteBoundedCache[_CachedAccount] = ByteBoundedCache(cache_bytes // 2)
        self._slots: ByteBoundedCache[int] = ByteBoundedCache(cache_bytes // 2)
        self.load()

    def load(self) -> None:
        """Look which state the entries in the store are of."""
        root = self._kv.get(FLAT_ROOT_KEY)
        with self._lock:
            self._root = None if root is None else Hash32(root)

    @property
    def root(self) -> Hash32 | None:
        """The state that the entries are of; None without entries, or while they are being written."""
        return self._root

    def view(self, root: Hash32) -> "FlatView | None":
        """Reads of the state with this root, when it is the one here."""
        with self._lock:
            return FlatView(self, self._version) if root == self._root else None

    def account(self, version: int, key: Hash32) -> Account | None:
        """An account as of a version. Raises StaleView."""
        with self._lock:
            self._check(version)
            cached = self._accounts.get(key)
        if isinstance(cached, Account):
            return cached
        if cached is _ABSENT:
            return None
        raw = cached if isinstance(cached, bytes) else self._kv.get(ACCOUNT_PREFIX + key)
        account = None if raw is None else Account.decode(raw)
        with self._lock:
            self._check(version)
            self._accounts.put(key, account or _ABSENT, ACCOUNT_BYTES)
        return account

    def slot(self, version: int, account: Hash32, slot: Hash32) -> int:
        """A slot's value as of a version; zero when it is not there. Raises StaleView."""
        key = account + slot
        with self._lock:
            self._check(version)
            cached = self._slots.get(key)
        if cached is not None:
            return cached
        value = int.from_bytes(self._kv.get(SLOT_PREFIX + key) or b"", "big")
        with self._lock:
            self._check(version)
            self._slots.put(key, value, SLOT_BYTES)
        return value

    def _check(self, version: int) -> None:
        if version != self._version:
            raise StaleView

    # --- moving to another state ---

    def stage(self, batch: WriteBatch, changes: StateChanges, root: Hash32) -> None:
        """Put into the batch what leads to the state with this root."""
        for key in changes.wiped:
            for entry, _ in self._kv.scan(SLOT_PREFIX + key):
                batch.delete(entry)
        for key, raw in changes.accounts.items():
            if raw is None:
                batch.delete(ACCOUNT_PREFIX + key)
            else:
                batch.put(ACCOUNT_PREFIX + key, raw)
        for key, slots in changes.slots.items():
            for slot, value in slots.items():
                if value:
                    batch.put(SLOT_PREFIX + key + slot, value)
                else:
                    batch.delete(SLOT_PREFIX + key + slot)
        batch.put(FLAT_ROOT_KEY, root)

    def leave(self) -> Hash32 | None:
        """No view is good any more. To be called before the staged batch is written; gives the root that is left."""
        with self._lock:
            left, self._root = self._root, None
            self._version += 1
        return left

    def stay(self, root: Hash32 | None) -> None:
        """The batch could not be written: the entries are still those of this root."""
        with self._lock:
            self._root = root

    def arrive(self, changes: StateChanges, root: Hash32) -> None:
        """The batch is written: the entries are those of this root."""
        with self._lock:
            if changes.wiped:
                self._slots.clear()
            for key, raw in changes.accounts.items():
                # Most are not read before they change again: they are decoded when they are.
                self._accounts.put(key, _ABSENT if raw is None else raw, ACCOUNT_BYTES)
            for key, slots in changes.slots.items():
                for slot, value in slots.items():
                    self._slots.put(key + slot, int.from_bytes(value, "big"), SLOT_BYTES)
            self._root = root


class FlatView:
    """Reads of one state, as long as the entries are of it; StaleView is raised when they no longer are."""

    __slots__ = ("_flat", "_version")

    def __init__(self, flat: FlatState, version: int) -> None:
        self._flat = flat
        self._version = version

    def account(self, key: Hash32) -> Account | None:
        """The account with this hashed address; None when there is none."""
        return self._flat.account(self._version, key)

    def slot(self, account: Hash32, slot: Hash32) -> int:
        """The value of the slot with this hashed number; zero when it is not set."""
        return self._flat.slot(self._version, account, slot)


class ChangedView(FlatView):
    """Reads of a state that is not written yet: changes in memory before the view of what they were made from."""

    __slots__ = ("_behind", "_changes")

    def __init__(self, behind: FlatView, changes: StateChanges) -> None:
        self._behind = behind
        self._changes = changes

    def account(self, key: Hash32) -> Account | None:
        """As `FlatView.account`."""
        if key not in self._changes.accounts:
            return self._behind.account(key)
        raw = self._changes.accounts[key]
        return None if raw is None else Account.decode(raw)

    def slot(self, account: Hash32, slot: Hash32) -> int:
        """As `FlatView.slot`."""
        value = self._changes.slots.get(account, {}).get(slot)
        if value is not None:
            return int.from_bytes(value, "big")
        return 0 if account in self._changes.wiped else self._behind.slot(account, slot)
