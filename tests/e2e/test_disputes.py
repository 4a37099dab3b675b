"""Disputes on a devnet: the challenger that it runs beats a false root by itself, and anyone can look at how."""

import asyncio
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.types import Hash32, L2BlockNumber, to_hex
from evm.types import keccak256
from l1.contracts import DisputeGameFactoryContract, FaultDisputeGameContract, GameStatus
from l1.deployment.params import FAST_DELAYS
from l1.rpc import JsonRpcClient
from l1.txmgr import TxManager
from node.devnet.accounts import role_accounts
from tests.conftest import ROOT
from tests.e2e.parts import Parts, devnet_in_parts, eventually, number_of, wei_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DELAYS = replace(FAST_DELAYS, max_clock=40, clock_extension=10)
FALSE_ROOT = keccak256(b"a false root")
CHALLENGER = role_accounts().challenger.address


async def lamina_games(*arguments: str) -> Any:
    """`lamina games ... --json`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node.cli.main", "games", *arguments, "--json", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


async def test_a_false_root_is_disputed_and_loses_although_the_challenger_was_killed(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=1, l1_slot_seconds=2, delays=DELAYS) as parts:
        info = str(tmp_path / "devnet.json")
        game, index = await _false_game(parts)

        async def claims(count: int) -> bool:
            return len(await game.claims()) >= count

        await eventually("the challenger attacks the false root", lambda: claims(2))
        await parts.supervisor.end("challenger", signal.SIGKILL)
        liar = parts.wallets[1]
        answer = ("--claim", "1", "--attack", "--value", to_hex(keccak256(b"another lie")))
        made = await lamina_games("play", str(index), *answer, "--info", info, "--private-key", to_hex(liar.key))
        assert made["claim"] == 2
        await parts.supervisor.restart("challenger")
        await eventually("the challenger goes on where it was", lambda: claims(4))

        shown = await lamina_games("show", str(index), "--info", info)
        assert shown["rootIsRight"] is False
        assert "L2 block" in shown["why"]
        assert shown["asItStands"] == "challenger wins"
        assert [claim["parent"] for claim in shown["claims"]] == [None, 0, 1, 2]
        assert {claim["claimant"] for claim in shown["claims"][1::2]} == {to_hex(CHALLENGER)}

        async def is_lost() -> bool:
            return await game.status() is GameStatus.CHALLENGER_WINS

        await eventually("the game is resolved against the liar", is_lost, patience=300)
        before = await wei_of(parts.l1, CHALLENGER)

        async def is_paid() -> bool:
            return await game.credit(CHALLENGER) == 0

        await eventually("the bonds are paid out", is_paid)
        assert await wei_of(parts.l1, CHALLENGER) > before
        others = [other for other in await lamina_games("list", "--info", info) if other["index"] != index]
        assert others, "the proposer proposes all the while"
        assert all(other["rootIsRight"] is not False for other in others)


async def _false_game(parts: Parts) -> tuple[FaultDisputeGameContract, int]:
    """A game with a false root, proposed by one of the devnet's users."""

    async def has_safe_blocks() -> bool:
        return await number_of(parts.verifier, "safe") > 3

    await eventually("the verifier derives blocks", has_safe_blocks)
    number = L2BlockNumber(await number_of(parts.verifier, "safe") + 20)
    rpc: JsonRpcClient = parts.l1
    factory = DisputeGameFactoryContract(rpc, parts.contract("DisputeGameFactoryProxy"))
    sender = TxManager(rpc, parts.wallets[0].key, parts.l1_chain_id)
    try:
        bond = await factory.init_bond(0)
        receipt = await sender.send(factory.create(0, Hash32(FALSE_ROOT), number, bond))
    finally:
        await sender.close()
    address = factory.created_game(receipt.logs)
    assert address is not None
    listed = await factory.games_at(range(await factory.game_count()))
    (index,) = (game.index for game in listed if game.address == address)
    return FaultDisputeGameContract(rpc, address), index
