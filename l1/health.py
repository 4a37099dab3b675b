"""How an endpoint fares: whether it answers, how fast, how truthfully, how far behind; and when to ask it again."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from config.errors import TemporaryError
from l1.http import RequestRecord
from l1.rpc import EndpointBusy

_log = logging.getLogger("lamina.l1")

Clock = Callable[[], float]
"""Seconds that only go forward."""

FIRST_REST, LONGEST_REST = 0.5, 60.0
"""Seconds for which an endpoint that failed twice in a row is asked last; doubled by each further failure."""
LIE_REST = 60.0
"""Seconds for which an endpoint that served wrong data is asked last."""
DOWN_AFTER = 3
"""Failures in a row that make an endpoint down."""
DEGRADED_RATE = 0.2
RATE_HALF_LIFE = 60.0
"""Seconds in which a past failure counts half: an endpoint that is asked last must come back some time."""
RATE_WEIGHT, LATENCY_WEIGHT = 0.1, 0.1
BEHIND_BLOCKS = 5


class EndpointKind(StrEnum):
    """What an endpoint is asked for."""

    EXECUTION = "execution"
    BEACON = "beacon"
    ARCHIVE = "archive"


class EndpointState(StrEnum):
    """In which condition an endpoint is, the worst that applies."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    BEHIND = "behind"
    DISAGREES = "on another fork"
    LIMITED = "limited"
    DOWN = "down"
    LYING = "lying"
    WRONG_CHAIN = "wrong chain"


_REMEDY = {
    EndpointState.DEGRADED: "a fifth or more of its recent answers failed: look at its load, or its plan's limits",
    EndpointState.BEHIND: "it is still syncing, or its peers or its consensus client have a problem",
    EndpointState.DISAGREES: "it follows another fork than the other endpoints: look whether it or they are stuck",
    EndpointState.LIMITED: "lower --l1.rpc-rate-limit to what its plan allows, or use another plan",
    EndpointState.DOWN: "check the URL, and that it is up",
    EndpointState.LYING: "it served data that contradicts its hash: it is faulty or hostile, replace it",
    EndpointState.WRONG_CHAIN: "replace its URL by one of the right L1",
}
_RANK = {EndpointState.DEGRADED: 1, EndpointState.BEHIND: 1, EndpointState.DISAGREES: 1, EndpointState.LYING: 3}


@dataclass(frozen=True)
class EndpointStatus:
    """An endpoint as operators see it. Latency in seconds, lag in blocks (slots for beacon nodes).

    `failures` counts questions that got no usable answer, `requests` HTTP requests. `offers`: how it is asked for
    receipts or blobs. `remedy` is empty when there is nothing to do.
    """

    name: str
    kind: EndpointKind
    state: EndpointState
    requests: int
    failures: int
    lies: int
    disagreements: int
    limited: int
    error_rate: float
    latency: float | None
    head: int | None
    lag: int | None
    last_error: str | None
    offers: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """With the names that JSON-RPC uses."""
        return {_camel(key): value for key, value in asdict(self).items()}


class EndpointHealth:
    """What is known of one endpoint. Every change of its state is logged once."""

    def __init__(self, name: str, kind: EndpointKind, clock: Clock = time.monotonic) -> None:
        self.name = name
        self.kind = kind
        self._clock = clock
        self._requests = self._failures = self._lies = self._disagreements = self._limited = 0
        self._in_a_row = 0
        self._answered = False
        self._error_rate = 0.0
        self._rated_at = clock()
        self._latency: float | None = None
        self._rest_until = self._limited_until = self._lying_until = self._disagrees_until = clock()
        self._wrong_chain = False
        self._head: int | None = None
        self._lag: int | None = None
        self._last_error: str | None = None
        self._told = EndpointState.UNKNOWN

    # --- what happens ---

    def observe(self, record: RequestRecord) -> None:
        """Count one HTTP request and its duration."""
        self._requests += 1
        if record.outcome != "unreachable":
            known = record.seconds if self._latency is None else self._latency
            self._latency = known + LATENCY_WEIGHT * (record.seconds - known)

    def succeeded(self) -> None:
        """A question got a usable answer."""
        self._answered = True
        self._in_a_row = 0
        self._wrong_chain = False
        self._rest_until = self._clock()
        self._rate(0.0)
        self._tell()

    def failed(self, error: TemporaryError) -> None:
        """A question got no usable answer."""
        self._failures += 1
        self._in_a_row += 1
        self._last_error = str(error)
        self._rate(1.0)
        now = self._clock()
        if isinstance(error, EndpointBusy):
            self._limited += 1
            self._limited_until = now + (error.retry_after or FIRST_REST * 2 ** min(self._in_a_row, 6))
            self._rest_until = max(self._rest_until, self._limited_until)
        elif self._in_a_row > 1:
            self._rest_until = now + min(FIRST_REST * 2 ** min(self._in_a_row - 2, 16), LONGEST_REST)
        self._tell()

    def lied(self, error: TemporaryError) -> None:
        """An answer contradicted the hash that was asked for."""
        self._lies += 1
        self._lying_until = self._clock() + LIE_REST
        self.failed(error)

    def disagreed(self, what: str) -> None:
        """It was outvoted about which block is canonical."""
        self._disagreements += 1
        self._last_error = what
        self._disagrees_until = self._clock() + LIE_REST
        self._tell()

    def on_wrong_chain(self, error: TemporaryError) -> None:
        """It follows another chain; it is looked at again after a while, in case the URL was pointed elsewhere."""
        self._wrong_chain = True
        self.failed(error)
        self._rest_until = self._clock() + LONGEST_REST

    def at_head(self, number: int, lag: int) -> None:
        """Its newest block (or slot), and how many behind the newest one known it is."""
        self._head, self._lag = number, max(lag, 0)
        self._tell()

    # --- what follows ---

    @property
    def is_resting(self) -> bool:
        """Whether it should not be asked now while others can be."""
        return self._clock() < self._rest_until

    @property
    def is_failing(self) -> bool:
        """Whether it gave no usable answer the last time."""
        return self._in_a_row > 0

    @property
    def rank(self) -> int:
        """Where it stands among the endpoints: the lower, the earlier it is asked."""
        return 2 if self.is_resting and self.state is not EndpointState.LYING else _RANK.get(self.state, 0)

    @property
    def state(self) -> EndpointState:
        """The worst condition that applies now."""
        now = self._clock()
        if self._wrong_chain:
            return EndpointState.WRONG_CHAIN
        if now < self._lying_until:
            return EndpointState.LYING
        if self._in_a_row >= DOWN_AFTER and now >= self._limited_until:
            return EndpointState.DOWN
        if now < self._limited_until:
            return EndpointState.LIMITED
        if now < self._disagrees_until:
            return EndpointState.DISAGREES
        if self._lag is not None and self._lag > BEHIND_BLOCKS:
            return EndpointState.BEHIND
        if self._rate_now() > DEGRADED_RATE:
            return EndpointState.DEGRADED
        return EndpointState.HEALTHY if self._answered else EndpointState.UNKNOWN

    def status(self, offers: str = "") -> EndpointStatus:
        """All of it, as of now."""
        state = self.state
        return EndpointStatus(
            name=self.name,
            kind=self.kind,
            state=state,
            requests=self._requests,
            failures=self._failures,
            lies=self._lies,
            disagreements=self._disagreements,
            limited=self._limited,
            error_rate=round(self._rate_now(), 3),
            latency=self._latency,
            head=self._head,
            lag=self._lag,
            last_error=self._last_error,
            offers=offers,
            remedy=_REMEDY.get(state, ""),
        )

    def _rate_now(self) -> float:
        return float(self._error_rate * 0.5 ** ((self._clock() - self._rated_at) / RATE_HALF_LIFE))

    def _rate(self, outcome: float) -> None:
        rate = self._rate_now()
        self._error_rate = rate + RATE_WEIGHT * (outcome - rate)
        self._rated_at = self._clock()

    def _tell(self) -> None:
        state = self.state
        if state is self._told:
            return
        was, self._told = self._told, state
        if state is EndpointState.HEALTHY:
            if was is not EndpointState.UNKNOWN:
                _log.info("L1 endpoint %s (%s) is healthy again", self.name, self.kind)
        else:
            _log.warning(
                "L1 endpoint %s (%s) is %s: %s. What to do: %s",
                self.name,
                self.kind,
                state,
                self._last_error or f"{self._lag} blocks behind",
                _REMEDY.get(state, "nothing yet"),
            )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
