"""Stage 1 of derivation: walks the L1 chain block by block."""

from config.errors import ResetError
from config.forks import Fork
from config.rollup import RollupConfig
from config.system_config import SystemConfig
from config.types import short
from derivation.events import EventKind, EventSink
from derivation.providers import L1Provider
from derivation.system_config_updates import apply_system_config_updates
from derivation.types import L1BlockRef


class L1Traversal:
    """Holds the L1 block being read and the system configuration as of it.

    Duties: move to the next canonical block; notice an L1 reorg by a parent hash that does not fit (ResetError);
    apply the SystemConfig updates of every block moved to, so that the batcher's key is right for that very block.
    Spec: op derivation, "L1 Traversal".
    """

    def __init__(
        self, rollup: RollupConfig, l1: L1Provider, events: EventSink, origin: L1BlockRef, system_config: SystemConfig
    ) -> None:
        self._rollup = rollup
        self._l1 = l1
        self._events = events
        self.origin = origin
        self.system_config = system_config

    def advance(self) -> bool:
        """Move to the next L1 block; False when there is none yet.

        Raises ResetError when the canonical next block does not build on the current one.
        """
        number = self.origin.number + 1
        header = self._l1.header_by_number(number)
        if header is None:
            return False
        if header.parent_hash != self.origin.hash:
            raise ResetError(
                f"L1 was reorganised: block {number} ({short(header.hash)}) builds on {short(header.parent_hash)}, "
                f"but derivation had read {self.origin}"
            )
        origin = L1BlockRef.from_header(header)
        receipts = self._l1.receipts(header.hash)
        updates = apply_system_config_updates(
            self.system_config,
            receipts,
            self._rollup.l1_system_config_address,
            ecotone=self._rollup.is_active(Fork.ECOTONE, origin.timestamp),
        )
        self.origin = origin
        self.system_config = updates.config
        for text in updates.applied:
            self._events.emit(EventKind.SYSTEM_CONFIG_UPDATED, origin, text)
        for text in updates.skipped:
            self._events.emit(EventKind.SYSTEM_CONFIG_UPDATE_SKIPPED, origin, text)
        return True

    def reset(self, origin: L1BlockRef, system_config: SystemConfig) -> None:
        """Continue from `origin`, with the configuration as of it."""
        self.origin = origin
        self.system_config = system_config
