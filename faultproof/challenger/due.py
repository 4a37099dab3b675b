"""What is to be sent to L1 next, and for whom."""

from dataclasses import dataclass
from typing import Protocol

from config.types import Wei
from l1.candidate import TxCandidate

NOBODY_WAITS = 1 << 62
_NO_WEI = Wei(0)


class DueOwner(Protocol):
    """Whoever asked for transactions; its text names it in logs."""

    def refused(self, due: "Due") -> None:
        """L1 would not have it."""
        ...


@dataclass(frozen=True)
class Due:
    """Transactions that are needed now, one after the other. `seconds_left`: how long they make a difference."""

    agent: DueOwner
    purpose: str
    candidates: tuple[TxCandidate, ...]
    bond: Wei = _NO_WEI
    seconds_left: int = NOBODY_WAITS
