"""Two hundred blocks of everything that a chain can be asked to do: sequencer and verifier agree on all of it."""

import asyncio
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any

import pytest

from batcher.service import BatcherConfig, BatcherService
from batcher.settings import ChannelSettings, DriverSettings
from config.constants import BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT, SEQUENCER_FEE_VAULT
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from config.types import Address, to_address, to_hex
from contracts.artifacts import load_artifact
from evm.types import keccak256
from evm.types.signature import address_of
from l1.rpc import JsonRpcClient
from l1.txmgr import TxPolicy
from node.devnet.accounts import role_accounts
from tests.e2e import acts
from tests.e2e.parts import devnet_in_parts, eventually, hashes, number_of
from tests.e2e.play import L1Call, Play, newcomer
from tests.e2e.traffic import ETHER, LOOPS, RELAY, REVERTS, Sender

pytestmark = [pytest.mark.slow]

BLOCKS = 200
VAULTS = (BASE_FEE_VAULT, SEQUENCER_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT)


async def test_after_two_hundred_blocks_of_mixed_traffic_the_verifier_has_the_same_chain(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=1, l1_slot_seconds=2, accounts=5, log_level="warning") as parts:
        play = Play(parts)
        writer, fails, bridger, idler = (play.on_l2(wallet.key) for wallet in parts.wallets[:4])
        depositor = play.on_l1(parts.wallets[4].key)
        relay = await writer.deploy("relay", RELAY)
        reverter, looper = await bridger.deploy("reverter", REVERTS), await bridger.deploy("looper", LOOPS)

        await asyncio.gather(
            in_turn(acts.every_type_of_transaction(play, writer, relay), acts.precompiles(play, writer, relay)),
            acts.failures_and_creations(play, fails),
            in_turn(acts.deposits(play, depositor, reverter, looper), acts.bridges(play, depositor, bridger)),
        )
        await move_time(play, idler, 60)
        owner = await play.on_l1(role_accounts().owner.private_key).catch_up()
        await acts.reconfigure(play, owner)
        await acts.precompiles(play, writer, relay)
        batcher = await hand_over_batching(play, owner, depositor)
        try:
            while (head := await number_of(parts.sequencer, "latest")) < BLOCKS:
                await move_time(play, idler, min(60, BLOCKS - head))
            await play.settle()
            last = await number_of(parts.sequencer, "latest")

            async def all_safe() -> bool:
                return await number_of(parts.verifier, "safe") >= last

            await eventually(f"the verifier has derived block {last}", all_safe)
        finally:
            await batcher.stop()

        assert await hashes(parts.sequencer, range(last + 1)) == await hashes(parts.verifier, range(last + 1))
        receipts = await receipts_of(parts.verifier, last)
        assert receipts == await receipts_of(parts.sequencer, last)
        assert await output_roots(parts.verifier, last) == await output_roots(parts.sequencer, last)
        everything_was_there(play, receipts)
        await fees_end_in_the_vaults(parts.verifier, receipts)
        await no_wei_comes_or_goes(play, receipts, last)


async def in_turn(*work: Awaitable[None]) -> None:
    """One after the other."""
    for each in work:
        await each


async def move_time(play: Play, sender: Sender, seconds: int) -> None:
    """Move L1's clock and wait until L2 has caught up, with transfers meanwhile."""
    await play.parts.l1.call("evm_increaseTime", [seconds])
    head = await play.parts.l1.call("evm_mine")
    latest = await play.parts.l1.call("eth_getBlockByNumber", ["latest", False])
    for index in range(20):
        await sender.send("transfer while catching up", newcomer(f"{head} {index}"), value=1)

    async def caught_up() -> bool:
        block = await play.sequencer.call("eth_getBlockByNumber", ["latest", False])
        return int(block["timestamp"], 16) >= int(latest["timestamp"], 16)

    await eventually("L2 has caught up with L1's time", caught_up)


async def hand_over_batching(play: Play, owner: Sender, funder: Sender) -> BatcherService:
    """Stop the devnet's batcher and let another account post from now on."""
    parts, key = play.parts, keccak256(b"another batcher")
    safe_before = await number_of(parts.verifier, "safe")
    await parts.batcher.call("admin_stopBatcher")
    batcher_hash = address_of(key).rjust(32, b"\x00")
    update = load_artifact("SystemConfig").encode_call("setBatcherHash", batcher_hash)
    await play.send_to_l1(funder, [L1Call("funds for the new batcher", address_of(key), b"", 100 * ETHER)])
    await play.send_to_l1(owner, [L1Call("setBatcherHash", parts.contract("SystemConfigProxy"), update)])
    rollup = RollupConfig.load(Path(parts.info["rollupConfig"]))
    service = BatcherService(
        BatcherConfig(
            l1_rpcs=(parts.info["l1"]["http"],),
            l2_rpc=parts.info["l2"]["rollup"],
            rollup_rpc=parts.info["l2"]["rollup"],
            signer=BatcherConfig.local_signer(key),
            rollup=rollup,
            l1_chain=L1ChainConfig.load(Path(parts.info["l1"]["chainConfig"])),
            channels=ChannelSettings(max_channel_duration=1),
            driver=DriverSettings(poll_seconds=0.5, wait_node_sync=True),
            tx_policy=TxPolicy(poll_interval=0.5),
        )
    )
    await service.start()

    async def moves() -> bool:
        return await number_of(parts.verifier, "safe") > safe_before

    await eventually("the new batcher's data is derived", moves)
    return service


# --- what must hold ---


async def receipts_of(node: JsonRpcClient, last: int) -> list[list[dict[str, Any]]]:
    """All receipts of the blocks 1 to `last`."""
    return await node.batch([("eth_getBlockReceipts", [hex(number)]) for number in range(1, last + 1)])


async def output_roots(node: JsonRpcClient, last: int) -> list[str]:
    """The output roots of the blocks 0 to `last`."""
    answers = await node.batch([("optimism_outputAtBlock", [hex(number)]) for number in range(last + 1)])
    return [answer["outputRoot"] for answer in answers]


def everything_was_there(play: Play, receipts: Iterable[list[dict[str, Any]]]) -> None:
    """All types, failures among transactions and deposits, and fees of each kind."""
    flat = [receipt for block in receipts for receipt in block]
    assert {receipt["type"] for receipt in flat} == {"0x0", "0x1", "0x2", "0x4", "0x7e"}
    assert {sent.hash for sent in play.sent} <= {receipt["transactionHash"] for receipt in flat}
    failed = [receipt["type"] for receipt in flat if receipt["status"] == "0x0"]
    assert failed.count("0x7e") == 4 and failed.count("0x2") == 5
    mine = [receipt for receipt in flat if receipt["type"] != "0x7e"]
    assert all(int(receipt["l1Fee"], 16) > 0 for receipt in mine)
    assert {receipt["l1BaseFeeScalar"] for receipt in mine} == {hex(1368), hex(2000)}
    assert operator_fee(mine[0]) == 0 and operator_fee(mine[-1]) == 2 * int(mine[-1]["gasUsed"], 16) + 12_345


def operator_fee(receipt: dict[str, Any]) -> int:
    """What a transaction paid to the operator, in wei. Spec: op isthmus exec-engine, "Operator Fee"."""
    scalar, constant = (int(receipt.get(f"operatorFee{part}", "0x0"), 16) for part in ("Scalar", "Constant"))
    return int(receipt["gasUsed"], 16) * scalar // 10**6 + constant


async def balances(node: JsonRpcClient, addresses: Iterable[Address], block: int) -> list[int]:
    """Balances in wei at a block."""
    answers = await node.batch([("eth_getBalance", [to_hex(address), hex(block)]) for address in addresses])
    return [int(answer, 16) for answer in answers]


async def fees_end_in_the_vaults(node: JsonRpcClient, receipts: list[list[dict[str, Any]]]) -> None:
    """In every block each vault gains exactly what the block's transactions paid of its kind."""
    before = await balances(node, VAULTS, 0)
    for number, block in enumerate(receipts, 1):
        header = await node.call("eth_getBlockByNumber", [hex(number), False])
        base_fee = int(header["baseFeePerGas"], 16)
        due = [0, 0, 0, 0]
        for receipt in block:
            if receipt["type"] == "0x7e":
                continue
            gas, price = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
            paid = (gas * base_fee, gas * (price - base_fee), int(receipt["l1Fee"], 16), operator_fee(receipt))
            due = [total + part for total, part in zip(due, paid, strict=True)]
        after = await balances(node, VAULTS, number)
        assert [new - old for new, old in zip(after, before, strict=True)] == due, f"fees of block {number}"
        before = after


async def no_wei_comes_or_goes(play: Play, receipts: list[list[dict[str, Any]]], last: int) -> None:
    """The balances of everyone involved grow by what deposits minted, and by nothing else."""
    node = play.parts.verifier
    named = {receipt[name] for block in receipts for receipt in block for name in ("from", "to", "contractAddress")}
    involved = {to_address(name) for name in named if name} | play.holders | set(VAULTS)
    blocks = await node.batch([("eth_getBlockByNumber", [hex(number), True]) for number in range(1, last + 1)])
    minted = sum(int(tx.get("mint") or "0x0", 16) for block in blocks for tx in block["transactions"])
    assert minted >= ETHER
    order = sorted(involved)
    assert sum(await balances(node, order, last)) - sum(await balances(node, order, 0)) == minted
