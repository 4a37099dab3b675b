"""Compares this machine's clock with L1's time."""

from collections import deque
from collections.abc import Callable

from evm.types import Header

_TOLERANCE = 60.0
"""Seconds of difference that are nothing: a block is propagated, missed slots, polling."""

_SIGHTINGS = 3
"""New L1 heads that must come equally late before that is the clock's doing: an L1 that syncs comes less and less late."""


class ClockCheck:
    """Tells a wrong clock from an L1 endpoint that is behind, by how late L1's new heads come."""

    def __init__(self, wall: Callable[[], float]) -> None:
        """`wall` gives seconds since 1970."""
        self.wall = wall
        self._late: deque[float] = deque(maxlen=_SIGHTINGS)

    def note(self, latest: Header) -> None:
        """A new L1 head has just come."""
        self._late.append(self.wall() - latest.timestamp)

    def behind(self, latest: Header) -> float:
        """Seconds by which the clock is certainly behind: L1's newest block would be of the future. 0 when it is not."""
        ahead = latest.timestamp - self.wall()
        return ahead if ahead > _TOLERANCE else 0.0

    def ahead(self) -> float:
        """Seconds by which it seems ahead: L1's heads keep coming, all equally late. 0 when they do not."""
        if len(self._late) < _SIGHTINGS or min(self._late) <= _TOLERANCE:
            return 0.0
        return min(self._late) if max(self._late) - min(self._late) <= _TOLERANCE else 0.0

    def stale(self, latest: Header, limit: float) -> float:
        """Seconds since L1's newest block, beyond those that the clock seems ahead, when over `limit`. Else 0."""
        age = self.wall() - latest.timestamp - self.ahead()
        return age if age > limit else 0.0
