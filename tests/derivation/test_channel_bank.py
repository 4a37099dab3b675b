"""The channel bank's limit, with frames that share their data."""

from collections import deque
from typing import cast

import pytest

from config.constants import MAX_FRAME_DATA_LENGTH
from config.forks import Fork
from config.types import Hash32
from derivation.codec import Frame
from derivation.events import EventKind, EventSink
from derivation.stages.channel_bank import ChannelBank
from derivation.stages.frame_queue import FrameQueue
from derivation.stages.pull import Pull
from derivation.stages.raw_channel import RawChannel
from derivation.types import L1BlockRef
from tests.actions.chains import FakeL1, make_rollup

ORIGIN = L1BlockRef(Hash32(bytes(32)), 5, Hash32(bytes(32)), 1_700_000_000)
DATA = bytes(MAX_FRAME_DATA_LENGTH)


class Frames:
    """Stands for the stage before."""

    origin = ORIGIN

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = deque(frames)

    def next(self) -> Frame | Pull:
        return self.frames.popleft() if self.frames else Pull.DRY


def run(fork: Fork, frames: list[Frame]) -> tuple[list[RawChannel], EventSink]:
    events = EventSink()
    bank = ChannelBank(make_rollup(FakeL1(), fork), events, cast(FrameQueue, Frames(frames)))
    channels = []
    while (item := bank.next()) is not Pull.DRY:
        if isinstance(item, RawChannel):
            channels.append(item)
    return channels, events


@pytest.mark.parametrize(("fork", "megabytes"), [(Fork.BEDROCK, 100), (Fork.FJORD, 1000)])
def test_the_oldest_channels_are_dropped_when_the_bank_is_full(fork: Fork, megabytes: int) -> None:
    oldest, second, third = (bytes([number]) * 16 for number in (1, 2, 3))
    # 200 bytes are counted on top of each frame.
    filling = [Frame(second, number, DATA, False) for number in range(megabytes - 2)]
    fits = [Frame(oldest, 0, b"one", False), *filling, Frame(third, 0, DATA, False)]
    room = megabytes * 1_000_000 - sum(len(frame.data) + 200 for frame in fits)
    fits.append(Frame(third, 1, bytes(room - 200), False))
    _, events = run(fork, fits)
    assert events.counts[EventKind.CHANNEL_OVERSIZED] == 0
    channels, events = run(fork, [*fits, Frame(third, 2, b"", True)])
    assert events.counts[EventKind.CHANNEL_OVERSIZED] == 1
    assert [channel.channel_id for channel in channels] == ([] if fork < Fork.CANYON else [third])
    # Before Canyon the second channel holds the third up, until it is dropped as well.
    channels, events = run(fork, [*fits, Frame(third, 2, b"", True), Frame(oldest, 0, b"", False)])
    assert events.counts[EventKind.CHANNEL_OVERSIZED] == (2 if fork < Fork.CANYON else 1)
    assert [channel.channel_id for channel in channels] == [third]
