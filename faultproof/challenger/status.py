"""What the challenger is doing, as one picture for RPC, metrics and the dashboard."""

from dataclasses import dataclass
from typing import Any

from config.rollup import BlockId
from config.types import Wei, to_hex
from faultproof.challenger.agent import GameFace


@dataclass
class Counters:
    """Totals since the challenger was made."""

    moves: int = 0
    steps: int = 0
    preimages_challenged: int = 0
    transactions_confirmed: int = 0
    transactions_failed: int = 0
    resets: int = 0
    temporary_errors: int = 0


@dataclass(frozen=True)
class ChallengerStatus:
    """`halted_by` says why the loop ended by itself, `short_of` what the budget does not allow. Amounts in wei.

    `spent` are fees and lost bonds, `bonds_locked` is the account's money in games.
    """

    mode: str
    running: bool
    halted_by: str | None
    last_error: str | None
    short_of: str | None
    l1_head: BlockId | None
    spent: Wei
    bonds_locked: Wei
    budget: Wei | None
    counters: Counters
    games: tuple[GameFace, ...]

    def to_json(self) -> dict[str, Any]:
        """Camel-case fields; amounts of wei as decimal strings."""
        return {
            "mode": self.mode,
            "running": self.running,
            "haltedBy": self.halted_by,
            "lastError": self.last_error,
            "shortOf": self.short_of,
            "l1Head": self.l1_head.to_json() if self.l1_head else None,
            "spentWei": str(self.spent),
            "bondsLockedWei": str(self.bonds_locked),
            "budgetWei": None if self.budget is None else str(self.budget),
            "moves": self.counters.moves,
            "steps": self.counters.steps,
            "preimagesChallenged": self.counters.preimages_challenged,
            "transactionsConfirmed": self.counters.transactions_confirmed,
            "transactionsFailed": self.counters.transactions_failed,
            "resets": self.counters.resets,
            "temporaryErrors": self.counters.temporary_errors,
            "games": [_game(game) for game in self.games],
        }


def _game(game: GameFace) -> dict[str, Any]:
    verdict = game.verdict
    return {
        "index": game.index,
        "address": to_hex(game.address),
        "l2BlockNumber": game.l2_block_number,
        "rootClaim": to_hex(game.root_claim),
        "status": game.status.name.lower(),
        "stage": game.stage.value,
        "claims": game.claims,
        "ownClaims": game.own_claims,
        "rootIsRight": None if verdict is None else verdict.is_right,
        "why": None if verdict is None else verdict.why,
        "bondsWei": str(game.bonds_in),
        "waitingFor": game.waiting_for,
        "problem": game.problem,
    }
