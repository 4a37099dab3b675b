"""`evm t8n`: the transition tool on blocks of the public chain, and its own rules of input and output."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.genesis import GenesisAccount, load_genesis
from config.l1_chain import L1ChainConfig
from config.types import Address, to_hex
from evm.engine import Engine
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import MemoryStore, WriteBatch
from evm.store.state import StateStore
from evm.transition_tool import (
    InvalidTransactionInput,
    TransitionInputError,
    transactions_from_json,
    transactions_from_rlp,
    transition,
)
from evm.types import Block, Hash32, Header, keccak256
from evm.types.json_codec import withdrawal_to_json
from evm.types.rlp import encode, item_length
from evm.types.signature import address_of

KEY = keccak256(b"transition tool")
SENDER = address_of(KEY)
ENV: dict[str, Any] = {
    "currentCoinbase": "0x2adc25665018aa1fe0e6bc666dac8fc2697ff9ba",
    "currentGasLimit": "0x1c9c380",
    "currentNumber": "1",
    "currentTimestamp": "1000",
    "currentBaseFee": "0x7",
    "currentRandom": "0x0",
    "currentExcessBlobGas": "0x0",
    "parentBeaconBlockRoot": "0x" + "00" * 32,
    "withdrawals": [],
    "blockHashes": {"0": "0x" + "11" * 32},
}


def _transfer(**fields: Any) -> dict[str, Any]:
    return {
        "type": "0x0",
        "nonce": "0x0",
        "gas": "0x5208",
        "gasPrice": "0xa",
        "to": "0x" + "aa" * 20,
        "value": "0x1",
        "input": "0x",
        "secretKey": to_hex(KEY),
        **fields,
    }


def test_real_blocks_come_out_with_their_roots(vectors: Path) -> None:
    """Every block of the public Prague chain, as one transition each: same state, transaction and receipt roots."""
    document = load_genesis(vectors / "rpc" / "genesis.json")
    chain = L1ChainConfig.from_json(dict(document.config or {}))
    genesis, update = genesis_block(document, chain)
    kv = MemoryStore()
    batch = WriteBatch()
    update.write(batch)
    kv.write(batch)
    state = StateStore(kv)
    headers: dict[Hash32, Header] = {genesis.hash: genesis.header}

    class Known:
        def header_by_hash(self, block_hash: Hash32) -> Header | None:
            return headers.get(block_hash)

    engine = Engine(L1Rules(chain), state, Known())
    raw = (vectors / "rpc" / "chain.rlp").read_bytes()
    offset, parent, alloc, blocks = 0, genesis.header, document.alloc, 0
    while offset < len(raw):
        length = item_length(raw, offset)
        block = Block.decode(raw[offset : offset + length])
        offset += length
        header = block.header
        assert chain.fork_at(header.timestamp).name in ("SHANGHAI", "CANCUN", "PRAGUE"), f"block {header.number}"
        environment = {
            "currentCoinbase": to_hex(header.fee_recipient),
            "currentGasLimit": hex(header.gas_limit),
            "currentNumber": hex(header.number),
            "currentTimestamp": hex(header.timestamp),
            "parentBaseFee": hex(parent.base_fee_per_gas or 0),
            "parentGasUsed": hex(parent.gas_used),
            "parentGasLimit": hex(parent.gas_limit),
            "parentExcessBlobGas": hex(parent.excess_blob_gas or 0),
            "parentBlobGasUsed": hex(parent.blob_gas_used or 0),
            "currentRandom": to_hex(header.prev_randao),
            "parentBeaconBlockRoot": to_hex(header.parent_beacon_block_root or bytes(32)),
            "withdrawals": [withdrawal_to_json(withdrawal) for withdrawal in block.withdrawals or ()],
            "blockHashes": {hex(known.number): to_hex(known.hash) for known in headers.values()},
        }
        transactions = transactions_from_rlp(encode([transaction.raw for transaction in block.transactions]))
        fork = chain.fork_at(header.timestamp).name.title()
        outcome = transition(alloc, environment, transactions, fork, chain.chain_id)
        result = outcome.result_json()
        assert result["stateRoot"] == to_hex(header.state_root), f"block {header.number}"
        assert result["txRoot"] == to_hex(header.transactions_root)
        assert result["receiptsRoot"] == to_hex(header.receipts_root)
        assert int(result["currentBaseFee"], 16) == header.base_fee_per_gas
        assert "rejected" not in result
        executed = engine.import_block(parent, block)
        batch = WriteBatch()
        executed.update.write(batch)
        kv.write(batch)
        headers[block.hash] = header
        alloc, parent, blocks = outcome.alloc, header, blocks + 1
    assert blocks == 20


def test_a_secret_key_signs_and_a_bad_transaction_is_rejected_by_its_index() -> None:
    alloc = {SENDER: GenesisAccount(balance=10**18)}
    items = [
        _transfer(),
        _transfer(nonce="0x5"),
        {"type": "0x0", "nonce": "zero"},
        _transfer(nonce="0x1", protected=False),
    ]
    transactions = transactions_from_json(items, 1)
    assert isinstance(transactions[2], InvalidTransactionInput)
    outcome = transition(alloc, ENV, transactions, "Cancun", 1)
    result = outcome.result_json()
    assert [entry["index"] for entry in result["rejected"]] == [1, 2]
    assert "nonce too high" in result["rejected"][0]["error"]
    assert [receipt["status"] for receipt in result["receipts"]] == ["0x1", "0x1"]
    assert result["gasUsed"] == hex(42_000)
    assert outcome.alloc[Address(bytes.fromhex("aa" * 20))].balance == 2
    assert outcome.alloc[SENDER].nonce == 2
    assert outcome.alloc[SENDER].balance == 10**18 - 2 - 42_000 * 10


def test_storage_and_code_come_out_in_the_accounts() -> None:
    contract = Address(bytes.fromhex("cc" * 20))
    slot = Hash32((1).to_bytes(32, "big"))
    alloc = {
        SENDER: GenesisAccount(balance=10**18),
        # Clears slot 1 and writes block.number into slot 2.
        contract: GenesisAccount(code=bytes.fromhex("600060015543600255"), storage={slot: slot}),
    }
    transactions = transactions_from_json([_transfer(to="0x" + "cc" * 20, gas="0x186a0", value="0x0")], 1)
    after = transition(alloc, ENV, transactions, "Cancun", 1).alloc[contract]
    assert after.storage == {Hash32((2).to_bytes(32, "big")): Hash32((1).to_bytes(32, "big"))}
    assert after.code == alloc[contract].code


def test_a_reward_goes_to_the_coinbase_and_block_hashes_are_those_given() -> None:
    contract = Address(bytes.fromhex("cc" * 20))
    alloc = {SENDER: GenesisAccount(balance=10**18), contract: GenesisAccount(code=bytes.fromhex("600040600055"))}
    transactions = transactions_from_json([_transfer(to="0x" + "cc" * 20, gas="0x186a0", value="0x0")], 1)
    outcome = transition(alloc, ENV, transactions, "Cancun", 1, reward=5)
    coinbase = Address(bytes.fromhex(ENV["currentCoinbase"][2:]))
    gas_used = int(outcome.result_json()["gasUsed"], 16)
    assert outcome.alloc[coinbase].balance == 5 + gas_used * 3
    assert outcome.alloc[contract].storage == {Hash32(bytes(32)): Hash32(bytes.fromhex("11" * 32))}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"currentNumber": None}, "currentNumber is missing"),
        ({"currentGasLimit": "many"}, "currentGasLimit is not a number"),
        ({"currentBaseFee": None}, "parentBaseFee is missing"),
        ({"currentCoinbase": "0x12"}, "expected 20 bytes"),
    ],
)
def test_a_malformed_environment_names_the_field(change: dict[str, Any], message: str) -> None:
    environment = {key: value for key, value in {**ENV, **change}.items() if value is not None}
    with pytest.raises(TransitionInputError, match=message):
        transition({}, environment, [], "Cancun", 1)


def test_an_unknown_fork_is_named() -> None:
    with pytest.raises(TransitionInputError, match="unknown fork 'Byzantine'"):
        transition({}, ENV, [], "Byzantine", 1)


def test_the_command_reads_and_writes_the_files_it_is_told(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from node.cli.evm import evm
    from node.cli.t8n import register

    register(evm)
    for name, value in (
        ("alloc", {to_hex(SENDER): {"balance": hex(10**18)}}),
        ("env", ENV),
        ("txs", [_transfer()]),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    answer = CliRunner().invoke(
        evm,
        [
            "t8n",
            *(f"--input.{name}={tmp_path / name}.json" for name in ("alloc", "env", "txs")),
            f"--output.basedir={tmp_path / 'out'}",
            "--output.result=stdout",
            "--output.body=body.rlp",
            "--state.fork=Cancun",
        ],
    )
    assert answer.exit_code == 0, answer.output
    result = json.loads(answer.stdout)["result"]
    assert result["gasUsed"] == "0x5208"
    assert json.loads((tmp_path / "out" / "alloc.json").read_text())["0x" + "aa" * 20]["balance"] == "0x1"
    assert json.loads((tmp_path / "out" / "body.rlp").read_text()).startswith("0x")
