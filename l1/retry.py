"""Trying again after temporary errors: bounded, with exponential back-off and jitter, and never silently."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from config.errors import TemporaryError
from l1.rpc import RpcCaller

_log = logging.getLogger("lamina.l1")
_T = TypeVar("_T")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how fast: `attempts` in all, pauses (seconds) from `first_pause` times `factor` up to `max_pause`.

    Each pause is scaled by a random factor in [1 - jitter, 1 + jitter], so that clients do not retry in step.
    """

    attempts: int = 5
    first_pause: float = 0.25
    factor: float = 2.0
    max_pause: float = 8.0
    jitter: float = 0.25

    def pauses(self, uniform: Callable[[float, float], float] = random.uniform) -> Iterator[float]:
        """The pause before each further attempt; `attempts - 1` of them."""
        pause = self.first_pause
        for _ in range(self.attempts - 1):
            yield min(pause, self.max_pause) * uniform(1 - self.jitter, 1 + self.jitter)
            pause *= self.factor


NO_RETRY = RetryPolicy(attempts=1)


async def with_retries(
    what: str,
    operation: Callable[[], Awaitable[_T]],
    policy: RetryPolicy,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> _T:
    """The result of `operation`, tried again after each TemporaryError as `policy` allows.

    `what` names it in the log ("reading L1 block 7"). Raises the last TemporaryError when no attempt succeeded; any
    other error is raised at once. A `retry_after` attribute (seconds) of the error lengthens the pause,
    up to `max_pause`.
    """
    pauses = policy.pauses()
    attempt = 1
    while True:
        try:
            return await operation()
        except TemporaryError as error:
            pause = next(pauses, None)
            if pause is None:
                raise
            wanted = getattr(error, "retry_after", None)
            if isinstance(wanted, float):
                pause = max(pause, min(wanted, policy.max_pause))
            _log.warning(
                "%s failed (attempt %d of %d), trying again in %.2f s: %s", what, attempt, policy.attempts, pause, error
            )
            attempt += 1
            await sleep(pause)


class RetryingCaller:
    """A JSON-RPC client whose calls are tried again after temporary errors."""

    def __init__(
        self,
        rpc: RpcCaller,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rpc = rpc
        self._policy = policy
        self._sleep = sleep

    @property
    def endpoint(self) -> str:
        """The endpoint's name for messages, without credentials."""
        return self._rpc.endpoint

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call. Raises RpcError or TemporaryError."""
        return await self._retried(f"asking {self.endpoint} for {method}", lambda: self._rpc.call(method, params))

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls in order; a call that failed has its RpcError in place of a result."""
        what = f"asking {self.endpoint} for {len(calls)} times {calls[0][0] if calls else 'nothing'}"
        return await self._retried(what, lambda: self._rpc.batch(calls))

    async def _retried(self, what: str, operation: Callable[[], Awaitable[_T]]) -> _T:
        return await with_retries(what, operation, self._policy, sleep=self._sleep)
