"""Keeps requests to an endpoint below a rate that its plan allows."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class RateLimit:
    """At most `per_second` calls a second in the long run; a batch counts as its calls, but goes out at once.

    As op-node's `--l1.rpc-rate-limit` counts. One second's worth of calls may go out without waiting.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises ValueError when `per_second` is not positive."""
        if per_second <= 0:
            raise ValueError(f"a rate limit must be positive, got {per_second:g} calls per second")
        self._per_second = per_second
        self._clock = clock
        self._sleep = sleep
        self._paid_until = clock() - 1.0

    async def take(self, calls: int = 1) -> None:
        """Wait until this many calls may go out."""
        now = self._clock()
        start = max(self._paid_until, now - 1.0)
        self._paid_until = start + calls / self._per_second
        if start > now:
            await self._sleep(start - now)
