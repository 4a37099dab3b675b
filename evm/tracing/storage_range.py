"""A contract's storage in the middle of a block, in the order of its trie."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice

from evm.engine import EvmState
from evm.store.state import States
from evm.trie import Trie
from evm.types import Address, Hash32, keccak256
from evm.types.rlp import as_int, decode


@dataclass(frozen=True)
class StoredSlot:
    """A slot that is not zero by its hashed key. `slot` is known of those only that the block has written."""

    hashed: Hash32
    value: int
    slot: int | None = None


def storage_range(state: EvmState, states: States, address: Address, start: bytes, count: int) -> list[StoredSlot]:
    """Up to `count` slots of an account whose hashed keys are not below `start`, as a running block has left them.

    Takes as long as there are slots asked for, however many the contract has. Raises MissingTrieNode.
    """
    live = state.load(address)
    written = sorted(
        (StoredSlot(keccak256(slot.to_bytes(32, "big")), live.storage[slot], slot) for slot in live.written),
        key=lambda item: item.hashed,
    )
    base = live.base if live.has_base_storage and not live.wiped else None
    lying = iter(()) if base is None else _lying(Trie(base.storage_root, states), start)
    # Of what lies in the trie and was written as well, the written counts: it comes first.
    both = merge((item for item in written if item.hashed >= start), lying, key=lambda item: item.hashed)
    newest = (next(group) for _, group in groupby(both, key=lambda item: item.hashed))
    return list(islice((item for item in newest if item.value), count))


def _lying(trie: Trie, start: bytes) -> Iterator[StoredSlot]:
    for key, value in trie.items(start):
        yield StoredSlot(Hash32(key), as_int(decode(value), "storage value"))
