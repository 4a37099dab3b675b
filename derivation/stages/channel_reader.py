"""Stage 5 of derivation: takes the batches out of a channel."""

from config.forks import Fork
from config.rollup import RollupConfig
from config.types import short
from derivation.codec.batch import Batch, decode_batch
from derivation.codec.channel import ChannelDecoder
from derivation.codec.errors import BatchError, ChannelError
from derivation.events import EventKind, EventSink
from derivation.stages.pull import Pull
from derivation.stages.raw_channel import ChannelSource
from derivation.types import L1BlockRef


class ChannelReader:
    """Reads one channel at a time, batch by batch, decompressing only what it needs.

    Duties: decompress within the size limit; decode batches; leave the rest of a channel at the first thing in it that
    cannot be read; leave it too when told to (`flush`), because one of its batches was invalid.
    Spec: op derivation, "Channel Reader"; op holocene derivation, "Fast Channel Invalidation".
    """

    def __init__(self, rollup: RollupConfig, events: EventSink, channels: ChannelSource) -> None:
        self._rollup = rollup
        self._events = events
        self._channels = channels
        self._decoder: ChannelDecoder | None = None
        self._channel_id = b""

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._channels.origin

    @property
    def reading(self) -> bytes | None:
        """The id of the channel being read."""
        return None if self._decoder is None else self._channel_id

    def next(self) -> Batch | Pull:
        """The next batch."""
        if self._decoder is None:
            channel = self._channels.next()
            if isinstance(channel, Pull):
                return channel
            self._channel_id = channel.channel_id
            timestamp = self.origin.timestamp
            try:
                self._decoder = ChannelDecoder(
                    channel.compressed,
                    self._rollup.forks.facts(timestamp).max_rlp_bytes_per_channel,
                    brotli_allowed=self._rollup.is_active(Fork.FJORD, timestamp),
                )
            except ChannelError as error:
                return self._leave(EventKind.CHANNEL_INVALID, f"was ignored: {error}")
        try:
            data = self._decoder.next_batch()
        except ChannelError as error:
            return self._leave(EventKind.CHANNEL_INVALID, f"was not read any further: {error}")
        if data is None:
            self._decoder = None
            return Pull.AGAIN
        try:
            return decode_batch(data, self._rollup.l2_chain_id)
        except BatchError as error:
            return self._leave(EventKind.BATCH_MALFORMED, f"was not read any further: {error}")

    def flush(self) -> None:
        """Leave the channel being read."""
        if self._decoder is not None:
            self._leave(EventKind.CHANNEL_FLUSHED, "was not read any further: one of its batches was invalid")

    def reset(self) -> None:
        """Leave the channel being read, without a word."""
        self._decoder = None

    def _leave(self, kind: EventKind, text: str) -> Pull:
        self._decoder = None
        self._events.emit(kind, self.origin, f"channel {short(self._channel_id)} {text}")
        return Pull.AGAIN
