"""What wallets and routers ask: transactions filled in, many slots at once, what the node has."""

from pathlib import Path
from typing import Any

import pytest

from evm.types import DynamicFeeTransaction, Hash32, decode_transaction, to_hex
from evm.types.transaction import sign_transaction
from node.rpc import Dispatcher
from node.rpc.standard import NodeOptions, standard_namespaces
from tests.node.rpc_world import (
    DEV_ADDRESSES,
    DEV_CHAIN_ID,
    DEV_KEYS,
    EMITTER,
    REVERTER,
    dev_genesis,
    dev_transaction,
    make_pool,
    mine,
    open_chain,
)
from tests.node.test_rpc_chain import Node, word

ALICE, BOB, CAROL = (to_hex(address) for address in DEV_ADDRESSES[:3])
BLOB_HASH = "0x01" + "00" * 31


async def test_a_transaction_is_filled_in_signed_and_taken() -> None:
    node = Node()
    await node.call("eth_sendRawTransaction", to_hex(dev_transaction(0, 0).raw))
    answer = await node.call("eth_fillTransaction", {"from": ALICE, "to": to_hex(EMITTER), "input": to_hex(word(5))})
    filled = answer["tx"]
    assert (filled["nonce"], filled["type"], filled["chainId"]) == ("0x1", "0x2", hex(DEV_CHAIN_ID))
    assert (filled["value"], filled["r"], filled["accessList"]) == ("0x0", "0x0", [])
    head = node.chain.head.base_fee_per_gas or 0
    assert int(filled["maxFeePerGas"], 16) == 2 * head + int(filled["maxPriorityFeePerGas"], 16)
    assert "from" not in filled and "blockHash" not in filled
    unsigned = decode_transaction(bytes.fromhex(answer["raw"][2:]))
    assert isinstance(unsigned, DynamicFeeTransaction) and to_hex(unsigned.hash) == filled["hash"]
    signed = sign_transaction(unsigned, DEV_KEYS[0])
    await node.call("eth_sendRawTransaction", to_hex(signed.raw))
    executed = mine(node.chain, dev_transaction(0, 0), signed)
    assert executed.receipts[1].succeeded


async def test_what_the_wallet_has_chosen_stays() -> None:
    node = Node()
    chosen = {"from": ALICE, "to": BOB, "gas": "0x7530", "nonce": "0x9", "value": "0x2", "chainId": hex(DEV_CHAIN_ID)}
    filled = (await node.call("eth_fillTransaction", chosen | {"gasPrice": "0x3b9aca00"}))["tx"]
    assert (filled["type"], filled["gasPrice"], filled["chainId"]) == ("0x0", "0x3b9aca00", hex(DEV_CHAIN_ID))
    assert {name: filled[name] for name in ("gas", "nonce", "value")} == {
        name: chosen[name] for name in ("gas", "nonce", "value")
    }
    filled = (await node.call("eth_fillTransaction", chosen | {"blobVersionedHashes": [BLOB_HASH]}))["tx"]
    assert (filled["type"], filled["maxFeePerBlobGas"]) == ("0x3", "0x2")
    fees = {"maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x1"}
    filled = (await node.call("eth_fillTransaction", chosen | fees))["tx"]
    assert {name: filled[name] for name in fees} == fees


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ({"from": ALICE}, -32000, "contract creation without any data provided"),
        ({"to": BOB, "chainId": "0x1"}, -32000, "chainId does not match node's"),
        ({"to": BOB, "gasPrice": "0x0"}, -32000, "gasPrice must be non-zero"),
        ({"to": BOB, "maxFeePerGas": "0x0"}, -32000, "maxFeePerGas must be non-zero"),
        ({"to": BOB, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"}, -32000, "maxFeePerGas (1) <"),
        ({"to": BOB, "maxFeePerBlobGas": "0x0"}, -32000, "maxFeePerBlobGas, if specified"),
        ({"to": BOB, "blobVersionedHashes": []}, -32000, "need at least 1 blob"),
        ({"input": "0x00", "blobVersionedHashes": [BLOB_HASH]}, -32000, 'missing "to" in blob transaction'),
        ({"to": BOB, "blobs": ["0x00"]}, -32000, '"blobs" are not taken here'),
        ({"to": "0x1"}, -32602, "invalid argument 0: to:"),
        ({"from": ALICE, "to": to_hex(REVERTER)}, 3, "execution reverted: no"),
    ],
)
async def test_what_can_be_no_transaction_is_not_filled_in(asked: dict[str, Any], code: int, text: str) -> None:
    error = await Node().error("eth_fillTransaction", asked)
    assert error.code == code and error.message.startswith(text), error.message


async def test_slots_of_several_accounts_are_read_at_once() -> None:
    genesis = dev_genesis()
    genesis["alloc"][CAROL]["storage"] = {to_hex(word(1)): to_hex(word(7))}
    node = Node(genesis)
    asked = {CAROL: [to_hex(word(1)), to_hex(word(2))], BOB: [to_hex(word(1))], ALICE: []}
    assert await node.call("eth_getStorageValues", asked) == {
        CAROL: [to_hex(word(7)), to_hex(word(0))], BOB: [to_hex(word(0))], ALICE: [],
    }  # fmt: skip
    for asked_wrongly, code in (
        ({}, -32602),
        ({ALICE: []}, -32602),
        ({ALICE: ["0x1"]}, -32602),
        ({"0x12": [to_hex(word(1))]}, -32602),
        ({ALICE: [to_hex(word(1))] * 1_025}, -38026),
    ):
        assert (await node.error("eth_getStorageValues", asked_wrongly)).code == code
    assert (await node.error("eth_getStorageValues", asked, "0x9")).message == "header not found"


async def test_the_node_says_from_where_on_it_has_what() -> None:
    chain = open_chain(dev_genesis())
    for _ in range(3):
        mine(chain)
    options = NodeOptions(client_version="lamina/test", datadir=Path("data"), state_window=2)
    node = Dispatcher(standard_namespaces(chain, make_pool(chain), lambda: 0.0, options))
    everything = {"disabled": False, "oldestBlock": "0x0"}
    states = everything | {"deleteStrategy": {"type": "window", "retentionBlocks": "0x2"}}
    assert await node.call("eth_capabilities") == {
        "head": {"number": "0x3", "hash": to_hex(Hash32(chain.head.hash))},
        "state": states,
        "stateproofs": states,
        **dict.fromkeys(("tx", "logs", "receipts", "blocks"), everything),
    }
    archive = await Node().call("eth_capabilities")
    assert archive["state"] == everything


async def test_nobody_signs_here_and_nobody_sends_bad_blocks() -> None:
    node = Node()
    await node.call("eth_sendRawTransaction", to_hex(dev_transaction(0, 0).raw))
    assert await node.call("eth_pendingTransactions") == []
    assert await node.call("debug_getBadBlocks") == []


async def test_a_range_of_logs_that_the_chain_has_not_reached_is_refused() -> None:
    node = Node()
    for query in ({"fromBlock": "0x0", "toBlock": "0x1"}, {"fromBlock": "0x1", "toBlock": "0x1"}):
        error = await node.error("eth_getLogs", query)
        assert error.code == -32602 and error.message.startswith("block range extends beyond current head block")
