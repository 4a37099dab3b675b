"""One limit bounds all caches, and what they hold takes no more memory than they count."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from config.constants import EMPTY_TRIE_ROOT
from config.types import Address
from evm.store.history import StateHistory, StatePoint
from evm.store.kv import LevelDbStore, MemoryStore, WriteBatch
from evm.store.memory import DEFAULT, MINIMUM, CacheSizes
from evm.store.state import Account, StateDiff, StateStore
from evm.types import keccak256

LIMIT = 4 << 20
ADDRESSES = [Address(keccak256(index.to_bytes(4, "big"))[:20]) for index in range(20_000)]
CONTRACT = ADDRESSES[0]


@pytest.mark.parametrize("limit", [MINIMUM, DEFAULT, 1 << 30, (1 << 30) + 7])
def test_all_caches_together_take_what_the_flag_says(limit: int) -> None:
    sizes = CacheSizes.of(limit)
    assert limit - 16 < sizes.total <= limit
    assert sizes.open_files * (64 << 10) <= max(limit // 4, 4 << 20)


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 MB, not 1"):
        CacheSizes.of(1 << 20)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LevelDbStore]:
    """20,000 accounts with code, one of which has 20,000 slots."""
    # On disk, so that what is read is new memory and not what the store holds anyway.
    kv = LevelDbStore(tmp_path_factory.mktemp("memory") / "db")
    codes = {keccak256(address * 20): address * 20 for address in ADDRESSES}
    update = (
        StateStore(MemoryStore())
        .at(EMPTY_TRIE_ROOT)
        .apply(
            StateDiff(
                {address: Account(1, 10**18, code_hash=keccak256(address * 20)) for address in ADDRESSES},
                {CONTRACT: {slot: 2**255 + slot for slot in range(20_000)}},
                codes,
            )
        )
    )
    batch = WriteBatch()
    StateHistory.begin(batch, kv, StatePoint(0, keccak256(b"")), update)
    kv.write(batch)
    yield kv
    kv.close()


def read_tries(state: StateStore) -> Iterator[None]:
    reader = state.at(state.flat.root or EMPTY_TRIE_ROOT)
    for address in ADDRESSES:
        reader._trie.get(keccak256(address))
        yield


def read_accounts(state: StateStore) -> Iterator[None]:
    for address in ADDRESSES:
        state.at(state.flat.root or EMPTY_TRIE_ROOT).account(address)
        yield


def read_slots(state: StateStore) -> Iterator[None]:
    for slot in range(20_000):
        state.at(state.flat.root or EMPTY_TRIE_ROOT).storage(CONTRACT, slot)
        yield


def read_codes(state: StateStore) -> Iterator[None]:
    for address in ADDRESSES:
        state.code(keccak256(address * 20))
        yield


@pytest.mark.parametrize(
    ("sizes", "read"),
    [
        (CacheSizes(LIMIT, 1, 1, 0, 0, 0), read_tries),
        (CacheSizes(1, LIMIT, 1, 0, 0, 0), read_accounts),
        (CacheSizes(1, LIMIT, 1, 0, 0, 0), read_slots),
        (CacheSizes(1, 1, LIMIT, 0, 0, 0), read_codes),
    ],
    ids=["trie nodes", "accounts", "slots", "codes"],
)
def test_a_full_cache_takes_no_more_memory_than_its_limit(
    filled: LevelDbStore, sizes: CacheSizes, read: Callable[[StateStore], Iterator[None]]
) -> None:
    state = StateStore(filled, sizes)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        highest = 0
        for count, _ in enumerate(read(state)):
            if count % 500 == 0:
                highest = max(highest, tracemalloc.get_traced_memory()[0] - before)
        assert highest <= LIMIT * 1.1
        # It is used, too: not a cache that holds nothing.
        assert highest >= LIMIT * 0.3
    finally:
        tracemalloc.stop()
