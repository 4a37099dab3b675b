"""What an operator can choose about proposing; names follow op-proposer's flags."""

from dataclasses import dataclass

from config.types import Address, Wei
from l1.contracts import GAME_WINDOW


@dataclass(frozen=True)
class ProposerSettings:
    """How the proposer behaves. Times in seconds, of L1 blocks except for `poll_seconds`.

    A game is created once `proposal_interval` has passed since the account's last one. Only finalized L2 blocks are
    proposed, with `allow_non_finalized` safe ones too. `l1_depth` is how many L1 blocks below the head the block lies
    whose safe head bounds every proposal: an L1 reorg up to that deep cannot make a proposal wrong.
    When it starts, the account's own games of the last `game_window` seconds are looked after.

    `budget` (wei, None: no limit) bounds fees spent by this process plus bonds of games not paid back yet. No
    transaction may cost more in fees than `max_transaction_cost` (wei; None: a tenth of the budget): the sender has to
    keep to that, and each transaction counts as that much until its receipt tells. With `budget_period` (seconds) the
    budget bounds the fees of any such time instead, and the proposer waits where it would stop.

    `unconfirmed_patience` is how long transactions of the account that wait in L1's pool are waited for.
    """

    game_factory: Address
    game_type: int = 0
    proposal_interval: int = 3600
    poll_seconds: float = 6.0
    allow_non_finalized: bool = False
    l1_depth: int = 2
    resolve_games: bool = True
    claim_credits: bool = True
    game_window: int = GAME_WINDOW
    budget: Wei | None = None
    max_transaction_cost: Wei | None = None
    budget_period: int | None = None
    unconfirmed_patience: int = 300

    def __post_init__(self) -> None:
        if min(self.proposal_interval, self.l1_depth) < 0 or self.game_window < 1:
            raise ValueError(
                "proposal interval and L1 depth cannot be negative, and the games of at least one second are looked at"
            )
        if self.budget_period is not None and (self.budget is None or self.budget_period < 1):
            raise ValueError("a budget's period takes a budget, and at least one second")

    @property
    def transaction_ceiling(self) -> Wei | None:
        """The most that one transaction may cost in fees (wei); None when there is neither a ceiling nor a budget."""
        if self.max_transaction_cost is not None or self.budget is None:
            return self.max_transaction_cost
        return Wei(self.budget // 10)
