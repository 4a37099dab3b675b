"""What derivation tells about: everything it drops, and why."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from derivation.types import L1BlockRef


class EventKind(Enum):
    """What happened; the value is the name in metrics."""

    BLOB_INVALID = "blob_invalid"
    COMMITMENT_INVALID = "commitment_invalid"
    FRAMES_INVALID = "frames_invalid"
    FRAME_DROPPED = "frame_dropped"
    CHANNEL_REPLACED = "channel_replaced"
    CHANNEL_TIMED_OUT = "channel_timed_out"
    CHANNEL_OVERSIZED = "channel_oversized"
    CHANNEL_COMPLETE = "channel_complete"
    CHANNEL_INVALID = "channel_invalid"
    CHANNEL_FLUSHED = "channel_flushed"
    BATCH_MALFORMED = "batch_malformed"
    BATCH_PAST = "batch_past"
    BATCH_DROPPED = "batch_dropped"
    EMPTY_BATCH = "empty_batch"
    DEPOSITS_ONLY = "deposits_only"
    SYSTEM_CONFIG_UPDATED = "system_config_updated"
    SYSTEM_CONFIG_UPDATE_SKIPPED = "system_config_update_skipped"
    HOLOCENE_ACTIVATED = "holocene_activated"
    RESET = "reset"


@dataclass(frozen=True)
class DerivationEvent:
    """Something worth knowing, with the L1 block that was being read and a sentence for operators."""

    kind: EventKind
    l1_block: L1BlockRef
    text: str


class EventSink:
    """Counts events by kind and passes them on."""

    def __init__(self, on_event: Callable[[DerivationEvent], None] | None = None) -> None:
        self._on_event = on_event
        self.counts: Counter[EventKind] = Counter()

    def emit(self, kind: EventKind, l1_block: L1BlockRef, text: str) -> None:
        """Count the event and tell the callback, if there is one."""
        self.counts[kind] += 1
        if self._on_event is not None:
            self._on_event(DerivationEvent(kind, l1_block, text))
