"""web3.py, unmodified, as a user's program would use it on L2: transactions of every type, calls, logs, fees."""

from typing import Any

import pytest
from eth_account import Account
from web3 import AsyncWeb3, Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError
from web3.providers.persistent import WebSocketProvider

from contracts.artifacts import load_artifact
from tests.e2e.running_devnet import RunningDevnet, wait_until
from tests.e2e.web3_kit import (
    COUNTED,
    COUNTER,
    connect,
    contract_at,
    creation,
    deploy,
    fresh_address,
    mined,
    predeploy,
    reverting,
)

ETHER = 10**18


@pytest.fixture(scope="module")
def w3(devnet: RunningDevnet) -> Any:
    """L2, as the devnet's first account."""
    return connect(devnet.l2_url, devnet.key(0))


@pytest.fixture(scope="module")
def counter(w3: Any) -> str:
    """A deployed COUNTER."""
    return deploy(w3, creation(COUNTER))


def _cost(receipt: Any) -> int:
    """All that a transaction's sender paid besides the value, in wei."""
    return int(receipt["gasUsed"] * receipt["effectiveGasPrice"] + int(receipt["l1Fee"], 16))


def test_ether_arrives_and_the_sender_pays_exactly_what_the_receipt_says(w3: Any) -> None:
    to, value = fresh_address(), 3 * ETHER + 1
    receipt = mined(w3, w3.eth.send_transaction({"to": to, "value": value}))
    number = receipt["blockNumber"]
    assert w3.eth.get_balance(to, number - 1) == 0
    assert w3.eth.get_balance(to, number) == value
    sender = w3.eth.default_account
    assert w3.eth.get_balance(sender, number - 1) - w3.eth.get_balance(sender, number) == value + _cost(receipt)
    assert int(receipt["l1Fee"], 16) > 0
    assert receipt["gasUsed"] == 21_000


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_each_older_transaction_type_is_executed_and_read_back_as_sent(w3: Any, counter: str, kind: int) -> None:
    price = w3.eth.gas_price * 2
    fields: dict[str, Any] = {"to": counter, "gas": 100_000, "value": 0}
    if kind == 2:
        fields |= {"maxFeePerGas": price, "maxPriorityFeePerGas": 7}
    else:
        fields |= {"gasPrice": price}
    if kind == 1:
        fields |= {"accessList": [{"address": counter, "storageKeys": ["0x" + "00" * 32]}], "type": 1}
    before = int.from_bytes(w3.eth.get_storage_at(counter, 0), "big")
    transaction_hash = w3.eth.send_transaction(fields)
    receipt = mined(w3, transaction_hash)
    assert receipt["type"] == kind
    read = w3.eth.get_transaction(transaction_hash)
    assert (read["type"], read["to"], read["gas"], read["value"]) == (kind, counter, 100_000, 0)
    if kind == 2:
        base_fee = w3.eth.get_block(receipt["blockNumber"])["baseFeePerGas"]
        assert receipt["effectiveGasPrice"] == base_fee + 7
        assert (read["maxFeePerGas"], read["maxPriorityFeePerGas"]) == (price, 7)
    else:
        assert receipt["effectiveGasPrice"] == read["gasPrice"] == price
    if kind == 1:
        assert read["accessList"][0]["address"] == counter
    assert int.from_bytes(w3.eth.get_storage_at(counter, 0, receipt["blockNumber"]), "big") == before + 1


def test_an_account_runs_code_it_delegated_to_until_it_takes_that_back(w3: Any, counter: str) -> None:
    authority = Account.create()

    def delegate(to: str, nonce: int) -> Any:
        signed = authority.sign_authorization({"chainId": w3.eth.chain_id, "address": to, "nonce": nonce})
        return mined(
            w3,
            w3.eth.send_transaction(
                {
                    "to": authority.address,
                    "gas": 200_000,
                    "maxFeePerGas": w3.eth.gas_price * 2,
                    "maxPriorityFeePerGas": 1,
                    "authorizationList": [signed],
                }
            ),
        )

    receipt = delegate(counter, 0)
    assert receipt["type"] == 4
    assert w3.eth.get_code(authority.address) == bytes.fromhex("ef0100") + bytes.fromhex(counter[2:])
    assert [log["address"] for log in receipt["logs"]] == [authority.address]
    assert int.from_bytes(w3.eth.get_storage_at(authority.address, 0), "big") == 1
    assert w3.eth.get_transaction_count(authority.address) == 1
    delegate("0x" + "00" * 20, 1)
    assert w3.eth.get_code(authority.address) == b""
    assert int.from_bytes(w3.eth.get_storage_at(authority.address, 0), "big") == 1


def test_a_contract_is_deployed_called_and_its_logs_are_found_in_every_way(w3: Any) -> None:
    artifact = load_artifact("WETH98")
    factory = w3.eth.contract(abi=list(artifact.abi), bytecode=artifact.bytecode)
    deployed = mined(w3, factory.constructor().transact())
    weth = contract_at(w3, "WETH98", deployed["contractAddress"])
    assert w3.eth.get_code(weth.address) == artifact.deployed_bytecode
    new_logs = w3.eth.filter({"address": weth.address})
    new_blocks = w3.eth.filter("latest")
    paid_in = mined(w3, weth.functions.deposit().transact({"value": 5 * ETHER}))
    other = fresh_address()
    moved = mined(w3, weth.functions.transfer(other, 2 * ETHER).transact())
    assert weth.functions.balanceOf(other).call() == 2 * ETHER
    assert weth.functions.balanceOf(w3.eth.default_account).call() == 3 * ETHER
    assert weth.functions.totalSupply().call(block_identifier=deployed["blockNumber"]) == 0

    seen = new_logs.get_new_entries()
    assert [log["transactionHash"] for log in seen] == [paid_in["transactionHash"], moved["transactionHash"]]
    assert new_logs.get_new_entries() == []
    blocks = new_blocks.get_new_entries()
    assert paid_in["blockHash"] in blocks
    assert moved["blockHash"] in blocks

    (transfer,) = weth.events.Transfer().get_logs(from_block=deployed["blockNumber"], argument_filters={"dst": other})
    assert transfer["args"]["wad"] == 2 * ETHER
    assert (transfer["transactionHash"], transfer["blockHash"]) == (moved["transactionHash"], moved["blockHash"])
    by_hash = w3.eth.get_logs({"blockHash": moved["blockHash"], "address": weth.address})
    assert [log["logIndex"] for log in by_hash] == [transfer["logIndex"]]
    assert weth.events.Transfer().process_receipt(moved)[0]["args"] == transfer["args"]
    assert w3.eth.uninstall_filter(new_logs.filter_id)


def test_a_revert_tells_its_reason_to_calls_and_estimates(w3: Any) -> None:
    worded = Web3.keccak(text="Error(string)")[:4] + w3.codec.encode(["string"], ["not on Sundays"])
    speaking = deploy(w3, creation(reverting(worded)))
    with pytest.raises(ContractLogicError, match="not on Sundays"):
        w3.eth.call({"to": speaking})
    with pytest.raises(ContractLogicError, match="not on Sundays"):
        w3.eth.estimate_gas({"to": speaking})
    custom = deploy(w3, creation(reverting(bytes.fromhex("deadbeef"))))
    with pytest.raises(ContractCustomError, match="0xdeadbeef"):
        w3.eth.call({"to": custom})
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction({"to": speaking, "gas": 60_000}))
    assert receipt["status"] == 0
    assert receipt["gasUsed"] < 60_000


def test_an_estimate_is_enough_and_one_gas_less_is_not(w3: Any, counter: str) -> None:
    cases: list[dict[str, Any]] = [{"to": counter}, {"to": fresh_address(), "value": 1}, {"data": creation(COUNTER)}]
    for case in cases:
        asked = {"from": w3.eth.default_account, **case}
        estimate = w3.eth.estimate_gas(asked)
        receipt = mined(w3, w3.eth.send_transaction({**case, "gas": estimate}))
        assert receipt["gasUsed"] <= estimate
        with pytest.raises((Web3RPCError, ValueError)):
            w3.eth.call({**asked, "gas": receipt["gasUsed"] - 1}, receipt["blockNumber"] - 1)


def test_fee_history_agrees_with_the_blocks(w3: Any) -> None:
    mined(w3, w3.eth.send_transaction({"to": fresh_address(), "value": 1}))
    history = w3.eth.fee_history(4, "latest", [10, 90])
    oldest = history["oldestBlock"]
    headers = [w3.eth.get_block(oldest + index) for index in range(4)]
    assert history["baseFeePerGas"][:4] == [header["baseFeePerGas"] for header in headers]
    for ratio, header in zip(history["gasUsedRatio"], headers, strict=True):
        assert ratio == pytest.approx(header["gasUsed"] / header["gasLimit"])
    assert len(history["baseFeePerGas"]) == 5
    assert all(low <= high for low, high in history["reward"])
    following = _block_when_there(w3, oldest + 4)
    assert history["baseFeePerGas"][4] == following["baseFeePerGas"]


def _block_when_there(w3: Any, number: int) -> Any:
    wait_until(f"L2 block {number} is there", lambda: bool(w3.eth.block_number >= number))
    return w3.eth.get_block(number)


def test_the_gas_price_oracle_foretells_the_l1_fee(w3: Any) -> None:
    oracle = predeploy(w3, "GasPriceOracle")
    assert oracle.functions.isFjord().call()
    assert oracle.functions.isIsthmus().call()
    account = Account.create()
    mined(w3, w3.eth.send_transaction({"to": account.address, "value": ETHER}))
    common = {"chainId": w3.eth.chain_id, "maxFeePerGas": w3.eth.gas_price * 2, "maxPriorityFeePerGas": 1}
    payloads = [b"", bytes(3000), b"".join(Web3.keccak(number) for number in range(60))]
    for nonce, data in enumerate(payloads):
        signed = account.sign_transaction(
            {**common, "nonce": nonce, "to": fresh_address(), "gas": 200_000, "value": 1, "data": data}
        )
        receipt = mined(w3, w3.eth.send_raw_transaction(signed.raw_transaction))
        at = receipt["blockNumber"]
        # The oracle takes the transaction without its signature and allows 68 bytes for that.
        unsigned = signed.raw_transaction[:-67]
        foretold = oracle.functions.getL1Fee(unsigned).call(block_identifier=at)
        assert int(receipt["l1Fee"], 16) == pytest.approx(foretold, rel=0.03)
        block = predeploy(w3, "L1Block").functions
        assert int(receipt["l1GasPrice"], 16) == block.basefee().call(block_identifier=at)
        assert int(receipt["l1BlobBaseFee"], 16) == block.blobBaseFee().call(block_identifier=at)


def test_a_batch_of_requests_is_answered_in_order(w3: Any) -> None:
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block(0))
        batch.add(w3.eth.get_balance(w3.eth.default_account))
        batch.add(w3.eth.get_block(1))
        first, balance, second = batch.execute()
    assert (first["number"], second["number"]) == (0, 1)
    assert second["parentHash"] == first["hash"]
    assert balance > 0


def test_a_transaction_that_cannot_be_valid_is_refused_with_a_reason(w3: Any, devnet: RunningDevnet) -> None:
    rich, poor = Account.from_key(devnet.key(1)), Account.create()
    price = w3.eth.gas_price * 2
    good = {"chainId": w3.eth.chain_id, "nonce": 0, "to": poor.address, "gas": 21_000, "value": 1, "gasPrice": price}
    cases = [
        (poor, {**good, "value": ETHER}, "insufficient funds"),
        (rich, {**good, "chainId": 1}, "chain id"),
        (rich, {**good, "gas": 20_000}, "intrinsic gas too low"),
        (rich, {**good, "gas": 61_000_000}, "exceeds block gas limit"),
        (rich, {**good, "gas": 2**40}, "exceeds the configured cap"),
    ]
    for account, transaction, reason in cases:
        with pytest.raises(Web3RPCError, match=reason):
            w3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
    with pytest.raises(Web3RPCError):
        w3.eth.send_raw_transaction("0x02f8deadbeef")
    raw = rich.sign_transaction(good).raw_transaction
    mined(w3, w3.eth.send_raw_transaction(raw))
    with pytest.raises(Web3RPCError, match=r"nonce too low|already known"):
        w3.eth.send_raw_transaction(raw)


async def test_heads_logs_and_pending_transactions_come_over_websocket(devnet: RunningDevnet, counter: str) -> None:
    account = Account.from_key(devnet.key(2))
    async with AsyncWeb3(WebSocketProvider(devnet.info["l2"]["ws"])) as w3:
        kinds = {
            await w3.eth.subscribe("newHeads"): "heads",
            await w3.eth.subscribe("logs", {"address": counter, "topics": [COUNTED]}): "logs",
            await w3.eth.subscribe("newPendingTransactions"): "pending",
        }
        signed = account.sign_transaction(
            {
                "chainId": await w3.eth.chain_id,
                "nonce": await w3.eth.get_transaction_count(account.address),
                "to": counter,
                "gas": 100_000,
                "maxFeePerGas": 2 * await w3.eth.gas_price,
                "maxPriorityFeePerGas": 1,
            }
        )
        sent = await w3.eth.send_raw_transaction(signed.raw_transaction)
        got: dict[str, list[Any]] = {"heads": [], "logs": [], "pending": []}
        async for message in w3.socket.process_subscriptions():
            got[kinds[message["subscription"]]].append(message["result"])
            numbers = [head["number"] for head in got["heads"]]
            if got["logs"] and got["pending"] and numbers[-1:] > [got["logs"][0]["blockNumber"] + 1]:
                break
        assert sent in got["pending"]
        (log,) = got["logs"]
        assert log["transactionHash"] == sent
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        for head in got["heads"]:
            assert (await w3.eth.get_block(head["number"]))["hash"] == head["hash"]
        for subscription in kinds:
            assert await w3.eth.unsubscribe(subscription)
