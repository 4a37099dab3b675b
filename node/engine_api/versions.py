"""Which version of a method goes with which fork of the rollup.

Ethereum's forks come to L2 with others: Shanghai with Canyon, Cancun with Ecotone, Prague with Isthmus, Osaka with Karst.
Spec: Engine API, shanghai, cancun, prague, osaka; op exec-engine, "Engine API".
"""

from dataclasses import dataclass

from config.forks import Fork
from config.rollup import RollupConfig
from node.engine_api.errors import EngineErrorCode, engine_error


@dataclass(frozen=True)
class ForkSpan:
    """Block times from the activation of `first` on and before that of `end`."""

    first: Fork = Fork.BEDROCK
    end: Fork | None = None

    def require(self, method: str, rollup: RollupConfig, timestamp: int) -> None:
        """Raises RpcError -38005 when the span does not cover a block of this time, naming what it is for."""
        early = not rollup.is_active(self.first, timestamp)
        if early or (self.end is not None and rollup.is_active(self.end, timestamp)):
            raise engine_error(
                EngineErrorCode.UNSUPPORTED_FORK, f"{method} is for blocks {self}, not for time {timestamp}"
            )

    def __str__(self) -> str:
        words = [] if self.first is Fork.BEDROCK else [f"since {_name(self.first)}"]
        return " and ".join([*words, *([] if self.end is None else [f"before {_name(self.end)}"])])


def _name(fork: Fork) -> str:
    return fork.name.capitalize()


PAYLOADS = {
    1: ForkSpan(end=Fork.CANYON),
    2: ForkSpan(end=Fork.ECOTONE),
    3: ForkSpan(Fork.ECOTONE, Fork.ISTHMUS),
    4: ForkSpan(Fork.ISTHMUS, Fork.KARST),
    5: ForkSpan(Fork.KARST),
}
"""Blocks that a version of `engine_getPayload` gives."""

NEW_PAYLOADS = {**{version: PAYLOADS[version] for version in (1, 2, 3)}, 4: ForkSpan(Fork.ISTHMUS)}
"""Blocks that a version of `engine_newPayload` takes."""

ATTRIBUTES = {1: PAYLOADS[1], 2: PAYLOADS[2], 3: ForkSpan(Fork.ECOTONE)}
"""Blocks that the attributes of a version of `engine_forkchoiceUpdated` may ask for."""
