"""Where liars and the real challenger meet: a devnet whose L1 makes a block whenever somebody has sent something."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from config.constants import L2_TO_L1_MESSAGE_PASSER
from config.rollup import RollupConfig
from config.types import Address, Gas, Hash32, L2BlockNumber, Wei, from_hex, to_address, to_hex
from contracts.artifacts import load_artifact
from derivation.deposits import decode_deposit_log
from evm.types import Block
from faultproof.challenger.ports import L1Block, Output
from faultproof.challenger.programs import ProgramInputs
from faultproof.challenger.riscv import RiscvProgram, RunSource
from faultproof.challenger.source import L1BlockReader, RpcRollupNode
from faultproof.host import HostEndpoints, RpcHost, RunFacts, run_source
from l1.candidate import TransactionReceipt
from l1.contract import ContractCallFailed, error_name
from l1.contracts import DisputeGameFactoryContract, GameFacts, GameStatus, PortalContract
from l1.deployment.params import FAST_DELAYS
from l1.dispute_contracts import GameConstants, PlayedGameContract
from l1.source import L1Client
from l1.txmgr import TxManager, TxPolicy
from node.devnet.accounts import role_accounts
from tests.actions.disputes.liars import Player
from tests.conftest import ROOT
from tests.e2e.parts import Parts, Wallet, devnet_in_parts, eventually, number_of, receipt_of
from tests.e2e.precompile_calls import precompile_calls
from tests.e2e.traffic import RELAY, Sender, relayed

PROGRAM = ROOT / "faultproof" / "programs" / "guest-fpvm.elf"
CHALLENGER = role_accounts().challenger.address
DELAYS = replace(
    FAST_DELAYS, max_clock=20_000, clock_extension=600, game_finality=3600, bond_withdrawal=3600, proof_maturity=3600
)
"""Time passes by L1's control interface alone, so that a busy machine costs nobody a clock and nothing happens meanwhile."""

_BY_THE_ORACLE = 0x0A
"""A precompile that the program leaves to the preimage oracle: KZG's point evaluation."""
_PATIENCE = 900.0
_QUIET = 15.0
_POLL = 0.1
_READINGS = 50

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Traffic:
    """What happened on the real chain: in which blocks there are calls of precompiles, a deposit, a withdrawal."""

    call_block: int
    deposit_block: int
    withdrawal_hash: Hash32
    withdrawal_block: int


@dataclass
class Game:
    """One game, and who lies in it."""

    name: str
    contract: PlayedGameContract
    index: int
    facts: GameFacts
    created_after: int
    """An L1 block before it."""
    players: list[tuple[Player, TxManager]] = field(default_factory=list)


@dataclass
class Stage:
    """The devnet and what the kit knows of it. All that moves L1 is in here."""

    parts: Parts
    directory: Path
    l1: L1BlockReader
    factory: DisputeGameFactoryContract
    program: RiscvProgram
    traffic: Traffic
    safe: int
    outputs: Mapping[int, Output]
    blocks: Sequence[Block]
    constants: GameConstants | None = None
    machine_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _senders: dict[Address, TxManager] = field(default_factory=dict)

    def sender(self, wallet: Wallet) -> TxManager:
        """The transaction manager of an account."""
        if wallet.address not in self._senders:
            self._senders[wallet.address] = TxManager(
                self.parts.l1,
                wallet.key,
                self.parts.l1_chain_id,
                policy=TxPolicy(max_pending=64, poll_interval=_POLL),
                error_names=error_name,
            )
        return self._senders[wallet.address]

    async def close(self) -> None:
        """Close what senders hold."""
        for sender in self._senders.values():
            await sender.close()

    async def propose(self, claims: Sequence[tuple[str, Wallet, Hash32, int]]) -> list[Game]:
        """Open games (name, proposer, root, L2 block), all in one L1 block, so that they are judged by the same L1 head."""
        bond = await self.factory.init_bond(0)
        before = (await self.l1.head()).number

        async def create(wallet: Wallet, root: Hash32, number: int) -> Address:
            candidate = self.factory.create(0, root, L2BlockNumber(number), bond)
            receipt = await self.sender(wallet).send(replace(candidate, gas_limit=Gas(1_000_000)))
            address = self.factory.created_game(receipt.logs)
            assert address is not None, f"no game about block {number}: {receipt}"
            return address

        made = asyncio.gather(*(create(wallet, root, number) for _, wallet, root, number in claims))
        addresses = await self.mining(made, at_once=len(claims))
        listed = await self.factory.games_at(range(await self.factory.game_count()))
        indices = {each.address: each.index for each in listed}
        games = []
        for (name, _, _, _), address in zip(claims, addresses, strict=True):
            contract = PlayedGameContract(self.parts.l1, address)
            if self.constants is None:
                self.constants = await contract.constants()
            games.append(Game(name, contract, indices[address], await contract.facts(), before))
        # The challenger's node has to be past the games' L1 head before it moves.
        await self.mine(2)
        return games

    # --- L1's time ---

    async def mine(self, blocks: int = 1) -> None:
        """Make L1 blocks."""
        for _ in range(blocks):
            if _is_anvil(self.parts):
                # It estimates gas at the clock's time, which blocks that follow each other at once would leave behind.
                await self.parts.l1.call("evm_increaseTime", [2])
            await self.parts.l1.call("evm_mine")

    async def mining(self, work: Awaitable[Any], at_once: int = 1) -> Any:
        """Wait for something, while L1 makes a block whenever no more transactions come in; at first not below `at_once`."""
        task = asyncio.ensure_future(work)
        before = 0
        while not task.done():
            pending = int((await self.parts.l1.call("txpool_status"))["pending"], 16)
            if pending >= at_once and pending == before:
                await self.mine()
                pending, at_once = 0, 1
            before = pending
            await asyncio.sleep(_POLL)
        return task.result()

    async def pass_time(self, seconds: int) -> None:
        """Let time pass on L1."""
        await self.parts.l1.call("evm_increaseTime", [seconds])
        await self.mine()

    # --- playing ---

    async def play(
        self, games: Sequence[Game], is_over: Callable[[], Awaitable[bool]], *, to_the_end: bool = False
    ) -> None:
        """All liars move whenever L1 has a new block, until it is over; the challenger does by itself.

        `to_the_end`: until nobody has sent anything for a while besides.
        """
        await self.mining(self._play(games, is_over, _QUIET if to_the_end else 0.0))

    async def _play(self, games: Sequence[Game], is_over: Callable[[], Awaitable[bool]], quiet: float) -> None:
        seen: Hash32 | None = None
        clock = asyncio.get_running_loop().time
        changed = clock()
        while True:
            head = await self.l1.head()
            if head.hash != seen:
                seen, changed = head.hash, clock()
                if not quiet and await is_over():
                    return
                await asyncio.gather(*(self._moves_of(game, head) for game in games))
            elif quiet and clock() - changed > quiet and await is_over():
                return
            else:
                assert clock() - changed < _PATIENCE, "the games do not come to their end"
                await asyncio.sleep(_POLL)

    async def _moves_of(self, game: Game, head: L1Block) -> None:
        for player, sender in game.players:
            # What L1 refuses is the liar's loss: it is sent all the same.
            await sender.send_many(await read_whole(player.moves, head))

    async def settle(self, games: Sequence[Game]) -> None:
        """The time after which nobody can answer; then the challenger settles and resolves."""
        await self.pass_time(2 * DELAYS.max_clock)

        async def all_ended() -> bool:
            statuses = await asyncio.gather(*(game.contract.status() for game in games))
            return GameStatus.IN_PROGRESS not in statuses

        await self.mining(eventually("the challenger ends all games", all_ended, _PATIENCE))

    async def pay_out(self, games: Sequence[Game]) -> None:
        """The two delays of bonds, until the challenger has all that it is owed."""
        await self.pass_time(DELAYS.game_finality + 1)
        await self.mining(eventually("bonds are unlocked", lambda: self._unlocked(games), _PATIENCE))
        await self.pass_time(DELAYS.bond_withdrawal + 1)
        await self.mining(eventually("bonds are paid", lambda: self._paid(games), _PATIENCE))

    async def _unlocked(self, games: Sequence[Game]) -> bool:
        credits = [await game.contract.credit_of(CHALLENGER) for game in games]
        return all(credit.is_unlocked or not credit.amount for credit in credits)

    async def _paid(self, games: Sequence[Game]) -> bool:
        return not any([(await game.contract.credit_of(CHALLENGER)).amount for game in games])

    async def lose_power(self) -> None:
        """The challenger's process is killed and its disk is empty; it starts again."""
        await self.parts.supervisor.end("challenger", signal.SIGKILL)
        preimages = self.directory / "preimages"
        assert preimages.is_dir()
        preimages.rename(self.directory / "preimages-of-the-lost-disk")
        await self.parts.supervisor.restart("challenger")


async def read_whole(reading: Callable[[L1Block], Awaitable[_Read]], block: L1Block) -> _Read:
    """What a reading of several parts of a game at one block gives; again, when the parts do not fit together.

    For a moment anvil answers about its head out of the block that it is making: a claim may be counted, and then not be
    there. The challenger waits for its next round then.
    """
    for _ in range(_READINGS - 1):
        try:
            return await reading(block)
        except ContractCallFailed:
            await asyncio.sleep(_POLL)
    return await reading(block)


@asynccontextmanager
async def stage(directory: Path, *, blocks: int, **settings: Any) -> AsyncIterator[Stage]:
    """A devnet with traffic, whose L2 is safe up to block `blocks` at least and stopped; `settings` are of DevnetSettings."""
    wanted = {
        "block_time": 1,
        "l1_slot_seconds": 2,
        "delays": DELAYS,
        "fault_program": PROGRAM,
        "challenger_poll": 0.25,
        **settings,
    }
    async with devnet_in_parts(directory, accounts=8, proposal_interval=1_000_000, **wanted) as parts:
        # The kit proposes by itself. L1 judges games by time, so nothing else may happen while time is moved.
        await parts.supervisor.end("proposer")
        traffic = await _traffic(parts)
        wanted_head = max(blocks, traffic.call_block + 16, traffic.deposit_block, traffic.withdrawal_block)

        async def is_safe() -> bool:
            return await number_of(parts.verifier, "safe") >= wanted_head

        await eventually("all traffic is safe", is_safe)
        await parts.supervisor.end("batcher")
        await parts.supervisor.end("sequencer")
        await _stop_the_clock(parts)
        node, l1 = RpcRollupNode(parts.verifier, parts.verifier), parts.info["l1"]
        host = RpcHost(HostEndpoints((l1["http"],), l1["chainId"], (l1["beacon"],), parts.info["verifier"]["rollup"]))
        program = await asyncio.to_thread(_program, directory, host)
        # What the batcher sent last may still be on its way.
        await parts.l1.call("evm_mine")
        await parts.l1.call("evm_mine")
        safe = await _settled_safe_head(parts)
        raw = await parts.verifier.batch([("debug_getRawBlock", [hex(number)]) for number in range(1, safe + 1)])
        made = Stage(
            parts,
            directory,
            L1BlockReader(L1Client(parts.l1)),
            DisputeGameFactoryContract(parts.l1, parts.contract("DisputeGameFactoryProxy")),
            program,
            traffic,
            safe,
            {number: await node.output_at(number) for number in range(safe + 1)},
            [Block.decode(from_hex(block)) for block in raw],
        )
        try:
            yield made
        finally:
            await made.close()
            await asyncio.to_thread(host.close)


def rollup_of(made: Stage) -> RollupConfig:
    """The chain's configuration."""
    return RollupConfig.load(made.directory / "rollup.json")


def _program(directory: Path, host: RpcHost) -> RiscvProgram:
    def source(inputs: ProgramInputs) -> RunSource:
        facts = RunFacts(inputs.l1_head, inputs.agreed_number, inputs.claimed_number)
        return run_source(host, facts, directory / "liars-preimages")

    return RiscvProgram.load(directory / "prestate.bin", source)


def _is_anvil(parts: Parts) -> bool:
    return bool(parts.info["l1"]["beacon"] == parts.info["l1"]["http"])


async def _stop_the_clock(parts: Parts) -> None:
    """From now on L1 makes blocks when it is told to."""
    if _is_anvil(parts):
        await parts.l1.call("evm_setIntervalMining", [0])
        await parts.l1.call("evm_setAutomine", [False])
    else:
        await parts.l1.call("devl1_setAutomatic", [False])


async def _settled_safe_head(parts: Parts) -> int:
    """The verifier's safe head, once it has derived all of L1."""
    head = int(await parts.l1.call("eth_blockNumber"), 16)

    async def is_derived() -> bool:
        status = await parts.verifier.call("optimism_syncStatus")
        return int(status["current_l1"]["number"]) >= head

    await eventually("the verifier derives all of L1", is_derived)
    return await number_of(parts.verifier, "safe")


async def _traffic(parts: Parts) -> Traffic:
    """A deposit, a withdrawal, and one block with transfers and calls of every precompile next to a deposit."""
    user = Sender(parts.sequencer, parts.l2_chain_id, parts.wallets[0].key)
    relay = await user.deploy("a contract that calls others", RELAY)
    portal = PortalContract(parts.l1, parts.contract("OptimismPortalProxy"))
    # A deposit uses a nonce of its sender on L2, too: not the user's.
    depositor = TxManager(parts.l1, parts.wallets[6].key, parts.l1_chain_id, policy=TxPolicy(poll_interval=_POLL))
    try:
        deposit = portal.deposit(parts.wallets[7].address, Wei(10**18), Gas(100_000), mint=Wei(5 * 10**18))
        receipt = await depositor.send(deposit)
    finally:
        await depositor.close()
    withdrawal = await user.send(
        "a withdrawal",
        L2_TO_L1_MESSAGE_PASSER,
        value=10**17,
        data=withdrawal_call(parts.wallets[0].address),
        gas=200_000,
    )
    for number in range(3):
        await user.send("a transfer", to_address("0x" + f"{0xFEED00 + number:040x}"), value=1)
    calls = {}
    for address, data, _ in precompile_calls():
        target = Address(address.to_bytes(20, "big"))
        calls[address] = await user.send("a call of a precompile", relay, data=relayed(target, data), gas=1_000_000)
    return Traffic(
        await _block_of(parts, calls[_BY_THE_ORACLE]),
        await _block_of_deposit(parts, receipt),
        Hash32(from_hex(withdrawal)),
        await _block_of(parts, withdrawal),
    )


def withdrawal_call(to: Address) -> bytes:
    return load_artifact("L2ToL1MessagePasser").encode_call("initiateWithdrawal", to_hex(to), 100_000, b"")


async def _block_of(parts: Parts, transaction_hash: str) -> int:
    receipt = await receipt_of(parts.sequencer, transaction_hash)
    assert receipt["status"] == "0x1", receipt
    return int(receipt["blockNumber"], 16)


async def _block_of_deposit(parts: Parts, receipt: TransactionReceipt) -> int:
    """The L2 block of the deposit that an L1 transaction made."""
    portal = parts.contract("OptimismPortalProxy")
    (deposit,) = (
        decode_deposit_log(log, receipt.block.hash, int(receipt.json["logs"][place]["logIndex"], 16))
        for place, log in enumerate(receipt.logs)
        if log.address == portal
    )
    return await _block_of(parts, to_hex(deposit.hash))
