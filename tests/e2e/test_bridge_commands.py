"""`lamina deposit` and `lamina withdraw` on a whole devnet: ether and tokens, there and back, and a game that is taken out."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.constants import OPTIMISM_MINTABLE_ERC20_FACTORY
from config.types import Address, Wei, to_address, to_hash32, to_hex
from contracts.artifacts import load_artifact
from l1.contract import Contract
from l1.contracts import AnchorStateRegistryContract
from l1.deployment import FAST_DELAYS
from l1.rpc import JsonRpcClient
from l1.txmgr import TxCandidate
from node.bridge.account import BridgeAccount
from node.bridge.l2_view import L2View
from node.bridge.stages import Stage, Standing, WithdrawalWatch
from node.devnet.accounts import role_accounts
from tests.conftest import ROOT
from tests.e2e.parts import Parts, Wallet, devnet_in_parts, eventually, wei_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

ETHER = 10**18
RECIPIENT = Address(bytes.fromhex("00000000000000000000000000000000000b71d9"))
DELAYS = replace(FAST_DELAYS, proof_maturity=4, game_finality=2, max_clock=20)


async def _lamina(parts: Parts, directory: Path, wallet: Wallet | None, *arguments: str) -> tuple[int, str, str]:
    """Run a bridge command; answers its exit code and what it wrote to stdout and stderr."""
    key = () if wallet is None else ("--private-key", to_hex(wallet.key))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "node.cli.main", "--log.level", "warning"),
        *arguments,
        *("--info", str(directory / "devnet.json")),
        *key,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def _json(parts: Parts, directory: Path, wallet: Wallet | None, *arguments: str) -> dict[str, Any]:
    code, output, errors = await _lamina(parts, directory, wallet, *arguments, "--json")
    assert code == 0, errors
    answer = json.loads(output)
    assert isinstance(answer, dict)
    return answer


async def test_ether_and_tokens_go_in_and_out_though_a_game_is_blacklisted(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=1, l1_slot_seconds=2, delays=DELAYS, proposal_interval=6) as parts:
        first, second = parts.wallets[:2]
        before = await wei_of(parts.sequencer, RECIPIENT)
        deposit = ("deposit", "--amount", "1.25", "--to", to_hex(RECIPIENT))
        deposited = await _json(parts, tmp_path, first, *deposit)
        assert deposited["succeeded"]
        assert await wei_of(parts.sequencer, RECIPIENT) - before == 125 * ETHER // 100

        begun = await _json(parts, tmp_path, first, "withdraw", "init", "--amount", "0.5", "--to", to_hex(RECIPIENT))
        transaction = str(begun["l2TransactionHash"])
        code, output, errors = await _lamina(parts, tmp_path, first, "withdraw", "finalize", transaction)
        assert (code, output) == (1, "")
        assert "cannot be finalized now" in errors and "Traceback" not in errors

        tokens = asyncio.create_task(_token_there_and_back(parts, tmp_path, second))
        await _until(parts, transaction, Stage.READY_TO_PROVE)
        await _json(parts, tmp_path, first, "withdraw", "prove", transaction)
        proven = await _standing(parts, transaction)
        assert proven.stage is Stage.WAITING_TO_FINALIZE and proven.proof is not None
        await _blacklist(parts, proven.proof.game)

        lost = await _json(parts, tmp_path, None, "withdraw", "status", transaction)
        assert lost["status"] in ("waiting-to-prove", "ready-to-prove")
        assert "blacklisted" in lost["proofs"][0]["lost"]
        done = await _json(parts, tmp_path, first, "withdraw", "run", transaction)
        assert done["status"] == "finalized"
        assert await wei_of(parts.l1, RECIPIENT) == ETHER // 2
        await tokens


async def _token_there_and_back(parts: Parts, directory: Path, wallet: Wallet) -> None:
    token, l2_token = await _make_token(parts, wallet)
    pair = ("--token", to_hex(token), "--l2-token", to_hex(l2_token))
    deposited = await _json(parts, directory, wallet, "deposit", "--amount", "3", *pair)
    assert deposited["succeeded"]
    on_l2 = Contract(parts.sequencer, l2_token, "OptimismMintableERC20")
    assert await on_l2.read_one("balanceOf", to_hex(wallet.address)) == 3 * ETHER
    done = await _json(parts, directory, wallet, "withdraw", "run", "--amount", "2", "--to", to_hex(RECIPIENT), *pair)
    assert done["status"] == "finalized"
    assert await on_l2.read_one("balanceOf", to_hex(wallet.address)) == ETHER
    assert await Contract(parts.l1, token, "WETH98").read_one("balanceOf", to_hex(RECIPIENT)) == 2 * ETHER


async def _make_token(parts: Parts, wallet: Wallet) -> tuple[Address, Address]:
    """A token on L1 of which the wallet has ten, and its counterpart on L2."""
    artifact = load_artifact("WETH98")
    async with await BridgeAccount.open(parts.info["l1"]["http"], wallet.key, "L1") as account:
        created = await account.send(TxCandidate(None, artifact.encode_constructor()), "token created")
        token = created.contract_address
        assert token is not None
        await account.send(TxCandidate(token, artifact.encode_call("deposit"), Wei(10 * ETHER)), "token bought")
    factory = load_artifact("OptimismMintableERC20Factory")
    call = factory.encode_call("createOptimismMintableERC20", to_hex(token), "Token", "TKN")
    async with await BridgeAccount.open(parts.info["l2"]["http"], wallet.key, "L2") as account:
        receipt = await account.send(TxCandidate(OPTIMISM_MINTABLE_ERC20_FACTORY, call), "L2 token created")
    topic = factory.event_topic("OptimismMintableERC20Created")
    (entry,) = [entry for entry in receipt.logs if entry.topics[0] == topic]
    return token, Address(entry.topics[1][12:])


async def _standing(parts: Parts, transaction: str) -> Standing:
    async with JsonRpcClient(parts.info["l1"]["http"]) as l1, JsonRpcClient(parts.info["l2"]["http"]) as l2:
        watch = WithdrawalWatch(l1, L2View(l2), parts.contract("OptimismPortalProxy"))
        return await watch.standing(await watch.l2.withdrawal(to_hash32(transaction)))


async def _until(parts: Parts, transaction: str, stage: Stage) -> None:
    async def there() -> bool:
        return (await _standing(parts, transaction)).stage is stage

    await eventually(f"the withdrawal is {stage.value}", there)


async def _blacklist(parts: Parts, game: Address) -> None:
    guardian = role_accounts().owner
    async with await BridgeAccount.open(parts.info["l1"]["http"], guardian.private_key, "L1") as account:
        registry = AnchorStateRegistryContract(
            account.rpc, to_address(parts.info["contracts"]["AnchorStateRegistryProxy"])
        )
        await account.send(registry.candidate("blacklistDisputeGame", to_hex(game)), "game blacklisted")
