"""Random trees of blocks, reorgs, pruning, restarts and crashes, against an archive that is a dictionary per block."""

from copy import deepcopy
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.constants import EMPTY_TRIE_ROOT
from config.types import Address, Hash32
from evm.store.check import StateCheck, StateReport, StoredState
from evm.store.history import BlockState, StateHistory, StatePoint
from evm.store.kv import MemoryStore, WriteBatch
from evm.store.layout import NODE_PREFIX
from evm.store.memory import CacheSizes
from evm.store.state import Account, StateDiff, StateReader, StateStore, StateUpdate
from evm.trie import MissingTrieNode, verify_proof
from evm.types import keccak256
from evm.types.rlp import encode, int_to_rlp

ADDRESSES = [Address(bytes([index]) * 20) for index in range(1, 7)]
SLOTS = (0, 1, 2, 3, 2**255)
# Few different values, so that nodes come back and accounts have the same storage.
CODES = {keccak256(code): code for code in (b"\x60\x01", b"\x60\x02")}

World = dict[Address, tuple[Account, dict[int, int]]]


@dataclass
class Block:
    """A block of the model, with its whole state."""

    point: StatePoint
    parent: "Block | None"
    root: Hash32
    world: World = field(repr=False, default_factory=dict)

    def ancestors(self) -> "list[Block]":
        """From itself to genesis."""
        chain = [self]
        while chain[-1].parent is not None:
            chain.append(chain[-1].parent)
        return chain


class CrashingStore(MemoryStore):
    """Loses power before a write when told to: the write has not happened."""

    def __init__(self) -> None:
        super().__init__()
        self.crash = False

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        if self.crash:
            self.crash = False
            raise ConnectionAbortedError
        super().write(batch, sync)


ACCOUNT_CHANGE = st.tuples(
    st.sampled_from(ADDRESSES),
    st.sampled_from(["set", "set", "set", "delete", "recreate"]),
    st.integers(0, 3),
    st.sampled_from([None, *CODES]),
    st.dictionaries(st.sampled_from(SLOTS), st.integers(0, 2) | st.just(2**250), max_size=4),
)
CHANGES = st.lists(ACCOUNT_CHANGE, max_size=5, unique_by=lambda change: change[0])


def apply_to_model(world: World, changes: list[tuple[Address, str, int, Hash32 | None, dict[int, int]]]) -> StateDiff:
    """Change the model's world and give the same change as a diff."""
    diff = StateDiff()
    for address, kind, balance, code_hash, slots in changes:
        if kind == "delete":
            if address in world:
                del world[address]
                diff.accounts[address] = None
            continue
        old = world.get(address)
        storage = {} if old is None or kind == "recreate" else dict(old[1])
        if kind == "recreate" and old is not None and old[1]:
            diff.wiped.add(address)
        account = Account(1, balance) if code_hash is None else Account(1, balance, code_hash=code_hash)
        if code_hash is not None:
            diff.codes[code_hash] = CODES[code_hash]
        if slots:
            diff.storage[address] = slots
        storage.update(slots)
        world[address] = (account, {slot: value for slot, value in storage.items() if value})
        diff.accounts[address] = account
    return diff


class HistoryMachine(RuleBasedStateMachine):
    """The head, a tree of stored blocks, and a base that follows what is final."""

    @initialize(changes=CHANGES)
    def begin(self, changes: list[tuple[Address, str, int, Hash32 | None, dict[int, int]]]) -> None:
        self.kv = CrashingStore()
        self.counter = 0
        world: World = {}
        update = StateStore(MemoryStore()).at(EMPTY_TRIE_ROOT).apply(apply_to_model(world, changes))
        genesis = Block(StatePoint(0, self.new_hash()), None, update.root, world)
        batch = WriteBatch()
        StateHistory.begin(batch, self.kv, genesis.point, update)
        self.kv.write(batch)
        self.blocks = {genesis.point: genesis}
        self.head = self.base = genesis
        self.pruned: list[Block] = []
        self.open()

    def open(self) -> None:
        self.state = StateStore(self.kv, CacheSizes(20_000, 5000, 100, 0, 0, 0))
        self.history = StateHistory(self.kv, self.state)

    def new_hash(self) -> Hash32:
        self.counter += 1
        return keccak256(self.counter.to_bytes(4, "big"))

    def pick(self, index: int) -> Block:
        kept = list(self.blocks.values())
        return kept[index % len(kept)]

    def make(
        self, parent: Block, changes: list[tuple[Address, str, int, Hash32 | None, dict[int, int]]]
    ) -> StateUpdate:
        self.world = deepcopy(parent.world)
        return self.state.at(parent.root).apply(apply_to_model(self.world, changes))

    @rule(
        changes=CHANGES,
        on_head=st.booleans(),
        index=st.integers(0, 30),
        to_head=st.booleans(),
        silent=st.booleans(),
        crash=st.integers(0, 9),
    )
    def add_block(
        self,
        changes: list[tuple[Address, str, int, Hash32 | None, dict[int, int]]],
        on_head: bool,
        index: int,
        to_head: bool,
        silent: bool,
        crash: int,
    ) -> None:
        parent = self.head if on_head else self.pick(index)
        update = self.make(parent, changes)
        if silent:  # an engine that does not say what it changes
            update = replace(update, changes=None)
        point = StatePoint(parent.point.number + 1, self.new_hash())
        block = BlockState(point, parent.point, parent.root, update)
        to_head = (to_head or on_head) and self.base in parent.ancestors()
        self.kv.crash = crash == 0
        try:
            self.history.commit(WriteBatch(), block, update.root if to_head else None)
        except ConnectionAbortedError:
            self.check_head()
            self.open()
            return
        self.blocks[point] = Block(point, parent, update.root, self.world)
        if to_head:
            self.head = self.blocks[point]

    @rule(index=st.integers(0, 30))
    def store_a_block_again(self, index: int) -> None:
        block = self.pick(index)
        if block.parent is None or block.parent.point not in self.blocks:
            return
        update = replace(StateUpdate(block.root, {}, {}))
        self.history.commit(WriteBatch(), BlockState(block.point, block.parent.point, block.parent.root, update), None)

    @rule(index=st.integers(0, 30), crash=st.integers(0, 9))
    def move_head(self, index: int, crash: int) -> None:
        target = self.pick(index)
        self.kv.crash = crash == 0
        try:
            self.history.commit(WriteBatch(), None, target.root)
            self.head = target
        except ConnectionAbortedError:
            self.check_head()
            self.open()
        self.kv.crash = False

    @precondition(lambda self: self.head is not self.base)
    @rule(crash=st.integers(0, 5))
    def advance_base(self, crash: int) -> None:
        path = self.head.ancestors()
        following = path[path.index(self.base) - 1]
        self.kv.crash = crash == 0
        try:
            self.history.advance(following.point, self.parent_hash)
        except ConnectionAbortedError:
            self.open()
            return
        self.base = following
        for block in list(self.blocks.values()):
            if following not in block.ancestors():
                self.pruned.append(self.blocks.pop(block.point))

    def parent_hash(self, point: StatePoint) -> Hash32:
        parent = self.blocks[point].parent
        assert parent is not None
        return parent.point.block_hash

    @rule(crash=st.integers(0, 5))
    def drop_a_release(self, crash: int) -> None:
        self.kv.crash = crash == 0
        try:
            self.history.drop_release()
        except ConnectionAbortedError:
            self.open()
        self.kv.crash = False

    @rule()
    def restart(self) -> None:
        self.open()

    @invariant()
    def the_store_is_sound(self) -> None:
        report = check(self.kv, self.blocks, self.head)
        assert report.problems == []
        assert report.states == len(self.blocks)
        assert report.base == self.base.point.number

    @invariant()
    def every_kept_state_reads_and_proves_right(self) -> None:
        for block in self.blocks.values():
            assert self.history.keeps(block.point)
            check_world(self.state.at(block.root), block.world)

    @invariant()
    def pruned_states_are_not_kept_and_never_read_wrong(self) -> None:
        for block in self.pruned:
            assert not self.history.keeps(block.point)
            try:
                check_world(self.state.at(block.root), block.world)
            except MissingTrieNode:
                continue

    def check_head(self) -> None:
        """A crash has left the head's flat state as it was, in this process and for the next."""
        assert self.state.flat.root == self.head.root
        check_world(self.state.at(self.head.root), self.head.world)

    def teardown(self) -> None:
        """With everything released, only what the kept states consist of is left."""
        if not hasattr(self, "history"):
            return
        while self.history.drop_release():
            pass
        assert check(self.kv, self.blocks, self.head).problems == []
        kept = MemoryStore()
        for block in self.blocks.values():
            batch = WriteBatch()
            diff = StateDiff()
            for address, (account, storage) in block.world.items():
                diff.accounts[address], diff.storage[address] = account, storage
            StateStore(kept).at(EMPTY_TRIE_ROOT).apply(diff).write(batch)
            kept.write(batch)
        assert dict(self.kv.scan(NODE_PREFIX)) == dict(kept.scan(NODE_PREFIX))


def check(kv: MemoryStore, blocks: dict[StatePoint, Block], head: Block) -> StateReport:
    def stored(point: StatePoint) -> StoredState | None:
        block = blocks.get(point)
        return None if block is None else StoredState(block.root, block.parent.point if block.parent else block.point)

    return StateCheck(kv, stored, lambda what, done: None).run(head.point, head.root)


def check_world(reader: StateReader, world: World) -> None:
    for address in ADDRESSES:
        expected, storage = world.get(address, (None, {}))
        account = reader.account(address)
        proof = reader.prove(address, SLOTS)
        raw = verify_proof(reader.root, keccak256(address), proof.account_proof)
        if expected is None or account is None:
            assert (account, expected, raw) == (None, None, None)
            continue
        assert (account.nonce, account.balance, account.code_hash) == (
            expected.nonce,
            expected.balance,
            expected.code_hash,
        )
        assert raw == account.encode()
        assert reader.code_at(address) == CODES.get(account.code_hash, b"")
        for entry in proof.storage_proofs:
            value = storage.get(entry.slot, 0)
            assert reader.storage(address, entry.slot) == entry.value == value
            proven = verify_proof(account.storage_root, keccak256(entry.slot.to_bytes(32, "big")), entry.proof)
            assert proven == (encode(int_to_rlp(value)) if value else None)


HistoryMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRandomTreesOfBlocks = HistoryMachine.TestCase
