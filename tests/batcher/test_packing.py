"""Packing: blobs are full to the last byte, and what is in them comes out in order."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batcher.channel import Channel, CloseReason
from batcher.da import DataKind
from batcher.packing import Packer, Payload
from batcher.parcels import ParcelMaker
from batcher.ports import RemoteStoreDown
from batcher.posting import ChannelState, Parcel, PostedChannel
from batcher.settings import ChannelSettings
from config.constants import MAX_BLOB_DATA_BYTES
from derivation.codec import Commitment, decode_blob, parse_batcher_transaction
from tests.batcher.chains import l1_id


def channel(number: int, size: int, reason: CloseReason = CloseReason.FULL) -> Channel:
    """A channel of `size` bytes that pattern with its number."""
    block = l1_id(number)
    return Channel(
        id=number.to_bytes(16, "big"),
        first=block,
        last=block,
        first_origin=l1_id(1),
        blocks=1,
        transactions=1,
        input_bytes=size,
        batch_bytes=size,
        compressed_bytes=size,
        data=bytes((number % 251,)) * size,
        reason=reason,
    )


def read(payloads: Sequence[bytes]) -> list[tuple[int, int]]:
    """The channels in payloads by number with their sizes; they must be whole and follow each other."""
    found: list[tuple[int, int]] = []
    expected, size = 0, 0
    current: bytes | None = None
    for payload in payloads:
        for frame in parse_batcher_transaction(payload):
            assert current is None or frame.channel_id == current, "one channel after the other"
            assert frame.number == expected
            number = int.from_bytes(frame.channel_id, "big")
            assert frame.data == bytes((number % 251,)) * len(frame.data)
            size += len(frame.data)
            current, expected = frame.channel_id, expected + 1
            if frame.is_last:
                found.append((number, size))
                current, expected, size = None, 0, 0
    assert current is None
    return found


@given(
    capacity=st.integers(25, 400),
    sizes=st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=12),
)
def test_channels_come_out_as_they_went_in_and_every_payload_but_flushed_ones_is_full(
    capacity: int, sizes: list[tuple[int, bool]]
) -> None:
    packer = Packer(capacity)
    payloads: list[Payload] = []
    flushed: set[int] = set()
    for number, (size, flush) in enumerate(sizes):
        payloads += packer.add(channel(number, size))
        if flush:
            payloads += packer.flush()
            flushed.add(len(payloads) - 1)
    payloads += packer.flush()
    flushed.add(len(payloads) - 1)
    assert read([payload.data for payload in payloads]) == [(number, size) for number, (size, _) in enumerate(sizes)]
    for index, payload in enumerate(payloads):
        assert len(payload.data) <= capacity
        assert 1 + sum(size for _, size in payload.shares) == len(payload.data)
        # What is left is too little for a frame with a byte of data.
        assert index in flushed or len(payload.data) > capacity - 24


class Store:
    """A remote store in memory."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.error: Exception | None = None

    async def store(self, payload: bytes) -> bytes:
        if self.error is not None:
            raise self.error
        commitment = Commitment.of(payload).encode()
        self.kept[commitment] = payload
        return commitment

    async def close(self) -> None:
        """Nothing to close."""


def contents(parcels: Sequence[Parcel]) -> list[bytes]:
    assert all(parcel.data is not None for parcel in parcels)
    return [decode_blob(parcel.data) for parcel in parcels if parcel.data is not None]


async def test_a_steady_stream_of_large_blocks_fills_every_blob() -> None:
    maker = ParcelMaker(ChannelSettings(), None)
    parcels: list[Parcel] = []
    channels: list[PostedChannel] = []
    # One block takes two thirds of a blob, so whole blocks alone would leave a third of each empty.
    for number in range(30):
        posted, ready = await maker.add(channel(number, 87_000), DataKind.BLOBS, l1_number=number)
        channels.append(posted)
        parcels += ready
    assert all(len(payload) > 0.999 * MAX_BLOB_DATA_BYTES for payload in contents(parcels))
    assert [posted.whole for posted in channels] == [True] * 29 + [False]
    parcels += await maker.flush()
    assert read(contents(parcels)) == [(number, 87_000) for number in range(30)]
    assert channels[-1].whole and len(parcels) == 21


async def test_a_blob_with_room_waits_two_l1_blocks_and_a_channel_closed_by_time_does_not_wait() -> None:
    maker = ParcelMaker(ChannelSettings(), None)
    posted, ready = await maker.add(channel(1, 1_000), DataKind.BLOBS, l1_number=7)
    assert ready == [] and not posted.whole
    assert [maker.is_due(number) for number in (7, 8, 9)] == [False, False, True]
    second, ready = await maker.add(channel(2, 1_000, CloseReason.DURATION), DataKind.BLOBS, l1_number=7)
    assert len(ready) == 1 and posted.whole and second.whole
    assert not maker.is_open and await maker.flush() == []
    assert ready[0].shares == ((posted, 1_023), (second, 1_023))


async def test_a_nearly_full_blob_goes_at_once() -> None:
    maker = ParcelMaker(ChannelSettings(), None)
    _, ready = await maker.add(channel(1, int(0.996 * MAX_BLOB_DATA_BYTES)), DataKind.BLOBS, l1_number=7)
    assert len(ready) == 1 and not maker.is_open


async def test_a_blob_that_is_kept_back_is_dropped_only_when_nobody_wants_what_is_in_it() -> None:
    maker = ParcelMaker(ChannelSettings(), None)
    first, _ = await maker.add(channel(1, 1_000), DataKind.BLOBS, l1_number=7)
    second, _ = await maker.add(channel(2, 1_000), DataKind.BLOBS, l1_number=7)
    second.release(ChannelState.ABANDONED)
    maker.forget_abandoned()
    assert maker.is_open
    first.release(ChannelState.ABANDONED)
    maker.forget_abandoned()
    assert not maker.is_open and await maker.flush() == []


async def test_a_remote_channel_is_stored_before_its_commitment_is_to_be_posted() -> None:
    store = Store()
    maker = ParcelMaker(ChannelSettings(max_l1_tx_bytes=500), store)
    posted, parcels = await maker.add(channel(1, 1_200), DataKind.REMOTE, l1_number=7)
    assert posted.whole and len(parcels) == 3
    assert [parcel.data for parcel in parcels] == [b"\x01" + commitment for commitment in store.kept]
    assert read(list(store.kept.values())) == [(1, 1_200)]
    store.error = RemoteStoreDown("out of order")
    with pytest.raises(RemoteStoreDown):
        await maker.add(channel(2, 1_200), DataKind.REMOTE, l1_number=7)


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 400_000), min_size=1, max_size=6))
async def test_blobs_hold_what_the_packer_gave(sizes: list[int]) -> None:
    maker = ParcelMaker(ChannelSettings(), None)
    parcels: list[Parcel] = []
    for number, size in enumerate(sizes):
        parcels += (await maker.add(channel(number, size), DataKind.BLOBS, l1_number=1))[1]
    parcels += await maker.flush()
    assert read(contents(parcels)) == list(enumerate(sizes))
