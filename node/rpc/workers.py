"""Threads that run code for callers, so that a long call holds up neither other requests nor block building."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from config.frame_stack import with_frame_room
from node.rpc.errors import ErrorCode, RpcError

T = TypeVar("T")

_MOST_LONG_WAITING = 32
"""Long pieces of work that may wait for their turn, the running ones included."""


@dataclass(frozen=True)
class ExecutionLimits:
    """What one caller may take.

    `gas_cap`: gas of one call (`--rpc.gascap`); `timeout`: seconds of one request (`--rpc.evmtimeout`); `workers`:
    threads that run calls; `waiting`: calls that may wait for one, above that callers are told to come back.
    `trace_timeout`: the most seconds that a trace may ask for instead; `trace_bytes`: memory of one trace, about.
    """

    gas_cap: int = 50_000_000
    timeout: float = 5.0
    workers: int = 2
    waiting: int = 256
    trace_timeout: float = 30.0
    trace_bytes: int = 128 << 20


class OutOfTime(Exception):
    """The request's time is used up."""


class CallWorkers:
    """The threads of a node that run calls and traces; make one per chain."""

    def __init__(self, limits: ExecutionLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or ExecutionLimits()
        self._clock = clock
        self._executor = ThreadPoolExecutor(self.limits.workers, thread_name_prefix="eth_call")
        self._waiting = 0
        self._turns = asyncio.Semaphore(max(1, self.limits.workers - 1))
        self._long_waiting = 0

    def budget(self, seconds: float | None = None) -> Callable[[], None]:
        """A check that raises OutOfTime once so much time has gone by; by default the limit of one request."""
        deadline = self._clock() + (self.limits.timeout if seconds is None else seconds)

        def check() -> None:
            if self._clock() > deadline:
                raise OutOfTime

        return check

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Raises RpcError when too many are waiting already."""
        if self._waiting >= self.limits.waiting:
            raise RpcError(ErrorCode.LIMIT_EXCEEDED, "too many calls are waiting on this node, try again later")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, with_frame_room, work)
        finally:
            self._waiting -= 1

    async def run_long(self, work: Callable[[], T]) -> T:
        """The same for traces and witnesses: of all threads but one, so that short calls always have theirs."""
        if self._long_waiting >= _MOST_LONG_WAITING:
            raise RpcError(ErrorCode.LIMIT_EXCEEDED, "too many traces are waiting on this node, try again later")
        self._long_waiting += 1
        try:
            async with self._turns:
                return await self.run(work)
        finally:
            self._long_waiting -= 1
