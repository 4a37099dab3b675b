"""The L1 client side against the embedded L1: slots, missed slots, both forms of sidecars, reorgs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from config.errors import TemporaryError
from config.forks import EthFork
from config.genesis import Genesis, l1_genesis_alloc
from config.l1_chain import L1ChainConfig
from config.types import Timestamp, Wei, to_address
from evm.store.kv import MemoryStore
from evm.types.signature import address_of
from l1.beacon import BeaconClient
from l1.kzg import KzgWorker, SidecarVersion
from l1.rpc import JsonRpcClient
from l1.source import L1Client, ReceiptsMethod
from l1.txmgr import SendError, SendErrorKind, TxCandidate, TxManager, TxPolicy
from node.devl1.genesis import dev_l1_chain_config
from node.devl1.service import DevL1, DevL1Options, initialise_dev_l1
from tests.l1.conftest import make_blob

KEY = b"\x21" * 32
INBOX = to_address("0x" + "ff" * 20)
FAST = TxPolicy(poll_interval=0.02)
StartL1 = Callable[[EthFork], Awaitable[tuple[DevL1, L1ChainConfig, JsonRpcClient]]]


@pytest.fixture
async def start_l1(kzg: KzgWorker, tmp_path: Path) -> AsyncIterator[StartL1]:
    """Starts an embedded L1 that makes blocks when told to, with blob prices well above the minimum."""
    started: list[tuple[DevL1, JsonRpcClient]] = []

    async def start(fork: EthFork) -> tuple[DevL1, L1ChainConfig, JsonRpcClient]:
        chain = dev_l1_chain_config(fork)
        store = MemoryStore()
        genesis = Genesis(
            config=chain.to_json(),
            timestamp=Timestamp(1_800_000_000),
            gas_limit=60_000_000,
            alloc=l1_genesis_alloc({address_of(KEY): 10**20}),
            excess_blob_gas=50_000_000,
            blob_gas_used=0,
        )
        initialise_dev_l1(store, genesis, chain)
        options = DevL1Options(seconds_per_slot=4, port=0, beacon_port=0)
        l1 = DevL1(store, chain, options, kzg, tmp_path)
        await l1.start()
        started.append((l1, JsonRpcClient(l1.server.url)))
        return l1, chain, started[-1][1]

    yield start
    for l1, rpc in started:
        await rpc.close()
        await l1.stop()


async def sent(manager: TxManager, candidate: TxCandidate, l1: DevL1, slot: int) -> None:
    """Send, and make the block of a slot once the transaction is in the pool."""
    published = manager.stats.published
    sending = asyncio.create_task(manager.send(candidate))
    while manager.stats.published == published and not sending.done():
        await asyncio.sleep(0.005)
    l1.producer.produce(slot)
    receipt = await sending
    assert receipt.succeeded


@pytest.mark.parametrize("fork", [EthFork.PRAGUE, EthFork.OSAKA])
async def test_blobs_are_found_by_slot_even_where_slots_were_missed(
    fork: EthFork, start_l1: StartL1, kzg: KzgWorker
) -> None:
    l1, chain, rpc = await start_l1(fork)
    manager = TxManager(rpc, KEY, chain.chain_id, kzg=kzg, l1_chain=chain, policy=FAST)
    await sent(manager, TxCandidate(INBOX, value=Wei(1)), l1, 1)
    await sent(manager, TxCandidate(INBOX, blobs=(make_blob(1), make_blob(2))), l1, 7)

    source = L1Client(rpc)
    header = await source.header_by_number("latest")
    block = await source.block_by_hash(header.hash)
    assert header.number == 2 and len(await source.receipts(header)) == 1
    assert source.receipts_method is ReceiptsMethod.BLOCK
    assert header.excess_blob_gas is not None and chain.blob_base_fee(header.excess_blob_gas, header.timestamp) > 1
    async with BeaconClient(l1.beacon.url, kzg) as beacon:
        assert await beacon.slot(header) == 7
        assert await beacon.blobs(header, block.transactions[0].blob_versioned_hashes) == [make_blob(1), make_blob(2)]
    await manager.close()


@pytest.mark.parametrize(
    ("fork", "version"), [(EthFork.PRAGUE, SidecarVersion.CELL_PROOFS), (EthFork.OSAKA, SidecarVersion.BLOB_PROOFS)]
)
async def test_a_sidecar_of_the_wrong_fork_is_refused_with_a_reason(
    fork: EthFork, version: SidecarVersion, start_l1: StartL1, kzg: KzgWorker
) -> None:
    _, chain, rpc = await start_l1(fork)
    manager = TxManager(rpc, KEY, chain.chain_id, kzg=kzg, sidecar_version=version, policy=FAST)
    with pytest.raises(SendError, match="proof") as caught:
        await manager.send(TxCandidate(INBOX, blobs=(make_blob(1),)))
    assert caught.value.kind is SendErrorKind.REJECTED
    await manager.close()


async def test_a_blob_transaction_dropped_by_a_reorg_is_included_again(start_l1: StartL1, kzg: KzgWorker) -> None:
    l1, chain, rpc = await start_l1(EthFork.OSAKA)
    policy = TxPolicy(poll_interval=0.02, confirmations=2)
    manager = TxManager(rpc, KEY, chain.chain_id, kzg=kzg, l1_chain=chain, policy=policy)
    sending = asyncio.create_task(manager.send(TxCandidate(INBOX, blobs=(make_blob(1),))))
    while manager.stats.published == 0:
        await asyncio.sleep(0.005)
    l1.producer.produce(1)
    (flight,) = manager._flights.values()
    while flight.included is None:
        await asyncio.sleep(0.005)
    await rpc.call("anvil_reorg", [1, []])
    while manager.stats.dropped_by_reorg == 0:
        await asyncio.sleep(0.005)
    while int((await rpc.call("txpool_status"))["pending"], 16) == 0:
        await asyncio.sleep(0.005)
    head = l1.producer.head_slot()
    l1.producer.produce(head + 1)
    l1.producer.produce(head + 2)
    receipt = await sending
    assert receipt.succeeded and receipt.blob_gas_used == 131_072
    source = L1Client(rpc)
    header = await source.header_by_hash(receipt.block.hash)
    block = await source.block_by_hash(receipt.block.hash)
    async with BeaconClient(l1.beacon.url, kzg) as beacon:
        assert await beacon.blobs(header, block.transactions[0].blob_versioned_hashes) == [make_blob(1)]
        with pytest.raises(TemporaryError, match="not found"):
            await beacon.blobs(header, [type(header.hash)(b"\x01" * 32)])
    await manager.close()
