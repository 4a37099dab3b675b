"""eth_simulateV1 over a real chain: blocks of calls, their limits, and the words in which they are refused."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from config.constants import BASE_FEE_VAULT, L1_FEE_VAULT
from evm.types import Address, keccak256, to_hex
from evm.types.json_codec import header_from_json
from node.rpc import Dispatcher
from node.rpc.eth_execution import ExecutionLimits
from node.rpc.standard import NodeOptions, standard_namespaces
from tests.evm.engine_kit import ALICE as L2_ALICE
from tests.evm.engine_kit import BOB as L2_BOB
from tests.evm.engine_kit import ETHER, GWEI
from tests.node.rpc_world import (
    DEV_ADDRESSES,
    EMITTER,
    REVERTER,
    SPINNER,
    build_block,
    dev_genesis,
    dev_transaction,
    make_pool,
    mine,
)
from tests.node.test_rpc_chain import Node, word
from tests.node.test_rpc_rollup import l2_chain

ALICE, BOB, CAROL = (to_hex(address) for address in DEV_ADDRESSES[:3])
POOR = "0x" + "99" * 20
RETURN_NUMBER = "0x4360005260206000f3"
# Sends 3 wei to the address in the first word of its input, then reverts if the second word is not zero.
FORWARDER = "0x60006000600060006003600035620186a0f15060203515601f5760006000fd5b00"
TRANSFER = to_hex(keccak256(b"Transfer(address,address,uint256)"))


def padded(address: str) -> str:
    return "0x" + "00" * 12 + address[2:]


def blocks(*calls: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A request for one block with these calls."""
    return {"blockStateCalls": [{"calls": list(calls)}], **options}


async def test_a_simulated_block_leaves_the_state_and_receipts_that_the_real_block_then_has() -> None:
    node = Node()
    transfer = dev_transaction(0, 0, value=5)
    emitting = dev_transaction(1, 0, to=EMITTER, data=word(77))
    calls = [
        {
            "from": to_hex(transaction.sender),
            "to": to_hex(transaction.to or b""),
            "value": hex(transaction.value),
            "input": to_hex(transaction.data),
            "gas": hex(transaction.gas_limit),
            "maxFeePerGas": hex(transaction.max_fee_per_gas),
            "maxPriorityFeePerGas": hex(transaction.max_priority_fee_per_gas),
            "nonce": "0x0",
        }
        for transaction in (transfer, emitting)
    ]
    facts = {"prevRandao": to_hex(word(2))}
    request = {"blockStateCalls": [{"calls": calls, "blockOverrides": facts}], "validation": True}
    (simulated,) = await node.call("eth_simulateV1", request)
    real = mine(node.chain, transfer, emitting).block.header
    assert simulated["stateRoot"] == to_hex(real.state_root)
    assert simulated["receiptsRoot"] == to_hex(real.receipts_root)
    assert simulated["logsBloom"] == to_hex(real.logs_bloom)
    assert simulated["gasUsed"] == hex(real.gas_used)
    assert simulated["baseFeePerGas"] == hex(real.base_fee_per_gas or 0)
    assert simulated["requestsHash"] == to_hex(real.requests_hash or b"")
    assert (simulated["number"], simulated["timestamp"]) == (hex(real.number), hex(real.timestamp))


async def test_a_later_block_finds_what_an_earlier_one_left_and_the_chain_finds_nothing() -> None:
    node = Node()
    request = {
        "blockStateCalls": [
            {"stateOverrides": {POOR: {"balance": "0x64"}}, "calls": [{"from": POOR, "to": CAROL, "value": "0x28"}]},
            {"calls": [{"from": POOR, "to": CAROL, "value": "0x3c"}]},
        ]
    }
    first, second = await node.call("eth_simulateV1", request)
    assert [block["calls"][0]["status"] for block in (first, second)] == ["0x1", "0x1"]
    assert second["parentHash"] == first["hash"] and first["hash"] != second["hash"]
    error = await node.error("eth_simulateV1", blocks({"from": POOR, "to": CAROL, "value": "0x1"}))
    assert error.code == -38014 and "insufficient funds for gas * price + value" in error.message
    assert await node.call("eth_getBalance", POOR) == "0x0"
    assert node.chain.head.number == 0


async def test_gaps_are_filled_with_empty_blocks_and_code_sees_their_hashes() -> None:
    node = Node()
    # Returns the hash of the block before.
    hasher = "0x600143034060005260206000f3"
    request = {
        "blockStateCalls": [
            {
                "blockOverrides": {"number": "0x4", "time": "0x64"},
                "stateOverrides": {POOR: {"code": hasher}},
                "calls": [{"to": POOR}],
            }
        ]
    }
    answer = await node.call("eth_simulateV1", request)
    assert [block["number"] for block in answer] == ["0x1", "0x2", "0x3", "0x4"]
    assert [int(block["timestamp"], 16) for block in answer] == [12, 24, 36, 100]
    assert [block["calls"] for block in answer[:3]] == [[], [], []]
    assert answer[3]["calls"][0]["returnData"] == answer[2]["hash"] == answer[3]["parentHash"]


async def test_transfers_of_ether_are_reported_as_logs_where_they_lasted() -> None:
    node = Node()
    accounts = {POOR: {"balance": "0xa", "code": FORWARDER}}
    kept = {"from": ALICE, "to": POOR, "value": "0x1", "input": padded(CAROL)}
    undone = kept | {"input": padded(CAROL) + "00" * 31 + "01"}
    emitting = {"from": ALICE, "to": to_hex(EMITTER), "input": to_hex(word(7))}
    request = {"blockStateCalls": [{"stateOverrides": accounts, "calls": [kept, undone, emitting]}]}
    (block,) = await node.call("eth_simulateV1", request | {"traceTransfers": True})
    first, second, third = block["calls"]
    assert [log["topics"][1:] for log in first["logs"]] == [[padded(ALICE), padded(POOR)], [padded(POOR), padded(CAROL)]]
    assert {log["topics"][0] for log in first["logs"]} == {TRANSFER}
    assert {log["address"] for log in first["logs"]} == {"0x" + "ee" * 20}
    assert [int(log["data"], 16) for log in first["logs"]] == [1, 3]
    assert (second["status"], second["logs"]) == ("0x0", [])
    (log,) = third["logs"]
    assert (log["address"], log["transactionIndex"], log["logIndex"]) == (to_hex(EMITTER), "0x2", "0x4")
    assert log["blockHash"] == block["hash"]
    assert log["transactionHash"] == block["transactions"][2]
    (plain,) = await node.call("eth_simulateV1", request)
    assert [len(call["logs"]) for call in plain["calls"]] == [0, 0, 1]
    assert plain["logsBloom"] == block["logsBloom"] and plain["hash"] == block["hash"]


async def test_calls_that_fail_say_why() -> None:
    node = Node()
    request = blocks(
        {"from": ALICE, "to": to_hex(REVERTER)},
        {"from": ALICE, "to": to_hex(SPINNER), "gas": "0x7530"},
    )
    (block,) = await node.call("eth_simulateV1", request)
    reverted, spent = block["calls"]
    assert reverted["error"]["code"] == 3 and reverted["error"]["message"] == "execution reverted: no"
    assert reverted["error"]["data"].startswith("0x08c379a0") and reverted["returnData"] == "0x"
    assert spent["error"] == {"message": "out of gas", "code": -32015} and spent["gasUsed"] == "0x7530"


async def test_precompiles_move_and_leave_their_address_to_code() -> None:
    node = Node()
    identity, elsewhere = "0x" + "00" * 19 + "04", "0x" + "12" * 20
    accounts = {identity: {"movePrecompileToAddress": elsewhere, "code": RETURN_NUMBER}}
    calls = [{"from": ALICE, "to": identity, "input": "0x01"}, {"from": ALICE, "to": elsewhere, "input": "0x0102"}]
    (block,) = await node.call("eth_simulateV1", {"blockStateCalls": [{"stateOverrides": accounts, "calls": calls}]})
    assert [call["returnData"] for call in block["calls"]] == [to_hex(word(1)), "0x0102"]
    # The same in eth_call and in a trace, and the next request finds everything as it was.
    assert await node.call("eth_call", calls[1], "latest", accounts) == "0x0102"
    trace = await node.call(
        "debug_traceCall", calls[1], "latest", {"tracer": "callTracer", "stateOverrides": accounts}
    )
    assert trace["output"] == "0x0102"
    assert await node.call("eth_call", calls[0]) == "0x01"
    assert await node.call("eth_call", calls[1]) == "0x"
    for overrides, text in (
        ({ALICE: {"movePrecompileToAddress": elsewhere}}, "is not a precompile"),
        ({identity: {"movePrecompileToAddress": BOB}, BOB: {"balance": "0x1"}}, "is already overridden"),
    ):
        for error in (
            await node.error("eth_call", calls[0], "latest", overrides),
            await node.error("eth_simulateV1", {"blockStateCalls": [{"stateOverrides": overrides}]}),
        ):
            assert error.code == -32000 and text in error.message


async def test_validation_holds_calls_to_the_rules_of_transactions_but_not_to_signatures() -> None:
    node = Node()
    paying = {"from": ALICE, "to": BOB, "maxFeePerGas": hex(10 * GWEI), "gas": "0x5208"}
    (block,) = await node.call("eth_simulateV1", blocks(paying, validation=True, returnFullTransactions=True))
    (transaction,) = block["transactions"]
    assert (transaction["from"], transaction["nonce"], transaction["r"]) == (ALICE, "0x0", "0x0")
    assert int(block["baseFeePerGas"], 16) > 0
    for call, code, text in (
        ({"from": ALICE, "to": BOB}, -38012, "max fee per gas less than block base fee"),
        (paying | {"nonce": "0x5"}, -38011, "nonce too high"),
        (paying | {"gas": "0x5207"}, -38013, "intrinsic gas too low: have 20999, want 21000"),
        (paying | {"maxPriorityFeePerGas": hex(11 * GWEI)}, -32602, "max priority fee per gas higher"),
        (paying | {"to": None, "input": "0x" + "00" * 49_153, "gas": "0xf4240"}, -38025, "max initcode size"),
        (paying | {"value": hex(10**30)}, -38014, "insufficient funds"),
    ):
        error = await node.error("eth_simulateV1", blocks(call, validation=True))
        assert error.code == code and error.message.startswith(f"err: {text}"), error.message
    low = {"blockStateCalls": [{"calls": [paying, paying | {"nonce": "0x0"}]}], "validation": True}
    assert (await node.error("eth_simulateV1", low)).code == -38010
    (free,) = await node.call("eth_simulateV1", blocks(paying | {"nonce": "0x5"}))
    assert free["calls"][0]["status"] == "0x1" and free["baseFeePerGas"] == "0x0"


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ([], -32602, "empty input"),
        ([{}] * 257, -38026, "too many blocks"),
        ([{"blockOverrides": {"number": "0x101"}}], -38026, "too many blocks"),
        ([{"blockOverrides": {"number": "0x0"}}], -38020, "block numbers must be in order: 0 <= 0"),
        ([{}, {"blockOverrides": {"number": "0x1"}}], -38020, "block numbers must be in order: 1 <= 1"),
        ([{}, {"blockOverrides": {"time": "0xc"}}], -38021, "block timestamps must be in order: 12 <= 12"),
        ([{"blockOverrides": {"time": "0xffffffffffffffff"}}, {}], -38021, "block timestamps end at 2^64"),
        ([{"calls": [{}] * 5_001}], -38026, "too many calls in block: 5001 > 5000"),
        ([{"calls": [{}] * 4_000}] * 3, -38026, "too many calls: 12000 > 10000"),
        (
            [{"blockOverrides": {"gasLimit": "0x7530"}, "calls": [{"gas": "0x7531"}]}],
            -38015,
            "block gas limit reached: remaining: 30000, required: 30001",
        ),
        ([{"calls": [{"from": "0x12"}]}], -32602, "invalid argument 0: from: hex string has length 2"),
        ([{"stateOverrides": []}, 5], -32602, "invalid argument 0: expected an object"),
        ({}, -32602, "invalid argument 0: expected an array"),
    ],
)
async def test_what_no_chain_can_hold_is_refused(asked: Any, code: int, text: str) -> None:
    error = await Node().error("eth_simulateV1", {"blockStateCalls": asked})
    assert error.code == code and error.message.startswith(text), error.message


async def test_a_simulation_keeps_to_the_gas_the_time_and_the_memory_of_one_request() -> None:
    spin = {"from": ALICE, "to": to_hex(SPINNER)}
    capped = Node(execution=ExecutionLimits(gas_cap=100_000))
    error = await capped.error("eth_simulateV1", blocks(spin, spin))
    assert error.code == -38013 and error.message == "err: intrinsic gas too low: have 0, want 21000 (supplied gas 0)"
    (block,) = await capped.call("eth_simulateV1", blocks(spin))
    assert block["calls"][0]["error"]["message"].endswith("(gas limit was capped by the RPC server's global gas cap)")
    hurried = Node(execution=ExecutionLimits(timeout=0.0))
    assert "execution aborted" in (await hurried.error("eth_simulateV1", blocks(spin))).message
    cramped = Node(execution=ExecutionLimits(trace_bytes=2_000))
    emitting = {"from": ALICE, "to": to_hex(EMITTER)}
    assert (await cramped.error("eth_simulateV1", blocks(emitting, emitting))).code == -32000


async def test_a_simulation_starts_from_the_block_that_is_named() -> None:
    node = Node()
    mine(node.chain, dev_transaction(0, 0, value=5))
    fork = build_block(node.chain, [dev_transaction(1, 0, value=6)], parent=node.chain.genesis)
    node.chain.insert(fork)
    request = blocks({"to": POOR}, validation=False)
    request["blockStateCalls"][0]["stateOverrides"] = {POOR: {"code": RETURN_NUMBER}}
    for name, number in (("earliest", 1), ("latest", 2), ("0x0", 1), (to_hex(fork.block.hash), 2)):
        (block,) = await node.call("eth_simulateV1", request, name)
        assert block["calls"][0]["returnData"] == to_hex(word(number))
    assert (await node.error("eth_simulateV1", request, "0x9")).message == "header not found"


async def test_on_a_rollup_no_data_fee_is_charged_and_the_base_fee_goes_to_its_vault() -> None:
    chain = l2_chain(ETHER)
    options = NodeOptions(client_version="lamina/test", datadir=Path("data"), block_time=2)
    node = Dispatcher(standard_namespaces(chain, make_pool(chain), lambda: 0.0, options))
    price = 3 * GWEI
    paying = {
        "from": to_hex(L2_ALICE), "to": to_hex(L2_BOB), "value": "0x1", "gas": "0x5208",
        "maxFeePerGas": hex(price), "maxPriorityFeePerGas": "0x1",
    }  # fmt: skip
    asking = [
        {"to": "0x" + "77" * 20, "input": padded(to_hex(address))}
        for address in (L2_ALICE, Address(BASE_FEE_VAULT), Address(L1_FEE_VAULT))
    ]
    accounts = {"0x" + "77" * 20: {"code": "0x6000353160005260206000f3"}}
    facts = {"baseFeePerGas": hex(GWEI)}
    request = {
        "blockStateCalls": [
            {"blockOverrides": facts, "calls": [paying]},
            {"stateOverrides": accounts, "calls": asking},
        ]
    }
    first, second = orjson.loads(orjson.dumps(await node.call("eth_simulateV1", [request])))
    left, base_fees, data_fees = (int(call["returnData"], 16) for call in second["calls"])
    assert left == ETHER - 1 - 21_000 * (GWEI + 1)
    assert (base_fees, data_fees) == (21_000 * GWEI, 0)
    assert int(first["timestamp"], 16) == 2
    assert first["extraData"] == to_hex(chain.genesis.extra_data)


async def test_storage_that_an_override_replaces_is_not_walked_through_and_reads_as_it_says() -> None:
    genesis = dev_genesis()
    # Returns slot 1, then slot 2.
    code = "0x60015460005260025460205260406000f3"
    genesis["alloc"][POOR] = {
        "balance": "0x0",
        "code": code,
        "storage": {to_hex(word(1)): to_hex(word(5)), to_hex(word(2)): to_hex(word(6))},
    }
    node = Node(genesis)
    override = {POOR: {"state": {to_hex(word(2)): to_hex(word(9))}}}
    asked = {"blockStateCalls": [{"stateOverrides": override, "calls": [{"to": POOR}]}, {"calls": [{"to": POOR}]}]}
    first, second = await node.call("eth_simulateV1", asked)
    assert first["calls"][0]["returnData"] == second["calls"][0]["returnData"] == to_hex(word(0) + word(9))
    (untouched,) = await node.call("eth_simulateV1", blocks({"to": POOR}))
    assert untouched["calls"][0]["returnData"] == to_hex(word(5) + word(6))


async def test_as_many_blocks_as_allowed_fit_into_a_request() -> None:
    node = Node(execution=ExecutionLimits(timeout=60.0))
    answer = await node.call("eth_simulateV1", {"blockStateCalls": [{"blockOverrides": {"number": "0x100"}}]})
    assert len(answer) == 256 and len({block["stateRoot"] for block in answer}) == 256


@pytest.mark.parametrize("validation", [True, False])
async def test_a_rollups_base_fee_follows_from_block_to_block_by_its_own_parameters(validation: bool) -> None:
    chain = l2_chain(ETHER)
    options = NodeOptions(client_version="lamina/test", datadir=Path("data"), block_time=2)
    node = Dispatcher(standard_namespaces(chain, make_pool(chain), lambda: 0.0, options))
    answer = await node.call("eth_simulateV1", [{"blockStateCalls": [{}, {}, {}], "validation": validation}])
    parents = [chain.genesis, *(header_from_json(block) for block in answer)]
    for parent, block in zip(parents, answer, strict=False):
        assert block["parentHash"] == to_hex(parent.hash)
        expected = chain.rules.next_base_fee(parent, parent.timestamp + 2) if validation else 0
        assert int(block["baseFeePerGas"], 16) == expected
