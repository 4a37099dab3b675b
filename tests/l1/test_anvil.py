"""The transaction manager and the beacon client against anvil: another implementation of L1, blobs included."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from config.types import Wei, to_address, to_hex
from evm.types import BlobTransaction
from l1.beacon import BeaconClient, BlobsForm, BlobsUnavailable
from l1.blob_archive import BlobArchive
from l1.fees import FeePolicy
from l1.kzg import KzgWorker, SidecarVersion
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from l1.txmgr import SendError, SendErrorKind, TxCandidate, TxManager, TxPolicy
from tests.l1.conftest import ANVIL_KEY, Served, make_blob

StartAnvil = Callable[..., Awaitable[Served]]
Connect = Callable[[Served], JsonRpcClient]

CHAIN_ID = 31337
INBOX = to_address("0x" + "ff" * 20)
FAST = TxPolicy(poll_interval=0.05, resubmission_timeout=5)
FULL_BLOCK = 100_000
"""The gas limit of blocks where they are to be full."""
ENDLESS_LOOP = "0x" + "10" * 20
"""A contract that uses all gas of every call."""

# Creation code of a contract that reverts with Error("no") on every call:
# the 100 bytes of its answer are copied from its code.
_ERROR = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")
_RUNTIME = bytes.fromhex("6064600c60003960646000fd") + _ERROR
REVERTING = bytes([0x60, len(_RUNTIME), 0x60, 0x0B, 0x5F, 0x39, 0x60, len(_RUNTIME), 0x5F, 0xF3, 0x00]) + _RUNTIME


async def test_a_transfer_a_deployment_and_calls_are_confirmed_in_order(
    start_anvil: StartAnvil, connect: Connect
) -> None:
    rpc = connect(await start_anvil("--block-time", "1"))
    manager = TxManager(rpc, ANVIL_KEY, CHAIN_ID, policy=FAST)
    receipts = await manager.send_many(
        [
            TxCandidate(INBOX, value=Wei(5)),
            TxCandidate(None, REVERTING),
            TxCandidate(INBOX, b"hello"),
        ]
    )
    assert [receipt.succeeded for receipt in receipts] == [True, True, True]
    assert [int(receipt.json["transactionIndex"], 16) for receipt in receipts] == [0, 1, 2]
    assert len({receipt.block.hash for receipt in receipts}) == 1, "pipelined into one block"
    assert receipts[1].contract_address is not None
    assert int(await rpc.call("eth_getBalance", [to_hex(INBOX), "latest"]), 16) == 5
    assert manager.pending == 0 and manager.stats.confirmed == 3
    assert manager.stats.cost == sum(receipt.cost for receipt in receipts) > 0
    await manager.close()


async def test_a_call_that_would_revert_is_not_sent_and_its_reason_is_told(
    start_anvil: StartAnvil, connect: Connect
) -> None:
    rpc = connect(await start_anvil())
    manager = TxManager(rpc, ANVIL_KEY, CHAIN_ID, policy=FAST)
    contract = (await manager.send(TxCandidate(None, REVERTING))).contract_address
    with pytest.raises(SendError, match='reverted with "no"') as caught:
        await manager.send(TxCandidate(contract, b"\x01"))
    assert caught.value.kind is SendErrorKind.REVERTED
    assert int(await rpc.call("eth_getTransactionCount", [to_hex(manager.address), "pending"]), 16) == 1
    await manager.close()


async def test_an_account_without_funds_is_told_to_the_operator(start_anvil: StartAnvil, connect: Connect) -> None:
    rpc = connect(await start_anvil())
    manager = TxManager(rpc, b"\x07" * 32, CHAIN_ID, policy=FAST)
    with pytest.raises(SendError, match="fund it on L1") as caught:
        await manager.send(TxCandidate(INBOX, value=Wei(10**18), gas_limit=None))
    assert caught.value.kind is SendErrorKind.INSUFFICIENT_FUNDS
    await manager.close()


@pytest.mark.parametrize(
    ("fork", "version"), [("prague", SidecarVersion.BLOB_PROOFS), ("osaka", SidecarVersion.CELL_PROOFS)]
)
async def test_blobs_go_out_in_the_fork_s_wrapper_and_come_back_byte_equal(
    fork: str, version: SidecarVersion, start_anvil: StartAnvil, connect: Connect, kzg: KzgWorker, tmp_path: Path
) -> None:
    served = await start_anvil("--hardfork", fork)
    rpc = connect(served)
    manager = TxManager(rpc, ANVIL_KEY, CHAIN_ID, kzg=kzg, sidecar_version=version, policy=FAST)
    # Two blocks without blobs, so that slots and block numbers could not be taken for each other.
    await manager.send_many([TxCandidate(INBOX), TxCandidate(INBOX)])
    await rpc.call("evm_increaseTime", [120])
    blobs = (make_blob(1), make_blob(2), make_blob(3))
    receipt = await manager.send(TxCandidate(INBOX, blobs=blobs))
    assert receipt.succeeded
    assert receipt.blob_gas_used == 3 * 131_072
    assert (
        receipt.cost == receipt.gas_used * receipt.effective_gas_price + receipt.blob_gas_used * receipt.blob_gas_price
    )

    source = L1Client(rpc)
    block = await source.block_by_hash(receipt.block.hash)
    (transaction,) = block.transactions
    assert isinstance(transaction, BlobTransaction) and transaction.sender == manager.address
    assert len(await source.receipts(block.header)) == 1

    archive = BlobArchive(tmp_path, kzg)
    async with BeaconClient(served.url, kzg, archive=archive) as beacon:
        hashes = transaction.versioned_hashes
        assert await beacon.blobs(block.header, hashes) == list(blobs)
        assert await beacon.slot(block.header) == block.number
        assert beacon.nodes[0].blobs_form is BlobsForm.BLOBS
    # The archive alone is enough from now on.
    async with BeaconClient([], kzg, archive=archive) as beacon:
        assert await beacon.blobs(block.header, hashes[::-1]) == list(blobs[::-1])
    async with BeaconClient(served.url, kzg) as beacon:
        with pytest.raises(BlobsUnavailable, match="0x" + "01" * 32):
            await beacon.blobs(block.header, [type(hashes[0])(b"\x01" * 32)])
    await manager.close()


async def test_a_transaction_that_a_reorg_drops_is_sent_again(start_anvil: StartAnvil, connect: Connect) -> None:
    rpc = connect(await start_anvil("--no-mining"))
    policy = TxPolicy(poll_interval=0.05, confirmations=3, resubmission_timeout=30)
    manager = TxManager(rpc, ANVIL_KEY, CHAIN_ID, policy=policy)
    sending = asyncio.create_task(manager.send(TxCandidate(INBOX, b"keep me", gas_limit=None)))
    while manager.pending == 0:
        await asyncio.sleep(0.01)
    await rpc.call("evm_mine", [])
    (flight,) = manager._flights.values()
    while flight.included is None:
        await asyncio.sleep(0.01)
    await rpc.call("anvil_reorg", [1, []])
    while manager.stats.dropped_by_reorg == 0:
        await asyncio.sleep(0.01)
    pool = int((await rpc.call("txpool_status", []))["pending"], 16)
    while pool == 0:
        await asyncio.sleep(0.05)
        pool = int((await rpc.call("txpool_status", []))["pending"], 16)
    for _ in range(3):
        await rpc.call("evm_mine", [])
    receipt = await sending
    assert receipt.block.number == 2
    assert manager.stats.confirmed == 1
    await manager.close()


async def test_a_stuck_transaction_is_replaced_for_more(start_anvil: StartAnvil, connect: Connect) -> None:
    rpc = connect(await start_anvil("--no-mining", "--gas-limit", str(FULL_BLOCK)))
    await rpc.call("anvil_setCode", [ENDLESS_LOOP, "0x5b5f56"])
    policy = TxPolicy(poll_interval=0.05, resubmission_timeout=0.2)
    manager = TxManager(rpc, ANVIL_KEY, CHAIN_ID, policy=policy, fees=FeePolicy(min_tip=1))
    sending = asyncio.create_task(manager.send(TxCandidate(INBOX, b"slow")))
    while not (manager.pending and manager._flights[0].priced_at is not None):
        await asyncio.sleep(0.01)
    for replaced, others_pay in enumerate((20, 90), 1):
        await mine_a_block_that_others_fill(rpc, tip=others_pay * 10**9)
        while manager.stats.replaced < replaced:
            await asyncio.sleep(0.01)
    await rpc.call("evm_mine", [])
    receipt = await sending
    assert receipt.succeeded and manager.stats.published == 1
    await manager.close()


async def mine_a_block_that_others_fill(rpc: JsonRpcClient, tip: int) -> None:
    _, other, *_ = await rpc.call("eth_accounts")
    offer = {"gas": hex(FULL_BLOCK), "maxFeePerGas": hex(2 * tip), "maxPriorityFeePerGas": hex(tip)}
    await rpc.call("eth_sendTransaction", [{"from": other, "to": ENDLESS_LOOP, **offer}])
    await rpc.call("evm_mine", [])


async def test_blobs_and_calldata_can_be_mixed_freely(
    start_anvil: StartAnvil, connect: Connect, kzg: KzgWorker
) -> None:
    rpc = connect(await start_anvil("--hardfork", "osaka", "--block-time", "1"))
    manager = TxManager(rpc, ANVIL_KEY, CHAIN_ID, kzg=kzg, sidecar_version=SidecarVersion.CELL_PROOFS, policy=FAST)
    receipts = await manager.send_many(
        [TxCandidate(INBOX, b"a"), TxCandidate(INBOX, blobs=(make_blob(1),)), TxCandidate(INBOX, b"b")]
    )
    assert [receipt.succeeded for receipt in receipts] == [True] * 3
    numbers = [receipt.block.number for receipt in receipts]
    assert numbers == sorted(numbers) and len(set(numbers)) == 3
    await manager.close()
