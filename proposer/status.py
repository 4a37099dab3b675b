"""What the proposer is doing, as one picture for RPC, metrics and the dashboard."""

from dataclasses import dataclass
from typing import Any

from config.rollup import BlockId
from config.types import Wei, to_hex
from proposer.games import OwnGame


@dataclass
class Counters:
    """Totals since the proposer was made."""

    games_created: int = 0
    transactions_confirmed: int = 0
    transactions_failed: int = 0
    resets: int = 0
    temporary_errors: int = 0


@dataclass(frozen=True)
class ProposerStatus:
    """`waiting_for` says in words why nothing is proposed; `halted_by` why the loop ended by itself. Amounts in wei.

    `spent` are all fees, `spent_of_budget` those that the budget counts now, `bonds_locked` is the account's money in games.
    """

    running: bool
    halted_by: str | None
    waiting_for: str | None
    last_error: str | None
    l1_head: BlockId | None
    safe_l2: BlockId | None
    finalized_l2: BlockId | None
    spent: Wei
    spent_of_budget: Wei
    bonds_locked: Wei
    budget: Wei | None
    counters: Counters
    games: tuple[OwnGame, ...]

    def to_json(self) -> dict[str, Any]:
        """Camel-case fields; amounts of wei as decimal strings."""
        return {
            "running": self.running,
            "haltedBy": self.halted_by,
            "waitingFor": self.waiting_for,
            "lastError": self.last_error,
            "l1Head": self.l1_head.to_json() if self.l1_head else None,
            "safeL2": self.safe_l2.to_json() if self.safe_l2 else None,
            "finalizedL2": self.finalized_l2.to_json() if self.finalized_l2 else None,
            "spentWei": str(self.spent),
            "spentOfBudgetWei": str(self.spent_of_budget),
            "bondsLockedWei": str(self.bonds_locked),
            "budgetWei": None if self.budget is None else str(self.budget),
            "gamesCreated": self.counters.games_created,
            "transactionsConfirmed": self.counters.transactions_confirmed,
            "transactionsFailed": self.counters.transactions_failed,
            "resets": self.counters.resets,
            "temporaryErrors": self.counters.temporary_errors,
            "games": [
                {
                    "index": game.index,
                    "address": to_hex(game.address),
                    "createdAt": game.created_at,
                    "rootClaim": to_hex(game.root_claim),
                    "l2BlockNumber": game.l2_block_number,
                    "stage": game.stage.value,
                    "bondWei": str(game.bond),
                    "waitingFor": game.waiting_for,
                }
                for game in self.games
            ],
        }
