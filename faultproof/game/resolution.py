"""Who wins a game as it stands, and who gets which bonds."""

from dataclasses import dataclass

from config.types import ZERO_ADDRESS, Address, Wei
from faultproof.game.claims import Claim, GameTree


@dataclass(frozen=True)
class Resolution:
    """How a game ends if nobody moves any more. `countered_by` has an entry per claim: who countered it, or nobody.

    `credits` in wei, in the mode in which winners are paid.
    """

    defender_wins: bool
    countered_by: tuple[Address, ...]
    credits: dict[Address, Wei]

    def stands(self, claim: Claim) -> bool:
        """Whether the claim ends uncountered."""
        return self.countered_by[claim.index] == ZERO_ADDRESS


def resolve(game: GameTree, block_number_challenger: Address | None = None) -> Resolution:
    """Resolve bottom up: a claim is countered by its leftmost answer that is not countered itself, or by a step.

    `block_number_challenger`: who showed that the root claim is about another block than it says.
    Spec: op fault-dispute-game, "Resolution"; op bond-incentives, "Subgame Resolution".
    """
    countered = [ZERO_ADDRESS] * len(game)
    credits: dict[Address, Wei] = {}
    for claim in reversed(game.claims):
        winner = claim.countered_by
        answers = [answer for answer in game.children(claim) if countered[answer.index] == ZERO_ADDRESS]
        if answers:
            # The oldest of several at the same position.
            winner = min(answers, key=lambda answer: (answer.position.gindex, answer.index)).claimant
        if claim.is_root and block_number_challenger is not None:
            winner = block_number_challenger
        countered[claim.index] = winner
        receiver = claim.claimant if winner == ZERO_ADDRESS else winner
        credits[receiver] = Wei(credits.get(receiver, 0) + claim.bond)
    return Resolution(countered[0] == ZERO_ADDRESS, tuple(countered), credits)
