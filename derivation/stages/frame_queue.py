"""Stage 3 of derivation: parses frames and puts their order in order."""

from collections import deque
from collections.abc import Iterable

from derivation.codec.errors import FrameError
from derivation.codec.frames import Frame, parse_batcher_transaction
from derivation.events import EventKind, EventSink
from derivation.stages.l1_retrieval import L1Retrieval
from derivation.stages.pull import Pull
from derivation.types import L1BlockRef


def prune_frames(frames: Iterable[Frame]) -> tuple[list[Frame], list[Frame]]:
    """(kept, dropped) of the frames of one batcher transaction.

    A frame that does not continue the one before it is dropped unless it opens another channel; a frame that opens one
    drops the frames of an unfinished channel right before it, and is then held against the frame before those.
    Trap: that one may have closed a channel of the same id, which then does not open again.
    Spec: op holocene derivation, "Frame Queue".
    """
    kept: list[Frame] = []
    dropped: list[Frame] = []
    for frame in frames:
        opens = frame.number == 0
        while opens and kept and kept[-1].channel_id != frame.channel_id and not kept[-1].is_last:
            dropped.append(kept.pop())
        (kept if not kept or _may_follow(kept[-1], frame) else dropped).append(frame)
    return kept, dropped


def _may_follow(previous: Frame, frame: Frame) -> bool:
    if previous.channel_id == frame.channel_id:
        return not previous.is_last and frame.number == previous.number + 1
    return frame.number == 0


class FrameQueue:
    """Gives frames one by one; holds those of one batcher transaction at a time.

    Duties: parse a batcher transaction (one bad frame rejects all of it); since Holocene (`in_order`), drop frames out
    of order, which before are the channel bank's to sort.
    Spec: op derivation, "Frame Queue"; op holocene derivation, "Frame Queue".
    """

    def __init__(self, events: EventSink, retrieval: L1Retrieval, in_order: bool) -> None:
        self._events = events
        self._retrieval = retrieval
        self._in_order = in_order
        self._frames: deque[Frame] = deque()

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._retrieval.origin

    def next(self) -> Frame | Pull:
        """The next frame."""
        if not self._frames:
            data = self._retrieval.next()
            if isinstance(data, Pull):
                return data
            try:
                frames = parse_batcher_transaction(data)
            except FrameError as error:
                self._events.emit(
                    EventKind.FRAMES_INVALID, self.origin, f"a batcher transaction's data was ignored: {error}"
                )
                return Pull.AGAIN
            kept, dropped = prune_frames(frames) if self._in_order else (list(frames), [])
            self._frames.extend(kept)
            for frame in dropped:
                self._events.emit(EventKind.FRAME_DROPPED, self.origin, f"{frame} came out of order and was dropped")
        return self._frames.popleft()

    def reset(self) -> None:
        """Drop all frames."""
        self._frames.clear()
