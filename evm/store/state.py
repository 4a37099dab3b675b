"""The states of blocks: accounts, their storage and code, read and changed by state root.

The state that the flat entries are of is read from them, and any other from its trie, as long as its nodes are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.errors import CriticalError
from config.types import Address, Hash32, short, to_hex
from evm.store.account import Account
from evm.store.cache import ByteBoundedCache
from evm.store.diff import CODE_PREFIX, NODE_PREFIX, StateChanges, StateDiff, StateUpdate
from evm.store.flat import ChangedView, FlatState, FlatView, StaleView
from evm.store.kv import KeyValueStore
from evm.store.memory import CacheSizes
from evm.trie import CorruptTrieNode, Node, Trie, decode_node
from evm.types.hashing import keccak256
from evm.types.rlp import as_int, decode, encode, int_to_rlp

__all__ = [
    "Account",
    "AccountProof",
    "FlatView",
    "MissingCode",
    "StateChanges",
    "StateDiff",
    "StateReader",
    "StateStore",
    "StateUpdate",
    "States",
    "StorageProof",
]

_ENTRY_OVERHEAD = 250
"""Bytes that Python spends on an entry of a cache, about."""

_DECODED_NODE_OVERHEAD = 300
"""Bytes that Python spends on a decoded node besides twice its RLP, about."""


class MissingCode(CriticalError):
    """An account's code is not in the store. Never to be read as "no code"."""

    def __init__(self, code_hash: Hash32) -> None:
        super().__init__(
            f"contract code {to_hex(code_hash)} is missing: the state is incomplete; "
            "rebuild it from L1 or restore the data directory"
        )


@dataclass(frozen=True)
class StorageProof:
    """A slot, its value (zero when absent) and the storage trie's nodes on the way to it (none in an empty trie)."""

    slot: int
    value: int
    proof: list[bytes]


@dataclass(frozen=True)
class AccountProof:
    """An account (None when absent) with its proof in the state trie, and proofs of some of its slots.

    Spec: EIP-1186.
    """

    address: Address
    account: Account | None
    account_proof: list[bytes]
    storage_proofs: tuple[StorageProof, ...]


class States(Protocol):
    """Where the states of blocks are read: a `StateStore`, or one with more on top."""

    def at(self, root: Hash32) -> "StateReader":
        """The state with this root."""
        ...

    def view(self, root: Hash32) -> FlatView | None:
        """Fast reads of this state, where there are any."""
        ...

    def get(self, node_hash: Hash32) -> bytes | None:
        """The RLP of a trie node, or None."""
        ...

    def decoded(self, node_hash: Hash32) -> Node | None:
        """A trie node, decoded, or None."""
        ...

    def code(self, code_hash: Hash32) -> bytes:
        """The code with this hash. Raises MissingCode."""
        ...


class StateStore:
    """Flat entries, trie nodes and codes in a key-value store, with caches of bounded sizes.

    Nodes that are loaded are checked against their hash: CorruptTrieNode or MissingTrieNode is raised, never something
    empty read. Any thread may read; one thread at a time calls `remember`, `written` and `discard`.
    """

    def __init__(self, kv: KeyValueStore, caches: CacheSizes | None = None) -> None:
        caches = caches or CacheSizes.of()
        self._kv = kv
        self._nodes: ByteBoundedCache[Node] = ByteBoundedCache(caches.nodes)
        self._codes: ByteBoundedCache[bytes] = ByteBoundedCache(caches.codes)
        self._pending: tuple[StateUpdate, ...] = ()
        self.flat = FlatState(kv, caches.flat)
        """The state of one root as plain entries; `at` uses them by itself."""

    def at(self, root: Hash32) -> "StateReader":
        """The state with this root. Nothing is loaded yet: see `has`."""
        return StateReader(self, root)

    def has(self, root: Hash32) -> bool:
        """Whether the state with this root can be read: it is written, or remembered."""
        return root == EMPTY_TRIE_ROOT or self.get(root) is not None

    def view(self, root: Hash32) -> FlatView | None:
        """Fast reads of this state: when the flat entries are of it, or of what remembered updates were made from."""
        view = self.flat.view(root)
        if view is None and self._pending:
            for update in self._pending:
                if update.root == root and update.changes is not None and update.changes.parent != root:
                    behind = self.view(update.changes.parent)
                    return None if behind is None else ChangedView(behind, update.changes)
        return view

    def remember(self, update: StateUpdate) -> None:
        """Make a not yet written update readable, so that a block can be built on one that is still being stored."""
        self._pending = (*self._pending, update)

    def written(self, update: StateUpdate) -> None:
        """The batch that holds this update is durable: keep what is in it cached, no longer remembered."""
        self.discard(update)
        # Nodes that nobody has decoded come from an engine that keeps its own: they are read when someone asks.
        for node_hash, node in update.decoded.items():
            self._nodes.put(node_hash, node, 2 * len(update.nodes[node_hash]) + _DECODED_NODE_OVERHEAD)
        for code_hash, code in update.codes.items():
            self._codes.put(code_hash, code, len(code) + _ENTRY_OVERHEAD)

    def discard(self, update: StateUpdate) -> None:
        """Forget an update that will not be written after all; nothing happens when it was not remembered."""
        self._pending = tuple(other for other in self._pending if other is not update)

    # --- evm.trie.DecodedReader ---

    def get(self, node_hash: Hash32) -> bytes | None:
        """The RLP of a trie node that is remembered or written."""
        for update in self._pending:
            raw = update.nodes.get(node_hash)
            if raw is not None:
                return raw
        raw = self._kv.get(NODE_PREFIX + node_hash)
        if raw is not None and keccak256(raw) != node_hash:
            raise CorruptTrieNode(
                f"trie node {to_hex(node_hash)} is damaged in the store: check the disk, then rebuild the state from L1"
            )
        return raw

    def decoded(self, node_hash: Hash32) -> Node | None:
        """A trie node, decoded; shared, so read only."""
        node = self._nodes.get(node_hash)
        if node is None:
            node = next((update.decoded[node_hash] for update in self._pending if node_hash in update.decoded), None)
            if node is not None:
                return node
            raw = self.get(node_hash)
            if raw is None:
                return None
            node = decode_node(raw)
            # Nodes of a remembered update may never be written, but whatever refers to them is then not written either.
            self._nodes.put(node_hash, node, 2 * len(raw) + _DECODED_NODE_OVERHEAD)
        return node

    def code(self, code_hash: Hash32) -> bytes:
        """The code with this hash. Raises MissingCode."""
        if code_hash == EMPTY_KECCAK:
            return b""
        code = self._codes.get(code_hash)
        if code is None:
            code = next((update.codes[code_hash] for update in self._pending if code_hash in update.codes), None)
            if code is None:
                code = self._kv.get(CODE_PREFIX + code_hash)
            if code is None:
                raise MissingCode(code_hash)
            self._codes.put(code_hash, code, len(code) + _ENTRY_OVERHEAD)
        return code


class StateReader:
    """The state of one root. Cheap to make; keeps the accounts it has read, so make one per block or request."""

    def __init__(self, store: States, root: Hash32) -> None:
        self.root = root
        self._store = store
        self._trie = Trie(root, store)
        self._flat = store.view(root)
        self._accounts: dict[Address, Account | None] = {}
        self._storage: dict[Hash32, Trie] = {}

    def account(self, address: Address) -> Account | None:
        """The account, or None when it does not exist."""
        try:
            return self._accounts[address]
        except KeyError:
            account = self._accounts[address] = self._load(keccak256(address))
            return account

    def _load(self, key: Hash32) -> Account | None:
        if self._flat is not None:
            try:
                return self._flat.account(key)
            except StaleView:
                self._flat = None
        raw = self._trie.get(key)
        return None if raw is None else Account.decode(raw)

    def storage(self, address: Address, slot: int) -> int:
        """A storage slot's value; zero when the slot or the account does not exist."""
        account = self.account(address)
        if account is None or account.storage_root == EMPTY_TRIE_ROOT:
            return 0
        if self._flat is not None:
            try:
                return self._flat.slot(keccak256(address), _slot_key(slot))
            except StaleView:
                self._flat = None
        trie = self._storage.get(account.storage_root)
        if trie is None:
            trie = self._storage[account.storage_root] = Trie(account.storage_root, self._store)
        return _slot_value(trie.get(_slot_key(slot)))

    def code(self, code_hash: Hash32) -> bytes:
        """The code with this hash. Raises MissingCode."""
        return self._store.code(code_hash)

    def code_at(self, address: Address) -> bytes:
        """The account's code; empty when it has none or does not exist."""
        account = self.account(address)
        return b"" if account is None else self._store.code(account.code_hash)

    def prove(self, address: Address, slots: Sequence[int] = ()) -> AccountProof:
        """Merkle proofs of an account and some of its slots, absent ones included. Spec: EIP-1186."""
        account = self.account(address)
        trie = Trie(EMPTY_TRIE_ROOT if account is None else account.storage_root, self._store)
        return AccountProof(
            address=address,
            account=account,
            account_proof=self._trie.prove(keccak256(address)),
            storage_proofs=tuple(
                StorageProof(slot, self.storage(address, slot), trie.prove(_slot_key(slot))) for slot in slots
            ),
        )

    def apply(self, diff: StateDiff, to_keep: bool = True) -> StateUpdate:
        """The state after `diff`, not written anywhere yet.

        Unless it is `to_keep`, the nodes of storage that is wiped are not listed, which takes as long as there are many.
        Raises ValueError when the diff gives storage to an account that does not exist.
        """
        made = _Made()
        for address in diff.accounts.keys() | diff.storage.keys() | diff.wiped:
            before = self.account(address)
            after = diff.accounts.get(address, before)
            if after is None and address not in diff.accounts and any(diff.storage.get(address, {}).values()):
                raise ValueError(f"state diff writes storage of {to_hex(address)}, which does not exist")
            key = keccak256(address)
            root = EMPTY_TRIE_ROOT if before is None else before.storage_root
            if root != EMPTY_TRIE_ROOT and (after is None or address in diff.wiped):
                made.wiped.add(key)
                if to_keep:
                    made.replaced.extend(Trie(root, self._store).hashes())
                root = EMPTY_TRIE_ROOT
            if after is None:
                made.accounts[key] = None
                continue
            slots = diff.storage.get(address)
            if slots:
                changed = made.slots[key] = {_slot_key(slot): int_to_rlp(value) for slot, value in slots.items()}
                trie = Trie(root, self._store)
                trie.update({slot: encode(value) if value else None for slot, value in changed.items()})
                root = made.take(trie)
            if root != after.storage_root:
                after = replace(after, storage_root=root)
            made.accounts[key] = after.encode()
        trie = Trie(self.root, self._store)
        trie.update(made.accounts)
        root = made.take(trie)
        changes = StateChanges(
            self.root, made.accounts, made.slots, frozenset(made.wiped), tuple(made.replaced), made.copies
        )
        return StateUpdate(root, made.nodes, dict(diff.codes), made.decoded, changes)

    def __str__(self) -> str:
        return f"state {short(self.root)}"


class _Made:
    """What applying a diff has brought about so far."""

    def __init__(self) -> None:
        self.nodes: dict[Hash32, bytes] = {}
        self.decoded: dict[Hash32, Node] = {}
        self.copies: dict[Hash32, int] = {}
        self.replaced: list[Hash32] = []
        self.accounts: dict[Hash32, bytes | None] = {}
        self.slots: dict[Hash32, dict[Hash32, bytes]] = {}
        self.wiped: set[Hash32] = set()

    def take(self, trie: Trie) -> Hash32:
        """Commit a trie and keep what that makes; its root."""
        root, nodes = trie.commit()
        for node_hash in self.nodes.keys() & nodes.keys():
            # The same storage in two accounts.
            self.copies[node_hash] = self.copies.get(node_hash, 0) + 1
        for node_hash, further in trie.copies.items():
            self.copies[node_hash] = self.copies.get(node_hash, 0) + further
        self.nodes.update(nodes)
        self.decoded.update(trie.committed)
        self.replaced.extend(trie.replaced)
        return root


def _slot_key(slot: int) -> Hash32:
    return keccak256(slot.to_bytes(32, "big"))


def _slot_value(raw: bytes | None) -> int:
    return 0 if raw is None else as_int(decode(raw), "storage value")
