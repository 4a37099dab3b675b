"""Tells the sequencer to produce less L1 data while too much of it waits to be posted."""

import logging

from batcher.ports import Clock, DaLimiter
from batcher.settings import ThrottleSettings
from config.errors import TemporaryError

log = logging.getLogger("lamina.batcher")


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
        self.active = False
        """Whether the sequencer is being slowed down."""

    async def update(self, backlog_bytes: int) -> None:
        """Send the limits that this backlog asks for, if they are due.

        Raises CriticalError when the node has no such method.
        """
        settings = self._settings
        if not settings.backlog_bytes:
            return
        self.active = backlog_bytes > settings.backlog_bytes
        limits = (0, settings.always_block_bytes)
        if self.active:
            blocks = [size for size in (settings.block_bytes, settings.always_block_bytes) if size]
            limits = (settings.tx_bytes, min(blocks, default=0))
        now = self._clock.now()
        if limits == self._sent and now - self._sent_at < settings.repeat_seconds:
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
