"""What an operator can choose about challenging; names follow op-challenger's flags where it has them."""

from dataclasses import dataclass
from enum import StrEnum

from config.types import Address, Wei
from faultproof.challenger.outputs import NEIGHBOURS
from l1.contracts import GAME_WINDOW


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

    Games of `game_types` are looked at that were created in the last `game_window` seconds when the challenger starts. Games are
    resolved in which the account has claims or whose root claim is false; with `resolve_all` every game.

    A false root is looked for in as many `neighbours` of the claimed block on either side, an output of the node for each: a
    root of another block needs no bisection. 0: every false root is bisected.

    `budget` (wei, None: no limit) bounds fees and bonds lost by this process plus bonds that are in games. No transaction
    may cost more in fees than `max_transaction_cost` (wei; None: a hundredth of the budget, at most two ether): the sender has
    to keep to that, and each transaction counts as that much until its receipt tells.
    """

    game_factory: Address
    mode: Mode = Mode.ACTIVE
    game_types: tuple[int, ...] = (0,)
    poll_seconds: float = 6.0
    game_window: int = GAME_WINDOW
    resolve_all: bool = False
    neighbours: int = NEIGHBOURS
    budget: Wei | None = None
    max_transaction_cost: Wei | None = None

    def __post_init__(self) -> None:
        if self.game_window < 1 or not self.game_types:
            raise ValueError("the games of at least one type and one second must be looked at")
        if self.neighbours < 0:
            raise ValueError(f"a root cannot be looked for in {self.neighbours} neighbouring blocks: 0 or more")

    @property
    def transaction_ceiling(self) -> Wei | None:
        """The most that one transaction may cost in fees (wei); None when there is neither a ceiling nor a budget."""
        if self.max_transaction_cost is not None or self.budget is None:
            return self.max_transaction_cost
        # A large preimage takes dozens of transactions at a time when most of a large budget is in bonds.
        return Wei(min(self.budget // 100, 2 * 10**18))
