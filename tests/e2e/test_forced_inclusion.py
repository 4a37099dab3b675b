"""With sequencer, batcher and proposer gone: money still goes in through L1, and out through a bystander's game."""

from pathlib import Path
from typing import Any

import pytest

from config.constants import L2_TO_L1_MESSAGE_PASSER
from config.types import Address, Gas, Hash32, L2BlockNumber, Wei, from_hex, to_hex
from contracts.artifacts import load_artifact
from derivation.deposits import decode_deposit_log
from evm.types.json_codec import log_from_json, parse_quantity
from l1.contracts import (
    DisputeGameFactoryContract,
    FaultDisputeGameContract,
    GameStatus,
    PortalContract,
)
from l1.rpc import RpcError
from l1.txmgr import TransactionReceipt
from node.bridge.account import BridgeAccount
from node.bridge.l2_view import FoundWithdrawal, L2View
from node.bridge.stages import Stage, WithdrawalWatch
from node.bridge.withdrawal import Withdrawer
from node.devnet.accounts import role_accounts
from tests.e2e.parts import Parts, Wallet, devnet_in_parts, eventually, hashes, number_of, receipt_of, signed, wei_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ETHER = 10**18
WINDOW = 10
SLOT = 6
"""Seconds per L1 slot: long, so that a busy machine posts its batches well within the window. Tests do not wait for it."""
RECIPIENT = Address(bytes.fromhex("f0ced00000000000000000000000000000000001"))


async def test_a_deposit_gets_in_and_its_withdrawal_out_while_nobody_sequences(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=2, l1_slot_seconds=SLOT, sequencing_window=WINDOW) as parts:
        await _batches_get_through(parts)
        await parts.supervisor.end("proposer")
        await parts.supervisor.end("batcher")
        unposted = await _executed_transfer(parts)
        await parts.supervisor.end("sequencer")

        withdrawal = await _forced_withdrawal(parts)
        await _taken_out_by_a_bystander(parts, withdrawal)

        funds = await wei_of(parts.l1, role_accounts().batcher.address)
        await parts.supervisor.restart("sequencer")
        await parts.supervisor.restart("batcher")
        await _the_rollup_goes_on(parts, unposted, funds)


async def test_a_rollup_whose_batcher_paused_for_too_long_finds_its_way_back(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=2, l1_slot_seconds=SLOT, sequencing_window=WINDOW) as parts:
        await _batches_get_through(parts)
        await parts.batcher.call("admin_stopBatcher")
        unposted = await _executed_transfer(parts)
        # The sequencer goes on meanwhile: what it makes is replaced, again and again, as the window moves on.
        for _ in range(3):
            await parts.l1.call("evm_mine", [{"blocks": WINDOW}])
            replaced_from = await number_of(parts.verifier, "safe")

            async def replaced(above: int = replaced_from) -> bool:
                return await number_of(parts.sequencer, "safe") > above

            await eventually("the sequencer's node derives what the window forces", replaced)
        assert await parts.sequencer.call("admin_sequencerActive") is True

        funds = await wei_of(parts.l1, role_accounts().batcher.address)
        await parts.batcher.call("admin_startBatcher")
        await _the_rollup_goes_on(parts, unposted, funds)


async def test_a_stopped_sequencer_starts_again_on_what_l1_forced(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=2, l1_slot_seconds=SLOT, sequencing_window=WINDOW) as parts:
        await _batches_get_through(parts)
        await parts.batcher.call("admin_stopBatcher")
        unposted = await _executed_transfer(parts)
        stopped_at = await parts.sequencer.call("admin_stopSequencer")
        assert await parts.sequencer.call("admin_sequencerActive") is False
        await parts.l1.call("evm_mine", [{"blocks": 3 * WINDOW}])

        async def replaced() -> bool:
            block = await parts.sequencer.call("eth_getBlockByHash", [stopped_at, False])
            canonical = await parts.sequencer.call("eth_getBlockByNumber", [block["number"], False])
            # What L1 forced may not have come to the number yet.
            return canonical is not None and canonical["hash"] != stopped_at

        await eventually("the unposted blocks are replaced", replaced)

        funds = await wei_of(parts.l1, role_accounts().batcher.address)
        with pytest.raises(RpcError, match="block hash does not match"):
            await parts.sequencer.call("admin_startSequencer", [stopped_at])

        async def started() -> bool:
            # The node still derives what the window forces: its head moves.
            head = await parts.sequencer.call("eth_getBlockByNumber", ["latest", False])
            try:
                await parts.sequencer.call("admin_startSequencer", [head["hash"]])
            except RpcError as error:
                assert "block hash does not match" in error.message
                return False
            return True

        await eventually("the sequencer starts on the head", started)
        await parts.batcher.call("admin_startBatcher")
        await _the_rollup_goes_on(parts, unposted, funds)


async def _executed_transfer(parts: Parts) -> dict[str, Any]:
    """A transfer in an unsafe block of the sequencer: its receipt."""
    return await _transfer(parts, parts.wallets[2])


async def _batches_get_through(parts: Parts) -> None:
    """The devnet works: a transfer is in a batch that the verifier has derived."""
    receipt = await _transfer(parts, parts.wallets[1])
    derived = await receipt_of(parts.verifier, receipt["transactionHash"])
    assert derived["blockHash"] == receipt["blockHash"]


async def _transfer(parts: Parts, wallet: Wallet) -> dict[str, Any]:
    raw = signed(wallet, parts.l2_chain_id, 0, to=RECIPIENT, value=1)
    receipt = await receipt_of(parts.sequencer, await parts.sequencer.call("eth_sendRawTransaction", [raw]))
    assert receipt["status"] == "0x1"
    return receipt


async def _forced_withdrawal(parts: Parts) -> FoundWithdrawal:
    """Deposit a call of the message passer on L1, let the sequencing window pass, and find the withdrawal on L2."""
    depositor = parts.wallets[0]
    async with await BridgeAccount.open(parts.info["l1"]["http"], depositor.key, "L1", poll_interval=0.2) as account:
        portal = PortalContract(account.rpc, parts.contract("OptimismPortalProxy"))
        call = load_artifact("L2ToL1MessagePasser").encode_call("initiateWithdrawal", to_hex(RECIPIENT), 100_000, b"")
        candidate = portal.deposit(L2_TO_L1_MESSAGE_PASSER, Wei(ETHER), Gas(300_000), call, mint=Wei(ETHER))
        receipt = await account.send(candidate, "withdrawal forced through a deposit")
    deposit = _deposit_hash(portal.address, receipt)
    assert await parts.verifier.call("eth_getTransactionReceipt", [to_hex(deposit)]) is None

    await parts.l1.call("evm_mine", [{"blocks": WINDOW + 2}])

    async def included() -> bool:
        return await parts.verifier.call("eth_getTransactionReceipt", [to_hex(deposit)]) is not None

    await eventually("the deposit is included once the sequencing window has passed", included)
    found = await parts.verifier.call("eth_getTransactionReceipt", [to_hex(deposit)])
    assert found["status"] == "0x1"
    block = await parts.verifier.call("eth_getBlockByNumber", [found["blockNumber"], True])
    assert [item["type"] for item in block["transactions"]] == ["0x7e", "0x7e"]
    assert await number_of(parts.verifier, "safe") >= parse_quantity(found["blockNumber"])
    after = await parts.verifier.call("eth_getBlockByNumber", [hex(int(found["blockNumber"], 16) + 1), True])
    assert after is None or [item["type"] for item in after["transactions"]] == ["0x7e"]
    return await L2View(parts.verifier).withdrawal(deposit)


def _deposit_hash(portal: Address, receipt: TransactionReceipt) -> Hash32:
    (entry,) = [item for item in receipt.json["logs"] if from_hex(item["address"]) == portal]
    return decode_deposit_log(log_from_json(entry), receipt.block.hash, parse_quantity(entry["logIndex"])).hash


async def _taken_out_by_a_bystander(parts: Parts, withdrawal: FoundWithdrawal) -> None:
    """An account with no role opens the game, waits for its clock, resolves it, proves and finalizes."""
    bystander = parts.wallets[1]
    before = await wei_of(parts.l1, RECIPIENT)
    async with await BridgeAccount.open(parts.info["l1"]["http"], bystander.key, "L1", poll_interval=0.2) as account:
        portal = parts.contract("OptimismPortalProxy")
        watch = WithdrawalWatch(account.rpc, L2View(parts.verifier), portal)
        withdrawer = Withdrawer(account, watch)
        assert (await watch.standing(withdrawal)).stage is Stage.WAITING_TO_PROVE

        number = await number_of(parts.verifier, "safe")
        output = await parts.verifier.call("optimism_outputAtBlock", [hex(number)])
        factory = DisputeGameFactoryContract(account.rpc, parts.contract("DisputeGameFactoryProxy"))
        game_type = await watch.portal.respected_game_type()
        bond = await factory.init_bond(game_type)
        claim = Hash32(from_hex(output["outputRoot"]))
        opened = await account.send(factory.create(game_type, claim, L2BlockNumber(number), bond), "game opened")
        address = factory.created_game(opened.logs)
        assert address is not None
        game = FaultDisputeGameContract(account.rpc, address)
        await parts.l1.call("evm_mine")
        await withdrawer.prove(withdrawal)

        facts = await game.facts()
        assert facts.root_claim == claim
        await _pass_time(parts, facts.max_clock_duration + 1)
        await account.send(game.resolve_claim(0), "root claim resolved")
        await account.send(game.resolve(), "game resolved")
        assert await game.status() is GameStatus.DEFENDER_WINS
        assert (await watch.standing(withdrawal)).stage is Stage.WAITING_TO_FINALIZE
        with pytest.raises(ValueError, match="cannot be finalized now"):
            await withdrawer.finalize(withdrawal)

        await _pass_time(parts, 20)
        await withdrawer.finalize(withdrawal)
        assert (await watch.standing(withdrawal)).stage is Stage.FINALIZED
    assert await wei_of(parts.l1, RECIPIENT) == before + ETHER


async def _pass_time(parts: Parts, seconds: int) -> None:
    await parts.l1.call("evm_increaseTime", [seconds])
    await parts.l1.call("evm_mine")


async def _the_rollup_goes_on(parts: Parts, unposted: dict[str, Any], funds: int) -> None:
    """The sequencer takes over what L1 says, the batcher posts on top of it, nobody spends for ever, nothing is lost.

    `unposted`: the receipt of a transfer in a block that no batch held. `funds`: what the batcher had in wei.
    """
    start = await number_of(parts.verifier, "safe")

    async def caught_up() -> bool:
        status = await parts.batcher.call("admin_getBatcherStatus")
        safe = await number_of(parts.verifier, "safe")
        l1_now = parse_quantity((await parts.l1.call("eth_getBlockByNumber", ["latest", False]))["timestamp"])
        l2_then = parse_quantity((await parts.verifier.call("eth_getBlockByNumber", ["safe", False]))["timestamp"])
        return status["haltedBy"] is None and safe > start + 20 and l1_now - l2_then < WINDOW * SLOT // 2

    await eventually("batches are derived again, close behind L1", caught_up)
    safe = await number_of(parts.verifier, "safe")

    async def same_safe_head() -> bool:
        return await number_of(parts.sequencer, "safe") >= safe

    await eventually("the sequencer's safe head follows", same_safe_head)
    assert await hashes(parts.sequencer, range(safe + 1)) == await hashes(parts.verifier, range(safe + 1))
    spent = funds - await wei_of(parts.l1, role_accounts().batcher.address)
    assert 0 < spent < ETHER // 10, f"the batcher spent {spent} wei on {safe - start} blocks"

    # The transfer's block was replaced by what L1 forced; the transfer was executed once more, and is in a batch now.
    again = await receipt_of(parts.verifier, unposted["transactionHash"])
    assert again["status"] == "0x1"
    assert again["blockHash"] != unposted["blockHash"]
    assert again == await parts.sequencer.call("eth_getTransactionReceipt", [unposted["transactionHash"]])
