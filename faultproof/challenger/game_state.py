"""A game as its contract has it at one L1 block."""

from dataclasses import dataclass

from config.types import ZERO_ADDRESS, Address
from faultproof.game import Claim, Clock, GameTimes, GameTree, Position
from l1.contract import BlockName
from l1.contracts import GameClaim, GameFacts, GameStatus
from l1.dispute_contracts import NO_PARENT, GameConstants, GameProgress, PlayedGameContract


@dataclass(frozen=True)
class GameState:
    """Everything that a player decides by."""

    constants: GameConstants
    facts: GameFacts
    progress: GameProgress
    tree: GameTree

    @property
    def is_running(self) -> bool:
        """Whether it is still open who wins."""
        return self.facts.status is GameStatus.IN_PROGRESS

    @property
    def times(self) -> GameTimes:
        """The clock rules."""
        constants = self.constants
        return GameTimes(constants.max_clock, constants.clock_extension, constants.challenge_period)

    def claims_of(self, account: Address) -> list[Claim]:
        """An account's claims."""
        return [claim for claim in self.tree if claim.claimant == account]

    def seconds_left(self, claim: Claim, now: int) -> int:
        """What remains at L1 time `now` to whoever answers a claim; 0: too late."""
        maximum = self.constants.max_clock
        return max(0, maximum - self.tree.clock_used(claim, now, maximum))

    def resolvable(self, now: int) -> list[Claim]:
        """Claims that can be settled at L1 time `now`: nobody can answer them any more, and all answers are settled."""
        resolved = self.progress.resolved
        return [
            claim
            for claim in reversed(self.tree.claims)
            if not resolved[claim.index]
            and self.seconds_left(claim, now) == 0
            and all(resolved[answer.index] for answer in self.tree.children(claim))
        ]


async def read_game(contract: PlayedGameContract, constants: GameConstants, block: BlockName) -> GameState:
    """A game as of one L1 block. Raises TemporaryError."""
    facts = await contract.facts(block)
    claims = await contract.claims_up_to(facts.claim_count, block)
    progress = await contract.progress(facts.claim_count, block)
    return GameState(constants, facts, progress, game_tree(claims, constants))


def game_tree(claims: list[GameClaim], constants: GameConstants) -> GameTree:
    """The tree that a contract's claims form."""
    return GameTree(
        [_claim(index, claim) for index, claim in enumerate(claims)], constants.max_depth, constants.split_depth
    )


def _claim(index: int, claim: GameClaim) -> Claim:
    return Claim(
        index=index,
        parent=None if claim.parent_index == NO_PARENT else claim.parent_index,
        position=Position(claim.position),
        value=claim.claim,
        claimant=claim.claimant,
        bond=claim.bond,
        clock=Clock.decode(claim.clock),
        countered_by=claim.countered_by or ZERO_ADDRESS,
    )
