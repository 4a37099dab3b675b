"""The dev L1's chain: slots, missed slots, moved time, labels that lag, reorgs on demand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.constants import BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS
from config.forks import EthFork
from config.genesis import Genesis, l1_genesis_alloc
from config.types import Timestamp, to_hex
from evm.store.kv import LevelDbStore, MemoryStore
from evm.types import Block, DynamicFeeTransaction, SignedTransaction
from evm.types.transaction import sign_transaction
from l1.kzg import KzgWorker
from node.chain import Chain
from node.devl1.beacon import beacon_block_root
from node.devl1.genesis import DEV_L1_CHAIN_ID, dev_l1_chain_config
from node.devl1.producer import BlockProducer, LabelLags
from node.devl1.service import DevL1, DevL1Options, initialise_dev_l1
from node.devl1.slots import SlotClock
from node.mempool import PoolRejection
from node.rpc import RpcError
from tests.node.rpc_world import DEV_ADDRESSES, DEV_KEYS

GENESIS_TIME = 1_800_000_000
SLOT = 4


# --- the slot clock ---


class Wall:
    """A wall clock that tests move."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@given(st.integers(0, 10**9), st.integers(1, 60), st.floats(0, 10**6), st.floats(0, 10**5))
def test_moved_time_always_lands_on_the_start_of_a_slot(genesis: int, slot: int, later: float, seconds: float) -> None:
    clock = SlotClock(genesis, slot, Wall(genesis + later))
    before = clock.now()
    moved = clock.advance(seconds)
    assert abs(clock.now() - clock.timestamp(round((clock.now() - genesis) / slot))) < 1e-3
    assert seconds - 1e-3 <= clock.now() - before < seconds + slot + 1e-3
    assert abs(moved - (clock.now() - before)) <= 0.5 + 1e-3


def test_slots_and_timestamps_belong_together() -> None:
    wall = Wall(GENESIS_TIME + 9.5)
    clock = SlotClock(GENESIS_TIME, SLOT, wall)
    assert clock.current_slot() == 2
    assert clock.timestamp(2) == GENESIS_TIME + 8
    assert clock.slot_of(GENESIS_TIME + 8) == 2
    assert clock.seconds_until(3) == 2.5
    with pytest.raises(ValueError, match="no slot starts at 1800000009"):
        clock.slot_of(GENESIS_TIME + 9)
    with pytest.raises(ValueError, match="no slot starts"):
        clock.slot_of(GENESIS_TIME - 4)
    wall.now = GENESIS_TIME - 1
    assert clock.current_slot() == -1


def test_time_cannot_go_back() -> None:
    clock = SlotClock(GENESIS_TIME, SLOT, Wall(GENESIS_TIME + 40))
    with pytest.raises(ValueError, match="only be moved forward"):
        clock.advance(-1)
    clock.move_to(3)
    assert clock.current_slot() == 10
    clock.move_to(12)
    assert clock.current_slot() == 12
    with pytest.raises(ValueError, match="at least one second"):
        SlotClock(0, 0)


# --- the producer ---


class World:
    """A dev L1 that makes blocks when told to; nothing listens."""

    def __init__(
        self,
        folder: Path,
        fork: EthFork = EthFork.PRAGUE,
        lags: LabelLags | None = None,
        kzg: KzgWorker | None = None,
    ) -> None:
        self.config = dev_l1_chain_config(fork)
        self.kv = MemoryStore()
        initialise_dev_l1(self.kv, genesis(fork), self.config)
        self.kzg = kzg or KzgWorker()
        options = DevL1Options(seconds_per_slot=SLOT, port=0, beacon_port=0, lags=lags or LabelLags())
        self.l1 = DevL1(self.kv, self.config, options, self.kzg, folder)
        self.wall = Wall(GENESIS_TIME)
        self.l1.clock._wall = self.wall

    @property
    def chain(self) -> Chain:
        return self.l1.execution.chain

    @property
    def producer(self) -> BlockProducer:
        return self.l1.producer

    async def call(self, method: str, *params: Any) -> Any:
        """The answer of an RPC method."""
        return await self.l1.dispatcher.call(method, list(params))

    def send(self, *transactions: SignedTransaction) -> None:
        """Into the pool."""
        for transaction in transactions:
            self.l1.execution.pool.add(transaction)

    def block(self, number: int) -> Block:
        """A canonical block."""
        block = self.chain.block_by_number(number)
        assert block is not None
        return block


def genesis(fork: EthFork) -> Genesis:
    """A genesis with rich accounts."""
    return Genesis(
        config=dev_l1_chain_config(fork).to_json(),
        timestamp=Timestamp(GENESIS_TIME),
        gas_limit=60_000_000,
        alloc=l1_genesis_alloc(dict.fromkeys(DEV_ADDRESSES, 10**20)),
    )


def transfer(sender: int, nonce: int, value: int = 1, gas: int = 21_000) -> SignedTransaction:
    """A signed transfer."""
    unsigned = DynamicFeeTransaction(nonce, gas, DEV_ADDRESSES[4], value, b"", DEV_L1_CHAIN_ID, 0, 0, 0, 10**9, 10**10)
    return sign_transaction(unsigned, DEV_KEYS[sender])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.kzg.close()


def test_blocks_stand_on_the_slot_grid_with_the_pools_transactions(world: World) -> None:
    sent = [transfer(0, 0), transfer(0, 1), transfer(1, 0)]
    world.send(*sent)
    block = world.producer.produce(1)
    empty = world.producer.produce(2)
    assert block.header.timestamp == GENESIS_TIME + SLOT
    assert {transaction.hash for transaction in block.transactions} == {transaction.hash for transaction in sent}
    assert empty.transactions == ()
    assert empty.header.parent_hash == block.hash
    assert world.l1.execution.pool.pending_count == 0


def test_a_slot_can_be_left_empty_but_never_filled_twice(world: World) -> None:
    world.producer.produce(1)
    block = world.producer.produce(5)
    assert (block.number, block.header.timestamp) == (2, GENESIS_TIME + 5 * SLOT)
    assert world.producer.head_slot() == 5
    for slot in (4, 5):
        with pytest.raises(ValueError, match=f"slot {slot} is not behind slot 5"):
            world.producer.produce(slot)


def test_parent_beacon_roots_are_never_zero_and_can_be_read_from_their_contract(world: World) -> None:
    block = world.producer.produce(1)
    root = block.header.parent_beacon_block_root
    assert root == beacon_block_root(0, world.chain.genesis.parent_hash)
    assert any(root)
    state = world.chain.state_at(block.header)
    slot = block.header.timestamp % 8191
    assert state.storage(BEACON_ROOTS_ADDRESS, slot) == block.header.timestamp
    assert state.storage(BEACON_ROOTS_ADDRESS, slot + 8191).to_bytes(32, "big") == root
    stored = state.storage(HISTORY_STORAGE_ADDRESS, 0)
    assert stored.to_bytes(32, "big") == world.chain.genesis.hash


def test_the_randomness_of_each_block_differs(world: World) -> None:
    mixes = {world.producer.produce(slot).header.prev_randao for slot in range(1, 6)}
    assert len(mixes) == 5


def test_labels_stay_behind_the_head_and_never_go_back(tmp_path: Path) -> None:
    world = World(tmp_path, lags=LabelLags(safe=1, finalized=3))
    for slot in range(1, 7):
        world.producer.produce(slot)
        head = world.chain.head.number
        assert world.chain.safe.number == max(0, head - 1)
        assert world.chain.finalized.number == max(0, head - 3)
    world.producer.reorganise(2, {})
    assert (world.chain.head.number, world.chain.safe.number, world.chain.finalized.number) == (7, 6, 4)
    world.kzg.close()


def test_lags_must_make_sense() -> None:
    for safe, finalized in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="must be between 0 and the finalized lag"):
            LabelLags(safe, finalized)


def test_a_transaction_that_does_not_fit_waits_for_the_next_block(world: World) -> None:
    limit = world.chain.head.gas_limit
    # Each asks for more than half of a block.
    world.send(*(transfer(sender, 0, gas=limit // 2 + 1) for sender in range(3)))
    for slot in (1, 2, 3):
        # Only gas that is used counts against the block: a plain transfer uses 21,000 of what it asks for.
        world.producer.produce(slot)
    assert sum(len(world.block(number).transactions) for number in (1, 2, 3)) == 3
    with pytest.raises(PoolRejection):
        world.send(transfer(3, 0, gas=limit + 1))


# --- reorgs ---


def test_a_reorg_replaces_blocks_at_their_slots_and_adds_one(world: World) -> None:
    lost = transfer(0, 0)
    world.producer.produce(1)
    world.send(lost)
    world.producer.produce(3)
    world.producer.produce(4)
    old = [world.block(number) for number in range(4)]
    world.producer.reorganise(2, {})
    new = [world.block(number) for number in range(5)]
    assert new[1] == old[1]
    assert new[2].hash != old[2].hash
    assert [block.header.timestamp for block in new] == [GENESIS_TIME + slot * SLOT for slot in (0, 1, 3, 4, 5)]
    assert world.chain.find_transaction(lost.hash) is None
    assert world.l1.execution.pool.pending_count == 0


def test_a_reorg_can_bring_other_transactions(world: World) -> None:
    world.send(transfer(0, 0, value=1))
    world.producer.produce(1)
    world.producer.produce(2)
    replacement, second = transfer(0, 0, value=2), transfer(0, 1, value=3)
    world.producer.reorganise(2, {0: [replacement], 1: [second]})
    assert [transaction.hash for transaction in world.block(1).transactions] == [replacement.hash]
    assert [transaction.hash for transaction in world.block(2).transactions] == [second.hash]


def test_a_reorg_that_cannot_be_made_leaves_the_chain_as_it_was(world: World) -> None:
    world.send(transfer(0, 0))
    world.producer.produce(1)
    world.producer.produce(2)
    head = world.chain.head
    for depth in (0, 3):
        with pytest.raises(ValueError, match=f"cannot reorganise {depth} blocks: the head is block 2"):
            world.producer.reorganise(depth, {})
    with pytest.raises(ValueError, match="a replacement transaction cannot be included"):
        world.producer.reorganise(1, {0: [transfer(0, 9)]})
    assert world.chain.head == head


def test_a_final_block_cannot_be_reorganised_away(world: World) -> None:
    for slot in range(1, 8):
        world.producer.produce(slot)
    assert world.chain.finalized.number == 3
    with pytest.raises(ValueError, match="would drop the finalized block 3"):
        world.producer.reorganise(5, {})
    world.producer.reorganise(4, {})
    assert world.chain.head.number == 8


# --- control over RPC ---


async def test_mining_moves_time_to_the_next_free_slot(world: World) -> None:
    world.wall.now = GENESIS_TIME + 9
    assert await world.call("evm_mine") == "0x0"
    assert world.chain.head.timestamp == GENESIS_TIME + 8
    await world.call("evm_mine", {"blocks": 3})
    assert [world.block(number).header.timestamp - GENESIS_TIME for number in range(1, 5)] == [8, 12, 16, 20]
    with pytest.raises(RpcError, match="blocks must be between 1 and 10000, not 0"):
        await world.call("evm_mine", {"blocks": 0})


async def test_time_moves_in_whole_slots(world: World) -> None:
    assert await world.call("evm_increaseTime", 10) == 12
    await world.call("evm_mine")
    assert world.chain.head.timestamp == GENESIS_TIME + 12
    assert await world.call("evm_increaseTime", "0xe10") == 3600
    await world.call("evm_mine")
    assert world.chain.head.timestamp == GENESIS_TIME + 3612
    assert world.chain.head.number == 2


async def test_anvil_mines_blocks_an_interval_apart(world: World) -> None:
    await world.call("anvil_mine", "0x3", "0xc")
    assert [world.block(number).header.timestamp - GENESIS_TIME for number in (1, 2, 3)] == [4, 16, 28]


async def test_a_reorg_over_rpc_takes_raw_transactions(world: World) -> None:
    await world.call("evm_mine", {"blocks": 2})
    replacement = transfer(0, 0)
    await world.call("anvil_reorg", 2, [[to_hex(replacement.raw), 1]])
    assert [transaction.hash for transaction in world.block(2).transactions] == [replacement.hash]
    with pytest.raises(RpcError, match="want pairs of raw transaction and offset"):
        await world.call("anvil_reorg", 1, [["0x1234", 0]])
    with pytest.raises(RpcError, match="want pairs of raw transaction and offset"):
        await world.call("anvil_reorg", 1, ["nonsense"])
    with pytest.raises(RpcError, match="cannot reorganise 99 blocks"):
        await world.call("anvil_reorg", 99)


async def test_slots_can_be_missed_and_the_producer_stopped(world: World) -> None:
    assert await world.call("devl1_missSlots", 2) == 2
    assert await world.call("devl1_missSlots", 1) == 3
    assert world.l1.switch.skip_next == 3
    assert await world.call("devl1_setAutomatic", False) is False
    assert world.l1.switch.automatic is False
    assert await world.call("devl1_slotInfo") == {
        "genesisTime": GENESIS_TIME,
        "secondsPerSlot": SLOT,
        "slot": 0,
    }


def test_a_dev_l1_needs_blobs() -> None:
    with pytest.raises(ValueError, match="choose cancun, prague or osaka, not shanghai"):
        dev_l1_chain_config(EthFork.SHANGHAI)
    assert dev_l1_chain_config(EthFork.OSAKA).fork_at(0) == EthFork.OSAKA
    assert dev_l1_chain_config(EthFork.CANCUN).prague_time is None


async def test_moved_time_and_blocks_survive_a_restart(tmp_path: Path) -> None:
    config = dev_l1_chain_config(EthFork.PRAGUE)
    kv = LevelDbStore(tmp_path / "l1")
    initialise_dev_l1(kv, genesis(EthFork.PRAGUE), config)
    kzg = KzgWorker()
    options = DevL1Options(seconds_per_slot=SLOT, port=0, beacon_port=0)
    l1 = DevL1(kv, config, options, kzg, tmp_path)
    await l1.dispatcher.call("evm_increaseTime", [100_000])
    await l1.dispatcher.call("evm_mine", [])
    head, offset = l1.execution.chain.head, l1.clock.offset
    await l1.stop()
    again = DevL1.open(tmp_path / "l1", config, options, kzg)
    assert again.execution.chain.head == head
    assert again.clock.offset == pytest.approx(offset)
    await again.stop()
    kzg.close()
