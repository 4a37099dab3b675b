"""Stage 4 of derivation since Holocene: puts frames together to a channel."""

from dataclasses import dataclass, field

from config.constants import FRAME_OVERHEAD
from config.rollup import RollupConfig
from config.types import short
from derivation.codec.frames import Frame
from derivation.events import EventKind, EventSink
from derivation.stages.frame_queue import FrameQueue
from derivation.stages.pull import Pull
from derivation.stages.raw_channel import OpenChannel, RawChannel
from derivation.types import L1BlockRef


@dataclass
class _StagingChannel:
    """A channel whose last frame has not come yet."""

    channel_id: bytes
    opened_in: L1BlockRef
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    """Bytes of its frames with the overhead of 200 for each."""


class ChannelAssembler:
    """Holds at most one channel under construction, the staging channel.

    Duties: frame 0 starts a channel and replaces an unfinished one; other frames must be the staging channel's next;
    a channel that stays open too long, or grows too large, is dropped. Spec: op holocene derivation, "Channel Bank".
    """

    def __init__(self, rollup: RollupConfig, events: EventSink, frames: FrameQueue) -> None:
        self._rollup = rollup
        self._events = events
        self._frames = frames
        self._staging: _StagingChannel | None = None

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._frames.origin

    @property
    def open_channel(self) -> OpenChannel | None:
        """The staging channel."""
        channel = self._staging
        if channel is None:
            return None
        return OpenChannel(channel.channel_id, channel.opened_in, len(channel.parts), channel.size)

    def next(self) -> RawChannel | Pull:
        """The next complete channel."""
        self._drop_timed_out()
        frame = self._frames.next()
        return frame if isinstance(frame, Pull) else self._add(frame)

    def reset(self) -> None:
        """Drop the staging channel."""
        self._staging = None

    def _drop_timed_out(self) -> None:
        channel, origin = self._staging, self.origin
        if channel is None:
            return
        timeout = self._rollup.channel_timeout_at(origin.timestamp)
        if channel.opened_in.number + timeout < origin.number:
            self._events.emit(
                EventKind.CHANNEL_TIMED_OUT,
                origin,
                f"channel {short(channel.channel_id)} was dropped: opened in {channel.opened_in}, "
                f"still open after {timeout} blocks with {len(channel.parts)} frames",
            )
            self._staging = None

    def _add(self, frame: Frame) -> RawChannel | Pull:
        origin = self.origin
        if frame.number == 0:
            if self._staging is not None:
                self._events.emit(
                    EventKind.CHANNEL_REPLACED,
                    origin,
                    f"unfinished channel {short(self._staging.channel_id)} ({len(self._staging.parts)} frames) "
                    f"was dropped for new channel {short(frame.channel_id)}",
                )
            self._staging = _StagingChannel(frame.channel_id, origin)
        channel = self._staging
        if channel is None or channel.channel_id != frame.channel_id or frame.number != len(channel.parts):
            expected = (
                "no channel is open"
                if channel is None
                else f"expected frame {len(channel.parts)} of channel {short(channel.channel_id)}"
            )
            self._events.emit(EventKind.FRAME_DROPPED, origin, f"{frame} was dropped: {expected}")
            return Pull.AGAIN
        channel.parts.append(frame.data)
        channel.size += len(frame.data) + FRAME_OVERHEAD
        limit = self._rollup.forks.facts(origin.timestamp).max_rlp_bytes_per_channel
        if channel.size > limit:
            self._events.emit(
                EventKind.CHANNEL_OVERSIZED,
                origin,
                f"channel {short(channel.channel_id)} was dropped: {channel.size} bytes, limit {limit}",
            )
            self._staging = None
            return Pull.AGAIN
        if not frame.is_last:
            return Pull.AGAIN
        self._staging = None
        self._events.emit(
            EventKind.CHANNEL_COMPLETE,
            origin,
            f"channel {short(channel.channel_id)} is complete: {len(channel.parts)} frames, "
            f"opened in {channel.opened_in}",
        )
        return RawChannel(channel.channel_id, b"".join(channel.parts))
