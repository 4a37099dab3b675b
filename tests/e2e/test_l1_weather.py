"""L1 reorganises, misses slots, loses blobs, goes away; the batcher stops or dies: the rollup heals and loses nothing."""

import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from config.types import Address, to_hex
from contracts.artifacts import load_artifact
from evm.types import keccak256
from node.devl1.producer import LabelLags
from node.devnet.accounts import role_accounts
from tests.e2e.parts import Parts, Wallet, devnet_in_parts, eventually, number_of, receipt_of
from tests.e2e.play import L1Call, Play
from tests.e2e.weather import (
    drop_l1_from,
    health,
    l1_block,
    l1_passes,
    l2_passes,
    newest_with_blobs,
    nothing_is_lost,
    receipts,
    safe_head_passes,
    sync_status,
    traffic,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

_WALLETS = itertools.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    """One devnet for all of this weather."""
    directory = tmp_path_factory.mktemp("weather")
    lags = LabelLags(safe=4, finalized=12)  # room for reorgs
    async with devnet_in_parts(
        directory, block_time=1, l1_slot_seconds=2, accounts=14, lags=lags, log_level="warning"
    ) as running:
        yield running


@pytest.fixture
def wallet(parts: Parts) -> Iterator[Wallet]:
    """A funded account for one test alone."""
    yield parts.wallets[next(_WALLETS)]


async def test_a_reorg_that_drops_batcher_data_heals_without_help(parts: Parts, wallet: Wallet) -> None:
    async with traffic(parts, wallet) as load:
        await safe_head_passes(parts, 4)
        number, batch = await newest_with_blobs(parts)
        reached = await number_of(parts.sequencer, "latest")
        dropped = await drop_l1_from(parts, number)
        assert batch in {transaction["hash"] for transaction in dropped[0]["transactions"]}
        await safe_head_passes(parts, reached + 4)
    (posted,) = await receipts(parts.l1, [batch])
    assert posted is None or posted["blockHash"] != dropped[0]["hash"]
    await nothing_is_lost(parts, load)


async def test_blocks_on_a_dropped_l1_origin_are_replaced_and_their_transactions_return(
    parts: Parts, wallet: Wallet
) -> None:
    async with traffic(parts, wallet) as load:
        await l2_passes(parts, await number_of(parts.sequencer, "latest") + 5)
        head = (await sync_status(parts.sequencer))["unsafe_l2"]
        origin = head["l1origin"]["number"]
        doomed = await parts.sequencer.call("eth_getBlockByNumber", [hex(head["number"]), False])
        await drop_l1_from(parts, origin)

        async def replaced() -> bool:
            block = await parts.sequencer.call("eth_getBlockByNumber", [doomed["number"], False])
            return block is not None and block["hash"] != doomed["hash"]

        await eventually(f"another block {int(doomed['number'], 16)} was made", replaced)
    users = doomed["transactions"][1:]
    assert set(users) <= set(load.accepted)
    await nothing_is_lost(parts, load)
    for receipt in await receipts(parts.verifier, users):
        assert receipt is not None and receipt["blockHash"] != doomed["hash"]


async def test_a_deposit_whose_l1_block_is_dropped_is_gone_from_l2(parts: Parts, wallet: Wallet) -> None:
    play, recipient = Play(parts), Address(keccak256(b"paid by a dropped deposit")[12:])
    depositor = play.on_l1(parts.wallets[-1].key)
    data = load_artifact("OptimismPortal2").encode_call("depositTransaction", to_hex(recipient), 5, 100_000, False, b"")
    async with traffic(parts, wallet) as load:
        (on_l1,) = await play.send_to_l1(
            depositor, [L1Call("deposit", parts.contract("OptimismPortalProxy"), data, value=5)]
        )
        on_l2 = await play.deposited(on_l1)
        assert await parts.sequencer.call("eth_getBalance", [to_hex(recipient), "latest"]) == "0x5"
        await drop_l1_from(parts, int(on_l1["blockNumber"], 16))

        async def gone() -> bool:
            return await parts.sequencer.call("eth_getTransactionReceipt", [on_l2["transactionHash"]]) is None

        await eventually("the deposit is gone", gone)
    await nothing_is_lost(parts, load)
    for node in (parts.sequencer, parts.verifier):
        assert await node.call("eth_getBalance", [to_hex(recipient), "latest"]) == "0x0"


async def test_missed_slots_only_delay(parts: Parts, wallet: Wallet) -> None:
    async with traffic(parts, wallet) as load:
        before = await l1_block(parts, "latest")
        missed = 3
        await parts.l1.call("devl1_missSlots", [missed])
        number = int(before["number"], 16)
        await l1_passes(parts, number + 3)
    times = [int((await l1_block(parts, each))["timestamp"], 16) for each in range(number, number + 4)]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) == 2 * (missed + 1)
    await nothing_is_lost(parts, load)


async def test_a_batcher_that_was_stopped_posts_all_that_was_made_meanwhile(parts: Parts, wallet: Wallet) -> None:
    async with traffic(parts, wallet) as load:
        await parts.batcher.call("admin_stopBatcher")
        status = await parts.batcher.call("admin_getBatcherStatus")
        assert not status["running"]
        head = await number_of(parts.l1, "latest")
        await l1_passes(parts, head + 2)  # what was in the pool
        safe = await number_of(parts.verifier, "safe")
        await l1_passes(parts, head + 6)
        assert await number_of(parts.verifier, "safe") == safe
        reached = await number_of(parts.sequencer, "latest")
        assert reached >= safe + 8
        await parts.batcher.call("admin_startBatcher")
        await safe_head_passes(parts, reached)
    await nothing_is_lost(parts, load)


async def test_a_batcher_that_was_killed_goes_on_from_the_safe_head(parts: Parts, wallet: Wallet) -> None:
    async with traffic(parts, wallet) as load:
        await parts.supervisor.end("batcher", signal.SIGKILL)
        reached = await number_of(parts.sequencer, "latest")
        await l2_passes(parts, reached + 4)
        await parts.supervisor.restart("batcher")
        await safe_head_passes(parts, reached + 4)
    await nothing_is_lost(parts, load)


async def test_a_withheld_blob_stalls_the_verifier_with_a_reason_until_it_is_back(parts: Parts, wallet: Wallet) -> None:
    async with traffic(parts, wallet) as load:
        batch = await next_batch_in_the_pool(parts)
        for versioned_hash in batch["blobVersionedHashes"]:
            await parts.l1.call("devl1_withholdBlob", [versioned_hash])
        block = (await receipt_of(parts.l1, batch["hash"]))["blockNumber"]
        slot = await slot_of(parts, int(block, 16))
        url = parts.info["verifier"]["rollup"]

        async def stalls() -> bool:
            return batch["blobVersionedHashes"][0] in (await health(url))[1]["waitingFor"]

        await eventually("the verifier says that it waits for the blob", stalls)
        _, facts = await health(url)
        assert f"slot {slot}" in facts["waitingFor"] and f"{int(block, 16)}" in facts["waitingFor"]
        assert facts["lastError"] == facts["waitingFor"]
        assert facts["haltedBy"] is None
        why = await parts.verifier.call("lamina_whyHead", ["safe"])
        assert (why["state"], why["stage"], why["cause"]) == ("stuck", "l1_retrieval", "blob_missing")
        assert why["at"]["number"] == int(block, 16) and "--l1.beacon" in why["remedy"]
        stuck = (await sync_status(parts.verifier))["current_l1"]["number"]
        assert stuck < int(block, 16)
        await l1_passes(parts, int(block, 16) + 3)
        assert (await sync_status(parts.verifier))["current_l1"]["number"] == stuck
        for versioned_hash in batch["blobVersionedHashes"]:
            assert await parts.l1.call("devl1_restoreBlob", [versioned_hash])
        await safe_head_passes(parts, await number_of(parts.sequencer, "latest"))
    assert (await health(url))[0] == 200
    assert (await parts.verifier.call("lamina_whyHead"))["healthy"]
    await nothing_is_lost(parts, load)


async def test_a_blob_of_a_dropped_block_is_not_waited_for(parts: Parts, wallet: Wallet) -> None:
    url = parts.info["verifier"]["rollup"]
    async with traffic(parts, wallet) as load:
        batch = await next_batch_in_the_pool(parts)
        for versioned_hash in batch["blobVersionedHashes"]:
            await parts.l1.call("devl1_withholdBlob", [versioned_hash])
        receipt = await receipt_of(parts.l1, batch["hash"])
        dropped = f"block {int(receipt['blockNumber'], 16)} ({receipt['blockHash'][:10]}..)"

        async def stalls() -> bool:
            return dropped in (await health(url))[1]["waitingFor"]

        async def goes_on() -> bool:
            return not await stalls()

        await eventually("the verifier says that it waits for the blob", stalls)
        await drop_l1_from(parts, int(receipt["blockNumber"], 16))
        await eventually("the verifier has turned to the new blocks", goes_on)
        # The batcher posts the same blob again, so it has to come back for the chain to go on.
        for versioned_hash in batch["blobVersionedHashes"]:
            assert await parts.l1.call("devl1_restoreBlob", [versioned_hash])
        await safe_head_passes(parts, await number_of(parts.sequencer, "latest"))
    await nothing_is_lost(parts, load)


async def test_a_configuration_update_whose_l1_block_is_dropped_is_undone(parts: Parts, wallet: Wallet) -> None:
    play, contract = Play(parts), parts.contract("SystemConfigProxy")
    owner = await play.on_l1(role_accounts().owner.private_key).catch_up()
    update = load_artifact("SystemConfig").encode_call("setGasLimit", 50_000_000)

    async def gas_limit() -> int:
        return int((await parts.sequencer.call("eth_getBlockByNumber", ["latest", False]))["gasLimit"], 16)

    async def changed() -> bool:
        return await gas_limit() == 50_000_000

    async def undone() -> bool:
        return await gas_limit() == 60_000_000

    assert await undone()
    async with traffic(parts, wallet) as load:
        (receipt,) = await play.send_to_l1(owner, [L1Call("setGasLimit", contract, update)])
        await eventually("the new gas limit is in force", changed)
        await drop_l1_from(parts, int(receipt["blockNumber"], 16))
        await eventually("the old gas limit is in force", undone)
    await nothing_is_lost(parts, load)
    assert await undone()


async def test_while_l1_hangs_the_sequencer_goes_on_and_the_rest_follows_later(parts: Parts, wallet: Wallet) -> None:
    async with traffic(parts, wallet) as load:
        process = parts.supervisor.process_ids()["l1"]
        os.kill(process, signal.SIGSTOP)
        try:
            reached = await number_of(parts.sequencer, "latest")
            await l2_passes(parts, reached + 8)
        finally:
            os.kill(process, signal.SIGCONT)
        await safe_head_passes(parts, reached + 8)
    await nothing_is_lost(parts, load)


async def test_while_l1_is_gone_nodes_say_so_and_go_on_when_it_is_back(parts: Parts, wallet: Wallet) -> None:
    url = parts.info["verifier"]["rollup"]
    async with traffic(parts, wallet) as load:
        await parts.supervisor.end("l1", signal.SIGKILL)

        async def said() -> bool:
            status, facts = await health(url)
            return status == 503 and bool(facts["lastError"])

        await eventually("the verifier says that L1 is gone", said)
        _, facts = await health(url)
        assert parts.info["l1"]["http"].removeprefix("http://") in facts["lastError"]
        reached = await number_of(parts.sequencer, "latest")
        await l2_passes(parts, reached + 3)
        await parts.supervisor.restart("l1")
        await safe_head_passes(parts, reached + 3)
    assert (await health(url))[0] == 200
    await nothing_is_lost(parts, load)


async def next_batch_in_the_pool(parts: Parts) -> dict[str, Any]:
    """A batcher transaction that waits for L1's next block."""
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        waiting = (await parts.l1.call("txpool_content"))["pending"]
        found.extend(each for queue in waiting.values() for each in queue.values() if each["type"] == "0x3")
        return bool(found)

    await eventually("a blob transaction waits for a block", there)
    return found[0]


async def slot_of(parts: Parts, number: int) -> int:
    """The slot of an L1 block."""
    clock = await parts.l1.call("devl1_slotInfo")
    timestamp = int((await l1_block(parts, number))["timestamp"], 16)
    return int((timestamp - clock["genesisTime"]) // clock["secondsPerSlot"])
