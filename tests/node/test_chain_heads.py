"""The chain of a node: what moves its heads, what refuses to, and what is still there after a restart."""

from pathlib import Path
from typing import Any

import pytest

from config.errors import CriticalError
from config.genesis import Genesis
from config.l1_chain import L1ChainConfig
from config.types import Hash32
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import KeyValueStore, LevelDbStore, MemoryStore, WriteBatch
from evm.store.state import StateStore
from evm.types import Block, Header
from evm.types.receipt_list import encode_receipts
from evm.types.rlp import encode
from node.chain import Chain, ChainUpdate, SchemaError
from tests.node.rpc_world import DEV_ADDRESSES, build_block, dev_genesis, dev_transaction, mine, open_chain


def extend(chain: Chain, count: int) -> list[Header]:
    """`count` empty blocks on the head."""
    return [mine(chain).block.header for _ in range(count)]


def sibling(chain: Chain, parent: Header, *senders: int) -> Block:
    """A block beside the canonical one, stored but not made the head."""
    executed = build_block(chain, [dev_transaction(sender, 0, value=1) for sender in senders], parent)
    chain.insert(executed, make_head=False)
    return executed.block


def watch(chain: Chain) -> tuple[list[ChainUpdate], list[tuple[int, int]]]:
    """Records head moves and label moves (safe, finalized) from now on."""
    updates: list[ChainUpdate] = []
    labels: list[tuple[int, int]] = []
    chain.on_new_head(updates.append)
    chain.on_labels(lambda: labels.append((chain.safe.number, chain.finalized.number)))
    return updates, labels


def test_a_new_chain_stands_on_its_genesis_with_all_heads() -> None:
    chain = open_chain(dev_genesis())
    assert chain.genesis == chain.head == chain.safe == chain.finalized
    assert chain.genesis.number == 0
    assert chain.canonical_hash(0) == chain.genesis.hash
    assert chain.receipts(chain.genesis.hash) == ()
    assert chain.canonical_hash(1) is None


def test_an_inserted_block_becomes_the_head_and_everything_of_it_can_be_read() -> None:
    chain = open_chain(dev_genesis())
    updates, labels = watch(chain)
    transaction = dev_transaction(0, 0, value=5)
    executed = mine(chain, transaction)
    block = executed.block
    assert chain.head == block.header
    assert (chain.safe.number, chain.finalized.number) == (0, 0)
    assert chain.block_by_number(1) == chain.block_by_hash(block.hash) == block
    assert chain.header_by_number(1) == chain.header_by_hash(block.hash) == block.header
    assert chain.receipts(block.hash) == executed.receipts
    location = chain.find_transaction(transaction.hash)
    assert location is not None
    assert (location.block_hash, location.number, location.index) == (block.hash, 1, 0)
    recipient = chain.state_at(block.header).account(DEV_ADDRESSES[4])
    assert recipient is not None
    assert recipient.balance == 1_000 * 10**18 + 5
    assert updates == [ChainUpdate(added=(block,))]
    assert labels == []


def test_a_block_without_its_parent_is_refused() -> None:
    chain, other = open_chain(dev_genesis()), open_chain(dev_genesis())
    mine(other, dev_transaction(0, 0))
    orphan = mine(other)
    with pytest.raises(CriticalError, match=r"its parent 0x[0-9a-f]{8}\.\. is not there"):
        chain.insert(orphan)
    assert chain.head == chain.genesis


def test_a_stored_side_block_changes_nothing_until_it_is_made_the_head() -> None:
    chain = open_chain(dev_genesis())
    extend(chain, 2)
    updates, _ = watch(chain)
    side = sibling(chain, chain.genesis, 0)
    assert chain.head.number == 2
    assert updates == []
    assert chain.block_by_hash(side.hash) == side
    assert not chain.is_canonical(side.header)
    assert chain.find_transaction(side.transactions[0].hash) is None


def test_a_reorg_says_what_went_and_what_came_and_the_index_follows() -> None:
    chain = open_chain(dev_genesis())
    first = mine(chain, dev_transaction(0, 0)).block
    second = mine(chain, dev_transaction(1, 0)).block
    side = sibling(chain, chain.genesis, 0, 2)
    top = build_block(chain, [dev_transaction(3, 0)], side.header)
    chain.insert(top, make_head=False)
    updates, _ = watch(chain)
    chain.set_head(top.block.header)
    assert updates == [ChainUpdate(added=(side, top.block), removed=(second, first))]
    assert [chain.canonical_hash(number) for number in range(3)] == [chain.genesis.hash, side.hash, top.block.hash]
    moved = chain.find_transaction(side.transactions[0].hash)
    assert moved is not None
    assert (moved.block_hash, moved.index) == (side.hash, 0)
    assert chain.find_transaction(second.transactions[0].hash) is None
    # The dropped blocks can still be read, and be made canonical again.
    assert chain.block_by_hash(second.hash) == second
    chain.set_head(second.header)
    assert updates[-1] == ChainUpdate(added=(first, second), removed=(top.block, side))
    assert chain.find_transaction(second.transactions[0].hash) is not None


def test_the_head_can_go_back_along_its_own_chain() -> None:
    chain = open_chain(dev_genesis())
    headers = extend(chain, 3)
    updates, _ = watch(chain)
    chain.set_head(headers[0])
    assert chain.head == headers[0]
    assert chain.canonical_hash(2) is None
    assert [block.number for block in updates[0].removed] == [3, 2]
    assert updates[0].added == ()


def test_making_the_head_the_head_tells_nobody() -> None:
    chain = open_chain(dev_genesis())
    extend(chain, 1)
    updates, labels = watch(chain)
    chain.set_head(chain.head)
    chain.set_safe(chain.safe)
    chain.set_finalized(chain.finalized)
    assert (updates, labels) == ([], [])


def test_labels_follow_the_order_of_the_heads() -> None:
    chain = open_chain(dev_genesis())
    headers = extend(chain, 4)
    _, labels = watch(chain)
    chain.set_safe(headers[2])
    chain.set_finalized(headers[1])
    assert (chain.safe, chain.finalized) == (headers[2], headers[1])
    assert labels == [(3, 0), (3, 2)]
    with pytest.raises(CriticalError, match="cannot move back"):
        chain.set_finalized(headers[0])
    with pytest.raises(CriticalError, match="cannot be above the safe head"):
        chain.set_finalized(headers[3])
    with pytest.raises(CriticalError, match="cannot be above the safe head"):
        chain.set_safe(headers[0])
    assert (chain.safe, chain.finalized) == (headers[2], headers[1])


def test_a_block_that_is_not_canonical_gets_no_label() -> None:
    chain = open_chain(dev_genesis())
    extend(chain, 2)
    side = sibling(chain, chain.genesis, 0)
    with pytest.raises(CriticalError, match="cannot be the safe head: it is not in the canonical chain"):
        chain.set_safe(side.header)


def test_a_reorg_below_the_safe_head_takes_it_back_to_the_fork_and_says_so() -> None:
    chain = open_chain(dev_genesis())
    headers = extend(chain, 3)
    chain.set_safe(headers[1])
    side = sibling(chain, headers[0], 0)
    _, labels = watch(chain)
    chain.set_head(side.header)
    assert chain.safe == headers[0]
    assert labels == [(1, 0)]


def test_a_reorg_below_the_finalized_head_is_refused_and_leaves_everything_as_it_was() -> None:
    chain = open_chain(dev_genesis())
    headers = extend(chain, 3)
    chain.set_safe(headers[1])
    chain.set_finalized(headers[1])
    side = sibling(chain, headers[0], 0)
    with pytest.raises(CriticalError, match="would drop the finalized block 2"):
        chain.set_head(side.header)
    assert chain.head == headers[2]
    assert chain.canonical_hash(2) == headers[1].hash


# --- on disk ---


def open_on(kv: KeyValueStore, document: dict[str, Any]) -> Chain:
    """The chain of a genesis document on a store, written when it is new."""
    config = L1ChainConfig.from_json(document)
    block, update = genesis_block(Genesis.from_json(document), config)
    Chain.initialise(kv, block, update)
    return Chain(kv, L1Rules(config), StateStore(kv))


def test_blocks_heads_and_state_are_there_after_a_restart(tmp_path: Path) -> None:
    document = dev_genesis()
    kv = LevelDbStore(tmp_path)
    chain = open_on(kv, document)
    transaction = dev_transaction(0, 0, value=7)
    block = mine(chain, transaction).block
    headers = extend(chain, 3)
    chain.set_safe(headers[1])
    chain.set_finalized(block.header)
    kv.close()
    again = LevelDbStore(tmp_path)
    reopened = open_on(again, document)
    assert (reopened.head, reopened.safe, reopened.finalized) == (headers[2], headers[1], block.header)
    assert reopened.block_by_number(1) == block
    assert reopened.receipts(block.hash) == chain.receipts(block.hash)
    location = reopened.find_transaction(transaction.hash)
    assert location is not None
    assert location.number == 1
    assert mine(reopened, dev_transaction(0, 1)).block.number == 5
    again.close()


class PowerCut(MemoryStore):
    """A store that loses power before a write: the write never happened."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = False

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        if self.cut:
            raise CriticalError("the disk is gone")
        super().write(batch, sync)


def test_nobody_hears_of_a_block_whose_write_failed() -> None:
    kv = PowerCut()
    chain = open_on(kv, dev_genesis())
    updates, _ = watch(chain)
    kv.cut = True
    with pytest.raises(CriticalError, match="the disk is gone"):
        mine(chain)
    assert updates == []
    assert chain.head == chain.genesis
    assert chain.block_by_number(1) is None


class CountingStore(MemoryStore):
    """Counts writes, and how many of them were synced."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bool] = []

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        self.writes.append(sync)
        super().write(batch, sync)


def test_a_block_goes_to_disk_in_one_synced_batch() -> None:
    kv = CountingStore()
    chain = open_on(kv, dev_genesis())
    kv.writes.clear()
    mine(chain, dev_transaction(0, 0, value=1))
    assert kv.writes == [True]


def test_an_empty_store_is_refused_with_what_to_do() -> None:
    kv = MemoryStore()
    with pytest.raises(CriticalError, match="holds no chain: run `lamina init"):
        Chain(kv, L1Rules(L1ChainConfig.from_json(dev_genesis())), StateStore(kv))


def test_another_genesis_is_refused_and_the_same_one_is_found() -> None:
    document = dev_genesis()
    kv = MemoryStore()
    config = L1ChainConfig.from_json(document)
    block, update = genesis_block(Genesis.from_json(document), config)
    assert Chain.initialise(kv, block, update) is True
    assert Chain.initialise(kv, block, update) is False
    other, other_update = genesis_block(Genesis.from_json({**document, "timestamp": "0x1"}), config)
    with pytest.raises(CriticalError, match=r"holds a chain with genesis 0x.* use another --datadir"):
        Chain.initialise(kv, other, other_update)


@pytest.mark.parametrize(
    ("version", "message"),
    [(4, "schema version 4, this node knows up to 3: run the newer node"), (1, "version 1, .* derive the chain again")],
)
def test_a_store_of_another_version_is_refused_with_what_to_do(version: int, message: str) -> None:
    kv = MemoryStore()
    open_on(kv, dev_genesis())
    batch = WriteBatch()
    batch.put(b"Mschema", version.to_bytes(4, "big"))
    kv.write(batch)
    with pytest.raises(SchemaError, match=message):
        Chain(kv, L1Rules(L1ChainConfig.from_json(dev_genesis())), StateStore(kv))


def test_a_store_of_the_version_before_is_read_and_becomes_a_current_one() -> None:
    kv = MemoryStore()
    chain = open_on(kv, dev_genesis())
    old = mine(chain, dev_transaction(0, 0, value=1))
    batch = WriteBatch()
    batch.put(b"Mschema", (2).to_bytes(4, "big"))
    batch.put(b"B" + old.block.hash, old.block.encode())
    batch.put(b"R" + old.block.hash, encode(encode_receipts(old.receipts)))
    kv.write(batch)
    chain = Chain(kv, L1Rules(L1ChainConfig.from_json(dev_genesis())), StateStore(kv))
    assert chain.store.require_block(old.block.hash) == old.block
    assert chain.store.receipts(old.block.hash) == tuple(old.receipts)
    assert kv.get(b"Mschema") == (2).to_bytes(4, "big"), "reading changes nothing"
    new = mine(chain, dev_transaction(0, 1, value=1))
    assert kv.get(b"Mschema") == (3).to_bytes(4, "big")
    again = Chain(kv, L1Rules(L1ChainConfig.from_json(dev_genesis())), StateStore(kv)).store
    assert again.require_block(old.block.hash) == old.block
    assert again.require_block(new.block.hash) == new.block
    assert again.receipts(new.block.hash) == tuple(new.receipts)


@pytest.mark.parametrize("kind", [b"B", b"R"])
def test_a_packed_value_that_is_damaged_is_named(kind: bytes) -> None:
    kv = MemoryStore()
    block = mine(open_on(kv, dev_genesis()), dev_transaction(0, 0, value=1)).block
    stored = kv.get(kind + block.hash)
    assert stored is not None
    batch = WriteBatch()
    batch.put(kind + block.hash, stored[:-3])
    kv.write(batch)
    store = Chain(kv, L1Rules(L1ChainConfig.from_json(dev_genesis())), StateStore(kv)).store
    with pytest.raises(CriticalError, match=r"block 0x.* cannot be decompressed: the data directory is damaged"):
        store.block(block.hash) if kind == b"B" else store.receipts(block.hash)


def test_a_head_whose_state_is_missing_is_damage_and_not_an_empty_chain() -> None:
    kv = MemoryStore()
    chain = open_on(kv, dev_genesis())
    block = mine(chain, dev_transaction(0, 0, value=1)).block
    batch = WriteBatch()
    for key, _ in list(kv.scan(b"")):
        if key[-32:] == block.header.state_root:
            batch.delete(key)
    assert len(batch) == 1
    kv.write(batch)
    with pytest.raises(CriticalError, match="the data directory is damaged"):
        Chain(kv, chain.rules, StateStore(kv))


def test_a_head_whose_block_is_missing_is_named() -> None:
    kv = MemoryStore()
    chain = open_on(kv, dev_genesis())
    batch = WriteBatch()
    batch.put(b"Msafe", Hash32(b"\x77" * 32))
    kv.write(batch)
    with pytest.raises(CriticalError, match=r"lacks the header of the safe head 0x77777777\.\."):
        Chain(kv, chain.rules, StateStore(kv))
