"""How hard the sequencer is slowed down for a given backlog: a number from 0 (not at all) to 1 (as much as possible)."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class ControllerType(Enum):
    """The curve from backlog to intensity; names as op-batcher has them."""

    STEP = "step"
    LINEAR = "linear"
    QUADRATIC = "quadratic"
    PID = "pid"


@dataclass(frozen=True)
class PidSettings:
    """Gains of the PID controller; its error is the backlog above the threshold, in thresholds.

    `integral_max` bounds what the integral may add up to, `output_max` (at most 1) the intensity. `sample_seconds` is
    the least time between two steps.
    """

    kp: float = 0.33
    ki: float = 0.01
    kd: float = 0.05
    integral_max: float = 1000.0
    output_max: float = 1.0
    sample_seconds: float = 2.0

    def __post_init__(self) -> None:
        if min(self.kp, self.ki, self.kd) < 0:
            raise ValueError("the gains of the PID controller cannot be negative")
        if self.integral_max <= 0 or self.sample_seconds <= 0:
            raise ValueError("the PID controller's integral bound and sample time must be positive")
        if not 0 < self.output_max <= 1:
            raise ValueError(f"the PID controller's largest output is above 0 and at most 1, not {self.output_max}")


class Controller(Protocol):
    """Turns a backlog into an intensity."""

    def update(self, backlog_bytes: int, now: float) -> float:
        """The intensity at time `now` (seconds)."""
        ...


class StepController:
    """All or nothing."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold

    def update(self, backlog_bytes: int, now: float) -> float:
        """See Controller."""
        return 1.0 if backlog_bytes > self._threshold else 0.0


class RampController:
    """Rises from the lower to the upper threshold, by the `power` of the way."""

    def __init__(self, lower: int, upper: int, power: int) -> None:
        self._lower = lower
        self._upper = upper
        self._power = power

    def update(self, backlog_bytes: int, now: float) -> float:
        """See Controller."""
        if backlog_bytes <= self._lower:
            return 0.0
        way = min(1.0, (backlog_bytes - self._lower) / (self._upper - self._lower))
        return float(way**self._power)


class PidController:
    """Proportional to the excess, to its sum over time, and to how fast it grows."""

    def __init__(self, threshold: int, settings: PidSettings) -> None:
        self._threshold = threshold
        self._settings = settings
        self._intensity = 0.0
        self._integral = 0.0
        self._last_error = 0.0
        self._last_time: float | None = None

    def update(self, backlog_bytes: int, now: float) -> float:
        """See Controller. Between two samples the intensity stays."""
        elapsed = 0.0 if self._last_time is None else now - self._last_time
        if self._last_time is not None and elapsed < self._settings.sample_seconds:
            return self._intensity
        self._last_time = now
        if backlog_bytes <= self._threshold:
            # What was summed up says nothing about the next rise.
            self._integral = self._last_error = self._intensity = 0.0
            return 0.0
        error = (backlog_bytes - self._threshold) / self._threshold
        output = self._settings.kp * error
        if elapsed > 0:
            self._integral = min(self._integral + error * elapsed, self._settings.integral_max)
            output += self._settings.kd * (error - self._last_error) / elapsed
        output += self._settings.ki * self._integral
        self._last_error = error
        self._intensity = min(max(output, 0.0), self._settings.output_max)
        return self._intensity


def make_controller(kind: ControllerType, lower: int, upper: int, pid: PidSettings) -> Controller:
    """A controller of this kind in its first state; step and PID look at the lower threshold only."""
    if kind is ControllerType.STEP:
        return StepController(lower)
    if kind is ControllerType.PID:
        return PidController(lower, pid)
    return RampController(lower, upper, 1 if kind is ControllerType.LINEAR else 2)
