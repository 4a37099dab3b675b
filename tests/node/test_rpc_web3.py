"""A client not written here, web3.py, against a served chain over HTTP and WebSocket."""

import asyncio
from typing import Any

import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3, WebSocketProvider
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from evm.types import DynamicFeeTransaction, decode_transaction, to_hex
from tests.node.rpc_world import (
    DEV_ADDRESSES,
    DEV_CHAIN_ID,
    DEV_KEYS,
    EMITTER,
    REVERTER,
    ServedChain,
    dev_genesis,
    dev_transaction,
    mine,
    open_chain,
    serve,
)


def checksum(address: bytes) -> Any:
    return AsyncWeb3.to_checksum_address(to_hex(address))


def mine_pool(served: ServedChain) -> None:
    """A block of what the pool offers."""
    base_fee = served.chain.rules.next_base_fee(served.chain.head, served.chain.head.timestamp)
    mine(served.chain, *[entry.transaction for entry in served.pool.best(base_fee)])


async def test_web3_sends_ether_and_reads_block_transaction_and_receipt_back() -> None:
    async with serve(open_chain(dev_genesis())) as served:
        w3 = AsyncWeb3(AsyncHTTPProvider(served.server.url))
        assert await w3.is_connected() and await w3.eth.chain_id == DEV_CHAIN_ID
        recipient = checksum(b"\x33" * 20)
        # Left to web3: nonce, gas, fees from estimateGas, feeHistory and maxPriorityFeePerGas.
        request: Any = {
            "from": checksum(DEV_ADDRESSES[0]),
            "to": recipient,
            "value": 12_345,
            "chainId": DEV_CHAIN_ID,
            "nonce": await w3.eth.get_transaction_count(checksum(DEV_ADDRESSES[0]), "pending"),
            "gas": await w3.eth.estimate_gas({"from": checksum(DEV_ADDRESSES[0]), "to": recipient, "value": 12_345}),
            "maxPriorityFeePerGas": await w3.eth.max_priority_fee,
            "maxFeePerGas": 2 * await w3.eth.gas_price,
            "type": 2,
        }
        signed = w3.eth.account.sign_transaction(request, DEV_KEYS[0])
        transaction_hash = await w3.eth.send_raw_transaction(signed.raw_transaction)
        assert isinstance(decode_transaction(bytes(signed.raw_transaction)), DynamicFeeTransaction)
        with pytest.raises(TransactionNotFound):
            await w3.eth.get_transaction_receipt(transaction_hash)
        mine_pool(served)
        receipt = await w3.eth.wait_for_transaction_receipt(transaction_hash, timeout=5, poll_latency=0.01)
        block = await w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
        assert receipt["status"] == 1 and receipt["gasUsed"] == 21_000 and receipt["blockHash"] == block["hash"]
        assert block["transactions"][0]["hash"] == transaction_hash
        assert (await w3.eth.get_transaction(transaction_hash))["value"] == 12_345
        assert await w3.eth.get_balance(recipient) == 12_345
        await w3.provider.disconnect()


async def test_web3_understands_reverts_refusals_logs_and_fees() -> None:
    async with serve(open_chain(dev_genesis())) as served:
        w3 = AsyncWeb3(AsyncHTTPProvider(served.server.url))
        with pytest.raises(ContractLogicError, match="execution reverted: no"):
            await w3.eth.call({"to": checksum(REVERTER)})
        spent = dev_transaction(0, 0)
        mine(served.chain, spent)
        with pytest.raises(Web3RPCError, match="nonce too low"):
            await w3.eth.send_raw_transaction(spent.raw)
        mine(served.chain, dev_transaction(0, 1, to=EMITTER, data=(77).to_bytes(32, "big")))
        logs = await w3.eth.get_logs({"fromBlock": 0, "toBlock": "latest", "address": checksum(EMITTER)})
        assert [int.from_bytes(log["data"], "big") for log in logs] == [77]
        found = await w3.eth.filter({"fromBlock": 0, "address": checksum(EMITTER)})
        assert len(await found.get_all_entries()) == 1
        history = await w3.eth.fee_history(2, "latest", [50])
        assert len(history["baseFeePerGas"]) == 3
        await w3.provider.disconnect()


async def test_web3_subscriptions_bring_heads_logs_and_pending_transactions() -> None:
    async with serve(open_chain(dev_genesis())) as served, AsyncWeb3(WebSocketProvider(served.server.ws_url)) as w3:
        heads = await w3.eth.subscribe("newHeads")
        logs = await w3.eth.subscribe("logs", {"address": checksum(EMITTER)})
        pending = await w3.eth.subscribe("newPendingTransactions")
        sent = dev_transaction(1, 0, to=EMITTER, data=(5).to_bytes(32, "big"))
        assert bytes(await w3.eth.send_raw_transaction(sent.raw)) == sent.hash
        mine_pool(served)
        results: dict[str, Any] = {}
        async with asyncio.timeout(10):
            async for message in w3.socket.process_subscriptions():
                results[str(message["subscription"])] = message["result"]
                if len(results) == 3:
                    break
        assert bytes(results[str(pending)]) == sent.hash
        assert bytes(results[str(heads)]["hash"]) == served.chain.head.hash
        assert bytes(results[str(logs)]["transactionHash"]) == sent.hash
        assert await w3.eth.unsubscribe(heads)
