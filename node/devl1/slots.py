"""Slots: the grid of times at which an L1 block may stand."""

import time
from collections.abc import Callable

from config.types import Timestamp
from evm.types import Header


class SlotClock:
    """Chain time on a grid: every timestamp is `genesis_time + slot * seconds_per_slot`.

    Chain time follows `wall` (seconds) plus an offset that only grows: time can be moved forward for tests, never back.
    """

    def __init__(
        self, genesis_time: int, seconds_per_slot: int, wall: Callable[[], float] = time.time, offset: float = 0.0
    ) -> None:
        if seconds_per_slot < 1:
            raise ValueError(f"a slot must last at least one second, not {seconds_per_slot}")
        self.genesis_time = genesis_time
        self.seconds_per_slot = seconds_per_slot
        self.offset = offset
        self._wall = wall

    def now(self) -> float:
        """Chain time in seconds."""
        return self._wall() + self.offset

    def current_slot(self) -> int:
        """The slot that chain time is in; negative before genesis."""
        return int((self.now() - self.genesis_time) // self.seconds_per_slot)

    def timestamp(self, slot: int) -> Timestamp:
        """When a slot starts."""
        return Timestamp(self.genesis_time + slot * self.seconds_per_slot)

    def slot_of(self, timestamp: int) -> int:
        """The slot that starts at `timestamp`. Raises ValueError when none does."""
        elapsed = timestamp - self.genesis_time
        if elapsed < 0 or elapsed % self.seconds_per_slot:
            raise ValueError(
                f"no slot starts at {timestamp}: genesis {self.genesis_time}, {self.seconds_per_slot} s per slot"
            )
        return elapsed // self.seconds_per_slot

    def timestamp_after(self, head: Header) -> Timestamp:
        """The time of the block after `head` if it is made as soon as can be."""
        return self.timestamp(max(self.slot_of(head.timestamp) + 1, self.current_slot()))

    def seconds_until(self, slot: int) -> float:
        """Seconds of wall time until a slot starts; not positive when it has."""
        return self.timestamp(slot) - self.now()

    def advance(self, seconds: float) -> int:
        """Move chain time forward, rounded up to the start of a slot; gives the seconds really moved."""
        if seconds < 0:
            raise ValueError("time can only be moved forward")
        target = self.now() + seconds
        slot = -int((self.genesis_time - target) // self.seconds_per_slot)
        moved = self.timestamp(slot) - self.now()
        self.offset += moved
        return round(moved)

    def move_to(self, slot: int) -> None:
        """Make a slot the current one if it still lies ahead."""
        wait = self.seconds_until(slot)
        if wait > 0:
            self.offset += wait
