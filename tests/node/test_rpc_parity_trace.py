"""trace_...: the lists of messages that block explorers read, over a real chain."""

from typing import Any

from evm.types import Address, to_hex
from node.rpc.eth_execution import ExecutionLimits
from tests.node.rpc_world import (
    DEV_ADDRESSES,
    EMITTER,
    REVERTER,
    SPINNER,
    build_block,
    dev_genesis,
    dev_transaction,
    mine,
)
from tests.node.test_rpc_chain import Node, word

ALICE, BOB, CAROL = (to_hex(address) for address in DEV_ADDRESSES[:3])
# Calls the emitter, then the reverter, then stores 7 in slot 1.
CALLER = Address(b"\xe4" * 20)
CALLER_CODE = (
    b"\x5f\x5f\x5f\x5f\x5f\x73" + EMITTER + b"\x62\x01\x86\xa0\xf1\x50"
    b"\x5f\x5f\x5f\x5f\x5f\x73" + REVERTER + b"\x62\x01\x86\xa0\xf1\x50\x60\x07\x60\x01\x55\x00"
)


def caller_node(**options: Any) -> Node:
    """A node whose first block holds a transfer and a call of the caller."""
    genesis = dev_genesis()
    genesis["alloc"][to_hex(CALLER)] = {"balance": "0x0", "code": to_hex(CALLER_CODE)}
    node = Node(genesis, **options)
    mine(node.chain, dev_transaction(0, 0, to=DEV_ADDRESSES[2], value=5), dev_transaction(1, 0, to=CALLER))
    return node


async def test_a_block_is_the_messages_of_its_transactions_in_order() -> None:
    node = caller_node()
    block = await node.call("eth_getBlockByNumber", "0x1")
    found = await node.call("trace_block", "0x1")
    assert [(entry["transactionPosition"], entry["traceAddress"]) for entry in found] == [
        (0, []), (1, []), (1, [0]), (1, [1]),
    ]  # fmt: skip
    assert {entry["blockHash"] for entry in found} == {block["hash"]}
    assert [entry["transactionHash"] for entry in found] == [block["transactions"][i] for i in (0, 1, 1, 1)]
    assert found[3]["error"] == "Reverted" and found[1]["subtraces"] == 2
    second = await node.call("trace_transaction", block["transactions"][1])
    assert second == found[1:]
    assert await node.call("trace_block", block["hash"]) == found
    assert await node.call("trace_get", block["transactions"][1], ["0x1"]) == found[3]
    assert await node.call("trace_get", block["transactions"][1], ["0x1", "0x0"]) is None
    assert await node.call("trace_block", "earliest") == []


async def test_what_is_not_there_is_null() -> None:
    node = caller_node()
    missing = to_hex(word(9))
    assert await node.call("trace_transaction", missing) is None
    assert await node.call("trace_get", missing, []) is None
    assert await node.call("trace_block", "0x9") is None
    assert await node.call("trace_replayBlockTransactions", "0x9", ["trace"]) is None
    assert (await node.error("trace_replayTransaction", missing, ["trace"])).message == "transaction not found"


async def test_a_replay_tells_output_messages_and_changes() -> None:
    node = caller_node()
    block = await node.call("eth_getBlockByNumber", "0x1")
    traced, whole = await node.call("trace_replayBlockTransactions", "0x1", ["trace", "stateDiff"])
    assert [entry["transactionHash"] for entry in (traced, whole)] == block["transactions"]
    single = await node.call("trace_replayTransaction", block["transactions"][1], ["stateDiff", "trace"])
    assert single | {"transactionHash": block["transactions"][1]} == whole
    assert [entry["traceAddress"] for entry in whole["trace"]] == [[], [0], [1]]
    assert "blockHash" not in whole["trace"][0] and whole["vmTrace"] is None
    slot = {to_hex(word(1)): {"*": {"from": to_hex(word(0)), "to": to_hex(word(7))}}}
    assert whole["stateDiff"][to_hex(CALLER)] == {"balance": "=", "nonce": "=", "code": "=", "storage": slot}
    sender = whole["stateDiff"][BOB]
    assert sender["nonce"] == {"*": {"from": "0x0", "to": "0x1"}} and set(sender["balance"]) == {"*"}
    assert traced["stateDiff"][CAROL]["balance"]["*"]["to"] == hex(1_000 * 10**18 + 5)
    only = await node.call("trace_replayTransaction", block["transactions"][1], [])
    assert only == {"output": "0x", "stateDiff": None, "trace": [], "vmTrace": None}
    assert (await node.error("trace_replayTransaction", block["transactions"][1], ["vmTrace"])).code == -32602


async def test_what_comes_and_what_goes_is_marked_so() -> None:
    node = Node()
    # Deploys STOP, and stores 9 in slot 2 on the way.
    initcode = bytes.fromhex("60096002556001601f5360015ff3")
    answer = await node.call("trace_call", {"from": ALICE, "input": to_hex(initcode)}, ["stateDiff", "trace"])
    (created,) = [entry for entry in answer["stateDiff"].values() if "+" in entry["code"]]
    assert created["nonce"] == {"+": "0x1"} and created["balance"] == {"+": "0x0"}
    assert created["storage"] == {to_hex(word(2)): {"+": to_hex(word(9))}}
    assert answer["trace"][0]["type"] == "create" and answer["output"] == "0x00"


async def test_a_filter_finds_messages_by_who_sent_and_who_got_them() -> None:
    node = caller_node()
    mine(node.chain, dev_transaction(0, 1, to=DEV_ADDRESSES[1]))
    every = {"fromBlock": "0x0", "toBlock": "latest"}

    async def found(**query: Any) -> list[tuple[int, list[int]]]:
        answer = await node.call("trace_filter", every | query)
        return [(entry["blockNumber"], entry["traceAddress"]) for entry in answer]

    assert await found() == [(1, []), (1, []), (1, [0]), (1, [1]), (2, [])]
    assert await found(fromAddress=[ALICE]) == [(1, []), (2, [])]
    assert await found(toAddress=[to_hex(EMITTER), to_hex(REVERTER)]) == [(1, [0]), (1, [1])]
    assert await found(fromAddress=[ALICE], toAddress=[to_hex(EMITTER)]) == [(1, []), (1, [0]), (2, [])]
    assert await found(fromAddress=[ALICE], toAddress=[BOB], mode="intersection") == [(2, [])]
    assert await found(after=1, count="0x2") == [(1, []), (1, [0])]
    assert await found(count=0) == []
    assert await node.call("trace_filter", {"fromBlock": "0x2", "toBlock": "0x1"}) == []
    for query, code in (({"mode": "any"}, -32602), ({"fromAddress": ALICE}, -32602), ({"toBlock": "0x7"}, -32000)):
        assert (await node.error("trace_filter", every | query)).code == code


async def test_a_filter_over_too_many_blocks_is_refused() -> None:
    node = Node()
    for _ in range(100):
        mine(node.chain)
    assert (await node.error("trace_filter", {"fromBlock": "0x0"})).code == -32005
    assert await node.call("trace_filter", {"fromBlock": "0x1"}) == []


async def test_replays_keep_to_their_limits() -> None:
    hurried = Node(execution=ExecutionLimits(timeout=0.0))
    mine(hurried.chain, dev_transaction(0, 0, to=SPINNER))
    assert (await hurried.error("trace_block", "0x1")).message == "execution timeout"
    cramped = caller_node(execution=ExecutionLimits(trace_bytes=2_000))
    assert "more than" in (await cramped.error("trace_block", "0x1")).message


async def test_a_block_that_a_reorg_took_out_is_traced_by_its_hash_and_its_transactions_are_not_found() -> None:
    node = caller_node()
    old = node.chain.block_by_number(1)
    assert old is not None
    node.chain.insert(build_block(node.chain, [dev_transaction(2, 0, value=6)], parent=node.chain.genesis))
    assert len(await node.call("trace_block", to_hex(old.hash))) == 4
    assert len(await node.call("trace_block", "0x1")) == 1
    assert await node.call("trace_transaction", to_hex(old.transactions[1].hash)) is None
