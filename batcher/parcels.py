"""Makes parcels of closed channels: frames packed into blobs, calldata, or commitments to payloads kept elsewhere."""

import asyncio
from collections.abc import Sequence

from batcher.channel import Channel, CloseReason
from batcher.da import DataKind
from batcher.packing import Packer, Payload
from batcher.ports import RemoteStore
from batcher.posting import ChannelState, Parcel, PostedChannel
from batcher.settings import ChannelSettings
from config.constants import DERIVATION_VERSION_1
from derivation.codec import encode_blob

_PATIENCE = 1
"""L1 blocks for which a blob with room is kept back for the next channel."""


class ParcelMaker:
    """Turns channels into parcels, in order.

    A channel that is closed because it is full is followed by another soon, so a blob that it does not fill waits for that,
    for at most two L1 blocks. What is closed for any other reason goes at once.
    """

    def __init__(self, settings: ChannelSettings, remote: RemoteStore | None) -> None:
        """`remote` is needed for channels of kind REMOTE."""
        self._settings = settings
        self._remote = remote
        self._packer = Packer.for_blobs()
        self._open: dict[bytes, PostedChannel] = {}
        self._open_since = 0

    @property
    def is_open(self) -> bool:
        """Whether a blob is kept back."""
        return bool(self._open)

    async def add(self, channel: Channel, kind: DataKind, l1_number: int) -> tuple[PostedChannel, list[Parcel]]:
        """A channel closed while L1's head was `l1_number`, and the parcels that are complete now.

        Another kind than blobs needs `flush` before. Raises what the remote store raises; nothing has changed then.
        """
        posted = PostedChannel.create(channel, kind)
        if kind is not DataKind.BLOBS:
            packer = Packer.for_calldata(self._settings)
            payloads = [*packer.add(channel), *packer.flush()]
            contents = [payload.data for payload in payloads]
            if kind is DataKind.REMOTE:
                contents = [await self._commit(payload.data) for payload in payloads]
            posted.whole = True
            return posted, _parcels(kind, contents, payloads, {channel.id: posted})
        payloads = self._packer.add(channel)
        if channel.reason is not CloseReason.FULL or self._packer.is_nearly_full:
            payloads += self._packer.flush()
        self._open[channel.id] = posted
        self._open_since = l1_number
        return posted, await self._blobs(payloads)

    async def flush(self) -> list[Parcel]:
        """The blob that was kept back, if any."""
        return await self._blobs(self._packer.flush())

    def is_due(self, l1_number: int) -> bool:
        """Whether the blob that is kept back has waited long enough."""
        return self.is_open and l1_number > self._open_since + _PATIENCE

    def forget_abandoned(self) -> None:
        """Drop the blob that is kept back when nobody wants what is in it any more."""
        if not any(posted.state is ChannelState.POSTING for posted in self._open.values()):
            self._packer.discard()
            self._open.clear()

    async def _blobs(self, payloads: Sequence[Payload]) -> list[Parcel]:
        contents = await asyncio.to_thread(lambda: [encode_blob(payload.data) for payload in payloads])
        parcels = _parcels(DataKind.BLOBS, contents, payloads, self._open)
        still_open = self._packer.open_channels
        for channel_id in [channel_id for channel_id in self._open if channel_id not in still_open]:
            self._open.pop(channel_id).whole = True
        return parcels

    async def _commit(self, payload: bytes) -> bytes:
        """What the inbox gets in place of the payload. Spec: op alt-da, "Input Commitment Submission"."""
        if self._remote is None:
            raise ValueError("there is no remote store to keep a payload in")
        return bytes((DERIVATION_VERSION_1,)) + await self._remote.store(payload)


def _parcels(
    kind: DataKind, contents: Sequence[bytes], payloads: Sequence[Payload], channels: dict[bytes, PostedChannel]
) -> list[Parcel]:
    parcels: list[Parcel] = []
    for content, payload in zip(contents, payloads, strict=True):
        shares = tuple((channels[channel_id], size) for channel_id, size in payload.shares)
        parcel = Parcel(kind, content, len(payload.data), shares)
        for posted, _ in shares:
            posted.parcels.append(parcel)
        parcels.append(parcel)
    return parcels
