"""Stage 4 of derivation before Holocene: puts frames, which come in any order, together to channels."""

from dataclasses import dataclass, field

from config.constants import FRAME_OVERHEAD
from config.forks import Fork
from config.rollup import RollupConfig
from config.types import short
from derivation.codec.frames import Frame
from derivation.events import EventKind, EventSink
from derivation.stages.frame_queue import FrameQueue
from derivation.stages.pull import Pull
from derivation.stages.raw_channel import OpenChannel, RawChannel
from derivation.types import L1BlockRef


@dataclass
class _BankedChannel:
    """A channel in the bank; `last` is the number of its closing frame, once that was seen."""

    channel_id: bytes
    opened_in: L1BlockRef
    frames: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    last: int | None = None

    def add(self, frame: Frame) -> str | None:
        """Take a frame in; else say why not."""
        if frame.number in self.frames:
            return "the channel has a frame of this number"
        if self.last is not None:
            if frame.is_last:
                return f"the channel was closed by frame {self.last}"
            if frame.number >= self.last:
                return f"it is past the closing frame {self.last}"
        if frame.is_last:
            self.last = frame.number
            for number in [number for number in self.frames if number > frame.number]:
                self.size -= len(self.frames.pop(number)) + FRAME_OVERHEAD
        self.frames[frame.number] = frame.data
        self.size += len(frame.data) + FRAME_OVERHEAD
        return None

    @property
    def is_ready(self) -> bool:
        # No frame is past the closing one, so as many as there can be are all.
        return self.last is not None and len(self.frames) == self.last + 1

    def joined(self) -> bytes:
        return b"".join(self.frames[number] for number in range(len(self.frames)))


class ChannelBank:
    """Holds channels under construction in the order in which they were opened.

    Duties: take frames in any order, interleaved; time channels out; when the bank grows too large, drop the oldest;
    give complete channels: before Canyon only when no older one is open, since then the first that is complete.
    Trap: a channel is looked for before each frame is taken in, which decides what is pruned.
    Spec: op derivation, "Channel Bank".
    """

    def __init__(self, rollup: RollupConfig, events: EventSink, frames: FrameQueue) -> None:
        self._rollup = rollup
        self._events = events
        self._frames = frames
        # Insertion order is the order of opening.
        self._channels: dict[bytes, _BankedChannel] = {}
        self._size = 0

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._frames.origin

    @property
    def open_channel(self) -> OpenChannel | None:
        """The oldest channel."""
        for channel in self._channels.values():
            return OpenChannel(channel.channel_id, channel.opened_in, len(channel.frames), channel.size)
        return None

    def next(self) -> RawChannel | Pull:
        """The next complete channel."""
        channel = self._take_ready()
        if channel is not None:
            return channel
        frame = self._frames.next()
        if isinstance(frame, Pull):
            return frame
        self._add(frame)
        return Pull.AGAIN

    def reset(self) -> None:
        """Drop all channels."""
        self._channels.clear()
        self._size = 0

    def _timed_out(self, channel: _BankedChannel) -> bool:
        timeout = self._rollup.channel_timeout_at(self.origin.timestamp)
        return channel.opened_in.number + timeout < self.origin.number

    def _take_ready(self) -> RawChannel | None:
        origin = self.origin
        for channel in list(self._channels.values()):
            if not self._timed_out(channel):
                break
            self._remove(channel)
            self._events.emit(
                EventKind.CHANNEL_TIMED_OUT,
                origin,
                f"channel {short(channel.channel_id)} was dropped: opened in {channel.opened_in}, still open after "
                f"{self._rollup.channel_timeout_at(origin.timestamp)} blocks with {len(channel.frames)} frames",
            )
        first_only = not self._rollup.is_active(Fork.CANYON, origin.timestamp)
        for channel in self._channels.values():
            if channel.is_ready and not self._timed_out(channel):
                self._remove(channel)
                self._events.emit(
                    EventKind.CHANNEL_COMPLETE,
                    origin,
                    f"channel {short(channel.channel_id)} is complete: {len(channel.frames)} frames, "
                    f"opened in {channel.opened_in}",
                )
                return RawChannel(channel.channel_id, channel.joined())
            if first_only:
                break
        return None

    def _add(self, frame: Frame) -> None:
        origin = self.origin
        channel = self._channels.setdefault(frame.channel_id, _BankedChannel(frame.channel_id, origin))
        before = channel.size
        refused = "its channel has timed out" if self._timed_out(channel) else channel.add(frame)
        if refused is not None:
            self._events.emit(EventKind.FRAME_DROPPED, origin, f"{frame} was dropped: {refused}")
            return
        self._size += channel.size - before
        limit = self._rollup.forks.facts(origin.timestamp).max_channel_bank_size
        for oldest in list(self._channels.values()):
            if self._size <= limit:
                break
            self._events.emit(
                EventKind.CHANNEL_OVERSIZED,
                origin,
                f"channel {short(oldest.channel_id)} was dropped: it is the oldest, and all channels have "
                f"{self._size} bytes, limit {limit}",
            )
            self._remove(oldest)

    def _remove(self, channel: _BankedChannel) -> None:
        del self._channels[channel.channel_id]
        self._size -= channel.size
