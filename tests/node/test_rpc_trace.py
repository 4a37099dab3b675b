"""debug_trace... and debug_executionWitness over a served chain."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession
from web3 import AsyncHTTPProvider, AsyncWeb3

from evm.engine.witness import ExecutionWitness
from evm.rules import L1Rules
from evm.store.kv import WriteBatch
from evm.types import Address, Block, DynamicFeeTransaction, PayloadAttributes, to_hex
from node.rpc.eth_execution import ExecutionLimits
from node.rpc.standard import NodeOptions
from node.rpc.trace_params import parse_duration, parse_trace_options
from tests.node.rpc_world import (
    DEV_ADDRESSES,
    EMITTER,
    EMITTER_CODE,
    REVERTER,
    SPINNER,
    build_block,
    dev_genesis,
    dev_transaction,
    mine,
    open_chain,
    serve,
    vector_chain,
)
from tests.node.test_rpc_chain import Node, word
from tests.node.test_rpc_web3 import checksum

ALICE = to_hex(DEV_ADDRESSES[0])


def emitting(node: Node) -> DynamicFeeTransaction:
    """A mined block of a transfer and a call of the emitter; that call."""
    call = dev_transaction(1, 0, to=EMITTER, data=word(77))
    mine(node.chain, dev_transaction(0, 0, value=5), call)
    assert isinstance(call, DynamicFeeTransaction)
    return call


async def test_a_mined_transaction_is_traced_by_each_tracer() -> None:
    node = Node()
    call = emitting(node)
    steps = await node.call("debug_traceTransaction", to_hex(call.hash))
    receipt = await node.call("eth_getTransactionReceipt", to_hex(call.hash))
    assert steps["gas"] == int(receipt["gasUsed"], 16) and steps["returnValue"] == to_hex(word(77))
    assert [line["op"] for line in steps["structLogs"]][:3] == ["PUSH0", "CALLDATALOAD", "PUSH0"]
    short = await node.call("debug_traceTransaction", to_hex(call.hash), {"disableStack": True, "limit": 1})
    assert len(short["structLogs"]) == 1 and "stack" not in short["structLogs"][0]
    frame = await node.call(
        "debug_traceTransaction", to_hex(call.hash), {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
    )
    assert frame["logs"][0]["address"] == to_hex(EMITTER) and frame["gasUsed"] == receipt["gasUsed"]
    diff = await node.call(
        "debug_traceTransaction",
        to_hex(call.hash),
        {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}, "reexec": 5, "timeout": "3s"},
    )
    assert diff["post"][to_hex(DEV_ADDRESSES[1])]["nonce"] == 1
    several = {"tracer": "muxTracer", "tracerConfig": {"4byteTracer": {}, "noopTracer": None}}
    assert await node.call("debug_traceTransaction", to_hex(call.hash), several) == {
        "4byteTracer": {"0x00000000-28": 1},
        "noopTracer": {},
    }


async def test_tracers_in_tracers_end_somewhere() -> None:
    node = Node()
    options: dict[str, Any] = {"tracer": "noopTracer", "tracerConfig": {}}
    for _ in range(4):
        options = {"tracer": "muxTracer", "tracerConfig": {options["tracer"]: options["tracerConfig"]}}
    answer = await node.call("debug_traceCall", {"to": ALICE}, "latest", options)
    assert answer == {"muxTracer": {"muxTracer": {"muxTracer": {"noopTracer": {}}}}}
    deeper = {"tracer": "muxTracer", "tracerConfig": {"muxTracer": options["tracerConfig"]}}
    assert "4 deep, not deeper" in (await node.error("debug_traceCall", {"to": ALICE}, "latest", deeper)).message


async def test_a_block_is_traced_by_number_hash_and_bytes() -> None:
    node = Node()
    emitting(node)
    block = node.chain.block_by_number(1)
    assert block is not None
    options = {"tracer": "callTracer"}
    by_number = await node.call("debug_traceBlockByNumber", "0x1", options)
    assert [item["txHash"] for item in by_number] == [to_hex(item.hash) for item in block.transactions]
    assert [item["result"]["from"] for item in by_number] == [to_hex(address) for address in DEV_ADDRESSES[:2]]
    assert await node.call("debug_traceBlockByNumber", "latest", options) == by_number
    assert await node.call("debug_traceBlockByHash", to_hex(block.hash), options) == by_number
    assert await node.call("debug_traceBlock", to_hex(block.encode()), options) == by_number
    lines = await node.call("debug_traceBlockByNumber", "0x1")
    assert lines[0]["result"]["structLogs"] == [] and len(lines[1]["result"]["structLogs"]) == 11


async def test_a_block_beside_the_chain_is_traced_by_its_hash() -> None:
    node = Node()
    side = build_block(node.chain, [dev_transaction(2, 0, value=9)])
    mine(node.chain)
    node.chain.insert(side, make_head=False)
    (found,) = await node.call("debug_traceBlockByHash", to_hex(side.block.hash), {"tracer": "callTracer"})
    assert found["result"]["value"] == "0x9"


async def test_a_call_is_traced_with_other_state_and_another_block() -> None:
    node = Node()
    target = "0x" + "77" * 20
    # NUMBER, SLOAD(0): their sum, returned.
    code = "0x435f54015f5260205ff3"
    slots = {"0x" + "00" * 32: "0x" + "00" * 31 + "01"}
    options = {
        "stateOverrides": {target: {"code": code, "stateDiff": slots}},
        "blockOverrides": {"number": "0x20"},
        "enableMemory": True,
    }
    answer = await node.call("debug_traceCall", {"to": target}, "latest", options)
    assert answer["returnValue"] == to_hex(word(0x21)) and not answer["failed"]
    # Nothing of it stays.
    assert await node.call("eth_getCode", target, "latest") == "0x"
    plain = await node.call("debug_traceCall", {"to": target}, to_hex(node.chain.head.hash), {"tracer": "callTracer"})
    assert plain["gasUsed"] == "0x5208" and plain["from"] == "0x" + "00" * 20
    reverting = await node.call("debug_traceCall", {"to": to_hex(REVERTER)}, "latest", {"tracer": "callTracer"})
    assert reverting["revertReason"] == "no" and reverting["error"] == "execution reverted"


async def test_a_call_is_traced_in_the_middle_of_a_block() -> None:
    node = Node()
    # Counts its calls, and gives the count.
    counter = "0x5f54600101805f555f5260205ff3"
    deploying = dev_transaction(0, 0, to=None, data=bytes.fromhex("6d" + counter[2:] + "5f52600e6012f3"))
    mine(node.chain, deploying)
    receipt = await node.call("eth_getTransactionReceipt", to_hex(deploying.hash))
    target = receipt["contractAddress"]
    address = Address(bytes.fromhex(target[2:]))
    late = dev_transaction(0, 4, to=None, data=bytes.fromhex("6d" + counter[2:] + "5f52600e6012f3"))
    mine(node.chain, *(dev_transaction(0, nonce, to=address) for nonce in (1, 2, 3)), late, dev_transaction(0, 5))
    call = {"to": target}
    for index, count in enumerate((1, 2, 3, 4)):
        answer = await node.call("debug_traceCall", call, "latest", {"txIndex": hex(index), "disableStack": True})
        assert answer["returnValue"] == to_hex(word(count))
    assert (await node.call("debug_traceCall", call, "latest"))["returnValue"] == to_hex(word(4))
    created = (await node.call("eth_getTransactionReceipt", to_hex(late.hash)))["contractAddress"]
    for before, lines in (("0x3", 0), ("0x4", 12)):
        answer = await node.call("debug_traceCall", {"to": created}, "latest", {"txIndex": before})
        assert len(answer["structLogs"]) == lines


async def test_a_traced_call_pays_its_fee() -> None:
    node = Node()
    base_fee = node.chain.head.base_fee_per_gas or 0
    call = {
        "from": ALICE,
        "to": to_hex(DEV_ADDRESSES[1]),
        "value": "0x1",
        "maxFeePerGas": hex(2 * base_fee),
        "maxPriorityFeePerGas": "0x3",
        "gas": "0x7530",
    }
    options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    diff = await node.call("debug_traceCall", call, "latest", options)
    before, after = (int(diff[part][ALICE]["balance"], 16) for part in ("pre", "post"))
    assert before - after == 21_000 * (base_fee + 3) + 1
    assert diff["post"]["0x" + "00" * 20] == {"balance": hex(3 * 21_000)}


async def test_what_cannot_be_traced_is_refused_in_geths_words() -> None:
    node = Node()
    call = emitting(node)
    unknown, spent = "0x" + "12" * 32, to_hex(call.hash)
    for method, params, code, text in (
        ("debug_traceTransaction", (unknown,), -32000, "transaction not found"),
        ("debug_traceBlockByNumber", ("0x0",), -32000, "genesis is not traceable"),
        ("debug_traceBlockByNumber", ("0x7",), -32000, "block #7 not found"),
        ("debug_traceBlockByHash", (unknown,), -32000, f"block {unknown} not found"),
        ("debug_traceBlock", ("0xc0",), -32000, "could not decode block: "),
        ("debug_traceCall", ({}, "pending"), -32000, "tracing on top of pending is not supported"),
        ("debug_traceCall", ({}, "0x9"), -32000, "header not found"),
        ("debug_traceCall", ({"to": "0x1"}, "latest"), -32602, "invalid argument 0: to: "),
        ("debug_traceCall", ({}, "latest", {"stateOverrides": {"0x1": {}}}), -32602, "invalid argument 2: "),
        ("debug_traceCall", ({}, "latest", {"txIndex": 1}), -32602, "invalid argument 2: "),
        ("debug_traceCall", ({}, "latest", {"txIndex": "0x2"}), -32000, "transaction index 2 out of range for "),
        ("debug_traceCall", ({}, "0x0", {"txIndex": "0x0"}), -32000, "genesis is not traceable"),
        ("debug_traceCall", ({"to": ALICE, "gas": "0x1"}, "latest"), -32000, "tracing failed: intrinsic gas too low"),
        ("debug_traceTransaction", (spent, {"tracer": "oneTracer"}), -32000, "tracer 'oneTracer' is not known"),
        ("debug_traceTransaction", (spent, {"tracer": 5}), -32602, "invalid argument 1: tracer must be a string"),
        ("debug_traceTransaction", (spent, {"timeout": "soon"}), -32602, "invalid argument 1: time: invalid duration"),
        ("debug_traceTransaction", (spent, {"limit": "1"}), -32000, "tracer setting limit"),
        ("debug_traceTransaction", (spent, [1]), -32602, "invalid argument 1: trace options must be an object"),
        ("debug_executionWitness", ("0x0",), -32000, "genesis has no witness"),
        ("debug_executionWitness", ("0x7",), -32000, "block not found"),
        ("debug_executePayload", (unknown, {}), -32602, "invalid argument 1: "),
    ):
        error = await node.error(method, *params)
        assert (error.code, error.message[: len(text)]) == (code, text), (method, params, error.message)


async def test_a_block_whose_transactions_do_not_fit_is_not_traced() -> None:
    node = Node()
    emitting(node)
    block = node.chain.block_by_number(1)
    assert block is not None
    swapped = Block(block.header, (dev_transaction(0, 5), *block.transactions), block.withdrawals)
    error = await node.error("debug_traceBlock", to_hex(swapped.encode()))
    assert error.message.startswith("tracing failed: nonce too high")


async def test_blocks_whose_parents_state_is_gone_are_named() -> None:
    node = Node()
    emitting(node)
    mine(node.chain)
    mine(node.chain, dev_transaction(0, 1))
    parent = node.chain.header_by_number(1)
    assert parent is not None
    batch = WriteBatch()
    batch.delete(b"sn" + parent.state_root)
    node.chain.kv.write(batch)
    for method in ("debug_traceBlockByNumber", "debug_executionWitness"):
        error = await node.error(method, "0x2")
        assert error.message.startswith("required historical state unavailable: missing trie node ")
        assert await node.call(method, "0x1") is not None


async def test_a_trace_ends_with_its_time_or_its_memory() -> None:
    spinning = {"to": to_hex(SPINNER)}
    hurried = Node(execution=ExecutionLimits(gas_cap=10**12, timeout=0.0))
    assert (await hurried.error("debug_traceCall", spinning, "latest")).message == "execution timeout"
    assert (
        await hurried.error("debug_traceCall", spinning, "latest", {"tracer": "noopTracer"})
    ).message == "execution timeout"
    # A caller may ask for another time, and gets no more than the node allows.
    bounded = Node(execution=ExecutionLimits(gas_cap=10**12, trace_timeout=0.0))
    error = await bounded.error("debug_traceCall", spinning, "latest", {"timeout": "10h"})
    assert error.message == "execution timeout"
    narrow = Node(execution=ExecutionLimits(gas_cap=10**12, timeout=60, trace_bytes=1 << 20))
    error = await narrow.error("debug_traceCall", spinning, "latest")
    assert error.message.startswith("the trace takes more than 1 MiB")
    patient = await hurried.call("debug_traceCall", {**spinning, "gas": "0x7530"}, "latest", {"timeout": "1m"})
    assert patient["failed"] and patient["gas"] == 30_000


async def test_traces_hold_up_neither_calls_nor_blocks() -> None:
    node = Node(execution=ExecutionLimits(gas_cap=1_000_000, timeout=60))
    call = {"to": to_hex(SPINNER)}
    traces = [
        asyncio.create_task(node.call("debug_traceCall", call, "latest", {"tracer": "prestateTracer"}))
        for _ in range(3)
    ]
    await asyncio.sleep(0)
    # All turns for traces are taken; calls and blocks have theirs.
    assert await node.call("eth_call", {"to": to_hex(EMITTER), "data": to_hex(word(3))}) == to_hex(word(3))
    mine(node.chain, dev_transaction(0, 0))
    assert await node.call("eth_blockNumber") == "0x1"
    assert not traces[-1].done()
    assert len({orjson.dumps(await trace) for trace in traces}) == 1


async def test_too_many_traces_are_told_to_come_back() -> None:
    node = Node(execution=ExecutionLimits(gas_cap=30_000))
    tasks = [
        asyncio.create_task(node.dispatcher.call("debug_traceCall", ({"to": to_hex(SPINNER)}, "latest"), None))
        for _ in range(40)
    ]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(refused) == 8 and "too many traces are waiting" in str(refused[0])


async def test_tracing_and_witnesses_change_nothing() -> None:
    node = Node()
    emitting(node)
    before = sorted(node.chain.kv.scan(b""))
    for method in ("debug_traceBlockByNumber", "debug_executionWitness"):
        await node.call(method, "0x1")
    await node.call("debug_traceCall", {"from": ALICE, "to": to_hex(EMITTER), "value": "0x5"}, "latest")
    assert sorted(node.chain.kv.scan(b"")) == before
    mine(node.chain, dev_transaction(0, 1), dev_transaction(1, 1))


async def test_the_deepest_nesting_can_be_traced() -> None:
    genesis = dev_genesis()
    recursive = "0x" + "ce" * 20
    genesis["alloc"][recursive] = {"balance": "0x0", "code": "0x5f5f5f5f5f305af100"}
    limits = ExecutionLimits(gas_cap=10**13, timeout=60)
    node = Node(genesis, execution=limits)
    steps = await node.call("debug_traceCall", {"to": recursive}, "latest", {"disableStack": True})
    assert max(line["depth"] for line in steps["structLogs"]) == 1_025
    async with serve(node.chain, options=NodeOptions("lamina/test", Path("data"), execution=limits)) as served:
        # What the server sends: encoders of JSON have limits of their own.
        request: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "debug_traceCall"}
        request["params"] = [{"to": recursive}, "latest", {"tracer": "callTracer"}]
        async with ClientSession() as session, session.post(served.server.url, json=request) as response:
            text = await response.text()
    assert text.count('"calls":[') == 1_025 and "max call depth exceeded" in text


async def test_a_witness_from_the_node_executes_its_block() -> None:
    node = Node()
    emitting(node)
    mine(node.chain, dev_transaction(0, 1, to=None, data=EMITTER_CODE), dev_transaction(2, 0, to=REVERTER))
    for number in (1, 2):
        block = node.chain.block_by_number(number)
        assert block is not None
        witness = ExecutionWitness.from_json(await node.call("debug_executionWitness", hex(number)))
        assert set(witness.values()) >= {block.header.parent_hash}
        assert isinstance(node.chain.rules, L1Rules)
        assert witness.execute(node.chain.rules, block).block.hash == block.hash
        assert await node.call("debug_executionWitness", to_hex(block.hash)) == witness.to_json()


async def test_payload_attributes_are_for_l2_blocks() -> None:
    node = Node()
    attributes = PayloadAttributes(
        timestamp=node.chain.head.timestamp,  # type: ignore[arg-type]
        prev_randao=node.chain.head.prev_randao,
        suggested_fee_recipient=DEV_ADDRESSES[0],
        parent_beacon_block_root=None,
        transactions=(),
        no_tx_pool=True,
        gas_limit=30_000_000,  # type: ignore[arg-type]
    )
    error = await node.error("debug_executePayload", to_hex(node.chain.head.hash), attributes.to_json())
    assert error.message == "payload attributes with transactions are for L2 blocks only"
    unknown = await node.error("debug_executePayload", "0x" + "12" * 32, attributes.to_json())
    assert unknown.message == "parent block not found"


async def test_traces_of_the_public_chain_fit_its_receipts(vectors: Path) -> None:
    chain = vector_chain(vectors)
    async with serve(chain) as served:
        traced = 0
        for number in range(1, chain.head.number + 1):
            block = chain.block_by_number(number)
            assert block is not None
            receipts = chain.receipts(block.hash) or ()
            totals = [0, *(receipt.cumulative_gas_used for receipt in receipts)]
            used = [after - before for before, after in itertools.pairwise(totals)]
            options = {"tracer": "muxTracer", "tracerConfig": {"callTracer": {"withLog": True}, "prestateTracer": {}}}
            found = await served.dispatcher.call("debug_traceBlockByNumber", [hex(number), options], None)
            found = orjson.loads(orjson.dumps(found))
            frames = [item["result"]["callTracer"] for item in found]
            assert [int(frame["gasUsed"], 16) for frame in frames] == used
            assert ["error" not in frame for frame in frames] == [receipt.succeeded for receipt in receipts]
            traced += len(frames)
            parent = chain.header_by_hash(block.header.parent_hash)
            if parent is not None and block.transactions:
                witness = ExecutionWitness.from_json(
                    await served.dispatcher.call("debug_executionWitness", [hex(number)], None)
                )
                assert witness.execute(chain.rules, block).block.hash == block.hash
        assert traced > 30


async def test_web3_traces_a_transaction() -> None:
    async with serve(open_chain(dev_genesis())) as served:
        w3 = AsyncWeb3(AsyncHTTPProvider(served.server.url))
        call = dev_transaction(0, 0, to=EMITTER, data=word(5))
        mine(served.chain, call)
        answer = await w3.provider.make_request("debug_traceTransaction", [to_hex(call.hash)])
        assert answer["result"]["returnValue"] == to_hex(word(5))
        frame: Any = await w3.geth.debug.trace_transaction(to_hex(call.hash), {"tracer": "callTracer"})
        assert frame["type"] == "CALL" and frame["to"] == checksum(EMITTER)
        await w3.provider.disconnect()


def test_durations_read_as_go_writes_them() -> None:
    for text, seconds in (("5s", 5.0), ("1m30s", 90.0), ("300ms", 0.3), (".5s", 0.5), ("1h", 3600.0), ("2us", 2e-6)):
        assert parse_duration(text) == pytest.approx(seconds)
    for bad in ("", "5", "s", "5s!", "-1s", "1s 2s", 5, None):
        with pytest.raises(ValueError, match="invalid duration"):
            parse_duration(bad)


def test_options_are_read_whatever_their_case() -> None:
    options = parse_trace_options({"Tracer": "callTracer", "TracerConfig": {"withLog": True}, "Timeout": "2s"})
    assert (options.tracer, options.tracer_config, options.timeout) == ("callTracer", {"withLog": True}, 2.0)
