"""What derivation met since the last block that it made of a batch."""

from derivation.events import DerivationEvent, EventKind
from derivation.types import DerivedAttributes
from node.rollup.stall import Cause, Place, Stage, Stall

_DROPS = {
    EventKind.BLOB_INVALID: Stage.L1_RETRIEVAL,
    EventKind.COMMITMENT_INVALID: Stage.L1_RETRIEVAL,
    EventKind.FRAMES_INVALID: Stage.FRAME_QUEUE,
    EventKind.FRAME_DROPPED: Stage.FRAME_QUEUE,
    EventKind.CHANNEL_REPLACED: Stage.CHANNEL,
    EventKind.CHANNEL_TIMED_OUT: Stage.CHANNEL,
    EventKind.CHANNEL_OVERSIZED: Stage.CHANNEL,
    EventKind.CHANNEL_INVALID: Stage.CHANNEL_READER,
    EventKind.BATCH_MALFORMED: Stage.CHANNEL_READER,
    EventKind.BATCH_DROPPED: Stage.BATCHES,
}


class Journal:
    """Keeps the first trouble: what comes after it usually follows from it (batches that then lack their parent, say).

    A block made of a batch ends it; blocks that derivation makes by itself (the window has passed, or deposits take the
    place of an impossible block) do not.
    """

    def __init__(self) -> None:
        self.trouble: Stall | None = None
        """The first thing that was dropped or refused."""
        self.expired: Stall | None = None
        """The newest block that was made without a batch, since its sequencing window had passed."""
        self._without_batch = False

    def note(self, event: DerivationEvent) -> None:
        """Take note of an event of the pipeline."""
        place = Place.l1(event.l1_block.id)
        if event.kind is EventKind.EMPTY_BATCH:
            self.expired = Stall(Cause.WINDOW_EXPIRED, Stage.BATCHES, event.text, place)
            self._without_batch = True
        elif event.kind is EventKind.DEPOSITS_ONLY:
            self._without_batch = True
        elif event.kind in _DROPS and self.trouble is None:
            self.trouble = Stall(Cause.INVALID_BATCH, _DROPS[event.kind], event.text, place)

    def refused(self, derived: DerivedAttributes, reason: str) -> None:
        """The engine made no valid block of these attributes."""
        if self.trouble is None:
            text = (
                f"the engine refused L2 block {derived.number} as batched in {derived.derived_from} ({reason}): "
                "a block of its deposits alone, or another batch, takes its place"
            )
            self.trouble = Stall(Cause.ENGINE_REFUSED, Stage.ENGINE, text, Place("l2", derived.number))

    def advanced(self) -> None:
        """The safe head has moved on by a block."""
        if not self._without_batch:
            self.forget()
        self._without_batch = False

    def forget(self) -> None:
        """Start anew."""
        self.trouble = None
        self.expired = None
        self._without_batch = False
