"""The namespaces over a real chain: submission, filters, subscriptions, reorgs, calls."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from config.errors import TemporaryError
from evm.native import library
from evm.native.senders import recover_senders
from evm.types import Address, LegacyTransaction, keccak256, to_hex
from evm.types.transaction import sign_transaction
from l1.rpc import RpcError as EndpointError
from node.chain import Chain
from node.mempool import TransactionPool
from node.rpc import Connection, Dispatcher, RpcError
from node.rpc.blocks import BlockFinder
from node.rpc.checksum import checksum
from node.rpc.eth_config import fork_hash
from node.rpc.eth_execution import EthExecution, ExecutionLimits
from node.rpc.logs import LogLimits
from node.rpc.standard import NodeOptions, standard_namespaces
from node.rpc.workers import CallWorkers
from tests.node.rpc_world import (
    DEV_ADDRESSES,
    DEV_CHAIN_ID,
    DEV_KEYS,
    EMITTER,
    REVERTER,
    SPINNER,
    build_block,
    dev_genesis,
    dev_transaction,
    make_pool,
    mine,
    open_chain,
)

ALICE = to_hex(DEV_ADDRESSES[0])
TOPIC = "0x" + "00" * 31 + "07"


class Node:
    """A chain, its pool, and a dispatcher to call."""

    def __init__(self, genesis: dict[str, Any] | None = None, **options: Any) -> None:
        self.now = 0.0
        self.chain: Chain = open_chain(genesis or dev_genesis())
        self.pool: TransactionPool = make_pool(self.chain)
        settings = NodeOptions(client_version="lamina/test", datadir=Path("data"), **options)
        self.dispatcher = Dispatcher(standard_namespaces(self.chain, self.pool, lambda: self.now, settings))

    async def call(self, method: str, *params: Any, connection: Connection | None = None) -> Any:
        """The result, through JSON so that it is what a caller gets."""
        return orjson.loads(orjson.dumps(await self.dispatcher.call(method, params, connection)))

    async def error(self, method: str, *params: Any) -> RpcError:
        """The error that the method answers."""
        with pytest.raises(RpcError) as caught:
            await self.dispatcher.call(method, params)
        return caught.value


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def emit(sender: int, nonce: int, number: int) -> Any:
    return dev_transaction(sender, nonce, to=EMITTER, data=word(number))


def received(connection: Connection) -> list[Any]:
    """What was sent to the connection's subscriptions since the last look."""
    messages = []
    while not connection.outgoing.empty():
        message = connection.outgoing.get_nowait()
        assert message is not None
        messages.append(json.loads(message)["params"]["result"])
    return messages


# --- submission ---


async def test_a_sent_transaction_is_pending_then_mined_with_a_receipt() -> None:
    node = Node()
    transaction = dev_transaction(0, 0, value=5)
    assert await node.call("eth_sendRawTransaction", to_hex(transaction.raw)) == to_hex(transaction.hash)
    sender = to_hex(DEV_ADDRESSES[0])
    assert await node.call("eth_getTransactionCount", sender, "latest") == "0x0"
    assert await node.call("eth_getTransactionCount", sender, "pending") == "0x1"
    pending = await node.call("eth_getTransactionByHash", to_hex(transaction.hash))
    assert pending["blockHash"] is None and pending["from"] == sender
    assert await node.call("eth_getTransactionReceipt", to_hex(transaction.hash)) is None
    assert (await node.call("txpool_status")) == {"pending": "0x1", "queued": "0x0"}
    mine(node.chain, transaction)
    assert (await node.call("txpool_status")) == {"pending": "0x0", "queued": "0x0"}
    receipt = await node.call("eth_getTransactionReceipt", to_hex(transaction.hash))
    assert receipt["status"] == "0x1" and receipt["blockNumber"] == "0x1"
    assert await node.call("eth_getRawTransactionByHash", to_hex(transaction.hash)) == to_hex(transaction.raw)


async def test_refused_transactions_are_answered_in_geths_words() -> None:
    node = Node()
    good = dev_transaction(0, 0)
    await node.call("eth_sendRawTransaction", to_hex(good.raw))
    unprotected = sign_transaction(
        LegacyTransaction(0, 21_000, DEV_ADDRESSES[1], 1, b"", None, 0, 0, 0, 10**9), DEV_KEYS[1]
    )
    foreign = sign_transaction(LegacyTransaction(0, 21_000, DEV_ADDRESSES[1], 1, b"", 1, 0, 0, 0, 10**9), DEV_KEYS[1])
    expected = {
        good.raw: "already known",
        dev_transaction(0, 0, tip=10**9 + 1).raw: "replacement transaction underpriced",
        foreign.raw: f"invalid chain id for signer: have 1 want {DEV_CHAIN_ID}",
        unprotected.raw: "only replay-protected (EIP-155) transactions allowed over RPC",
        dev_transaction(1, 0, value=10**30).raw: "insufficient funds for gas * price + value",
        dev_transaction(1, 0, gas=20_000).raw: "intrinsic gas too low",
        dev_transaction(1, 0, gas=30_000_001).raw: "exceeds block gas limit",
        dev_transaction(1, 0, gas=1_000_000, max_fee=10**13).raw: "tx fee (10.00 ether) exceeds the configured cap",
        dev_transaction(1, 0, tip=2, max_fee=1).raw: "max priority fee per gas higher than max fee per gas",
        dev_transaction(1, 0, data=bytes(140_000), gas=2_000_000).raw: "oversized data",
        b"\x7e\xc0": "rlp: ",
        b"\x05\xc0": "transaction type not supported",
        good.raw[:-1]: "rlp: ",
        b"": "typed transaction too short",
    }
    for raw, text in expected.items():
        error = await node.error("eth_sendRawTransaction", to_hex(raw))
        assert error.code == -32000 and error.message.startswith(text), (error.message, text)
    mine(node.chain, good)
    assert (await node.error("eth_sendRawTransaction", to_hex(good.raw))).message == (
        "nonce too low: next nonce 1, tx nonce 0"
    )
    assert (await node.error("eth_sendRawTransaction", "0xzz")).code == -32602


@pytest.mark.skipif(not library.is_available(), reason="the native library is not built")
async def test_senders_of_a_batch_are_recovered_together_and_what_is_wrong_each_call_says() -> None:
    together: list[Sequence[bytes]] = []

    def recover(raws: Sequence[bytes]) -> bytes:
        together.append(raws)
        return recover_senders(raws)

    node = Node(recover=recover)
    good = [dev_transaction(account, 0) for account in range(3)]
    broken = replace(good[0], s=0)
    params: list[Any] = [[to_hex(each.raw)] for each in good]
    params += [[to_hex(broken.encode())], ["0xzz"], [5], {"raw": "0x"}, [to_hex(good[1].raw)], ["0x02c0"]]
    calls = [{"id": 1, "method": "eth_sendRawTransaction", "params": each} for each in params]
    answers = orjson.loads(await node.dispatcher.handle(orjson.dumps(calls)))
    assert [answer.get("result") for answer in answers[:3]] == [to_hex(each.hash) for each in good]
    assert [answer["error"]["message"][:14] for answer in answers[3:]] == [
        "invalid sender",
        "invalid argume",
        "invalid argume",
        "non-array args",
        "already known",
        "rlp: transacti",
    ]
    assert together == [[*(each.raw for each in good), broken.encode(), good[1].raw, b"\x02\xc0"]]
    assert {entry.sender for entry in node.pool.entries()} == set(DEV_ADDRESSES[:3])
    await node.dispatcher.handle(orjson.dumps({**calls[0], "params": [to_hex(dev_transaction(0, 1).raw)]}))
    assert len(together) == 1 and node.pool.pending_count == 4


async def test_a_replica_forwards_to_the_sequencer_and_passes_its_answer_on() -> None:
    class Sequencer:
        """Takes nonce 0 only."""

        endpoint = "sequencer"
        sent: list[str] = []  # noqa: RUF012

        async def call(self, method: str, params: Any = ()) -> Any:
            assert method == "eth_sendRawTransaction"
            self.sent.append(params[0])
            if len(self.sent) == 2:
                raise EndpointError(-32000, "nonce too low: next nonce 7, tx nonce 1")
            if len(self.sent) == 3:
                raise TemporaryError("connection refused")
            return None

        async def batch(self, calls: Any) -> list[Any]:
            return []

    sequencer = Sequencer()
    node = Node(sequencer=sequencer)
    raws = [to_hex(dev_transaction(0, nonce).raw) for nonce in range(3)]
    assert (await node.call("eth_sendRawTransaction", raws[0])).startswith("0x")
    assert node.pool.pending_count == 1
    assert (await node.error("eth_sendRawTransaction", raws[1])).message == "nonce too low: next nonce 7, tx nonce 1"
    assert "could not be reached" in (await node.error("eth_sendRawTransaction", raws[2])).message
    assert sequencer.sent == raws and node.pool.pending_count == 1


async def test_sending_synchronously_waits_for_the_receipt_or_the_timeout() -> None:
    node = Node()
    transaction = dev_transaction(0, 0)
    waiting = asyncio.create_task(node.call("eth_sendRawTransactionSync", to_hex(transaction.raw)))
    while node.pool.count == 0:
        await asyncio.sleep(0)
    mine(node.chain, transaction)
    assert (await waiting)["transactionHash"] == to_hex(transaction.hash)
    # Clients differ: the specification shows a quantity, viem sends a plain number.
    for nonce, milliseconds in ((1, "0x1"), (2, 1)):
        late = dev_transaction(0, nonce)
        error = await node.error("eth_sendRawTransactionSync", to_hex(late.raw), milliseconds)
        assert error.code == 4 and error.data == to_hex(late.hash) and late.hash in node.pool


# --- blocks and references ---


async def test_blocks_are_found_by_tag_number_hash_and_canonical_object() -> None:
    node = Node()
    first = mine(node.chain, dev_transaction(0, 0))
    sibling = build_block(node.chain, [], parent=node.chain.genesis)
    node.chain.insert(sibling, make_head=False)
    node.chain.set_safe(first.block.header)
    address = to_hex(DEV_ADDRESSES[0])
    tags = ("latest", "safe", "finalized", "earliest")
    numbers = [(await node.call("eth_getBlockByNumber", tag))["number"] for tag in tags]
    assert numbers == ["0x1", "0x1", "0x0", "0x0"]
    side = to_hex(sibling.block.hash)
    assert (await node.call("eth_getBlockByHash", side))["hash"] == side
    assert await node.call("eth_getTransactionCount", address, {"blockHash": side}) == "0x0"
    refused = await node.error("eth_getTransactionCount", address, {"blockHash": side, "requireCanonical": True})
    assert refused.message == f"hash {side} is not currently canonical"
    assert (await node.error("eth_getBalance", address, "0x64")).message == "header not found"
    assert (await node.error("eth_getBalance", address, "0x" + "11" * 32)).message == "header for hash not found"
    assert await node.call("eth_getBlockByNumber", "0x64") is None
    assert await node.call("eth_getUncleCountByBlockNumber", "latest") == "0x0"


async def test_the_sibling_of_a_dropped_block_takes_its_transactions_out_of_the_index() -> None:
    node = Node()
    sent = dev_transaction(0, 0)
    mine(node.chain, sent)
    node.chain.insert(build_block(node.chain, [], parent=node.chain.genesis))
    found = await node.call("eth_getTransactionByHash", to_hex(sent.hash))
    assert found["blockHash"] is None, "it is back in the pool"
    assert await node.call("eth_getTransactionReceipt", to_hex(sent.hash)) is None


# --- logs ---


async def test_logs_are_found_by_address_topic_range_and_block_hash() -> None:
    node = Node()
    mine(node.chain, emit(0, 0, 11), emit(0, 1, 12))
    second = mine(node.chain, emit(0, 2, 13))
    mine(node.chain)
    emitter = to_hex(EMITTER)
    everything = await node.call("eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest"})
    assert [int(log["data"], 16) for log in everything] == [11, 12, 13]
    assert [log["logIndex"] for log in everything] == ["0x0", "0x1", "0x0"]
    assert everything[1]["transactionIndex"] == "0x1" and everything[1]["removed"] is False
    at_block = {"blockHash": to_hex(second.block.hash), "address": [emitter], "topics": [[TOPIC, "0x" + "00" * 32]]}
    assert [int(log["data"], 16) for log in await node.call("eth_getLogs", at_block)] == [13]
    nothing: list[dict[str, Any]] = [
        {"fromBlock": "0x0", "topics": ["0x" + "00" * 32]},
        {"fromBlock": "0x0", "topics": [None, None]},
        {"fromBlock": "0x0", "address": to_hex(REVERTER)},
        {"fromBlock": "0x3"},
        {},
    ]
    for query in nothing:
        assert await node.call("eth_getLogs", query) == []
    assert len(await node.call("eth_getLogs", {"fromBlock": "0x0", "topics": [None]})) == 3


async def test_bad_log_queries_are_refused_by_name() -> None:
    node = Node(logs=LogLimits(blocks=2, results=2, alternatives=2))
    for nonce in range(3):
        mine(node.chain, emit(0, nonce, nonce))
    assert (await node.error("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x1"})).code == -32602
    assert "maximum block range: 2" in (await node.error("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x3"})).message
    assert (await node.error("eth_getLogs", {"fromBlock": "0x9"})).code == -32602
    assert (await node.error("eth_getLogs", {"blockHash": "0x" + "11" * 32})).message == "unknown block"
    both = {"blockHash": "0x" + "11" * 32, "fromBlock": "0x1"}
    assert "cannot specify both" in (await node.error("eth_getLogs", both)).message
    assert (await node.error("eth_getLogs", {"topics": [None] * 5})).code == -32602
    assert (await node.error("eth_getLogs", {"address": [to_hex(EMITTER)] * 3})).code == -32602
    assert (await node.error("eth_getLogs", {"address": "0x12"})).code == -32602
    crowded = Node(logs=LogLimits(results=2))
    mine(crowded.chain, *[emit(0, nonce, nonce) for nonce in range(3)])
    error = await crowded.error("eth_getLogs", {"fromBlock": "0x1"})
    assert error.code == -32005 and "more than 2 results" in error.message


async def test_filters_give_what_came_since_the_last_poll_and_are_forgotten_unpolled() -> None:
    node = Node()
    blocks = await node.call("eth_newBlockFilter")
    logs = await node.call("eth_newFilter", {"address": to_hex(EMITTER)})
    pending = await node.call("eth_newPendingTransactionFilter")
    transaction = emit(0, 0, 5)
    await node.call("eth_sendRawTransaction", to_hex(transaction.raw))
    block = mine(node.chain, transaction).block
    assert await node.call("eth_getFilterChanges", pending) == [to_hex(transaction.hash)]
    assert await node.call("eth_getFilterChanges", blocks) == [to_hex(block.hash)]
    assert [int(log["data"], 16) for log in await node.call("eth_getFilterChanges", logs)] == [5]
    assert await node.call("eth_getFilterChanges", logs) == []
    assert len(await node.call("eth_getFilterLogs", logs)) == 1
    node.chain.insert(build_block(node.chain, [], parent=node.chain.genesis))
    assert [log["removed"] for log in await node.call("eth_getFilterChanges", logs)] == [True]
    assert (await node.error("eth_getFilterLogs", blocks)).message == "filter not found"
    assert await node.call("eth_uninstallFilter", blocks) is True
    assert await node.call("eth_uninstallFilter", blocks) is False
    node.now = 301.0
    assert (await node.error("eth_getFilterChanges", logs)).message == "filter not found"


# --- subscriptions ---


async def test_subscribers_hear_of_heads_logs_and_pending_transactions_and_of_removed_logs() -> None:
    node = Node()
    heads, logs, hashes, whole = (Connection() for _ in range(4))
    await node.call("eth_subscribe", "newHeads", connection=heads)
    await node.call("eth_subscribe", "logs", {"address": to_hex(EMITTER), "topics": [TOPIC]}, connection=logs)
    await node.call("eth_subscribe", "newPendingTransactions", connection=hashes)
    await node.call("eth_subscribe", "newPendingTransactions", True, connection=whole)
    transaction = emit(0, 0, 9)
    await node.call("eth_sendRawTransaction", to_hex(transaction.raw))
    assert received(hashes) == [to_hex(transaction.hash)]
    assert [item["hash"] for item in received(whole)] == [to_hex(transaction.hash)]
    block = mine(node.chain, transaction).block
    assert [head["hash"] for head in received(heads)] == [to_hex(block.hash)]
    assert [(int(log["data"], 16), log["removed"]) for log in received(logs)] == [(9, False)]
    sibling = build_block(node.chain, [], parent=node.chain.genesis)
    node.chain.insert(sibling)
    assert [head["hash"] for head in received(heads)] == [to_hex(sibling.block.hash)]
    assert [(int(log["data"], 16), log["removed"]) for log in received(logs)] == [(9, True)]


async def test_subscribers_hear_of_receipts_of_all_transactions_or_of_some() -> None:
    node = Node()
    every, some, none = (Connection() for _ in range(3))
    sent = [emit(0, 0, 9), emit(1, 0, 8)]
    await node.call("eth_subscribe", "transactionReceipts", connection=every)
    await node.call(
        "eth_subscribe", "transactionReceipts", {"transactionHashes": [to_hex(sent[1].hash)]}, connection=some
    )
    await node.call(
        "eth_subscribe", "transactionReceipts", {"transactionHashes": ["0x" + "11" * 32]}, connection=none
    )
    mine(node.chain)
    assert received(every) == [], "a block without transactions is no news"
    mine(node.chain, *sent)
    receipts = [await node.call("eth_getTransactionReceipt", to_hex(item.hash)) for item in sent]
    assert (received(every), received(some), received(none)) == ([receipts], [receipts[1:]], [])
    for options in ({"transactionHashes": ["0x1"]}, {"transactionHashes": ["0x" + "11" * 32] * 201}, "all"):
        with pytest.raises(RpcError, match="invalid argument 1"):
            await node.call("eth_subscribe", "transactionReceipts", options, connection=every)


async def test_a_filter_gives_pending_transactions_whole_if_asked() -> None:
    node = Node()
    hashes, whole = [await node.call("eth_newPendingTransactionFilter", *full) for full in ((), (True,))]
    sent = emit(0, 0, 9)
    await node.call("eth_sendRawTransaction", to_hex(sent.raw))
    assert await node.call("eth_getFilterChanges", hashes) == [to_hex(sent.hash)]
    assert await node.call("eth_getFilterChanges", whole) == [
        await node.call("eth_getTransactionByHash", to_hex(sent.hash))
    ]


async def test_subscribers_hear_when_the_node_falls_behind_and_has_caught_up() -> None:
    progress: list[dict[str, Any] | None] = [None]
    node = Node(sync_progress=lambda: progress[0])
    connection = Connection()
    identifier = await node.call("eth_subscribe", "syncing", connection=connection)
    assert identifier and received(connection) == [], "the id comes first"
    await asyncio.sleep(0)
    assert received(connection) == [False]
    progress[0] = {"startingBlock": "0x0", "currentBlock": "0x1", "highestBlock": "0x9"}
    mine(node.chain)
    mine(node.chain)
    assert received(connection) == [{"syncing": True, "status": progress[0]}]
    assert await node.call("eth_syncing") == progress[0]
    progress[0] = None
    mine(node.chain)
    assert received(connection) == [False]


async def test_a_head_is_announced_only_after_it_can_be_read_back() -> None:
    node = Node()
    seen: list[bool] = []
    connection = Connection()
    await node.call("eth_subscribe", "newHeads", connection=connection)
    send = connection.notify_encoded

    def check(identifier: str, result: bytes) -> None:
        block_hash = bytes.fromhex(json.loads(result)["hash"][2:])
        seen.append(node.chain.kv.get(b"B" + block_hash) is not None)
        send(identifier, result)

    connection.notify_encoded = check  # type: ignore[method-assign]
    mine(node.chain)
    assert seen == [True]


async def test_after_unsubscribing_nothing_comes_and_unknown_kinds_are_refused() -> None:
    node = Node()
    connection = Connection()
    identifier = await node.call("eth_subscribe", "newHeads", connection=connection)
    assert await node.call("eth_unsubscribe", identifier, connection=connection) is True
    mine(node.chain)
    assert received(connection) == []
    with pytest.raises(RpcError, match="subscription not found"):
        await node.call("eth_unsubscribe", identifier, connection=connection)
    with pytest.raises(RpcError, match='no "weather" subscription'):
        await node.call("eth_subscribe", "weather", connection=connection)
    with pytest.raises(RpcError, match="invalid argument 1"):
        await node.call("eth_subscribe", "logs", {"topics": ["0x1"]}, connection=connection)


# --- execution ---


async def test_a_call_returns_and_a_revert_gives_code_3_with_reason_and_data() -> None:
    node = Node()
    assert await node.call("eth_call", {"to": to_hex(EMITTER), "data": to_hex(word(5))}) == to_hex(word(5))
    error = await node.error("eth_call", {"to": to_hex(REVERTER)})
    assert (error.code, error.message) == (3, "execution reverted: no")
    assert error.data.startswith("0x08c379a0")
    assert (await node.error("eth_estimateGas", {"to": to_hex(REVERTER)})).code == 3


async def test_a_transaction_for_another_chain_is_refused_by_all_that_take_one() -> None:
    node = Node()
    foreign = {"to": to_hex(EMITTER), "chainId": "0x1"}
    refused = f"chainId does not match node's (have=1, want={DEV_CHAIN_ID})"
    for method, params in (
        ("eth_call", [foreign]),
        ("eth_estimateGas", [foreign]),
        ("eth_createAccessList", [foreign]),
        ("eth_fillTransaction", [foreign]),
        ("eth_simulateV1", [{"blockStateCalls": [{"calls": [foreign]}]}]),
        ("debug_traceCall", [foreign, "latest"]),
        ("trace_call", [foreign, ["trace"]]),
    ):
        error = await node.error(method, *params)
        assert (error.code, error.message) == (-32000, refused), method
    assert await node.call("eth_call", foreign | {"chainId": hex(DEV_CHAIN_ID)}) == to_hex(word(0))


async def test_a_filter_that_can_match_nothing_and_percentiles_that_are_no_numbers_are_refused() -> None:
    node = Node()
    assert (await node.error("eth_newFilter", {"fromBlock": "0x2", "toBlock": "0x1"})).code == -32602
    for wrong in ("50", None, True):
        assert (await node.error("eth_feeHistory", "0x1", "latest", [wrong])).code == -32602


async def test_calls_see_state_and_block_overrides() -> None:
    node = Node()
    target = to_hex(Address(b"\x77" * 20))
    # Returns NUMBER and its own balance: NUMBER, SELFBALANCE.
    code = "0x435f524760205260405ff3"
    overrides = {target: {"code": code, "balance": "0x63"}}
    answer = await node.call("eth_call", {"to": target}, "latest", overrides, {"number": "0x1234"})
    assert answer == to_hex(word(0x1234) + word(0x63))
    slot_code = "0x5f545f5260205ff3"
    for field in ("state", "stateDiff"):
        changed = {target: {"code": slot_code, field: {"0x" + "00" * 32: "0x" + "00" * 31 + "2a"}}}
        assert await node.call("eth_call", {"to": target}, "latest", changed) == to_hex(word(42))
    assert (await node.error("eth_call", {"to": target}, "latest", {target: {"code": "0x1"}})).code == -32602


async def test_an_access_list_that_never_settles_ends_with_its_time() -> None:
    ticks = iter(range(1_000))
    chain = open_chain(dev_genesis())
    workers = CallWorkers(ExecutionLimits(timeout=5.0), lambda: float(next(ticks)))
    node = Dispatcher([EthExecution(chain, BlockFinder(chain), workers)])
    # SLOAD(GAS): what is announced changes what is left, and so what is touched.
    restless = {ALICE: {"code": "0x5a5400"}}
    with pytest.raises(RpcError, match="execution aborted"):
        await node.call("eth_createAccessList", [{"to": ALICE}, "latest", restless])


async def test_an_endless_loop_ends_with_its_gas_or_its_time() -> None:
    node = Node(execution=ExecutionLimits(gas_cap=100_000))
    error = await node.error("eth_call", {"to": to_hex(SPINNER)})
    assert (error.code, error.message) == (-32000, "out of gas")
    hurried = Node(execution=ExecutionLimits(gas_cap=10**12, timeout=0.0))
    assert (await hurried.error("eth_call", {"to": to_hex(SPINNER)})).message == "execution aborted (timeout = 0s)"


async def test_a_long_call_does_not_hold_up_other_requests() -> None:
    node = Node(execution=ExecutionLimits(gas_cap=20_000_000, timeout=60))
    spinning = asyncio.create_task(node.error("eth_call", {"to": to_hex(SPINNER)}))
    await asyncio.sleep(0)
    for _ in range(10):
        assert await node.call("eth_blockNumber") == "0x0"
    assert not spinning.done()
    assert (await spinning).message == "out of gas"


async def test_malformed_calls_name_the_field() -> None:
    node = Node()
    for call, text in (
        ({"to": "0x1"}, "to: hex string of odd length"),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x1"}, "both gasPrice and"),
        ({"data": "0x00", "input": "0x01"}, 'both "data" and "input"'),
        ({"value": 5}, "value: expected a hex string"),
        ("0x", "expected an object"),
    ):
        error = await node.error("eth_call", call)
        assert error.code == -32602 and text in error.message


async def test_an_estimate_is_enough_and_an_unaffordable_call_is_refused() -> None:
    node = Node()
    call = {"from": to_hex(DEV_ADDRESSES[0]), "to": to_hex(EMITTER), "data": to_hex(word(1))}
    gas = int(await node.call("eth_estimateGas", call), 16)
    receipt = mine(node.chain, dev_transaction(0, 0, to=EMITTER, data=word(1), gas=gas)).receipts[0]
    assert receipt.succeeded and receipt.cumulative_gas_used <= gas
    poor = {"from": "0x" + "99" * 20, "to": to_hex(EMITTER), "value": "0x1", "gasPrice": "0x3b9aca00"}
    assert "insufficient funds" in (await node.error("eth_estimateGas", poor)).message


async def test_an_estimate_is_made_for_the_next_block_unless_another_is_named() -> None:
    node = Node()
    target = to_hex(Address(b"\x77" * 20))
    head = node.chain.head
    # Reverts unless TIMESTAMP is later than the head's.
    later_only = f"0x63{head.timestamp:08x}4211600d575f5ffd5b00"
    changed = {target: {"code": later_only}}
    assert int(await node.call("eth_estimateGas", {"to": target}, None, changed), 16) > 21_000
    assert int(await node.call("eth_estimateGas", {"to": target}, "pending", changed), 16) > 21_000
    assert (await node.error("eth_estimateGas", {"to": target}, "latest", changed)).code == 3
    # Returns NUMBER and BASEFEE, which has fallen after an empty block.
    counting = {target: {"code": "0x435f524860205260405ff3"}}
    next_base_fee = node.chain.rules.next_base_fee(head, head.timestamp)
    priced = {"from": to_hex(DEV_ADDRESSES[0]), "to": target, "gasPrice": hex(next_base_fee)}
    answer = await node.call("eth_call", priced, "pending", counting)
    assert answer == to_hex(word(head.number + 1) + word(next_base_fee))
    counting = {target: {"code": "0x435f5260205ff3"}}
    assert await node.call("eth_call", {"to": target}, "latest", counting) == to_hex(word(head.number))


# --- the rest ---


async def test_fee_advice_follows_the_next_block() -> None:
    node = Node()
    mine(node.chain, dev_transaction(0, 0))
    base_fee = node.chain.rules.next_base_fee(node.chain.head, node.chain.head.timestamp)
    tip = int(await node.call("eth_maxPriorityFeePerGas"), 16)
    # The price serves the next block, and calls on the head, whose base fee is higher here.
    assert node.chain.head.base_fee_per_gas is not None and node.chain.head.base_fee_per_gas > base_fee
    assert int(await node.call("eth_gasPrice"), 16) == node.chain.head.base_fee_per_gas + tip
    assert await node.call("eth_baseFee") == hex(base_fee)
    history = await node.call("eth_feeHistory", 5, "latest", [0, 50, 100])
    assert history["oldestBlock"] == "0x0"
    assert len(history["baseFeePerGas"]) == 3 and history["baseFeePerGas"][-1] == hex(base_fee)
    assert history["reward"] == [["0x0"] * 3, ["0x3b9aca00"] * 3]
    assert (await node.error("eth_feeHistory", 1, "latest", [50, 10])).message.startswith("invalid reward percentile")
    assert "request beyond head block" in (await node.error("eth_feeHistory", 1, "0x63")).message


async def test_the_pool_can_be_looked_into() -> None:
    node = Node()
    for nonce in (0, 2):
        await node.call("eth_sendRawTransaction", to_hex(dev_transaction(0, nonce, value=3).raw))
    sender = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert sender.lower() == to_hex(DEV_ADDRESSES[0])
    content = await node.call("txpool_content")
    assert list(content["pending"][sender]) == ["0"] and list(content["queued"][sender]) == ["2"]
    assert await node.call("txpool_contentFrom", sender) == {
        "pending": content["pending"][sender],
        "queued": content["queued"][sender],
    }
    line = (await node.call("txpool_inspect"))["pending"][sender]["0"]
    assert line == f"{checksum(DEV_ADDRESSES[4])}: 3 wei + 100000 gas × 10000000000 wei"


async def test_who_this_is() -> None:
    node = Node()
    assert await node.call("web3_clientVersion") == "lamina/test"
    assert await node.call("web3_sha3", "0x68656c6c6f") == to_hex(keccak256(b"hello"))
    assert await node.call("net_version") == str(DEV_CHAIN_ID)
    assert await node.call("eth_accounts") == [] and await node.call("eth_syncing") is False
    assert set(await node.call("rpc_modules")) == {
        "admin", "debug", "erigon", "eth", "miner", "net", "ots", "rpc", "trace", "txpool", "web3",
    }  # fmt: skip
    info = await node.call("admin_nodeInfo")
    assert info["protocols"]["eth"]["genesis"] == to_hex(node.chain.genesis.hash)


async def test_the_configuration_names_the_rules_of_now_and_of_what_is_scheduled() -> None:
    # The Hoodi testnet at its genesis: all forks up to Cancun from the start, Prague to come. Spec: EIP-7910's example.
    prague = 1_742_999_832
    genesis = dev_genesis()
    genesis["config"] |= {"chainId": 560_048, "pragueTime": prague}
    node = Node(genesis=genesis)
    answer = await node.call("eth_config")
    assert answer["current"]["activationTime"] == 0 and answer["next"]["activationTime"] == prague
    assert answer["last"] == answer["next"]
    assert answer["current"]["blobSchedule"] == {"baseFeeUpdateFraction": 3_338_477, "max": 6, "target": 3}
    assert answer["next"]["blobSchedule"] == {"baseFeeUpdateFraction": 5_007_716, "max": 9, "target": 6}
    assert answer["current"]["chainId"] == "0x88bb0"
    assert answer["current"]["systemContracts"] == {
        "BEACON_ROOTS_ADDRESS": "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"
    }
    assert list(answer["next"]["systemContracts"]) == [
        "BEACON_ROOTS_ADDRESS",
        "CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS",
        "DEPOSIT_CONTRACT_ADDRESS",
        "HISTORY_STORAGE_ADDRESS",
        "WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS",
    ]
    assert len(answer["current"]["precompiles"]) == 10 and len(answer["next"]["precompiles"]) == 17
    assert answer["next"]["precompiles"]["BLS12_G2MSM"] == "0x" + "00" * 19 + "0e"
    assert answer["current"]["forkId"] == "0x" + zlib.crc32(node.chain.genesis.hash).to_bytes(4, "big").hex()
    assert answer["next"]["forkId"] != answer["current"]["forkId"]


def test_fork_ids_of_hoodi_are_those_of_the_network() -> None:
    # Genesis hash and fork ids as EIP-7910 and the network's peers announce them.
    genesis = bytes.fromhex("bbe312868b376a3001692a646dd2d7d1e4406380dfd86b98aa8a34d1557c971b")
    assert fork_hash(genesis, []).hex() == "bef71d30"
    assert fork_hash(genesis, [1_742_999_832]).hex() == "0929e24e"


async def test_a_call_may_recurse_to_the_depth_limit_in_its_worker_thread() -> None:
    node = Node(execution=ExecutionLimits(gas_cap=10**12, timeout=60))
    target = to_hex(Address(b"\x77" * 20))
    # Calls itself with all its gas: CALL(GAS, ADDRESS, 0, 0, 0, 0, 0).
    assert await node.call("eth_call", {"to": target}, "latest", {target: {"code": "0x5f5f5f5f5f305af1"}}) == "0x"


async def test_the_batcher_can_limit_data_sizes() -> None:
    node = Node()
    assert await node.call("miner_setMaxDASize", "0x64", "0x3e8") is True
    assert (node.pool.da_limits.transaction, node.pool.da_limits.block) == (100, 1000)
    await node.call("miner_setMaxDASize", "0x0", "0x0")
    assert (node.pool.da_limits.transaction, node.pool.da_limits.block) == (None, None)
