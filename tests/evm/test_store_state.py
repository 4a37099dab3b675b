"""State reads, changes, proofs and what happens when something is missing."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.types import Address, Hash32
from evm.store.cache import ByteBoundedCache
from evm.store.diff import NODE_PREFIX
from evm.store.kv import LevelDbStore, MemoryStore, WriteBatch
from evm.store.memory import CacheSizes
from evm.store.state import Account, MissingCode, StateDiff, StateStore, StateUpdate
from evm.trie import CorruptTrieNode, MissingTrieNode, root_of, verify_proof
from evm.types import keccak256
from evm.types.rlp import encode, int_to_rlp

ALICE, BOB, CAROL = (Address(bytes([letter]) * 20) for letter in (0xA1, 0xB0, 0xCA))
CODE = b"\x60\x01\x60\x00\x55"
CODE_HASH = keccak256(CODE)


class World:
    """A state store that commits each diff at once."""

    def __init__(self, kv: MemoryStore | LevelDbStore | None = None) -> None:
        self.kv = kv or MemoryStore()
        self.state = StateStore(self.kv)
        self.root = EMPTY_TRIE_ROOT

    def apply(self, diff: StateDiff) -> StateUpdate:
        update = self.state.at(self.root).apply(diff)
        batch = WriteBatch()
        update.write(batch)
        self.kv.write(batch)
        self.state.written(update)
        self.root = update.root
        return update


def contract_world() -> World:
    world = World()
    world.apply(
        StateDiff(
            accounts={ALICE: Account(1, 100), BOB: Account(1, 5, code_hash=CODE_HASH)},
            storage={BOB: {0: 7, 2**256 - 1: 2**255}},
            codes={CODE_HASH: CODE},
        )
    )
    return world


def test_accounts_storage_and_code_are_read_back() -> None:
    world = contract_world()
    reader = world.state.at(world.root)

    assert reader.account(ALICE) == Account(1, 100, EMPTY_TRIE_ROOT, EMPTY_KECCAK)
    assert reader.account(CAROL) is None
    assert reader.storage(BOB, 0) == 7
    assert reader.storage(BOB, 2**256 - 1) == 2**255
    assert reader.storage(BOB, 1) == reader.storage(ALICE, 0) == reader.storage(CAROL, 0) == 0
    assert reader.code_at(BOB) == reader.code(CODE_HASH) == CODE
    assert reader.code_at(ALICE) == reader.code_at(CAROL) == b""


def test_the_root_is_that_of_the_secure_trie_of_account_rlp() -> None:
    world = contract_world()
    storage_root = root_of(
        {
            keccak256(slot.to_bytes(32, "big")): encode(int_to_rlp(value))
            for slot, value in {0: 7, 2**256 - 1: 2**255}.items()
        }
    )
    accounts = {
        keccak256(ALICE): encode([b"\x01", b"\x64", EMPTY_TRIE_ROOT, EMPTY_KECCAK]),
        keccak256(BOB): encode([b"\x01", b"\x05", storage_root, CODE_HASH]),
    }

    assert world.root == root_of(accounts)


def test_an_older_root_stays_readable() -> None:
    world = contract_world()
    before = world.root
    world.apply(StateDiff(accounts={ALICE: None}, storage={BOB: {0: 8}}))

    assert world.state.at(before).account(ALICE) is not None
    assert world.state.at(before).storage(BOB, 0) == 7
    assert world.state.at(world.root).account(ALICE) is None
    assert world.state.at(world.root).storage(BOB, 0) == 8


def test_writing_storage_alone_keeps_the_rest_of_the_account() -> None:
    world = contract_world()
    world.apply(StateDiff(storage={BOB: {3: 4}}))

    account = world.state.at(world.root).account(BOB)
    assert account is not None
    assert (account.nonce, account.balance, account.code_hash) == (1, 5, CODE_HASH)
    assert world.state.at(world.root).storage(BOB, 0) == 7


def test_the_storage_root_in_a_changed_account_is_ignored() -> None:
    world = contract_world()
    world.apply(StateDiff(accounts={BOB: Account(2, 6, Hash32(b"\x11" * 32), CODE_HASH)}))

    assert world.state.at(world.root).storage(BOB, 0) == 7


def test_zeroing_every_slot_leaves_the_empty_storage_root() -> None:
    world = contract_world()
    world.apply(StateDiff(storage={BOB: {0: 0, 2**256 - 1: 0, 9: 0}}))

    account = world.state.at(world.root).account(BOB)
    assert account is not None
    assert account.storage_root == EMPTY_TRIE_ROOT


def test_a_wiped_account_keeps_only_storage_written_after_the_wipe() -> None:
    world = contract_world()
    world.apply(StateDiff(accounts={BOB: Account(1, 0)}, storage={BOB: {5: 6}}, wiped={BOB}))

    reader = world.state.at(world.root)
    assert reader.storage(BOB, 0) == 0
    assert reader.storage(BOB, 5) == 6


def test_a_wipe_without_new_storage_empties_it() -> None:
    world = contract_world()
    world.apply(StateDiff(wiped={BOB}))

    account = world.state.at(world.root).account(BOB)
    assert account == Account(1, 5, EMPTY_TRIE_ROOT, CODE_HASH)


def test_a_destroyed_account_takes_its_storage_with_it() -> None:
    world = contract_world()
    world.apply(StateDiff(accounts={BOB: None}, storage={BOB: {0: 9}}, wiped={BOB}))
    world.apply(StateDiff(accounts={BOB: Account(0, 1)}))

    assert world.state.at(world.root).storage(BOB, 0) == 0


def test_storage_of_an_account_that_does_not_exist_is_refused() -> None:
    world = contract_world()
    with pytest.raises(ValueError, match=CAROL.hex()):
        world.state.at(world.root).apply(StateDiff(storage={CAROL: {0: 1}}))


def test_an_update_is_readable_while_remembered_and_once_written() -> None:
    world = contract_world()
    update = world.state.at(world.root).apply(
        StateDiff(accounts={CAROL: Account(0, 9, code_hash=keccak256(b"\x00"))}, codes={keccak256(b"\x00"): b"\x00"})
    )
    assert not world.state.has(update.root)

    world.state.remember(update)
    assert world.state.has(update.root)
    reader = world.state.at(update.root)
    assert reader.account(CAROL) is not None
    assert reader.code_at(CAROL) == b"\x00"
    child = reader.apply(StateDiff(accounts={ALICE: Account(2, 99)}))

    world.state.discard(update)
    assert not world.state.has(update.root)
    for made in (update, child):
        batch = WriteBatch()
        made.write(batch)
        world.kv.write(batch)
        world.state.written(made)
    fresh = StateStore(world.kv)
    assert fresh.has(child.root)
    assert fresh.at(child.root).account(ALICE) == Account(2, 99)
    assert fresh.at(child.root).code_at(CAROL) == b"\x00"


def test_a_root_that_was_never_written_cannot_be_read() -> None:
    world = contract_world()
    unknown = Hash32(b"\x77" * 32)

    assert not world.state.has(unknown)
    with pytest.raises(MissingTrieNode, match="77" * 32):
        world.state.at(unknown).account(ALICE)


def test_missing_code_is_an_error() -> None:
    world = World()
    world.apply(StateDiff(accounts={BOB: Account(1, 5, code_hash=CODE_HASH)}))

    with pytest.raises(MissingCode, match=CODE_HASH.hex()):
        world.state.at(world.root).code_at(BOB)


def test_a_node_damaged_on_disk_is_an_error() -> None:
    world = contract_world()
    raw = world.kv.get(NODE_PREFIX + world.root)
    assert raw is not None
    batch = WriteBatch()
    batch.put(NODE_PREFIX + world.root, raw[:-1] + bytes([raw[-1] ^ 1]))
    world.kv.write(batch)

    with pytest.raises(CorruptTrieNode, match=world.root.hex()):
        StateStore(world.kv).at(world.root).account(ALICE)


def test_proofs_show_accounts_slots_and_their_absence() -> None:
    world = contract_world()
    reader = world.state.at(world.root)

    bob = reader.prove(BOB, [0, 1])
    assert bob.account is not None
    assert verify_proof(world.root, keccak256(BOB), bob.account_proof) == bob.account.encode()
    present, absent = bob.storage_proofs
    root = bob.account.storage_root
    assert (present.value, absent.value) == (7, 0)
    assert verify_proof(root, keccak256(bytes(32)), present.proof) == b"\x07"
    assert verify_proof(root, keccak256((1).to_bytes(32, "big")), absent.proof) is None

    carol = reader.prove(CAROL, [0])
    assert carol.account is None
    assert verify_proof(world.root, keccak256(CAROL), carol.account_proof) is None
    assert carol.storage_proofs[0].proof == []


def test_account_rlp_is_read_back() -> None:
    account = Account(2**64 - 1, 2**256 - 1, Hash32(b"\x01" * 32), CODE_HASH)

    assert Account.decode(account.encode()) == account
    assert Account().is_empty
    assert not account.is_empty


def test_state_on_disk_is_read_by_the_next_process(tmp_path: Path) -> None:
    kv = LevelDbStore(tmp_path / "db")
    world = World(kv)
    world.apply(StateDiff(accounts={ALICE: Account(3, 4)}))
    kv.close()

    again = LevelDbStore(tmp_path / "db")
    assert StateStore(again).at(world.root).account(ALICE) == Account(3, 4)
    again.close()


def test_a_tiny_cache_gives_the_same_answers() -> None:
    world = World()
    addresses = [Address(keccak256(bytes([index]))[:20]) for index in range(200)]
    world.apply(StateDiff(accounts={address: Account(index, index) for index, address in enumerate(addresses)}))
    reader = StateStore(world.kv, CacheSizes(4000, 1000, 10, 0, 0, 0)).at(world.root)

    assert [reader.account(address) for address in addresses] == [Account(index, index) for index in range(200)]


def test_the_cache_stays_within_its_limit_and_keeps_what_is_used() -> None:
    cache: ByteBoundedCache[int] = ByteBoundedCache(1000)
    cache.put(b"used", 1, 10)
    for index in range(1000):
        cache.put(index.to_bytes(2, "big"), index, 10)
        assert cache.get(b"used") == 1

    assert len(cache) <= 102
    assert cache.get((0).to_bytes(2, "big")) is None
    assert cache.get((999).to_bytes(2, "big")) == 999


SLOTS = st.dictionaries(st.integers(0, 5), st.integers(0, 3), max_size=4)
ACCOUNTS = st.sampled_from([ALICE, BOB, CAROL])
STEPS = st.lists(
    st.tuples(
        st.dictionaries(ACCOUNTS, st.none() | st.integers(0, 5), max_size=3),
        st.dictionaries(ACCOUNTS, SLOTS, max_size=3),
        st.sets(ACCOUNTS, max_size=2),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_any_sequence_of_diffs_gives_the_root_of_what_is_left(
    steps: list[tuple[dict[Address, int | None], dict[Address, dict[int, int]], set[Address]]],
) -> None:
    world = World()
    balances: dict[Address, int] = {}
    slots: dict[Address, dict[int, int]] = {}
    for changed, storage, wiped in steps:
        alive = {a for a in balances if changed.get(a, 0) is not None} | {
            a for a, b in changed.items() if b is not None
        }
        storage = {address: values for address, values in storage.items() if address in alive}
        wiped = {address for address in wiped if address in alive}
        world.apply(
            StateDiff(
                accounts={a: None if balance is None else Account(1, balance) for a, balance in changed.items()},
                storage=storage,
                wiped=wiped,
            )
        )
        for address, balance in changed.items():
            if balance is None:
                balances.pop(address, None)
                slots.pop(address, None)
            else:
                balances[address] = balance
        for address in wiped:
            slots.pop(address, None)
        for address, values in storage.items():
            merged = slots.get(address, {}) | values
            slots[address] = {slot: value for slot, value in merged.items() if value}

    expected = {
        keccak256(address): Account(
            1,
            balance,
            root_of(
                {
                    keccak256(slot.to_bytes(32, "big")): encode(int_to_rlp(value))
                    for slot, value in slots.get(address, {}).items()
                }
            ),
        ).encode()
        for address, balance in balances.items()
    }
    assert world.root == root_of(expected)
