"""Genesis documents: reading, writing, the registry's files, the bytes that the protocol fixes."""

import json
from pathlib import Path

import pytest
import rlp
from eth_keys.datatypes import Signature
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from config import constants
from config.genesis import (
    Alloc,
    Genesis,
    GenesisAccount,
    dump_alloc,
    dump_genesis,
    l1_genesis_alloc,
    load_alloc,
    load_genesis,
)
from config.genesis.alloc_file import alloc_from_json, alloc_to_json
from config.genesis.canonical_code import (
    BEACON_ROOTS,
    CONSOLIDATION_REQUESTS,
    CREATE2_DEPLOYER,
    HISTORY_STORAGE,
    MULTICALL3,
    WITHDRAWAL_REQUESTS,
    canonical_code,
)
from config.genesis.storage import StorageWriter
from config.types import Address, Hash32, Timestamp
from contracts import load_artifact
from tests.contracts.harness import account

ALICE = Address(account("alice"))

CODES = {
    BEACON_ROOTS: (
        constants.BEACON_ROOTS_ADDRESS,
        "f57acd40259872606d76197ef052f3d35588dadf919ee1f0e3cb9b62d3f4b02c",
    ),
    HISTORY_STORAGE: (
        constants.HISTORY_STORAGE_ADDRESS,
        "6e49e66782037c0555897870e29fa5e552daf4719552131a0abce779daec0a5d",
    ),
    WITHDRAWAL_REQUESTS: (
        constants.WITHDRAWAL_REQUEST_ADDRESS,
        "0345a365d2f4c5975b9f1599abe0a2ee76b7a3a731bc68781bd04c84e4858f50",
    ),
    CONSOLIDATION_REQUESTS: (
        constants.CONSOLIDATION_REQUEST_ADDRESS,
        "78c6cb5202685228bbcbfb992b1c4e116c7ec5ef11e25b8e92716cfc628ddd60",
    ),
    MULTICALL3: (
        constants.MULTICALL3_ADDRESS,
        "d5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891",
    ),
    CREATE2_DEPLOYER: (
        constants.CREATE2_DEPLOYER_ADDRESS,
        "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989",
    ),
}


@pytest.mark.parametrize("name", CODES)
def test_canonical_codes_have_their_published_hash_and_address(name: str) -> None:
    contract = canonical_code(name)
    address, code_hash = CODES[name]
    assert contract.address == address
    assert keccak(contract.code) == contract.code_hash == bytes.fromhex(code_hash)
    assert contract.source
    assert contract.account() == GenesisAccount(nonce=1, code=contract.code)


REQUESTS_INIT = "7f" + "ff" * 32 + "5f55"
"""Start of the request contracts' creation code: no request is taken before the first system call."""


@pytest.mark.parametrize(
    ("name", "init", "s"),
    [
        (BEACON_ROOTS, "60618060095f395ff3", 0x1B9B6EB1F0),
        (HISTORY_STORAGE, "60538060095f395ff3", 0xAA12693182426612186309F02CFE8A80A0000),
        (WITHDRAWAL_REQUESTS, REQUESTS_INIT + "6101f880602d5f395ff3", 0x5FEEB084551E4E03A3581E269BC2EA2F8D0008),
        (CONSOLIDATION_REQUESTS, REQUESTS_INIT + "61019e80602d5f395ff3", 0xC0730F92DC275B663D377A7CBB141B6600052),
    ],
)
def test_a_system_contract_is_what_its_keyless_transaction_deploys(name: str, init: str, s: int) -> None:
    """The EIPs fix a signature instead of a key: sender, and so address, follow from the very bytes of the code."""
    assert deployed_at(init, canonical_code(name).code, 10**12, 250_000, 0x539, s) == canonical_code(name).address


def test_the_create2_deployer_is_what_its_keyless_transaction_deploys() -> None:
    contract = canonical_code(CREATE2_DEPLOYER)
    twos = int("22" * 32, 16)
    assert deployed_at("604580600e600039806000f350fe", contract.code, 10**11, 100_000, twos, twos) == contract.address


def deployed_at(init: str, code: bytes, gas_price: int, gas: int, r: int, s: int) -> bytes:
    """Where a legacy transaction with nonce 0 and this signature creates its contract."""
    body = [b"", minimal(gas_price), minimal(gas), b"", b"", bytes.fromhex(init) + code]
    digest = keccak(rlp.encode(body))
    sender = Signature(vrs=(0, r, s)).recover_public_key_from_msg_hash(digest).to_canonical_address()
    return keccak(rlp.encode([sender, b""]))[12:]


def minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_vectors_agree_with_the_canonical_codes(vectors: Path) -> None:
    ethereum = load_genesis(vectors / "rpc" / "genesis.json").alloc
    ink = load_alloc(vectors / "config" / "genesis" / "ink-mainnet.json.zst")
    for name in (BEACON_ROOTS, HISTORY_STORAGE, WITHDRAWAL_REQUESTS, CONSOLIDATION_REQUESTS):
        assert ethereum[canonical_code(name).address].code == canonical_code(name).code
    for name in (BEACON_ROOTS, MULTICALL3, CREATE2_DEPLOYER):
        assert ink[canonical_code(name).address] == canonical_code(name).account()


@pytest.mark.parametrize(("chain", "accounts"), [("ink-mainnet", 2337), ("op-sepolia", 2066)])
def test_registry_genesis_files_load_with_their_dictionary(vectors: Path, chain: str, accounts: int) -> None:
    folder = vectors / "config" / "genesis"
    genesis = load_genesis(folder / f"{chain}.json.zst", folder / "zstd-dictionary.bin")
    assert len(genesis.alloc) == accounts
    assert genesis.config is None
    assert genesis.gas_limit == 30_000_000
    assert genesis.coinbase == constants.SEQUENCER_FEE_VAULT
    assert load_alloc(folder / f"{chain}.json.zst") == genesis.alloc
    assert all(any(word) for entry in genesis.alloc.values() for word in entry.storage.values())
    for predeploy in (constants.L1_BLOCK, constants.L2_TO_L1_MESSAGE_PASSER):
        assert genesis.alloc[predeploy].code


def test_a_compressed_file_without_its_dictionary_says_so(vectors: Path, tmp_path: Path) -> None:
    alone = tmp_path / "ink.json.zst"
    alone.write_bytes((vectors / "config" / "genesis" / "ink-mainnet.json.zst").read_bytes())
    with pytest.raises(ValueError, match="its dictionary is needed"):
        load_alloc(alone)


def test_a_geth_document_loads_and_comes_back(vectors: Path, tmp_path: Path) -> None:
    genesis = load_genesis(vectors / "rpc" / "genesis.json")
    assert genesis.config is not None
    assert genesis.config["chainId"] == 3503995874084926
    assert (genesis.difficulty, genesis.extra_data) == (0x20000, b"hivechain")
    assert genesis.excess_blob_gas is None
    assert genesis.alloc[constants.BEACON_ROOTS_ADDRESS].balance == 0x2A
    dump_genesis(genesis, tmp_path / "again.json")
    assert load_genesis(tmp_path / "again.json") == genesis


words = st.binary(min_size=32, max_size=32).map(Hash32)
accounts = st.builds(
    GenesisAccount,
    balance=st.integers(0, 2**256 - 1),
    nonce=st.integers(0, 2**64 - 1),
    code=st.binary(max_size=40),
    storage=st.dictionaries(words, words.filter(any), max_size=3),
)
allocs = st.dictionaries(st.binary(min_size=20, max_size=20).map(Address), accounts, max_size=4)


@settings(deadline=None)
@given(allocs)
def test_accounts_survive_the_way_to_json_and_back(alloc: Alloc) -> None:
    assert alloc_from_json(json.loads(json.dumps(alloc_to_json(alloc)))) == alloc


def test_an_alloc_file_is_a_bare_object_or_part_of_a_document(tmp_path: Path) -> None:
    alloc: Alloc = {ALICE: GenesisAccount(balance=1)}
    dump_alloc(alloc, tmp_path / "bare.json")
    dump_genesis(Genesis({"chainId": 1}, Timestamp(5), 30_000_000, alloc), tmp_path / "whole.json")
    assert load_alloc(tmp_path / "bare.json") == load_alloc(tmp_path / "whole.json") == alloc


def test_spellings_that_geth_accepts_are_accepted() -> None:
    raw = {
        ALICE.hex().upper(): {"balance": "1000", "nonce": 3, "code": "6001", "storage": {"0x1": "0x2", "03": "0"}},
    }
    assert alloc_from_json(raw)[ALICE] == GenesisAccount(
        balance=1000,
        nonce=3,
        code=b"\x60\x01",
        storage={Hash32((1).to_bytes(32, "big")): Hash32((2).to_bytes(32, "big"))},
    )


@pytest.mark.parametrize(
    ("entry", "words_of_error"),
    [
        ({"balance": "lots"}, "balance is not a number"),
        ({"balance": -1}, "must not be negative"),
        ({"balance": hex(1 << 256)}, "at most 256 bits"),
        ({"nonce": 1 << 64}, "at most 64 bits"),
        ({"code": "0xzz"}, "not a hex string"),
        ({"storage": {"0x1": "0x" + "11" * 33}}, "at most 32 bytes"),
        ("five", "cannot be read"),
    ],
)
def test_a_broken_account_is_named(entry: object, words_of_error: str) -> None:
    with pytest.raises(ValueError, match=words_of_error) as caught:
        alloc_from_json({ALICE.hex(): entry})
    assert ALICE.hex() in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"alloc": {}}', '{"gasLimit": "0x1", "alloc": {"0x12": {}}}'])
def test_a_file_that_is_no_genesis_document_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "strange.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"strange\.json"):
        load_genesis(file)


def test_the_development_l1_has_system_contracts_tools_and_accounts() -> None:
    alloc = l1_genesis_alloc({ALICE: 10**18})
    assert alloc[ALICE] == GenesisAccount(balance=10**18)
    assert set(alloc) == {ALICE} | {canonical_code(name).address for name in CODES}
    with pytest.raises(ValueError, match="cannot be a funded account"):
        l1_genesis_alloc({constants.MULTICALL3_ADDRESS: 1})


def test_storage_is_written_by_variable_name_and_neighbours_stay() -> None:
    writer = StorageWriter(load_artifact("L1Block"))
    writer.set("number", 5).set("timestamp", 7).set("number", 6).set("hash", Address(b"\x01" * 20))
    slots = writer.slots()
    assert slots == {
        Hash32(bytes(32)): Hash32((7 << 64 | 6).to_bytes(32, "big")),
        Hash32((2).to_bytes(32, "big")): Hash32(bytes(12) + b"\x01" * 20),
    }
    with pytest.raises(ValueError, match="does not fit"):
        writer.set("number", 1 << 64)
