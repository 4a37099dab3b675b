"""Old states go, in the background; what is kept can be proven, what is gone is named."""

import time
from collections.abc import Iterator

import pytest

from config.errors import CriticalError
from evm.store.kv import MemoryStore
from evm.types import Header, to_hex
from node.chain import Chain, StatePruned
from node.chain.pruning import Pruner, state_window
from node.database.verify import verify_store
from node.rpc.blocks import BlockFinder
from node.rpc.errors import RpcError
from node.rpc.params import BlockReference
from tests.node.writing_chain import COUNTER, build, extend, open_chain


@pytest.fixture
def chain() -> Iterator[Chain]:
    opened = open_chain(MemoryStore())
    yield opened
    assert verify_store(opened.kv).problems == []


def grow(chain: Chain, blocks: int) -> None:
    """So many blocks on the head, all of them final."""
    for _ in range(blocks):
        extend(chain, chain.head, chain.head.number)
    chain.set_safe(chain.head)
    chain.set_finalized(chain.head)


def prune(chain: Chain, window: int) -> None:
    pruner = Pruner(chain, window)
    while pruner.step():
        pass


def header(chain: Chain, number: int) -> Header:
    found = chain.header_by_number(number)
    assert found is not None
    return found


def test_the_states_of_the_window_are_kept_and_proven_and_older_ones_refused(chain: Chain) -> None:
    grow(chain, 12)
    expected = {
        number: chain.state_at(header(chain, number)).prove(COUNTER, [0, 1]) for number in range(chain.head.number + 1)
    }
    prune(chain, window=4)
    assert chain.history.base.number == 8
    for number in range(8, 13):
        assert chain.require_state(header(chain, number)).prove(COUNTER, [0, 1]) == expected[number]
    for number in range(8):
        with pytest.raises(StatePruned, match=rf"missing trie node .* block {number}\b.* from block 8 on.*archive"):
            chain.require_state(header(chain, number))


def test_callers_are_told_in_geths_words_that_a_state_is_pruned(chain: Chain) -> None:
    grow(chain, 6)
    prune(chain, window=2)
    finder = BlockFinder(chain)
    old = header(chain, 1)
    with pytest.raises(RpcError, match=rf"missing trie node {to_hex(old.state_root)} \(path \)"):
        finder.state(BlockReference(number=1))
    assert finder.state(BlockReference(number=4))[1] == header(chain, 4)
    # The blocks themselves stay.
    assert finder.block(BlockReference(number=1)) is not None


def test_nothing_behind_the_finalized_block_goes_before_it_is_final(chain: Chain) -> None:
    grow(chain, 3)
    for _ in range(10):
        extend(chain, chain.head, chain.head.number)
    prune(chain, window=2)
    assert chain.history.base.number == 3
    fork = header(chain, 4)
    chain.set_head(fork)
    extend(chain, fork, 99)
    assert verify_store(chain.kv).problems == []
    chain.set_safe(chain.head)
    chain.set_finalized(chain.head)
    prune(chain, window=1)
    assert chain.history.base.number == 4


def test_states_of_forks_go_with_the_block_they_left_the_chain_at(chain: Chain) -> None:
    grow(chain, 3)
    side = extend(chain, header(chain, 3), 77, make_head=False)
    upon = extend(chain, side, 78, make_head=False)
    grow(chain, 2)
    prune(chain, window=2)
    assert chain.history.base.number == 3
    assert chain.has_state(side)
    assert chain.has_state(upon)
    grow(chain, 2)
    prune(chain, window=2)
    assert not chain.has_state(side)
    assert not chain.has_state(upon)
    with pytest.raises(StatePruned):
        chain.require_state(upon)


def test_a_block_whose_parents_state_is_gone_is_not_stored(chain: Chain) -> None:
    grow(chain, 3)
    side = extend(chain, header(chain, 3), 77, make_head=False)
    executed = build(chain, side, 5)
    grow(chain, 2)
    prune(chain, window=1)
    with pytest.raises(CriticalError, match=r"the state of its parent, block 4 .* is not kept"):
        chain.insert(executed, make_head=False)
    assert chain.block_by_hash(executed.block.hash) is None


def test_an_archive_that_becomes_a_full_node_prunes_what_it_has(chain: Chain) -> None:
    grow(chain, 8)
    assert chain.history.base.number == 0
    again = Chain(chain.kv, chain.rules, type(chain.state)(chain.kv))
    prune(again, window=3)
    assert again.history.base.number == 5


def test_the_thread_prunes_while_blocks_are_made_and_ends_when_asked(chain: Chain) -> None:
    pruner = Pruner(chain, 2)
    pruner.start()
    try:
        for _ in range(15):
            grow(chain, 1)
        for _ in range(3000):
            if chain.history.base.number == 13 and not chain.history.releases:
                break
            time.sleep(0.01)
    finally:
        pruner.stop()
    assert pruner.error is None
    assert chain.history.base.number == 13


def test_damage_stops_pruning_with_a_reason_and_nothing_else(chain: Chain) -> None:
    grow(chain, 5)
    pruner = Pruner(chain, 2)
    read = chain.kv.get
    gone = b"sj" + (1).to_bytes(8, "big")
    chain.kv.get = lambda key: None if key.startswith(gone) else read(key)  # type: ignore[method-assign]
    pruner.start()
    assert pruner._thread is not None
    pruner._thread.join(30)
    assert pruner.error is not None and "the journal of block 1 is missing" in pruner.error
    chain.kv.get = read  # type: ignore[method-assign]
    grow(chain, 1)
    pruner.stop()


@pytest.mark.parametrize(
    ("mode", "blocks", "window"),
    [("full", None, 604_800), ("full", 128, 128), ("full", 0, None), ("archive", None, None), ("archive", 0, None)],
)
def test_the_window_is_what_the_operator_says_or_the_longest_withdrawal(
    mode: str, blocks: int | None, window: int | None
) -> None:
    assert state_window(mode, blocks, block_time=2) == window


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="archive keeps all states"):
        state_window("archive", 5, 2)
    with pytest.raises(ValueError, match="must be full or archive"):
        state_window("snap", None, 2)


def test_code_stays_when_the_states_that_had_it_are_gone(chain: Chain) -> None:
    account = chain.state_at(chain.head).account(COUNTER)
    assert account is not None
    code_hash = account.code_hash
    grow(chain, 4)
    prune(chain, window=1)
    assert chain.state.code(code_hash)
