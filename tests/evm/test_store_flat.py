"""The flat state: one look-up per value, never a value of another state, in step with the trie."""

from collections.abc import Callable

import pytest

from config.constants import EMPTY_TRIE_ROOT
from config.types import Address, Hash32
from evm.store.flat import FlatState, StaleView
from evm.store.history import BlockState, StateHistory, StatePoint
from evm.store.kv import MemoryStore, WriteBatch
from evm.store.layout import ACCOUNT_PREFIX, NODE_PREFIX, SLOT_PREFIX
from evm.store.memory import CacheSizes
from evm.store.state import Account, StateDiff, StateReader, StateStore, StateUpdate
from evm.types import keccak256

ALICE, BOB, CAROL = (Address(bytes([letter]) * 20) for letter in (0xA1, 0xB0, 0xCA))


class WatchedStore(MemoryStore):
    """Counts look-ups by kind, and calls `after_write` when a batch is in but its writer does not know yet."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[bytes] = []
        self.after_write: Callable[[], None] = lambda: None

    def get(self, key: bytes) -> bytes | None:
        self.reads.append(key[:2])
        return super().get(key)

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        super().write(batch, sync)
        self.after_write()


class Chain:
    """Blocks one after another, or beside each other."""

    def __init__(self) -> None:
        self.kv = WatchedStore()
        update = (
            StateStore(MemoryStore())
            .at(EMPTY_TRIE_ROOT)
            .apply(StateDiff({ALICE: Account(1, 100), BOB: Account(1, 7)}, {BOB: {0: 5, 1: 6}}))
        )
        batch = WriteBatch()
        self.genesis = StatePoint(0, keccak256(b"genesis"))
        StateHistory.begin(batch, self.kv, self.genesis, update)
        self.kv.write(batch)
        self.state = StateStore(self.kv, CacheSizes(1 << 20, 1 << 20, 1 << 20, 0, 0, 0))
        self.history = StateHistory(self.kv, self.state)
        self.root = update.root

    def update(self, diff: StateDiff) -> StateUpdate:
        return self.state.at(self.root).apply(diff)

    def commit(self, diff: StateDiff, head: bool = True) -> Hash32:
        update = self.update(diff)
        point = StatePoint(1, keccak256(update.root))
        self.history.commit(
            WriteBatch(), BlockState(point, self.genesis, self.root, update), update.root if head else None
        )
        return update.root


def facts(reader: StateReader) -> tuple[Account | None, int, int]:
    return reader.account(ALICE), reader.storage(BOB, 0), reader.storage(BOB, 1)


def test_an_account_or_a_slot_is_one_look_up_and_then_none() -> None:
    chain = Chain()
    chain.kv.reads.clear()
    reader = chain.state.at(chain.root)
    assert reader.account(ALICE) == Account(1, 100)
    assert chain.kv.reads == [ACCOUNT_PREFIX]
    assert reader.storage(BOB, 0) == 5
    assert chain.kv.reads == [ACCOUNT_PREFIX, ACCOUNT_PREFIX, SLOT_PREFIX]
    assert reader.account(CAROL) is None
    chain.kv.reads.clear()
    again = chain.state.at(chain.root)
    assert (again.account(ALICE), again.storage(BOB, 0), again.account(CAROL)) == (Account(1, 100), 5, None)
    assert chain.kv.reads == []


def test_a_state_that_is_not_the_heads_is_read_from_its_trie() -> None:
    chain = Chain()
    root = chain.commit(StateDiff({ALICE: Account(2, 50)}, {BOB: {0: 9}}), head=False)
    chain.kv.reads.clear()
    assert facts(chain.state.at(root)) == (Account(2, 50), 9, 6)
    assert ACCOUNT_PREFIX not in chain.kv.reads
    assert SLOT_PREFIX not in chain.kv.reads
    assert facts(chain.state.at(chain.root)) == (Account(1, 100), 5, 6)


def test_a_reader_made_before_the_head_moved_goes_on_reading_its_own_state() -> None:
    chain = Chain()
    untouched, warm = chain.state.at(chain.root), chain.state.at(chain.root)
    assert warm.storage(BOB, 0) == 5
    root = chain.commit(StateDiff({ALICE: Account(2, 50)}, {BOB: {0: 9, 1: 0}}))
    assert facts(untouched) == (Account(1, 100), 5, 6)
    assert facts(warm) == (Account(1, 100), 5, 6)
    assert facts(chain.state.at(root)) == (Account(2, 50), 9, 0)


def test_what_is_read_while_the_next_block_is_being_written_is_of_the_state_asked_for() -> None:
    chain = Chain()
    held = chain.state.at(chain.root)
    view = chain.state.flat.view(chain.root)
    assert view is not None
    seen: list[object] = []

    def during() -> None:
        with pytest.raises(StaleView):
            view.account(keccak256(ALICE))
        seen.append(facts(held))
        seen.append(facts(chain.state.at(chain.root)))

    chain.kv.after_write = during
    root = chain.commit(StateDiff({ALICE: Account(2, 50)}, {BOB: {0: 9, 1: 0}}))
    assert seen == [(Account(1, 100), 5, 6)] * 2
    assert facts(chain.state.at(root)) == (Account(2, 50), 9, 0)
    assert chain.state.flat.view(root) is not None


def test_a_value_read_before_the_write_and_kept_after_it_does_not_get_into_the_cache() -> None:
    chain = Chain()
    view = chain.state.flat.view(chain.root)
    assert view is not None
    inner, written = chain.kv.get, False

    def get(key: bytes) -> bytes | None:
        nonlocal written
        value = inner(key)
        if key == ACCOUNT_PREFIX + keccak256(ALICE) and not written:
            written = True  # the value has been read; before it is kept, the next block arrives
            chain.commit(StateDiff({ALICE: Account(2, 50)}))
        return value

    chain.kv.get = get  # type: ignore[method-assign]
    with pytest.raises(StaleView):
        view.account(keccak256(ALICE))
    chain.kv.get = inner  # type: ignore[method-assign]
    root = chain.state.flat.root
    assert root is not None
    assert chain.state.at(root).account(ALICE) == Account(2, 50)


def test_a_write_that_fails_leaves_the_flat_state_where_it_was() -> None:
    chain = Chain()

    def fail() -> None:
        raise ConnectionAbortedError

    before = chain.kv
    chain.kv.write = lambda batch, sync=True: fail()  # type: ignore[method-assign]
    with pytest.raises(ConnectionAbortedError):
        chain.commit(StateDiff({ALICE: None}))
    assert chain.state.flat.root == chain.root
    before.reads.clear()
    assert chain.state.at(chain.root).account(ALICE) == Account(1, 100)
    assert NODE_PREFIX not in before.reads


def test_a_remembered_state_is_read_through_its_changes_without_its_trie() -> None:
    chain = Chain()
    first = chain.update(StateDiff({ALICE: Account(2, 50)}, {BOB: {0: 9}}))
    chain.state.remember(first)
    second = chain.state.at(first.root).apply(StateDiff({BOB: None, CAROL: Account(0, 1)}))
    chain.state.remember(second)
    chain.kv.reads.clear()
    assert facts(chain.state.at(first.root)) == (Account(2, 50), 9, 6)
    reader = chain.state.at(second.root)
    assert facts(reader) == (Account(2, 50), 0, 0)
    assert reader.account(CAROL) == Account(0, 1)
    assert NODE_PREFIX not in chain.kv.reads
    chain.state.discard(second)
    with pytest.raises(Exception, match="is missing"):
        chain.state.at(second.root).account(CAROL)


def test_a_store_without_flat_entries_is_read_from_its_tries() -> None:
    kv = MemoryStore()
    update = StateStore(kv).at(EMPTY_TRIE_ROOT).apply(StateDiff({ALICE: Account(1, 2)}))
    batch = WriteBatch()
    update.write(batch)
    kv.write(batch)
    assert FlatState(kv, 1000).view(update.root) is None
    assert StateStore(kv).at(update.root).account(ALICE) == Account(1, 2)
