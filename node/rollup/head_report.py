"""How a head is, and why, in a form that RPC, metrics and log share."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from config.rollup import BlockId
from node.rollup.stall import Cause, Stall

log = logging.getLogger("lamina.heads")

_LOOK_SECONDS = 5.0


class HeadState(Enum):
    """How a head is; the value is the name in RPC."""

    MOVING = "moving"
    WAITING = "waiting"
    """Nothing to worry about yet."""
    STUCK = "stuck"
    HALTED = "halted"
    """It does not go on by itself."""


@dataclass(frozen=True)
class HeadReport:
    """A head with a sentence about it; `stall` is what keeps it, if anything does."""

    head: str
    block: BlockId
    state: HeadState
    text: str
    stall: Stall | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether nobody needs to do anything."""
        return self.state in (HeadState.MOVING, HeadState.WAITING)

    def to_json(self) -> dict[str, Any]:
        """As `lamina_whyHead` answers."""
        stall = self.stall
        return {
            "head": self.head,
            "block": self.block.to_json(),
            "state": self.state.value,
            "explanation": self.text,
            "stage": stall and stall.stage.value,
            "at": stall and stall.place and stall.place.to_json(),
            "cause": stall and stall.cause.value,
            "remedy": stall and stall.remedy,
        }


class HeadReports(Protocol):
    """Who knows what keeps the heads of a node."""

    def report(self, head: str) -> HeadReport:
        """On `unsafe`, `safe` or `finalized`. Raises ValueError for another word."""
        ...

    def all(self) -> list[HeadReport]:
        """On all three."""
        ...

    def notes(self) -> list[str]:
        """What is worth knowing although it stops nothing."""
        ...


async def watch_heads(doctor: HeadReports, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Log what becomes of the heads, for ever: each stall once, and its end."""
    stuck: dict[str, tuple[HeadState, Cause | None]] = {}
    while True:
        for report in doctor.all():
            cause = None if report.stall is None else report.stall.cause
            now = None if report.is_healthy else (report.state, cause)
            before = stuck.pop(report.head, None)
            if now is not None:
                stuck[report.head] = now
            if now is not None and now != before:
                remedy = report.stall.remedy if report.stall else ""
                log.warning("%s head is %s: %s (%s)", report.head, report.state.value, report.text, remedy)
            elif now is None and before is not None:
                log.info("%s head goes on: %s", report.head, report.text)
        await sleep(_LOOK_SECONDS)
