"""ots_...: what the Otterscan explorer asks, over a real chain without any index."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from evm.engine.message import contract_address
from evm.types import Address, to_hex
from node.rpc import Dispatcher
from node.rpc.eth_execution import ExecutionLimits
from node.rpc.standard import NodeOptions, standard_namespaces
from tests.evm.engine_kit import ALICE as L2_ALICE
from tests.evm.engine_kit import BOB as L2_BOB
from tests.evm.engine_kit import ETHER, transaction
from tests.node import test_rpc_rollup as rollup
from tests.node.rpc_world import DEV_ADDRESSES, EMITTER, REVERTER, dev_genesis, dev_transaction, make_pool, mine
from tests.node.test_rpc_chain import Node, word

ALICE, BOB, CAROL = (to_hex(address) for address in DEV_ADDRESSES[:3])
FACTORY = Address(b"\xe5" * 20)
# Sends 2 wei to Carol, calls the emitter, and creates a contract of one STOP.
FACTORY_CODE = (
    b"\x5f\x5f\x5f\x5f\x60\x02\x73" + DEV_ADDRESSES[2] + b"\x5a\xf1\x50"
    b"\x5f\x5f\x5f\x5f\x5f\x73" + EMITTER + b"\x5a\xf1\x50"
    b"\x65\x60\x01\x60\x1f\x5f\xf3\x5f\x52\x60\x06\x60\x1a\x5f\xf0\x50\x00"
)
CHILD = contract_address(FACTORY, 0)


def factory_node(**options: Any) -> Node:
    genesis = dev_genesis()
    genesis["alloc"][to_hex(FACTORY)] = {"balance": "0xa", "code": to_hex(FACTORY_CODE)}
    return Node(genesis, **options)


async def test_a_transaction_is_shown_from_inside() -> None:
    node = factory_node()
    made = dev_transaction(0, 0, to=FACTORY, gas=300_000)
    failed = dev_transaction(1, 0, to=REVERTER)
    mine(node.chain, made, failed)
    assert await node.call("ots_getInternalOperations", to_hex(made.hash)) == [
        {"type": 0, "from": to_hex(FACTORY), "to": CAROL, "value": "0x2"},
        {"type": 2, "from": to_hex(FACTORY), "to": to_hex(CHILD), "value": "0x0"},
    ]
    trace = await node.call("ots_traceTransaction", to_hex(made.hash))
    assert [(entry["type"], entry["depth"], entry["to"]) for entry in trace] == [
        ("CALL", 0, to_hex(FACTORY)),
        ("CALL", 1, CAROL),
        ("CALL", 1, to_hex(EMITTER)),
        ("CREATE", 1, to_hex(CHILD)),
    ]
    assert await node.call("ots_getTransactionError", to_hex(made.hash)) == "0x"
    assert (await node.call("ots_getTransactionError", to_hex(failed.hash))).startswith("0x08c379a0")
    assert await node.call("ots_getInternalOperations", to_hex(failed.hash)) == []
    for method in ("ots_getInternalOperations", "ots_traceTransaction", "ots_getTransactionError"):
        assert await node.call(method, to_hex(word(1))) is None
    assert await node.call("ots_getContractCreator", to_hex(CHILD)) == {"hash": to_hex(made.hash), "creator": to_hex(FACTORY)}
    assert await node.call("ots_getContractCreator", to_hex(FACTORY)) is None
    assert await node.call("ots_getContractCreator", ALICE) is None
    assert await node.call("ots_hasCode", to_hex(CHILD)) is True
    assert await node.call("ots_hasCode", to_hex(CHILD), "0x0") is False


async def test_blocks_are_shown_by_page_the_last_transactions_first() -> None:
    node = Node()
    sent = [dev_transaction(0, nonce, to=EMITTER, data=word(nonce)) for nonce in range(5)]
    block = mine(node.chain, *sent).block
    pages = [await node.call("ots_getBlockTransactions", "0x1", page, 2) for page in range(4)]
    hashes = [to_hex(item.hash) for item in sent]
    assert [[item["hash"] for item in page["fullblock"]["transactions"]] for page in pages] == [
        hashes[3:], hashes[1:3], hashes[:1], [],
    ]  # fmt: skip
    first = pages[0]
    assert first["fullblock"]["transactionCount"] == 5 and len(first["fullblock"]["transactions"][0]["input"]) == 10
    assert [entry["transactionHash"] for entry in first["receipts"]] == hashes[3:]
    assert (first["receipts"][0]["logs"], first["receipts"][0]["timestamp"]) == (None, block.header.timestamp)
    details = await node.call("ots_getBlockDetails", "0x1")
    assert details == await node.call("ots_getBlockDetailsByHash", to_hex(block.hash))
    assert "transactions" not in details["block"] and details["block"]["transactionCount"] == 5
    receipts = await node.call("eth_getBlockReceipts", "0x1")
    paid = sum(int(entry["gasUsed"], 16) * int(entry["effectiveGasPrice"], 16) for entry in receipts)
    assert details["totalFees"] == hex(paid)
    for method, params in (
        ("ots_getBlockDetails", ["0x9"]),
        ("ots_getBlockDetailsByHash", [to_hex(word(1))]),
        ("ots_getBlockTransactions", ["0x9", 0, 5]),
        ("erigon_getHeaderByNumber", ["0x9"]),
    ):
        assert await node.call(method, *params) is None
    assert (await node.call("erigon_getHeaderByNumber", "0x1"))["hash"] == to_hex(block.hash)
    assert await node.call("ots_getApiLevel") == 8
    for size in (0, 101):
        assert (await node.error("ots_getBlockTransactions", "0x1", 0, size)).code == -32602


async def test_transactions_of_an_address_are_found_page_by_page_in_both_directions() -> None:
    node = factory_node()
    touching = []
    for nonce in range(4):
        inside, beside = dev_transaction(0, nonce, to=FACTORY, gas=300_000), dev_transaction(1, nonce)
        direct = dev_transaction(3, nonce, to=DEV_ADDRESSES[2])
        mine(node.chain, inside, beside, direct)
        touching += [to_hex(inside.hash), to_hex(direct.hash)]
        mine(node.chain)
    newest_first = touching[::-1]

    async def page(direction: str, number: int, size: int) -> tuple[list[str], bool, bool]:
        answer = await node.call(f"ots_searchTransactions{direction}", CAROL, number, size)
        hashes = [item["hash"] for item in answer["txs"]]
        assert [entry["transactionHash"] for entry in answer["receipts"]] == hashes
        return hashes, answer["firstPage"], answer["lastPage"]

    # The transfer that moved nothing any more, once the factory is poor, is a message all the same.
    assert await page("Before", 0, 3) == (newest_first[:4], True, False)
    assert await page("Before", 5, 3) == (newest_first[4:], False, True)
    assert await page("Before", 5, 1) == (newest_first[4:6], False, False)
    assert await page("Before", 3, 5) == (newest_first[6:], False, True)
    assert await page("Before", 1, 5) == ([], False, True)
    assert await page("After", 0, 3) == (newest_first[4:], False, True)
    assert await page("After", 3, 100) == (newest_first[:4], True, False)
    assert await page("After", 99, 3) == ([], True, False)


async def test_a_search_that_runs_out_of_time_says_so_unless_it_has_found_something() -> None:
    node = factory_node(execution=ExecutionLimits(trace_timeout=0.0))
    mine(node.chain, dev_transaction(0, 0))
    error = await node.error("ots_searchTransactionsBefore", CAROL, 0, 5)
    assert error.code == -32000 and "no index" in error.message


async def test_a_transaction_is_found_by_sender_and_nonce() -> None:
    node = Node()
    sent = [dev_transaction(0, nonce) for nonce in range(4)]
    mine(node.chain, sent[0])
    mine(node.chain)
    mine(node.chain, sent[1], sent[2])
    mine(node.chain, sent[3])
    for nonce, item in enumerate(sent):
        assert await node.call("ots_getTransactionBySenderAndNonce", ALICE, nonce) == to_hex(item.hash)
    assert await node.call("ots_getTransactionBySenderAndNonce", ALICE, 4) is None
    assert await node.call("ots_getTransactionBySenderAndNonce", "0x" + "77" * 20, 0) is None


@pytest.mark.parametrize(("nonce", "kind"), [(0, "deposit"), (1, None)])
async def test_deposits_are_found_too(nonce: int, kind: str | None) -> None:
    chain = rollup.l2_chain(ETHER)
    brought, sent = rollup.user_deposit(), transaction(max_priority_fee=1)
    rollup.mine(chain)
    rollup.mine(chain, brought, sent)
    options = NodeOptions(client_version="lamina/test", datadir=Path("data"))
    node = Dispatcher(standard_namespaces(chain, make_pool(chain), lambda: 0.0, options))
    found = await node.call("ots_getTransactionBySenderAndNonce", [to_hex(L2_BOB), nonce])
    assert found == (to_hex(brought.hash) if kind else None)
    page = orjson.loads(orjson.dumps(await node.call("ots_searchTransactionsBefore", [to_hex(L2_BOB), 0, 5])))
    assert [item["hash"] for item in page["txs"]] == [to_hex(sent.hash), to_hex(brought.hash)]
    assert page["lastPage"] and page["txs"][0]["from"] == to_hex(L2_ALICE)
