"""How long to wait before something that L1 refused is tried again."""

from dataclasses import dataclass

_FIRST_PAUSE, _LONGEST_PAUSE = 24, 3600
"""Seconds of L1 time; doubled each time."""


@dataclass
class Refusals:
    """How often L1 has refused something, and the L1 time from which on it is tried again."""

    count: int = 0
    again_at: int = 0

    def add(self, now: int) -> None:
        """One more at L1 time `now`: once may be bad luck, as when somebody else was faster, but trying may cost fees."""
        self.again_at = now + min(_FIRST_PAUSE << self.count, _LONGEST_PAUSE)
        self.count += 1
