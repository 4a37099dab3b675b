"""What has become of each closed channel on its way to L1."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from batcher.channel import Channel
from batcher.da import DataKind
from batcher.ports import NOTHING, Inclusion
from config.types import Wei, to_hex


class ChannelState(Enum):
    """How far a channel has come."""

    POSTING = "posting"
    CONFIRMED = "confirmed"
    SAFE = "safe"
    ABANDONED = "abandoned"


@dataclass(eq=False)
class Parcel:
    """One blob, or one transaction's calldata, and the channels whose frames it holds with their bytes.

    `data` is a blob or calldata; it is let go when it is not needed any more, since blobs are large. `payload_bytes` is
    what it holds of channels. `started`: handed to the sender; `inclusion`: once it is confirmed.
    """

    kind: DataKind
    data: bytes | None = field(repr=False)
    payload_bytes: int
    shares: tuple[tuple["PostedChannel", int], ...]
    started: bool = False
    inclusion: Inclusion | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether a channel in it is still to be posted."""
        return any(posted.state is ChannelState.POSTING for posted, _ in self.shares)

    @property
    def first_number(self) -> int:
        """The first L2 block of the first channel in it that is still to be posted."""
        wanted = [posted for posted, _ in self.shares if posted.state is ChannelState.POSTING]
        return (wanted or [self.shares[0][0]])[0].channel.first.number


@dataclass(eq=False)
class PostedChannel:
    """A closed channel and the parcels with its frames, in the order in which they must be included.

    `whole`: all its frames are in parcels. `cost` is its share of what confirmed transactions cost.
    """

    channel: Channel
    kind: DataKind
    parcels: list[Parcel] = field(default_factory=list)
    whole: bool = False
    state: ChannelState = ChannelState.POSTING
    cost: Wei = NOTHING

    @staticmethod
    def create(channel: Channel, kind: DataKind) -> "PostedChannel":
        """A channel that has no parcels yet; its data is let go."""
        return PostedChannel(replace(channel, data=b""), kind)

    @property
    def is_confirmed(self) -> bool:
        """Whether all of it is on L1."""
        return self.whole and all(parcel.inclusion is not None for parcel in self.parcels)

    @property
    def inclusions(self) -> Iterator[Inclusion]:
        """Its confirmed transactions, once per parcel."""
        return (parcel.inclusion for parcel in self.parcels if parcel.inclusion is not None)

    @property
    def inclusion_numbers(self) -> list[int]:
        """L1 block numbers of its confirmed parcels."""
        return [inclusion.block.number for inclusion in self.inclusions]

    @property
    def is_all_started(self) -> bool:
        """Whether nothing of it is left to be handed to the sender."""
        return self.whole and all(parcel.started for parcel in self.parcels)

    def release(self, state: ChannelState) -> None:
        """Nothing more is to be sent for it: it is safe or given up."""
        self.state = state
        for parcel in self.parcels:
            if not parcel.is_wanted:
                parcel.data = None

    def record(self) -> "ChannelRecord":
        """What it looks like now."""
        numbers = self.inclusion_numbers
        return ChannelRecord(
            id=self.channel.id,
            state=self.state,
            kind=self.kind,
            close_reason=self.channel.reason.value,
            first_l2_block=self.channel.first.number,
            last_l2_block=self.channel.last.number,
            transactions=self.channel.transactions,
            input_bytes=self.channel.input_bytes,
            batch_bytes=self.channel.batch_bytes,
            compressed_bytes=self.channel.compressed_bytes,
            l1_transactions=len({id(inclusion) for inclusion in self.inclusions}),
            blobs=len(self.parcels) if self.kind is DataKind.BLOBS else 0,
            first_l1_block=min(numbers, default=None),
            last_l1_block=max(numbers, default=None),
            cost=self.cost,
        )


@dataclass(frozen=True)
class ChannelRecord:
    """A channel for dashboards and metrics: sizes in bytes, cost in wei; both of confirmed transactions only.

    `blobs` counts those that hold frames of it, also when it shares them with other channels.
    """

    id: bytes
    state: ChannelState
    kind: DataKind
    close_reason: str
    first_l2_block: int
    last_l2_block: int
    transactions: int
    input_bytes: int
    batch_bytes: int
    compressed_bytes: int
    l1_transactions: int
    blobs: int
    first_l1_block: int | None
    last_l1_block: int | None
    cost: Wei

    @property
    def compression_ratio(self) -> float:
        """Bytes of raw L2 transactions per byte of channel."""
        return self.input_bytes / self.compressed_bytes

    def to_json(self) -> dict[str, Any]:
        """Camel-case fields; numbers as JSON numbers, cost as a decimal string."""
        return {
            "id": to_hex(self.id),
            "state": self.state.value,
            "kind": self.kind.value,
            "closeReason": self.close_reason,
            "firstL2Block": self.first_l2_block,
            "lastL2Block": self.last_l2_block,
            "transactions": self.transactions,
            "inputBytes": self.input_bytes,
            "batchBytes": self.batch_bytes,
            "compressedBytes": self.compressed_bytes,
            "compressionRatio": round(self.compression_ratio, 4),
            "l1Transactions": self.l1_transactions,
            "blobs": self.blobs,
            "firstL1Block": self.first_l1_block,
            "lastL1Block": self.last_l1_block,
            "costWei": str(self.cost),
        }
