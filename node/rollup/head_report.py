"""What is said of a head: whether it moves and, if not, what stands in its way."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from config.rollup import BlockId
from node.rollup.stall import Stall


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
