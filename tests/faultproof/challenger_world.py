"""A world for challengers: the real L1 contracts in an EVM, the alphabet VM, an L2 node that tells the truth and one that lies.

A liar is a challenger too: its node and its program are honest up to a block and a step, and wrong from there on. So both
sides play by the same code, and the contracts decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import Address, Gas, Hash32, Timestamp, Wei, to_hex
from evm.types import Header, Log, keccak256
from faultproof.challenger.driver import Challenger
from faultproof.challenger.ports import L1Block, Output, SafeHead
from faultproof.challenger.programs import AlphabetProgram, FaultProgram, ProgramInputs, Programs, alphabet_root
from faultproof.challenger.settings import ChallengerSettings
from faultproof.game import ExecutionTrace, StepWitness
from l1.candidate import TransactionReceipt, TxCandidate
from l1.contracts import GameStatus
from l1.send_error import SendErrorKind, send_error
from tests.contracts.harness import ANCHOR_ROOT, TEST_DELAYS, Contract, L1System, Reverted, account, deploy_l1
from tests.proposer.world import HarnessRpc

HONEST, LIAR, OTHER = (Address(account(name)) for name in ("honest", "liar", "other"))
LETTER = 97
LAST_BLOCK = 16
"""The block that games are about: with split depth 4 it is the last that a game reaches."""
GAS_PRICE = 10**9
NEVER = 10**9


@dataclass(frozen=True)
class LyingProgram:
    """A program, wrong from a step on; the verdict at its end is the opposite of the right one then."""

    lies_from: int
    honest: FaultProgram

    @property
    def prestate(self) -> Hash32:
        """That of the honest program."""
        return self.honest.prestate

    def trace(self, inputs: ProgramInputs, length: int) -> ExecutionTrace:
        """A run with lies."""
        return LyingTrace(self.honest.trace(inputs, length), self.lies_from)


@dataclass(frozen=True)
class LyingTrace:
    """See `LyingProgram`."""

    honest: ExecutionTrace
    lies_from: int

    def state_hash_after(self, steps: int) -> Hash32:
        """The truth up to the lie."""
        truth = self.honest.state_hash_after(steps)
        if steps < self.lies_from:
            return truth
        status = {0: 1, 1: 0}.get(truth[0], truth[0])
        return Hash32(bytes([status]) + keccak256(b"lie" + truth)[1:])

    def step_after(self, steps: int) -> StepWitness:
        """There is no other than the true one."""
        return self.honest.step_after(steps)


@dataclass
class Node:
    """An L2 node. `lies_from`: its outputs are false from this block on."""

    world: World
    lies_from: int = NEVER
    derived: int | None = None
    safe: int = LAST_BLOCK

    async def derived_l1(self) -> BlockId:
        """How far it is: at the head, unless the test says otherwise."""
        return self.world.l1_id(self.world.chain.number - 1 if self.derived is None else self.derived)

    async def output_at(self, number: int) -> Output:
        """Outputs that the alphabet VM takes for right."""
        block = BlockId(self.world.header(number).hash, number)
        state, passer = keccak256(b"state" + block.hash), keccak256(b"passer" + block.hash)
        if number in self.world.real_blocks:
            unrooted = Output(block, Hash32(bytes(32)), state, passer)
            return replace(unrooted, root=keccak256(b"".join(unrooted.parts)))
        root = Hash32(ANCHOR_ROOT) if number == 0 else self.world.right_root(number)
        if number >= self.lies_from:
            root = false_root(number)
        return Output(block, root, state, passer)

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """The safe head, the same at every L1 block."""
        return SafeHead(self.world.l1_id(min(l1_number, 100)), BlockId(self.world.header(self.safe).hash, self.safe))

    async def header_at(self, number: int) -> Header:
        """A header."""
        return self.world.header(number)


@dataclass
class Account:
    """Sends transactions of one account; each lands in the block after the head."""

    world: World
    address: Address
    sent: list[TxCandidate] = field(default_factory=list)
    receipts: list[TransactionReceipt] = field(default_factory=list)
    reverted: list[str] = field(default_factory=list)
    send_error: Exception | None = None

    async def send(self, candidate: TxCandidate) -> TransactionReceipt:
        """Run the transaction."""
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(candidate)
        assert candidate.to is not None
        number = self.world.chain.number
        try:
            result = self.world.chain.send(candidate.to, candidate.data, candidate.value, self.address)
        except Reverted as error:
            # As the transaction manager does, which estimates the gas first.
            self.reverted.append(error.error)
            raise send_error(SendErrorKind.REVERTED, candidate, error.error) from error
        logs = tuple(
            Log(Address(log.address), tuple(Hash32(topic) for topic in log.topics), log.data) for log in result.logs
        )
        receipt = TransactionReceipt(
            transaction_hash=keccak256(len(self.sent).to_bytes(8, "big")),
            block=self.world.l1_id(number),
            succeeded=True,
            gas_used=Gas(result.gas_used),
            effective_gas_price=Wei(GAS_PRICE),
            blob_gas_used=Gas(0),
            blob_gas_price=Wei(0),
            contract_address=None,
            logs=logs,
            json={},
        )
        self.receipts.append(receipt)
        return receipt


class WorldRpc(HarnessRpc):
    """L1's endpoint. `logs` has those without topics, by block."""

    def __init__(self, system: L1System) -> None:
        super().__init__(system)
        self.logs: dict[int, list[bytes]] = {}

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call."""
        if method != "eth_getLogs":
            return await super().call(method, params)
        logs = self.logs.get(int(params[0]["fromBlock"], 16), [])
        return [{"topics": [], "data": to_hex(data)} for data in logs]


class World:
    """L1 with its contracts, and whoever plays on it."""

    def __init__(
        self,
        max_depth: int = 8,
        *,
        system: L1System | None = None,
        program: FaultProgram | None = None,
        right_root: Callable[[int], Hash32] = alphabet_root,
    ) -> None:
        """`program` is the one that games are about, `right_root` what it takes for right."""
        self.system = system or deploy_l1(max_depth, 4)
        self.program = program or AlphabetProgram(LETTER)
        self.right_root = right_root
        self.chain = self.system.chain
        self.rpc = WorldRpc(self.system)
        self.real_blocks: set[int] = set()
        # The names of the game's errors.
        self.chain.at("FaultDisputeGame", self.system.addresses.FaultDisputeGame)

    # --- L1 as challengers read it ---

    def l1_id(self, number: int) -> BlockId:
        """An L1 block."""
        return BlockId(Hash32(self.chain.block_hash(number)), number)

    async def head(self) -> L1Block:
        """L1's head: the harness is inside block `number`, so that is the one about to be made."""
        return L1Block(self.chain.number - 1, self.l1_id(self.chain.number - 1).hash, Timestamp(self.chain.timestamp))

    async def block_at(self, number: int) -> L1Block:
        """An L1 block."""
        return L1Block(number, self.l1_id(number).hash, Timestamp(0))

    async def block_by_hash(self, block_hash: Hash32) -> L1Block:
        """An L1 block."""
        for number in range(self.chain.number):
            if self.l1_id(number).hash == block_hash:
                return await self.block_at(number)
        raise TemporaryError("no such block")

    # --- L2 ---

    def header(self, number: int) -> Header:
        """A header of L2, plain but for its number."""
        return plain_header(number)

    # --- who plays ---

    def honest(self, node: Node | None = None, **changes: Any) -> tuple[Challenger, Account]:
        """An honest challenger and its account."""
        return self.challenger(HONEST, node or Node(self), self.program, **changes)

    def liar(self, block: int, step: int, node: Node | None = None, **changes: Any) -> tuple[Challenger, Account]:
        """A challenger whose truth is false from a block and within its trace from a step on."""
        return self.challenger(LIAR, node or Node(self, lies_from=block), LyingProgram(step, self.program), **changes)

    def challenger(
        self, address: Address, node: Node, program: FaultProgram, **changes: Any
    ) -> tuple[Challenger, Account]:
        """A challenger in this world."""
        sender = Account(self, address)
        settings = ChallengerSettings(
            **{"game_factory": self.system.addresses.DisputeGameFactoryProxy, "poll_seconds": 0.001, **changes}
        )
        return Challenger(node, self, self.rpc, sender, address, Programs([program]), settings), sender

    def propose(self, root: bytes, block: int = LAST_BLOCK, sender: bytes = OTHER) -> Contract:
        """A game; one more L1 block, so that nodes can be past its L1 head."""
        game = self.system.create_game(root, block, sender)
        self.chain.mine()
        return game

    async def play(self, players: Sequence[Challenger], rounds: int = 40) -> None:
        """Everyone in turn until a round brings nothing new."""
        for _ in range(rounds):
            before = self.chain.number
            for player in players:
                await player.tick()
            if self.chain.number == before:
                return
        raise AssertionError(f"the players are not done after {rounds} rounds")

    def pass_clocks(self) -> None:
        """The time after which nobody can answer any more."""
        self.chain.mine(2 * TEST_DELAYS.max_clock)

    async def finish(self, player: Challenger) -> None:
        """Lets a player settle, resolve and collect everything, with the waits in between."""
        self.pass_clocks()
        await self.play([player])
        self.chain.mine(TEST_DELAYS.game_finality + 1)
        await self.play([player])
        self.chain.mine(TEST_DELAYS.bond_withdrawal + 1)
        await self.play([player])


def false_root(number: int) -> Hash32:
    """What a liar claims for a block."""
    return keccak256(b"lie about block %d" % number)


def status_of(game: Contract) -> GameStatus:
    """Where a game stands."""
    return GameStatus(game.call("status"))


def claims_of(game: Contract) -> list[tuple[Any, ...]]:
    """All claims: parent, countered by, claimant, bond, value, position, clock."""
    return [game.call("claimData", index) for index in range(game.call("claimDataLen"))]


def plain_header(number: int) -> Header:
    """A header with nothing in it but its number."""
    zero = Hash32(bytes(32))
    return Header(
        parent_hash=zero,
        fee_recipient=Address(bytes(20)),
        state_root=zero,
        transactions_root=zero,
        receipts_root=zero,
        logs_bloom=bytes(256),
        number=number,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=number,
        extra_data=b"",
        prev_randao=zero,
    )
