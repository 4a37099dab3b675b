"""The genesis blocks of real chains, and the header fields that forks bring."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from config.constants import EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, L2_TO_L1_MESSAGE_PASSER
from config.forks import Fork, ForkSchedule
from config.genesis import Genesis, GenesisAccount, load_genesis
from config.l1_chain import L1ChainConfig
from config.rollup import load_registry_chain
from config.types import Address, Hash32, Timestamp, to_hash32
from evm.genesis import INITIAL_BASE_FEE, genesis_block, genesis_state
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Block
from evm.types.rlp import item_length

ALICE = Address(b"\xa1" * 20)
SLOT = Hash32((5).to_bytes(32, "big"))
ONE = Hash32((1).to_bytes(32, "big"))


def small_genesis(**changes: object) -> Genesis:
    genesis = Genesis(
        config=None, timestamp=Timestamp(100), gas_limit=30_000_000, alloc={ALICE: GenesisAccount(balance=7)}
    )
    return replace(genesis, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "folder"), [("ink", "mainnet"), ("op", "sepolia")])
def test_the_genesis_of_a_registry_chain_has_the_hash_the_registry_names(vectors: Path, name: str, folder: str) -> None:
    registry = vectors / "config" / "registry" / folder
    rollup = load_registry_chain(registry / f"{name}.toml", registry / "superchain.toml")
    genesis = load_genesis(vectors / "config" / "genesis" / f"{name}-{folder}.json.zst")

    block, update = genesis_block(genesis, rollup.forks)

    assert block.hash == rollup.genesis.l2.hash
    assert block.number == rollup.genesis.l2.number
    assert block.header.state_root == update.root


def test_the_genesis_of_the_rpc_test_chain_is_the_parent_of_its_first_block(vectors: Path) -> None:
    genesis = load_genesis(vectors / "rpc" / "genesis.json")
    raw = (vectors / "rpc" / "chain.rlp").read_bytes()
    first = Block.decode(raw[: item_length(raw)])
    config = L1ChainConfig.from_json(json.loads((vectors / "rpc" / "genesis.json").read_text()))

    for chain in (None, config):
        block, _ = genesis_block(genesis, chain)
        assert block.hash == first.header.parent_hash
        assert block.hash == to_hash32("0x91aacf1b423949b99951aeb913b57e486981540c274403252d276bee048a8e02")


def test_a_genesis_before_shanghai_has_no_later_fields() -> None:
    block, _ = genesis_block(small_genesis(), ForkSchedule({Fork.REGOLITH: Timestamp(0)}))

    assert block.header.base_fee_per_gas == INITIAL_BASE_FEE
    assert block.header.withdrawals_root is None
    assert block.header.blob_gas_used is None
    assert block.withdrawals is None


def test_canyon_at_genesis_brings_an_empty_withdrawals_list_and_root() -> None:
    block, _ = genesis_block(small_genesis(), ForkSchedule.all_at_genesis(Fork.CANYON))

    assert block.header.withdrawals_root == EMPTY_TRIE_ROOT
    assert block.withdrawals == ()
    assert block.header.parent_beacon_block_root is None


def test_a_fork_after_the_genesis_time_does_not_count() -> None:
    times = {fork: Timestamp(0) for fork in (Fork.REGOLITH, Fork.CANYON, Fork.DELTA)} | {Fork.ECOTONE: Timestamp(101)}

    block, _ = genesis_block(small_genesis(), ForkSchedule(times))

    assert block.header.withdrawals_root == EMPTY_TRIE_ROOT
    assert block.header.excess_blob_gas is None


def test_isthmus_at_genesis_commits_to_the_message_passer_s_storage() -> None:
    passer = GenesisAccount(code=b"\x00", storage={SLOT: ONE})
    alloc = {ALICE: GenesisAccount(balance=7), L2_TO_L1_MESSAGE_PASSER: passer}

    block, update = genesis_block(small_genesis(alloc=alloc), ForkSchedule.all_at_genesis(Fork.ISTHMUS))

    state = StateStore(MemoryStore())
    state.remember(update)
    account = state.at(update.root).account(L2_TO_L1_MESSAGE_PASSER)
    assert account is not None
    assert block.header.withdrawals_root == account.storage_root != EMPTY_TRIE_ROOT
    assert block.header.requests_hash == EMPTY_REQUESTS_HASH
    assert block.header.blob_gas_used == block.header.excess_blob_gas == 0
    assert block.header.parent_beacon_block_root == bytes(32)


def test_isthmus_at_genesis_without_a_message_passer_has_the_empty_withdrawals_root() -> None:
    block, _ = genesis_block(small_genesis(), ForkSchedule.all_at_genesis(Fork.ISTHMUS))

    assert block.header.withdrawals_root == EMPTY_TRIE_ROOT


def test_an_op_stack_config_object_gives_the_same_block_as_its_fork_schedule() -> None:
    passer = GenesisAccount(code=b"\x00", storage={SLOT: ONE})
    config = {"chainId": 901, "londonBlock": 0, "optimism": {"eip1559Elasticity": 6}} | {
        f"{fork.key}Time": 0 for fork in Fork if Fork.BEDROCK < fork <= Fork.ISTHMUS
    }
    with_config = small_genesis(alloc={L2_TO_L1_MESSAGE_PASSER: passer}, config=config)

    by_config, _ = genesis_block(with_config)
    by_schedule, _ = genesis_block(with_config, ForkSchedule.all_at_genesis(Fork.ISTHMUS))

    assert by_config.hash == by_schedule.hash


def test_a_document_without_config_needs_to_be_told_the_rules() -> None:
    with pytest.raises(ValueError, match="nothing says which fork's rules hold"):
        genesis_block(small_genesis())


def test_header_fields_of_the_document_reach_the_header() -> None:
    genesis = small_genesis(
        nonce=0x1234, extra_data=b"\x00" * 9, coinbase=ALICE, base_fee_per_gas=5, difficulty=3, mix_hash=ONE,
        excess_blob_gas=9, blob_gas_used=8,
    )  # fmt: skip

    header = genesis_block(genesis, ForkSchedule.all_at_genesis(Fork.HOLOCENE))[0].header

    assert header.nonce == b"\x00" * 6 + b"\x12\x34"
    assert (header.extra_data, header.fee_recipient, header.prev_randao) == (b"\x00" * 9, ALICE, ONE)
    assert (header.base_fee_per_gas, header.difficulty) == (5, 3)
    assert (header.excess_blob_gas, header.blob_gas_used) == (9, 8)


def test_the_state_holds_every_account_with_code_and_storage() -> None:
    bob = Address(b"\xb0" * 20)
    update = genesis_state(
        {ALICE: GenesisAccount(balance=7, nonce=2), bob: GenesisAccount(code=b"\x60\x00", storage={SLOT: ONE})}
    )
    state = StateStore(MemoryStore())
    state.remember(update)
    reader = state.at(update.root)

    alice = reader.account(ALICE)
    assert alice is not None
    assert (alice.balance, alice.nonce) == (7, 2)
    assert reader.code_at(bob) == b"\x60\x00"
    assert reader.storage(bob, 5) == 1
    assert reader.storage(bob, 6) == 0
