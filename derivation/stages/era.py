"""The stages from frames to batches, which Holocene replaced as a whole."""

from typing import Protocol

from config.rollup import RollupConfig
from derivation.batch_rules import Assumptions
from derivation.events import EventSink
from derivation.providers import L2Provider
from derivation.stages.batch_queue import BatchQueue
from derivation.stages.batch_stage import BatchStage
from derivation.stages.channel_assembler import ChannelAssembler
from derivation.stages.channel_bank import ChannelBank
from derivation.stages.channel_reader import ChannelReader
from derivation.stages.frame_queue import FrameQueue
from derivation.stages.known_epochs import KnownEpochs
from derivation.stages.l1_retrieval import L1Retrieval
from derivation.stages.raw_channel import ChannelSource
from derivation.stages.valid_batch import BatchSource


class Era(Protocol):
    """Stages 3 to 6 of one kind."""

    epochs: KnownEpochs
    reader: ChannelReader

    @property
    def channels(self) -> ChannelSource:
        """Stage 4."""

    @property
    def batches(self) -> BatchSource:
        """Stage 6."""

    def reset(self, epochs: KnownEpochs, processed: int) -> None:
        """Forget everything, and go on with these L1 blocks as possible origins.

        Data up to L1 block `processed` has been judged before.
        """


class BufferingEra:
    """Before Holocene: frames and batches may come in any order. Spec: op derivation."""

    def __init__(
        self, rollup: RollupConfig, l2: L2Provider, events: EventSink, retrieval: L1Retrieval, assumed: Assumptions
    ) -> None:
        self.epochs = KnownEpochs(retrieval.origin)
        self._frames = FrameQueue(events, retrieval, in_order=False)
        self.channels = ChannelBank(rollup, events, self._frames)
        self.reader = ChannelReader(rollup, events, self.channels)
        self.batches = BatchQueue(rollup, l2, events, self.reader, self.epochs, assumed)

    def reset(self, epochs: KnownEpochs, processed: int) -> None:
        """See Era. What was judged before is judged again, since a batch may have been kept for later then."""
        self.epochs = epochs
        self._frames.reset()
        self.channels.reset()
        self.reader.reset()
        self.batches.reset(epochs)


class StrictEra:
    """Since Holocene: frames and batches have to come in order. Spec: op holocene derivation."""

    def __init__(
        self, rollup: RollupConfig, l2: L2Provider, events: EventSink, retrieval: L1Retrieval, assumed: Assumptions
    ) -> None:
        self.epochs = KnownEpochs(retrieval.origin)
        self._frames = FrameQueue(events, retrieval, in_order=True)
        self.channels = ChannelAssembler(rollup, events, self._frames)
        self.reader = ChannelReader(rollup, events, self.channels)
        self.batches = BatchStage(rollup, l2, events, self.reader, self.epochs, assumed)

    def reset(self, epochs: KnownEpochs, processed: int) -> None:
        """See Era."""
        self.epochs = epochs
        self._frames.reset()
        self.channels.reset()
        self.reader.reset()
        self.batches.reset(epochs, processed)
