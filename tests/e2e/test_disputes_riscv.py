"""A dispute about a real block of a devnet, by the real fault-proof program, down to an instruction on L1.

The liar plays by the same code as the challenger, with a node whose outputs are false from a block on and a program whose
states are false from a step on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from config.rollup import BlockId
from config.types import L2BlockNumber, to_hex
from evm.types import Header
from faultproof.challenger.driver import Challenger
from faultproof.challenger.ports import Output, SafeHead
from faultproof.challenger.programs import ProgramInputs, Programs
from faultproof.challenger.riscv import RiscvProgram, RunSource
from faultproof.challenger.settings import ChallengerSettings
from faultproof.challenger.source import L1BlockReader, RpcRollupNode
from faultproof.host import HostEndpoints, RpcHost, RunFacts, run_source
from l1.contract import error_name
from l1.contracts import DisputeGameFactoryContract, GameStatus
from l1.deployment.params import FAST_DELAYS
from l1.dispute_contracts import PlayedGameContract
from l1.source import L1Client
from l1.txmgr import TxManager, TxPolicy
from tests.conftest import ROOT
from tests.e2e.parts import Parts, Wallet, devnet_in_parts, eventually, number_of
from tests.faultproof.challenger_world import LyingProgram, false_root

PROGRAM = ROOT / "faultproof" / "programs" / "guest-fpvm.elf"
DELAYS = replace(FAST_DELAYS, max_clock=1200, clock_extension=120)
FIRST_FALSE_STEP = 1000
DEPTH = 73

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not PROGRAM.exists(), reason="the fault-proof program is not built: python core/build.py fpvm"),
]


@dataclass(frozen=True)
class LyingNode:
    """The verifier, with false outputs from a block on."""

    honest: RpcRollupNode
    lies_from: int

    async def derived_l1(self) -> BlockId:
        """As it is."""
        return await self.honest.derived_l1()

    async def output_at(self, number: int) -> Output:
        """False from the block on."""
        output = await self.honest.output_at(number)
        return replace(output, root=false_root(number)) if number >= self.lies_from else output

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """As it is."""
        return await self.honest.safe_head_at(l1_number)

    async def header_at(self, number: int) -> Header:
        """As it is."""
        return await self.honest.header_at(number)


async def test_a_liar_loses_about_real_blocks_with_a_false_root_and_against_a_true_one(tmp_path: Path) -> None:
    async with devnet_in_parts(
        tmp_path, block_time=1, l1_slot_seconds=2, delays=DELAYS, fault_program=PROGRAM, proposal_interval=3600
    ) as parts:

        async def has_safe_blocks() -> bool:
            return await number_of(parts.verifier, "safe") > 8

        await eventually("the verifier derives blocks", has_safe_blocks)
        claimed = await number_of(parts.verifier, "safe") - 2
        async with _liar(parts, parts.wallets[1], tmp_path, claimed) as (liar, sender):
            # Long enough for the claimed block to be safe as of the game's L1 head.
            await _mined(parts, 3)
            game = await _propose(parts, sender, claimed)
            # The liar attacks the proposer's true root as well. There its claim is the deepest, which only a step can counter;
            # in its own game the deepest claim is the challenger's.
            true_game = await _other_game(parts, game)
            decided = asyncio.create_task(_until(lambda: _is_decided(game, true_game)))
            while not decided.done():
                await liar.tick()
                assert liar.status().halted_by is None
                await asyncio.sleep(0.5)
            await decided
            await _pass_clocks(parts)

            async def is_settled() -> bool:
                statuses = [await game.status(), await true_game.status()]
                assert statuses[0] is not GameStatus.DEFENDER_WINS
                assert statuses[1] is not GameStatus.CHALLENGER_WINS
                return GameStatus.IN_PROGRESS not in statuses

            await eventually("the challenger settles everything", is_settled, patience=1200)
            for lost in (game, true_game):
                assert (await lost.credit_of(sender.address)).normal == 0


@asynccontextmanager
async def _liar(
    parts: Parts, wallet: Wallet, directory: Path, lies_from: int
) -> AsyncIterator[tuple[Challenger, TxManager]]:
    verifier = parts.info["verifier"]["rollup"]
    host = RpcHost(HostEndpoints(parts.info["l1"]["http"], (parts.info["l1"]["beacon"],), verifier))

    def source(inputs: ProgramInputs) -> RunSource:
        facts = RunFacts(inputs.l1_head, inputs.agreed_number, inputs.claimed_number)
        return run_source(host, facts, directory / "liars-preimages")

    program = await asyncio.to_thread(RiscvProgram.load, directory / "prestate.bin", source)
    sender = TxManager(
        parts.l1, wallet.key, parts.l1_chain_id, policy=TxPolicy(poll_interval=0.5), error_names=error_name
    )
    liar = Challenger(
        LyingNode(RpcRollupNode(parts.verifier, parts.verifier), lies_from),
        L1BlockReader(L1Client(parts.l1)),
        parts.l1,
        sender,
        sender.address,
        Programs([LyingProgram(FIRST_FALSE_STEP, program)]),
        ChallengerSettings(parts.contract("DisputeGameFactoryProxy")),
    )
    try:
        yield liar, sender
    finally:
        await sender.close()
        await asyncio.to_thread(host.close)


async def _propose(parts: Parts, sender: TxManager, number: int) -> PlayedGameContract:
    factory = DisputeGameFactoryContract(parts.l1, parts.contract("DisputeGameFactoryProxy"))
    bond = await factory.init_bond(0)
    receipt = await sender.send(factory.create(0, false_root(number), L2BlockNumber(number), bond))
    address = factory.created_game(receipt.logs)
    assert address is not None, to_hex(receipt.transaction_hash)
    return PlayedGameContract(parts.l1, address)


async def _other_game(parts: Parts, game: PlayedGameContract) -> PlayedGameContract:
    """The proposer's game."""
    factory = DisputeGameFactoryContract(parts.l1, parts.contract("DisputeGameFactoryProxy"))

    async def is_there() -> bool:
        return await factory.game_count() > 1

    await eventually("the proposer proposes", is_there)
    listed = await factory.games_at(range(2))
    (other,) = (each.address for each in listed if each.address != game.address)
    return PlayedGameContract(parts.l1, other)


async def _is_decided(game: PlayedGameContract, true_game: PlayedGameContract) -> bool:
    """Whether both games are played to the end, one of them by a step."""
    deepest = [claim for claim in await true_game.claims() if claim.position.bit_length() - 1 == DEPTH]
    return any(any(claim.countered_by) for claim in deepest) and any(
        claim.position.bit_length() - 1 == DEPTH for claim in await game.claims()
    )


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    while not await holds():
        await asyncio.sleep(2)


async def _mined(parts: Parts, blocks: int) -> None:
    start = int(await parts.l1.call("eth_blockNumber"), 16)

    async def later() -> bool:
        return int(await parts.l1.call("eth_blockNumber"), 16) >= start + blocks

    await eventually("L1 goes on", later)


async def _pass_clocks(parts: Parts) -> None:
    await parts.l1.call("evm_increaseTime", [2 * DELAYS.max_clock])
    await parts.l1.call("evm_mine")
