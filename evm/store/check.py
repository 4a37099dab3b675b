"""Checks the state in a store: kept states are whole, nothing else is there, and the flat entries are the head's state.

The base's state is walked through. Every other kept state is compared with its parent's, which loads all that is new in
it; so it is whole when its parent's is. Needs memory for a count per trie node.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.errors import CriticalError
from config.types import Hash32, short, to_hex
from evm.store.account import Account
from evm.store.comparison import compare_states
from evm.store.history import Journal, StatePoint, split_hashes
from evm.store.kv import KeyValueStore
from evm.store.layout import (
    ACCOUNT_PREFIX,
    BASE_KEY,
    COUNT_PREFIX,
    JOURNAL_PREFIX,
    NODE_PREFIX,
    RELEASE_PREFIX,
    SLOT_PREFIX,
    journal_key,
)
from evm.store.state import StateStore
from evm.trie import Trie
from evm.types.hashing import keccak256
from evm.types.rlp import RlpError, as_bytes, decode

_NAMED = 5
"""How many problems of one sort are named; more are counted."""


@dataclass(frozen=True)
class StoredState:
    """What the chain says of a block: the root of its state and its parent."""

    root: Hash32
    parent: StatePoint


BlockSource = Callable[[StatePoint], StoredState | None]
"""What is known of a block; None when the chain does not have it."""


@dataclass
class StateReport:
    """What was checked and what is wrong. `states`: how many blocks' states are kept, `base` the oldest of them."""

    base: int = 0
    states: int = 0
    accounts: int = 0
    slots: int = 0
    codes: int = 0
    nodes: int = 0
    problems: list[str] = field(default_factory=list)


class StateCheck:
    """One run. `tell` is called with what is being checked and how much of it is done."""

    def __init__(self, kv: KeyValueStore, block: BlockSource, tell: Callable[[str, int], None]) -> None:
        self._kv = kv
        self._block = block
        self._tell = tell
        self._state = StateStore(kv)
        self._expected: Counter[Hash32] = Counter()
        self._codes: set[Hash32] = set()
        self.report = StateReport()

    def run(self, head: StatePoint, head_root: Hash32) -> StateReport:
        """Check everything; problems are reported, not raised."""
        report = self.report
        base = self._kv.get(BASE_KEY)
        if base is None:
            report.problems.append("no block is marked as the oldest with a state")
            return report
        base_point = StatePoint(int.from_bytes(base[:8], "big"), Hash32(base[8:]))
        report.base = base_point.number
        stored = self._block(base_point)
        if stored is None:
            report.problems.append(f"the oldest block with a state, {base_point.number}, is not in the chain")
        else:
            self._guard(f"block {base_point.number}", lambda: self._walk(stored.root))
        self._check_journals(base_point)
        if self._kv.get(journal_key(head.number, head.block_hash)) is None:
            report.problems.append(f"the state of the head, block {head.number}, is not kept")
        for key, raw in self._kv.scan(RELEASE_PREFIX):
            if len(raw) % 32:
                report.problems.append(f"release {int.from_bytes(key[len(RELEASE_PREFIX) :], 'big')} is cut off")
            self._expected.update(split_hashes(raw))
        self._name(list(self._check_nodes()))
        self._guard("the head", lambda: self._name(list(self._check_flat(head_root))))
        report.codes = len(self._codes)
        return report

    def _guard(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (CriticalError, RlpError) as error:
            self.report.problems.append(f"state of {name}: {error}")

    def _name(self, problems: list[str]) -> None:
        self.report.problems.extend(problems[:_NAMED])
        if len(problems) > _NAMED:
            self.report.problems.append(f"... and {len(problems) - _NAMED} more like the last one")

    def _walk(self, root: Hash32) -> None:
        """Count the nodes of a state by position; loading one checks its hash."""
        trie = Trie(root, self._state)
        self._expected.update(trie.hashes())
        for done, (_, raw) in enumerate(trie.items()):
            if done % 1000 == 0:
                self._tell("accounts of the oldest state", done)
            account = Account.decode(raw)
            self._check_code(account)
            if account.storage_root != EMPTY_TRIE_ROOT:
                self._expected.update(Trie(account.storage_root, self._state).hashes())

    def _check_code(self, account: Account) -> None:
        code_hash = account.code_hash
        if code_hash != EMPTY_KECCAK and code_hash not in self._codes:
            if keccak256(self._state.code(code_hash)) != code_hash:
                self.report.problems.append(f"the code {to_hex(code_hash)} is damaged")
            self._codes.add(code_hash)

    def _check_journals(self, base: StatePoint) -> None:
        report = self.report
        for key, raw in self._kv.scan(JOURNAL_PREFIX):
            number = int.from_bytes(key[len(JOURNAL_PREFIX) : -32], "big")
            point = StatePoint(number, Hash32(key[-32:]))
            report.states += 1
            self._tell("states", report.states)
            name = f"block {number} ({short(point.block_hash)})"
            stored = self._block(point)
            journal = Journal.decode(raw)
            self._expected.update(journal.added)
            if point == base:
                if journal.added or journal.replaced:
                    report.problems.append(f"the journal of the oldest state, {name}, is not empty")
                continue
            if stored is None:
                report.problems.append(f"the state of {name} is kept, but the block is not in the chain")
                continue
            before = self._block(stored.parent)
            if before is None or self._kv.get(journal_key(number - 1, stored.parent.block_hash)) is None:
                report.problems.append(f"the state of {name} is kept, but not that of its parent")
                continue
            self._guard(name, partial(self._compare, before.root, stored.root, journal, name))

    def _compare(self, old: Hash32, new: Hash32, journal: Journal, name: str) -> None:
        found = compare_states(self._state, old, new)
        # Positions that were written again with the same node may stand in both lists of a journal.
        added, replaced = Counter(found.added), Counter(found.changes.replaced)
        if Counter(journal.added) + replaced != added + Counter(journal.replaced):
            self.report.problems.append(f"the journal of {name} does not fit the change of its state")
        for raw in found.changes.accounts.values():
            if raw is not None:
                self._check_code(Account.decode(raw))

    def _check_nodes(self) -> Iterator[str]:
        report, expected = self.report, self._expected
        counts = {Hash32(key[2:]): int.from_bytes(raw, "big") for key, raw in self._kv.scan(COUNT_PREFIX)}
        seen = 0
        for key, raw in self._kv.scan(NODE_PREFIX):
            node_hash = Hash32(key[len(NODE_PREFIX) :])
            report.nodes += 1
            if report.nodes % 10_000 == 0:
                self._tell("trie nodes", report.nodes)
            if keccak256(raw) != node_hash:
                yield f"trie node {to_hex(node_hash)} is damaged"
            wanted = expected.get(node_hash, 0)
            seen += wanted > 0
            if not wanted:
                yield f"trie node {to_hex(node_hash)} is an orphan: no kept state needs it"
            elif counts.pop(node_hash, 1) != wanted:
                yield f"trie node {to_hex(node_hash)} does not have the {wanted} references counted that there are"
        if seen != len(expected):
            yield f"{len(expected) - seen} trie nodes are missing"
        for node_hash in counts:
            yield f"references are counted for trie node {to_hex(node_hash)}, which is not there"

    def _check_flat(self, root: Hash32) -> Iterator[str]:
        """Walk through the head's tries and the flat entries side by side; both are in the order of hashed keys."""
        report = self.report
        if self._state.flat.root != root:
            yield f"the flat state is of root {to_hex(self._state.flat.root or b'')}, the head's is {to_hex(root)}"
            return
        yield from _differences(Trie(root, self._state).items(), self._entries(ACCOUNT_PREFIX), "account")
        yield from _differences(self._slots(root), self._entries(SLOT_PREFIX), "slot")
        report.slots = sum(1 for _ in self._kv.scan(SLOT_PREFIX))

    def _entries(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._kv.scan(prefix):
            yield key[len(prefix) :], value

    def _slots(self, root: Hash32) -> Iterator[tuple[bytes, bytes]]:
        for key, raw in Trie(root, self._state).items():
            self.report.accounts += 1
            if self.report.accounts % 1000 == 0:
                self._tell("accounts of the head", self.report.accounts)
            account = Account.decode(raw)
            self._check_code(account)
            if account.storage_root != EMPTY_TRIE_ROOT:
                for slot, value in Trie(account.storage_root, self._state).items():
                    yield key + slot, as_bytes(decode(value), "storage value")


def _differences(trie: Iterator[tuple[bytes, bytes]], flat: Iterator[tuple[bytes, bytes]], what: str) -> Iterator[str]:
    left, right = next(trie, None), next(flat, None)
    while left or right:
        if left and right and left[0] == right[0]:
            if left[1] != right[1]:
                yield f"{what} {to_hex(left[0])} has another value in the flat state than in the trie"
            left, right = next(trie, None), next(flat, None)
        elif right is None or (left and left[0] < right[0]):
            assert left is not None
            yield f"{what} {to_hex(left[0])} is missing in the flat state"
            left = next(trie, None)
        else:
            yield f"{what} {to_hex(right[0])} is in the flat state but not in the trie"
            right = next(flat, None)
