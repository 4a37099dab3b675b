"""Which states are kept: writes blocks' states, and removes trie nodes that no kept state needs.

Nodes lie under their hash and are shared between blocks, between forks and between the storage of accounts, so they are
counted. One *reference* to a node is one position (see `evm.store.diff.StateChanges`) that holds it

* in the state of the base, the oldest block whose state is kept, or
* among the nodes that a stored block above the base has put somewhere (listed in the block's journal), or
* in a release: nodes that are no longer wanted, waiting for their references to be dropped.

A node is on disk exactly when it has a reference. A kept state consists of nodes of the base's state and of nodes that
blocks between the base and it have put somewhere, so all of it is there. When the base moves on to the next block, the
nodes that this block replaced become a release; when a fork falls behind the base, so do the nodes that its blocks put
anywhere. Dropping a release takes one reference from each of its nodes, and removes those that have none left.

Releases are dropped whole and in order, forks from their newest block down. Therefore a node that has a reference has
children that have one, too, and a node made of a child that is not on disk is not on disk either: only the lowest of a
block's new nodes have to be looked for.

Every step is one atomic batch and leaves all this true, so a crash between steps costs nothing. Codes are kept for ever.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from config.errors import CriticalError
from config.types import Hash32, to_hex
from evm.store.comparison import NewNodes, compare_states
from evm.store.diff import StateChanges, StateUpdate
from evm.store.kv import KeyValueStore, WriteBatch
from evm.store.layout import (
    BASE_KEY,
    CODE_PREFIX,
    COUNT_PREFIX,
    JOURNAL_PREFIX,
    NODE_PREFIX,
    RELEASE_PREFIX,
    journal_key,
    number_key,
)
from evm.store.state import StateStore
from evm.trie import MissingTrieNode, Node, decode_node
from evm.trie.nodes import BRANCH_WIDTH, is_leaf, unpack_path

_FILTER_BITS = 20


@dataclass(frozen=True, slots=True)
class StatePoint:
    """A block as the state knows it."""

    number: int
    block_hash: Hash32


@dataclass(frozen=True)
class BlockState:
    """The state of a block that is about to be stored. `parent_root` is that of the parent's state."""

    point: StatePoint
    parent: StatePoint
    parent_root: Hash32
    update: StateUpdate


@dataclass(frozen=True)
class Journal:
    """Nodes that a block put somewhere, and nodes that it replaced; one entry per position."""

    added: tuple[Hash32, ...]
    replaced: tuple[Hash32, ...]

    def encode(self) -> bytes:
        """As it is stored."""
        return len(self.added).to_bytes(4, "big") + b"".join(self.added) + b"".join(self.replaced)

    @staticmethod
    def decode(raw: bytes) -> "Journal":
        """As it is stored."""
        middle = 4 + 32 * int.from_bytes(raw[:4], "big")
        return Journal(split_hashes(raw[4:middle]), split_hashes(raw[middle:]))


def split_hashes(raw: bytes) -> tuple[Hash32, ...]:
    """Hashes that are stored one after another."""
    return tuple(Hash32(raw[start : start + 32]) for start in range(0, len(raw), 32))


class StateHistory:
    """The writing side of a state store. Any thread may call; writes take turns."""

    def __init__(self, kv: KeyValueStore, state: StateStore) -> None:
        """Open what `begin` has written. Raises CriticalError when there is nothing."""
        self._kv = kv
        self._state = state
        self._lock = Lock()
        base = kv.get(BASE_KEY)
        if base is None:
            raise CriticalError("the data directory holds no state: it is damaged; restore it, or delete it")
        self.base = StatePoint(int.from_bytes(base[:8], "big"), Hash32(base[8:]))
        """The oldest block whose state is kept."""
        releases = [int.from_bytes(key[len(RELEASE_PREFIX) :], "big") for key, _ in kv.scan(RELEASE_PREFIX)]
        self._first_release = releases[0] if releases else 0
        self._next_release = releases[-1] + 1 if releases else 0
        self._counted = bytearray(1 << _FILTER_BITS)
        for key, _ in kv.scan(COUNT_PREFIX):
            self._counted[_bucket(key[len(COUNT_PREFIX) :])] = 1

    @staticmethod
    def begin(batch: WriteBatch, kv: KeyValueStore, point: StatePoint, update: StateUpdate) -> None:
        """Stage the first state of an empty store, which becomes base and flat state. The caller writes the batch."""
        changes = _changes(update, update.changes.parent) if update.changes else None
        if changes is None:
            raise ValueError("the first state must say what it changes")
        for node_hash, raw in update.nodes.items():
            batch.put(NODE_PREFIX + node_hash, raw)
        for node_hash, further in changes.copies.items():
            batch.put(COUNT_PREFIX + node_hash, _count_bytes(further + 1))
        for code_hash, code in update.codes.items():
            batch.put(CODE_PREFIX + code_hash, code)
        batch.put(journal_key(point.number, point.block_hash), Journal((), ()).encode())
        batch.put(BASE_KEY, number_key(point.number) + point.block_hash)
        StateStore(kv).flat.stage(batch, changes, update.root)

    def keeps(self, point: StatePoint) -> bool:
        """Whether the state of this block can be read."""
        return self._kv.get(journal_key(point.number, point.block_hash)) is not None

    def points_at(self, number: int) -> list[StatePoint]:
        """The blocks of this number whose states are kept."""
        prefix = JOURNAL_PREFIX + number_key(number)
        return [StatePoint(number, Hash32(key[len(prefix) :])) for key, _ in self._kv.scan(prefix)]

    # --- writing ---

    def commit(self, batch: WriteBatch, block: BlockState | None, head_root: Hash32 | None, sync: bool = True) -> None:
        """Write a batch together with the state of a new block, if given, and the flat state moved to the head's root, if
        given. `sync`: wait until it is on the disk.

        Raises CriticalError, with nothing written, when the state of the block's parent is not kept.
        """
        state, flat = self._state, self._state.flat
        with self._lock:
            changes = None if block is None else self._stage_block(batch, block)
            if head_root is None or head_root == flat.root:
                self._kv.write(batch, sync=sync)
            else:
                left = flat.root
                if left is None:
                    raise CriticalError(
                        "the flat state is missing: the data directory is damaged; restore or delete it"
                    )
                if block is None or changes is None or (changes.parent, block.update.root) != (left, head_root):
                    nodes = NewNodes(block.update.nodes, state) if block else state
                    changes = compare_states(nodes, left, head_root).changes
                flat.stage(batch, changes, head_root)
                flat.leave()
                try:
                    self._kv.write(batch, sync=sync)
                except BaseException:
                    flat.stay(left)
                    raise
                flat.arrive(changes, head_root)
        if block is not None:
            state.written(block.update)

    def _stage_block(self, batch: WriteBatch, block: BlockState) -> StateChanges | None:
        update, point = block.update, block.point
        for code_hash, code in update.codes.items():
            batch.put(CODE_PREFIX + code_hash, code)
        if self.keeps(point):
            return update.changes  # stored before: its nodes are counted already
        if not self.keeps(block.parent):
            raise CriticalError(
                f"block {point.number} cannot be stored: the state of its parent, block {block.parent.number} "
                f"({to_hex(block.parent.block_hash)}), is not kept"
            )
        changes = _changes(update, block.parent_root)
        if changes is None:
            found = compare_states(NewNodes(update.nodes, self._state), block.parent_root, update.root)
            changes, added = found.changes, Counter(reversed(found.added))
        else:
            added = Counter(update.nodes.keys())
            added.update(changes.copies)
        self._add(batch, added, update)
        journal = Journal(tuple(added.elements()), changes.replaced)
        batch.put(journal_key(point.number, point.block_hash), journal.encode())
        return changes

    def _add(self, batch: WriteBatch, added: Mapping[Hash32, int], update: StateUpdate) -> None:
        """Stage new references, and those nodes that are not there yet. `added` has children before their parents,
        else it takes longer."""
        new: set[Hash32] = set()
        for node_hash, times in added.items():
            raw = update.nodes.get(node_hash)
            node = update.decoded.get(node_hash)
            if node is None and raw is not None and not is_leaf(raw):
                node = decode_node(raw)
            if node is not None and _is_above(node, new):
                held = 0
            else:
                held = self._references(node_hash)
            if not held:
                if raw is None:
                    raise MissingTrieNode(node_hash, "")
                batch.put(NODE_PREFIX + node_hash, raw)
                new.add(node_hash)
            self._stage_count(batch, node_hash, held, held + times)

    def _references(self, node_hash: Hash32) -> int:
        if self._kv.get(NODE_PREFIX + node_hash) is None:
            return 0
        return self._references_of_existing(node_hash)

    def _references_of_existing(self, node_hash: Hash32) -> int:
        if self._counted[_bucket(node_hash)]:
            raw = self._kv.get(COUNT_PREFIX + node_hash)
            if raw is not None:
                return int.from_bytes(raw, "big")
        return 1

    def _stage_count(self, batch: WriteBatch, node_hash: Hash32, before: int, after: int) -> None:
        if after > 1:
            batch.put(COUNT_PREFIX + node_hash, _count_bytes(after))
            self._counted[_bucket(node_hash)] = 1
        elif before > 1:
            batch.delete(COUNT_PREFIX + node_hash)

    # --- pruning ---

    def advance(self, block: StatePoint, parent_of: Callable[[StatePoint], Hash32]) -> None:
        """Make `block`, a child of the base, the base. `parent_of` gives the hash of a kept block's parent.

        The state of the former base and those of blocks that do not descend from the new one cannot be read from now
        on; what only they need is released.
        """
        with self._lock:
            if block.number != self.base.number + 1 or parent_of(block) != self.base.block_hash:
                raise ValueError(f"block {block.number} does not follow the base {self.base.number}")
            batch = WriteBatch()
            first = self._next_release
            for other in reversed(self._beside(block, parent_of)):
                self._release(batch, self._journal(other).added)
                batch.delete(journal_key(other.number, other.block_hash))
            self._release(batch, self._journal(block).replaced)
            batch.put(journal_key(block.number, block.block_hash), Journal((), ()).encode())
            batch.delete(journal_key(self.base.number, self.base.block_hash))
            batch.put(BASE_KEY, number_key(block.number) + block.block_hash)
            try:
                # Not synced: the next block's batch is, and until then nothing is lost but the step itself.
                self._kv.write(batch, sync=False)
            except BaseException:
                self._next_release = first
                raise
            self.base = block

    def _beside(self, block: StatePoint, parent_of: Callable[[StatePoint], Hash32]) -> list[StatePoint]:
        """The kept blocks from this one's number on that do not descend from it, lowest first."""
        found: list[StatePoint] = []
        layer = [point for point in self.points_at(block.number) if point != block]
        while layer:
            found.extend(layer)
            lost = {point.block_hash for point in layer}
            layer = [point for point in self.points_at(layer[0].number + 1) if parent_of(point) in lost]
        return found

    def _journal(self, point: StatePoint) -> Journal:
        raw = self._kv.get(journal_key(point.number, point.block_hash))
        if raw is None:
            raise CriticalError(
                f"the journal of block {point.number} is missing, so states cannot be pruned: "
                "the data directory is damaged; restore it, or delete it and derive the chain again from L1"
            )
        return Journal.decode(raw)

    def _release(self, batch: WriteBatch, hashes: Iterable[Hash32]) -> None:
        raw = b"".join(hashes)
        if raw:
            batch.put(RELEASE_PREFIX + number_key(self._next_release), raw)
            self._next_release += 1

    @property
    def releases(self) -> int:
        """How many releases wait."""
        return self._next_release - self._first_release

    def drop_release(self) -> bool:
        """Drop the oldest release; False when there is none."""
        with self._lock:
            if not self.releases:
                return False
            key = RELEASE_PREFIX + number_key(self._first_release)
            batch = WriteBatch()
            for node_hash, times in Counter(split_hashes(self._kv.get(key) or b"")).items():
                held = self._references_of_existing(node_hash)
                if times > held:
                    raise CriticalError(
                        f"trie node {to_hex(node_hash)} has {held} references and would lose {times}: the data "
                        "directory is damaged; run `lamina db verify`, restore it, or delete it and derive again"
                    )
                if times == held:
                    batch.delete(NODE_PREFIX + node_hash)
                self._stage_count(batch, node_hash, held, held - times)
            batch.delete(key)
            self._kv.write(batch, sync=False)
            self._first_release += 1
            return True


def _changes(update: StateUpdate, parent_root: Hash32) -> StateChanges | None:
    """What the update says it changes, when it was made from the state with this root."""
    changes = update.changes
    return changes if changes is not None and changes.parent == parent_root else None


def _is_above(node: Node, new: set[Hash32]) -> bool:
    """Whether one of the node's children is among `new`."""
    if len(node) == BRANCH_WIDTH:
        try:
            return not new.isdisjoint(node)
        except TypeError:  # an embedded child, a list, cannot be looked up
            return any(type(child) is bytes and child in new for child in node)
    return not unpack_path(node[0])[1] and type(node[1]) is bytes and node[1] in new


def _bucket(node_hash: bytes) -> int:
    return int.from_bytes(node_hash[:4], "big") >> (32 - _FILTER_BITS)


def _count_bytes(count: int) -> bytes:
    return count.to_bytes(6, "big")
