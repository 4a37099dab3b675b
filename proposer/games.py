"""The account's own games: found on L1, resolved when their clocks ran out, their bonds brought home.

Nothing is remembered that L1 does not say: after a restart the same games are found in the same state.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from config.types import Address, Hash32, L2BlockNumber, Timestamp, Wei, to_address, to_hex
from l1.candidate import TxCandidate
from l1.contracts import (
    ANSWERS_AT_ONCE,
    GAMES_PAGE,
    AnchorStateRegistryContract,
    ContractCallFailed,
    DisputeGameFactoryContract,
    FaultDisputeGameContract,
    GameFacts,
    GameStatus,
    ListedGame,
)
from l1.rpc import RpcCaller
from proposer.settings import ProposerSettings

log = logging.getLogger("lamina.proposer")


class BondMode(IntEnum):
    """How a closed game pays out its bonds. Spec: op bond-incentives, "Bond Distribution Mode"."""

    UNDECIDED = 0
    NORMAL = 1
    REFUND = 2


class GameStage(Enum):
    """What a game still needs."""

    RUNNING = "running"
    RESOLVED = "resolved"
    UNLOCKED = "bond unlocked"
    PAID = "paid out"
    LOST = "lost"


@dataclass
class OwnGame:
    """One of the account's games. `bond` is what it holds of the account's money (wei), 0 once paid out or lost."""

    index: int
    address: Address
    created_at: Timestamp
    root_claim: Hash32
    l2_block_number: L2BlockNumber
    stage: GameStage = GameStage.RUNNING
    bond: Wei = field(default_factory=lambda: Wei(0))
    waiting_for: str | None = None
    seen_running: bool = False

    def __str__(self) -> str:
        return f"game {self.index} ({to_hex(self.address)[:10]}.., L2 block {self.l2_block_number})"


@dataclass(frozen=True)
class GameAction:
    """A transaction that a game needs now, and what it does."""

    game: OwnGame
    candidate: TxCandidate
    purpose: str


class GameKeeper:
    """Finds the account's games and says what they need."""

    def __init__(
        self, rpc: RpcCaller, factory: DisputeGameFactoryContract, account: Address, settings: ProposerSettings
    ) -> None:
        self._rpc = rpc
        self._factory = factory
        self._account = account
        self._settings = settings
        self._last_listed: ListedGame | None = None
        self.games: list[OwnGame] = []

    @property
    def latest(self) -> OwnGame | None:
        """The account's newest game."""
        return self.games[-1] if self.games else None

    @property
    def bonds_locked(self) -> Wei:
        """Wei of the account in games."""
        return Wei(sum(game.bond for game in self.games))

    async def scan(self, now: Timestamp) -> None:
        """Take in games created since the last call, at first those of the settings' window before L1 time `now`.

        An L1 reorg that changed the list makes it start over. Raises TemporaryError.
        """
        count = await self._factory.game_count()
        last = self._last_listed
        if last is not None:
            unchanged = last.index < count and await self._factory.game_at_index(last.index) == last
            if not unchanged:
                log.warning("the factory's list of games changed in an L1 reorg: reading it again")
                self.games, last = [], None
        since = 0 if last else now - self._settings.game_window
        listed = await (
            self._factory.games_after(last.index + 1, count) if last else self._factory.games_since(since, count)
        )
        games = [game for game in listed if game.game_type == self._settings.game_type and game.timestamp >= since]
        found: list[OwnGame] = []
        for start in range(0, len(games), GAMES_PAGE):
            page = games[start : start + GAMES_PAGE]
            found += [own for own in await asyncio.gather(*map(self._if_own, page)) if own is not None]
        self.games += found
        self._last_listed = listed[-1] if listed else last

    async def _if_own(self, listed: ListedGame) -> OwnGame | None:
        game = FaultDisputeGameContract(self._rpc, listed.address)
        creator, root, number = await game.read_many([("gameCreator", ()), ("rootClaim", ()), ("l2BlockNumber", ())])
        if to_address(creator[0]) != self._account:
            return None
        return OwnGame(listed.index, listed.address, listed.timestamp, Hash32(root[0]), L2BlockNumber(number[0]))

    async def due_actions(self, now: int) -> list[GameAction]:
        """At most one transaction per game that can succeed at L1 time `now`. Raises TemporaryError."""
        actions = []
        for game in self.games:
            if game.stage is GameStage.PAID:
                continue
            action = await self._due(game, now)
            if action is not None:
                actions.append(action)
        return actions

    async def _due(self, game: OwnGame, now: int) -> GameAction | None:
        contract = FaultDisputeGameContract(self._rpc, game.address)
        facts = await contract.facts()
        game.waiting_for = None
        if facts.status is GameStatus.IN_PROGRESS:
            game.seen_running = True
            game.bond = await self._refund_credit(contract)
            return await self._resolution(game, contract, facts, now)
        return await self._payout(game, contract, facts)

    async def _resolution(
        self, game: OwnGame, contract: FaultDisputeGameContract, facts: GameFacts, now: int
    ) -> GameAction | None:
        """Claims are settled from the newest to the root: answers come after what they answer."""
        ends = facts.created_at + facts.max_clock_duration
        if now < ends:
            game.waiting_for = f"its clock, at least until L1 time {ends}"
            return None
        if not self._settings.resolve_games:
            game.waiting_for = "somebody to resolve it"
            return None
        indices = range(facts.claim_count)
        settled = await contract.read_many([("resolvedSubgames", (index,)) for index in indices])
        for index in reversed(indices):
            if not settled[index][0]:
                action = GameAction(game, contract.resolve_claim(index), f"settle claim {index}")
                return await self._if_possible(action, contract, "resolveClaim", index, ANSWERS_AT_ONCE)
        return await self._if_possible(GameAction(game, contract.resolve(), "resolve"), contract, "resolve")

    async def _payout(self, game: OwnGame, contract: FaultDisputeGameContract, facts: GameFacts) -> GameAction | None:
        account = to_hex(self._account)
        answers = await contract.read_many(
            [
                ("bondDistributionMode", ()),
                ("normalModeCredit", (account,)),
                ("refundModeCredit", (account,)),
                ("hasUnlockedCredit", (account,)),
            ]
        )
        mode, (normal, refund, unlocked) = BondMode(answers[0][0]), (answer[0] for answer in answers[1:])
        game.bond = Wei(refund if mode is BondMode.REFUND else normal)
        if facts.status is GameStatus.CHALLENGER_WINS and not normal:
            game.stage = GameStage.LOST
            if mode is not BondMode.REFUND:
                return None
        if not game.bond:
            game.stage = GameStage.LOST if game.stage is GameStage.LOST and not unlocked else GameStage.PAID
            return None
        game.stage = GameStage.UNLOCKED if unlocked else GameStage.RESOLVED
        if not self._settings.claim_credits:
            game.waiting_for = "somebody to claim the bond"
            return None
        purpose = "collect the bond" if unlocked else "unlock the bond"
        action = GameAction(game, contract.claim_credit(self._account), purpose)
        return await self._if_possible(action, contract, "claimCredit", account)

    async def _if_possible(
        self, action: GameAction, contract: FaultDisputeGameContract, function: str, *arguments: object
    ) -> GameAction | None:
        """The action, unless a trial call shows that it would fail now."""
        try:
            await contract.read(function, *arguments)
        except ContractCallFailed as error:
            action.game.waiting_for = f"the moment when it can {action.purpose} ({error})"
            return None
        return action

    async def _refund_credit(self, contract: FaultDisputeGameContract) -> Wei:
        return Wei(await contract.read_one("refundModeCredit", to_hex(self._account)))


async def anchor_block_number(rpc: RpcCaller, factory: DisputeGameFactoryContract, game_type: int) -> int | None:
    """The L2 block number that new games must exceed, None when games of this type cannot be created.

    Raises TemporaryError.
    """
    implementation = await factory.implementation(game_type)
    if implementation is None:
        return None
    registry = to_address(await FaultDisputeGameContract(rpc, implementation).read_one("anchorStateRegistry"))
    return (await AnchorStateRegistryContract(rpc, registry).anchor_root()).l2_block_number
