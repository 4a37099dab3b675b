"""How much may be spent, and on what first."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.errors import CriticalError
from config.types import Wei
from faultproof.challenger.due import Due
from faultproof.challenger.settings import ChallengerSettings


@dataclass(frozen=True)
class Choice:
    """What the budget allows now, and what it does not."""

    affordable: tuple[Due, ...]
    refused: tuple[Due, ...]


def within_budget(dues: Sequence[Due], settings: ChallengerSettings, spent: Wei, locked: Wei) -> Choice:
    """As much as fits, what has least time first. `spent`: gone for good; `locked`: bonds in games (wei).

    Raises CriticalError when not even one transaction's fees are left.
    """
    ordered = sorted(dues, key=lambda due: due.seconds_left)
    budget, ceiling = settings.budget, settings.transaction_ceiling
    if budget is None or ceiling is None:
        return Choice(tuple(ordered), ())
    if ordered and spent + ceiling > budget:
        raise CriticalError(
            f"the challenger's budget of {budget} wei is used up: {spent} are spent and a transaction may take {ceiling}; "
            "restart the challenger with a larger budget, as games may be lost without it"
        )
    affordable, refused = [], []
    unspent = budget - spent
    for due in ordered:
        fees = ceiling * len(due.candidates)
        # What brings bonds back needs fees only, so bonds that are locked do not count against it.
        fits = fees + due.bond + locked <= unspent if due.bond else fees <= unspent
        if fits:
            affordable.append(due)
            unspent -= fees + due.bond
        else:
            refused.append(due)
    return Choice(tuple(affordable), tuple(refused))
