"""The L1 contracts as the node's roles use them: typed reads, and candidates for the calls they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from config.system_config import SystemConfig
from config.types import (
    ZERO_ADDRESS,
    Address,
    Gas,
    Hash32,
    L1BlockNumber,
    L2BlockNumber,
    Timestamp,
    Wei,
    to_address,
    to_hex,
)
from evm.types import Log
from l1.candidate import TxCandidate
from l1.contract import BlockName, Contract, ContractCallFailed, error_name
from l1.rpc import RpcCaller
from l1.withdrawal import WithdrawalTransaction

__all__ = [
    "AnchorRoot",
    "AnchorStateRegistryContract",
    "Contract",
    "ContractCallFailed",
    "DisputeGameFactoryContract",
    "FaultDisputeGameContract",
    "FoundGame",
    "GameClaim",
    "GameFacts",
    "GameStatus",
    "ListedGame",
    "PortalContract",
    "ProvenWithdrawal",
    "SystemConfigContract",
    "error_name",
]


class GameStatus(IntEnum):
    """Where a dispute game stands. Spec: op fault-dispute-game, "Game Status"."""

    IN_PROGRESS = 0
    CHALLENGER_WINS = 1
    DEFENDER_WINS = 2


GAMES_PAGE = 100
"""Games of the factory's list that are read at once."""

GAME_WINDOW = 28 * 24 * 3600
"""Seconds that a game can take: two clocks of half a week, extended to the utmost, the air gap, and the delay of bonds."""

ANSWERS_AT_ONCE = 512
"""Answers to a claim that one transaction looks at, as op-challenger has it. Whoever gives answers that nobody can refute gets
their bonds back, so there may be more than a transaction has gas for."""


@dataclass(frozen=True)
class ListedGame:
    """A game as the factory lists it by index; `timestamp` is its creation."""

    index: int
    game_type: int
    timestamp: Timestamp
    address: Address


@dataclass(frozen=True)
class FoundGame(ListedGame):
    """A game with what it claims: `extra_data` starts with the L2 block number (32 bytes)."""

    root_claim: Hash32
    extra_data: bytes

    @property
    def l2_block_number(self) -> L2BlockNumber:
        """The L2 block whose output root is claimed."""
        return L2BlockNumber(int.from_bytes(self.extra_data[:32], "big"))


@dataclass(frozen=True)
class AnchorRoot:
    """An output root that L1 has accepted, and its L2 block."""

    root: Hash32
    l2_block_number: L2BlockNumber


@dataclass(frozen=True)
class GameFacts:
    """What does not change often in a game. `resolved_at` 0: not yet; durations in seconds."""

    status: GameStatus
    root_claim: Hash32
    l2_block_number: L2BlockNumber
    l1_head: Hash32
    starting_block_number: L2BlockNumber
    starting_root: Hash32
    created_at: Timestamp
    resolved_at: Timestamp
    max_clock_duration: int
    claim_count: int


@dataclass(frozen=True)
class GameClaim:
    """One claim of a game's tree. `clock` packs the time used (high 64 bits) and the timestamp (low 64 bits)."""

    parent_index: int
    countered_by: Address
    claimant: Address
    bond: Wei
    claim: Hash32
    position: int
    clock: int


@dataclass(frozen=True)
class ProvenWithdrawal:
    """When and against which game a withdrawal was proven."""

    game: Address
    timestamp: Timestamp


class SystemConfigContract(Contract):
    """The chain's configuration on L1."""

    def __init__(self, rpc: RpcCaller, address: Address) -> None:
        super().__init__(rpc, address, "SystemConfig")

    async def system_config(self, block: BlockName = "latest") -> SystemConfig:
        """All values that derivation takes from this contract. Spec: op system-config."""
        names = (
            "batcherHash",
            "overhead",
            "scalar",
            "gasLimit",
            "eip1559Denominator",
            "eip1559Elasticity",
            "operatorFeeScalar",
            "operatorFeeConstant",
            "minBaseFee",
            "daFootprintGasScalar",
        )
        answers = await self.read_many([(name, ()) for name in names], block)
        values = {name: value for name, (value,) in zip(names, answers, strict=True)}
        denominator, elasticity = values["eip1559Denominator"], values["eip1559Elasticity"]
        return SystemConfig(
            batcher_address=Address(values["batcherHash"][12:]),
            overhead=Hash32(values["overhead"].to_bytes(32, "big")),
            scalar=Hash32(values["scalar"].to_bytes(32, "big")),
            gas_limit=Gas(values["gasLimit"]),
            eip1559_params=denominator.to_bytes(4, "big") + elasticity.to_bytes(4, "big"),
            operator_fee_scalar=values["operatorFeeScalar"],
            operator_fee_constant=values["operatorFeeConstant"],
            min_base_fee=values["minBaseFee"],
            da_footprint_gas_scalar=values["daFootprintGasScalar"],
        )

    async def start_block(self) -> L1BlockNumber:
        """The L1 block from which on the contract's events count."""
        return L1BlockNumber(await self.read_one("startBlock"))

    async def batch_inbox(self) -> Address:
        """Where batcher transactions go."""
        return to_address(await self.read_one("batchInbox"))

    async def unsafe_block_signer(self) -> Address:
        """Whose signature makes a gossiped block count."""
        return to_address(await self.read_one("unsafeBlockSigner"))

    async def paused(self) -> bool:
        """Whether withdrawals are paused."""
        return bool(await self.read_one("paused"))


class DisputeGameFactoryContract(Contract):
    """Creates and lists dispute games."""

    def __init__(self, rpc: RpcCaller, address: Address) -> None:
        super().__init__(rpc, address, "DisputeGameFactory")

    async def game_count(self, block: BlockName = "latest") -> int:
        """How many games were created."""
        return int(await self.read_one("gameCount", block=block))

    async def game_at_index(self, index: int, block: BlockName = "latest") -> ListedGame:
        """A game by its place in the list."""
        game_type, timestamp, proxy = await self.read("gameAtIndex", index, block=block)
        return ListedGame(index, game_type, Timestamp(timestamp), to_address(proxy))

    async def games_at(self, indices: Sequence[int], block: BlockName = "latest") -> list[ListedGame]:
        """Several games by their places, in one request."""
        answers = await self.read_many([("gameAtIndex", (index,)) for index in indices], block)
        return [
            ListedGame(index, game_type, Timestamp(timestamp), to_address(proxy))
            for index, (game_type, timestamp, proxy) in zip(indices, answers, strict=True)
        ]

    async def games_after(self, start: int, count: int) -> list[ListedGame]:
        """Those from a place in the list on, up to the first `count` of all."""
        found: list[ListedGame] = []
        for first in range(start, count, GAMES_PAGE):
            found += await self.games_at(range(first, min(first + GAMES_PAGE, count)))
        return found

    async def games_since(self, since: int, count: int) -> list[ListedGame]:
        """Those of the first `count` that were created at the time `since` or later, however many, and some before them.

        A bound of their number would let whoever can afford so many games have an older one overlooked.
        """
        pages: list[list[ListedGame]] = []
        for end in range(count, 0, -GAMES_PAGE):
            pages.insert(0, await self.games_at(range(max(0, end - GAMES_PAGE), end)))
            if pages[0][0].timestamp < since:
                break
        return [game for page in pages for game in page]

    async def find_latest_games(
        self, game_type: int, start: int, count: int, block: BlockName = "latest"
    ) -> list[FoundGame]:
        """Up to `count` games of a type from index `start` downwards, the newest first."""
        answer = await self.read_one("findLatestGames", game_type, start, count, block=block)
        return [
            FoundGame(index, game_type, Timestamp(timestamp), Address(metadata[12:]), Hash32(root_claim), extra_data)
            for index, metadata, timestamp, root_claim, extra_data in answer
        ]

    async def find_game(self, game_type: int, root_claim: Hash32, extra_data: bytes) -> Address | None:
        """The game that makes exactly this claim, or None. There can be only one."""
        proxy, _ = await self.read("games", game_type, root_claim, extra_data)
        address = to_address(proxy)
        return None if address == ZERO_ADDRESS else address

    async def init_bond(self, game_type: int) -> Wei:
        """What creating a game of this type costs as bond (wei)."""
        return Wei(await self.read_one("initBonds", game_type))

    async def implementation(self, game_type: int) -> Address | None:
        """The game contract behind a type, or None when games of it cannot be created."""
        address = to_address(await self.read_one("gameImpls", game_type))
        return None if address == ZERO_ADDRESS else address

    def create(self, game_type: int, root_claim: Hash32, l2_block_number: L2BlockNumber, bond: Wei) -> TxCandidate:
        """Open a game that claims `root_claim` for an L2 block; `bond` is `init_bond`."""
        return self.candidate("create", game_type, root_claim, game_extra_data(l2_block_number), value=bond)

    def created_game(self, logs: Sequence[Log]) -> Address | None:
        """The game that a `create` transaction made, from its logs."""
        topic = self.artifact.event_topic("DisputeGameCreated")
        for log in logs:
            if log.address == self.address and log.topics and log.topics[0] == topic:
                return Address(log.topics[1][12:])
        return None


class FaultDisputeGameContract(Contract):
    """One game about one output root."""

    def __init__(self, rpc: RpcCaller, address: Address) -> None:
        super().__init__(rpc, address, "FaultDisputeGame")

    async def facts(self, block: BlockName = "latest") -> GameFacts:
        """Everything about the game except its claims, in one request."""
        names = (
            "status",
            "rootClaim",
            "l2BlockNumber",
            "l1Head",
            "startingOutputRoot",
            "createdAt",
            "resolvedAt",
            "maxClockDuration",
            "claimDataLen",
        )
        answers = dict(zip(names, await self.read_many([(name, ()) for name in names], block), strict=True))
        starting_root, starting_number = answers["startingOutputRoot"]
        return GameFacts(
            status=GameStatus(answers["status"][0]),
            root_claim=Hash32(answers["rootClaim"][0]),
            l2_block_number=L2BlockNumber(answers["l2BlockNumber"][0]),
            l1_head=Hash32(answers["l1Head"][0]),
            starting_block_number=L2BlockNumber(starting_number),
            starting_root=Hash32(starting_root),
            created_at=Timestamp(answers["createdAt"][0]),
            resolved_at=Timestamp(answers["resolvedAt"][0]),
            max_clock_duration=answers["maxClockDuration"][0],
            claim_count=answers["claimDataLen"][0],
        )

    async def status(self, block: BlockName = "latest") -> GameStatus:
        """Who has won, if anyone."""
        return GameStatus(await self.read_one("status", block=block))

    async def claims(self, block: BlockName = "latest") -> list[GameClaim]:
        """All claims in order of their making; index 0 is the root claim."""
        count = await self.read_one("claimDataLen", block=block)
        answers = await self.read_many([("claimData", (index,)) for index in range(count)], block)
        return [
            GameClaim(parent, to_address(countered_by), to_address(claimant), Wei(bond), Hash32(claim), position, clock)
            for parent, countered_by, claimant, bond, claim, position, clock in answers
        ]

    async def credit(self, recipient: Address) -> Wei:
        """Bond (wei) that the game owes an account."""
        return Wei(await self.read_one("credit", to_hex(recipient)))

    def resolve_claim(self, index: int) -> TxCandidate:
        """Settle one claim after its children, or look at `ANSWERS_AT_ONCE` more of them."""
        return self.candidate("resolveClaim", index, ANSWERS_AT_ONCE)

    def resolve(self) -> TxCandidate:
        """Settle the game once its root claim is."""
        return self.candidate("resolve")

    def close_game(self) -> TxCandidate:
        """Decide how bonds are paid and, where it is newer, make the game the anchor."""
        return self.candidate("closeGame")

    def claim_credit(self, recipient: Address) -> TxCandidate:
        """Pay out bonds: the first call unlocks them, the second, after the delay, sends them."""
        return self.candidate("claimCredit", to_hex(recipient))


class AnchorStateRegistryContract(Contract):
    """The newest accepted output root, and which games count."""

    def __init__(self, rpc: RpcCaller, address: Address) -> None:
        super().__init__(rpc, address, "AnchorStateRegistry")

    async def anchor_root(self, block: BlockName = "latest") -> AnchorRoot:
        """Where new games start from."""
        root, number = await self.read("getAnchorRoot", block=block)
        return AnchorRoot(Hash32(root), L2BlockNumber(number))

    async def respected_game_type(self, block: BlockName = "latest") -> int:
        """The game type that withdrawals may be proven against."""
        return int(await self.read_one("respectedGameType", block=block))

    async def is_game_proper(self, game: Address) -> bool:
        """Whether the game is registered, not blacklisted, not retired, and nothing is paused."""
        return bool(await self.read_one("isGameProper", to_hex(game)))

    async def is_game_finalized(self, game: Address) -> bool:
        """Whether the game is resolved and its finality delay is over."""
        return bool(await self.read_one("isGameFinalized", to_hex(game)))

    async def is_game_claim_valid(self, game: Address) -> bool:
        """Whether withdrawals proven against the game can be finalized."""
        return bool(await self.read_one("isGameClaimValid", to_hex(game)))

    async def finality_delay(self) -> int:
        """Seconds between a game's resolution and its finality."""
        return int(await self.read_one("disputeGameFinalityDelaySeconds"))


class PortalContract(Contract):
    """The door between L1 and L2: deposits in, withdrawals out."""

    def __init__(self, rpc: RpcCaller, address: Address) -> None:
        super().__init__(rpc, address, "OptimismPortal2")

    async def version(self) -> str:
        """Semantic version."""
        return str(await self.read_one("version"))

    async def paused(self) -> bool:
        """Whether withdrawals are paused."""
        return bool(await self.read_one("paused"))

    async def respected_game_type(self) -> int:
        """The game type that withdrawals may be proven against."""
        return int(await self.read_one("respectedGameType"))

    async def proof_maturity_delay(self) -> int:
        """Seconds between proving and finalizing a withdrawal."""
        return int(await self.read_one("proofMaturityDelaySeconds"))

    async def is_finalized(self, withdrawal: Hash32) -> bool:
        """Whether a withdrawal (by hash) was executed."""
        return bool(await self.read_one("finalizedWithdrawals", withdrawal))

    async def proven(self, withdrawal: Hash32, submitter: Address) -> ProvenWithdrawal | None:
        """What `submitter` proved of a withdrawal, or None."""
        game, timestamp = await self.read("provenWithdrawals", withdrawal, to_hex(submitter))
        return ProvenWithdrawal(to_address(game), Timestamp(timestamp)) if timestamp else None

    async def check_withdrawal(self, withdrawal: Hash32, submitter: Address) -> str | None:
        """Why a withdrawal cannot be finalized now, or None when it can."""
        try:
            await self.read("checkWithdrawal", withdrawal, to_hex(submitter))
        except ContractCallFailed as error:
            return str(error)
        return None

    def deposit(
        self, to: Address, value: Wei, gas_limit: Gas, data: bytes = b"", *, mint: Wei, is_creation: bool = False
    ) -> TxCandidate:
        """A deposit: `mint` wei move from L1 to the sender on L2, which then sends `value` to `to`."""
        return self.candidate("depositTransaction", to_hex(to), value, gas_limit, is_creation, data, value=mint)

    def prove_withdrawal(
        self,
        withdrawal: WithdrawalTransaction,
        game_index: int,
        output_root_proof: tuple[Hash32, Hash32, Hash32, Hash32],
        storage_proof: Sequence[bytes],
    ) -> TxCandidate:
        """Prove a withdrawal by a game. `output_root_proof`: version, state root, message passer root, block hash."""
        return self.candidate(
            "proveWithdrawalTransaction", withdrawal.as_argument(), game_index, output_root_proof, list(storage_proof)
        )

    def finalize_withdrawal(
        self, withdrawal: WithdrawalTransaction, proof_submitter: Address | None = None
    ) -> TxCandidate:
        """Execute a proven withdrawal; `proof_submitter` when another account proved it."""
        arguments: tuple[Any, ...] = (withdrawal.as_argument(),)
        if proof_submitter is None:
            return self.candidate("finalizeWithdrawalTransaction", *arguments)
        return self.candidate("finalizeWithdrawalTransactionExternalProof", *arguments, to_hex(proof_submitter))


def game_extra_data(l2_block_number: L2BlockNumber) -> bytes:
    """A game's extra data: the L2 block number in 32 bytes. Spec: op fault-dispute-game, "Extra Data"."""
    return l2_block_number.to_bytes(32, "big")
