"""Tells the sequencer to produce less L1 data while too much of it waits to be posted."""

import logging
from dataclasses import dataclass, replace

from batcher.ports import Clock, DaLimiter
from batcher.settings import ThrottleSettings
from batcher.throttle_controllers import ControllerType, PidSettings, make_controller
from config.errors import TemporaryError

log = logging.getLogger("lamina.batcher")


@dataclass(frozen=True)
class ThrottleStatus:
    """What the sequencer is told now: bytes per transaction and per block (0: no limit), and why."""

    controller: ControllerType
    threshold: int
    backlog_bytes: int
    intensity: float
    tx_bytes: int
    block_bytes: int


class Throttle:
    """Keeps the sequencer's data limits in line with the backlog.

    The limits are sent when they change, and again from time to time since a restarted sequencer forgets them.
    """

    def __init__(self, limiter: DaLimiter, settings: ThrottleSettings, clock: Clock) -> None:
        self._limiter = limiter
        self._settings = settings
        self._clock = clock
        self._sent: tuple[int, int] | None = None
        self._sent_at = 0.0
        self._backlog = 0
        self._intensity = 0.0
        self.reset()

    @property
    def active(self) -> bool:
        """Whether the sequencer is being slowed down."""
        return self._intensity > 0

    @property
    def status(self) -> ThrottleStatus:
        """The state as of the last update."""
        settings = self._settings
        tx_bytes, block_bytes = self._limits()
        return ThrottleStatus(
            settings.controller, settings.lower_threshold, self._backlog, self._intensity, tx_bytes, block_bytes
        )

    def set_controller(self, kind: ControllerType, pid: PidSettings | None) -> None:
        """Go on with another controller, in its first state. Raises ValueError when the settings do not suit it."""
        self._settings = replace(self._settings, controller=kind, pid=pid or self._settings.pid)
        self.reset()

    def reset(self) -> None:
        """Put the controller back into its first state."""
        settings = self._settings
        self._intensity = 0.0
        self._controller = make_controller(
            settings.controller, settings.lower_threshold, settings.upper_threshold, settings.pid
        )

    async def update(self, backlog_bytes: int) -> None:
        """Send the limits that this backlog asks for, if they are due.

        Raises CriticalError when the node has no such method.
        """
        if not self._settings.lower_threshold:
            return
        now = self._clock.now()
        self._backlog = backlog_bytes
        self._intensity = self._controller.update(backlog_bytes, now)
        limits = self._limits()
        if limits == self._sent and now - self._sent_at < self._settings.repeat_seconds:
            return
        try:
            await self._limiter.set_max_da_size(*limits)
        except TemporaryError as error:
            log.warning("the sequencer's data limits could not be set, will try again: %s", error)
            self._sent = None
            return
        if limits != self._sent:
            log.info("sequencer data limits are now %d bytes per transaction and %d per block (0: none)", *limits)
        self._sent, self._sent_at = limits, now

    def _limits(self) -> tuple[int, int]:
        """Bytes per transaction and per block: between the upper limits at intensity 0 and the lower ones at 1.

        Transactions are limited only while the sequencer is slowed down; a lower limit of 0 switches that limit off.
        """
        settings, intensity = self._settings, self._intensity
        tx_bytes = block_bytes = 0
        if settings.block_size_lower_limit:
            span = settings.block_size_upper_limit - settings.block_size_lower_limit
            block_bytes = settings.block_size_upper_limit - int(intensity * span)
        if settings.tx_size_lower_limit and intensity > 0:
            span = settings.tx_size_upper_limit - settings.tx_size_lower_limit
            tx_bytes = settings.tx_size_upper_limit - int(intensity * span)
        return tx_bytes, block_bytes
