"""What an operator can choose about challenging; names follow op-challenger's flags where it has them."""

from dataclasses import dataclass
from enum import StrEnum

from config.types import Address, Wei
from faultproof.challenger.outputs import NEIGHBOURS


class Mode(StrEnum):
    """How far the challenger goes.

    `watch` sends nothing and says who is right. `defend` plays in games whose root claim is true. `active` also disputes
    root claims that are false.
    """

    WATCH = "watch"
    DEFEND = "defend"
    ACTIVE = "active"


@dataclass(frozen=True)
class ChallengerSettings:
    """How the challenger behaves.

    `game_types` are looked at, `max_scan_games` bounds how far back in the factory's list. Games are resolved in which the
    account has claims or whose root claim is false; with `resolve_all` every game.

    A false root is looked for in as many `neighbours` of the claimed block on either side, an output of the node for each: a
    root of another block needs no bisection. 0: every false root is bisected.

    `budget` (wei, None: no limit) bounds fees and bonds lost by this process plus bonds that are in games. No transaction
    may cost more in fees than `max_transaction_cost` (wei; None: a hundredth of the budget): the sender has to keep to
    that, and each transaction counts as that much until its receipt tells.
    """

    game_factory: Address
    mode: Mode = Mode.ACTIVE
    game_types: tuple[int, ...] = (0,)
    poll_seconds: float = 6.0
    max_scan_games: int = 1000
    resolve_all: bool = False
    neighbours: int = NEIGHBOURS
    budget: Wei | None = None
    max_transaction_cost: Wei | None = None

    def __post_init__(self) -> None:
        if self.max_scan_games < 1 or not self.game_types:
            raise ValueError("at least one game of one type must be looked at")
        if self.neighbours < 0:
            raise ValueError(f"a root cannot be looked for in {self.neighbours} neighbouring blocks: 0 or more")

    @property
    def transaction_ceiling(self) -> Wei | None:
        """The most that one transaction may cost in fees (wei); None when there is neither a ceiling nor a budget."""
        if self.max_transaction_cost is not None or self.budget is None:
            return self.max_transaction_cost
        return Wei(self.budget // 100)
