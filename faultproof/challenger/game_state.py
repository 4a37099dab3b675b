"""A game as its contract has it at one L1 block."""

from dataclasses import dataclass, replace

from config.types import ZERO_ADDRESS, Address
from faultproof.challenger.ports import L1Block, L1Reader
from faultproof.game import Claim, Clock, GameTimes, GameTree, Position
from l1.contracts import ANSWERS_AT_ONCE, GameClaim, GameFacts, GameStatus
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

    def settling(self, now: int) -> list[Claim]:
        """Claims that can be settled one after the other at L1 time `now`, answers before what they answer.

        Nobody can answer them any more, and each of their answers is settled or stands before them in the list. What has more
        answers than one transaction looks at is not settled by it: what it answers has to wait.
        """
        settled = list(self.progress.resolved)
        found = []
        for claim in reversed(self.tree.claims):
            answers = self.tree.children(claim)
            if (
                settled[claim.index]
                or self.seconds_left(claim, now)
                or not all(settled[each.index] for each in answers)
            ):
                continue
            settled[claim.index] = len(answers) <= ANSWERS_AT_ONCE
            found.append(claim)
        return found

    def waits_for_answers(self, claim: Claim) -> bool:
        """Whether answers to a claim have yet to be settled."""
        return not all(self.progress.resolved[answer.index] for answer in self.tree.children(claim))


class GameReader:
    """Reads a game time and again, each time only what may have changed since.

    Claims are never taken back and what is settled stays so, unless L1 drops the block of the last reading: then all is
    read anew. A step can counter claims at the deepest level, and a claim can be settled when its clock has run out.
    """

    def __init__(self, contract: PlayedGameContract, constants: GameConstants, l1: L1Reader) -> None:
        self._contract = contract
        self._constants = constants
        self._l1 = l1
        self._as_of: L1Block | None = None
        self._claims: list[GameClaim] = []
        self._resolved: list[bool] = []

    async def read(self, block: L1Block) -> GameState:
        """The game as of an L1 block. Raises TemporaryError."""
        if not await self._still_counts():
            self._claims, self._resolved = [], []
        # Forgotten until this reading is whole.
        self._as_of = None
        contract = self._contract
        facts = await contract.facts(block.number)
        known = len(self._claims)
        indices = [*filter(self._may_be_countered, range(known)), *range(known, facts.claim_count)]
        claims = await contract.claims_at(indices, block.number)
        self._resolved += [False] * (facts.claim_count - known)
        self._claims += claims[len(claims) - (facts.claim_count - known) :]
        for index, claim in zip(indices, claims, strict=True):
            self._claims[index] = claim
        tree = game_tree(self._claims, self._constants)
        state = GameState(self._constants, facts, GameProgress((), None, None), tree)
        may_be_settled = [
            claim.index
            for claim in tree
            if not self._resolved[claim.index] and not (state.is_running and state.seconds_left(claim, block.timestamp))
        ]
        progress = await contract.progress(may_be_settled, block.number)
        for index, resolved in zip(may_be_settled, progress.resolved, strict=True):
            self._resolved[index] = resolved
        self._as_of = block
        return replace(state, progress=replace(progress, resolved=tuple(self._resolved)))

    async def _still_counts(self) -> bool:
        known = self._as_of
        return known is not None and (await self._l1.block_at(known.number)).hash == known.hash

    def _may_be_countered(self, index: int) -> bool:
        claim = self._claims[index]
        return claim.countered_by == ZERO_ADDRESS and Position(claim.position).depth == self._constants.max_depth


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
