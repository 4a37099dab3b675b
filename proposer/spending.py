"""What the proposer has paid in fees: in all, and within the time that its budget is for."""

from collections import deque

from config.types import Timestamp, Wei


class Spending:
    """Fees by the time of the L1 head when they were paid. `period` in seconds of L1 time; None counts all for ever."""

    def __init__(self, period: int | None) -> None:
        self._period = period
        self._entries: deque[tuple[Timestamp, Wei]] = deque()
        self.total = Wei(0)
        """Wei since the proposer was made."""

    def record(self, now: Timestamp, cost: Wei) -> None:
        """Take in a transaction's fees."""
        self.total = Wei(self.total + cost)
        if self._period is not None:
            self._entries.append((now, cost))

    def counted(self, now: Timestamp) -> Wei:
        """The fees (wei) that the budget counts at L1 time `now`."""
        if self._period is None:
            return self.total
        while self._entries and self._entries[0][0] + self._period <= now:
            self._entries.popleft()
        return Wei(sum(cost for _, cost in self._entries))
