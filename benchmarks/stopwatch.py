"""Takes the time of work in this process: what the clock says, and what the processor spent on it.

Figures of single-threaded work are given per second of processor time: unlike the clock's, they are the same whether
or not the machine does something else as well. Waiting for the disk is only in the clock's time.
"""

import time
from statistics import median
from types import TracebackType
from typing import Self


class Stopwatch:
    """`with stopwatch:` times one lap; there may be many. Seconds throughout."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self._started = (0.0, 0.0)

    def __enter__(self) -> Self:
        self._started = (time.process_time(), time.perf_counter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cpu.append(time.process_time() - self._started[0])
        self.wall.append(time.perf_counter() - self._started[1])

    def median_rate(self, per_lap: float) -> float:
        """So many a second of processor time in the median lap, when a lap does `per_lap`."""
        return per_lap / median(self.cpu)

    def best_rate(self, per_lap: float) -> float:
        """So many a second of processor time in the fastest lap."""
        return per_lap / min(self.cpu)

    def median_clock_rate(self, per_lap: float) -> float:
        """So many a second by the clock in the median lap."""
        return per_lap / median(self.wall)

    def clock_rate(self, per_lap: float) -> float:
        """So many a second by the clock, over all laps."""
        return per_lap * len(self.wall) / sum(self.wall)
