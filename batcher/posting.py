"""What has become of each closed channel on its way to L1."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from batcher.channel import Channel
from batcher.da import BatcherTransaction, DataKind
from batcher.ports import Inclusion
from config.types import Wei, to_hex


class ChannelState(Enum):
    """How far a channel has come."""

    POSTING = "posting"
    CONFIRMED = "confirmed"
    SAFE = "safe"
    ABANDONED = "abandoned"


NOTHING = Wei(0)


@dataclass(eq=False)
class Posting:
    """One L1 transaction of a channel. `started`: handed to the sender; `inclusion`: once it is confirmed.

    `transaction` is let go when it is not needed any more, since blobs are large.
    """

    transaction: BatcherTransaction | None = field(repr=False)
    started: bool = False
    inclusion: Inclusion | None = None


@dataclass(eq=False)
class PostedChannel:
    """A closed channel and its transactions, in the order in which they must be included."""

    channel: Channel
    kind: DataKind
    postings: list[Posting]
    blobs: int
    state: ChannelState = ChannelState.POSTING
    cost: Wei = NOTHING

    @staticmethod
    def create(channel: Channel, kind: DataKind, transactions: Sequence[BatcherTransaction]) -> "PostedChannel":
        """A channel none of whose transactions has been sent."""
        blobs = sum(len(transaction.candidate.blobs) for transaction in transactions)
        postings = [Posting(transaction) for transaction in transactions]
        return PostedChannel(replace(channel, data=b""), kind, postings, blobs)

    @property
    def is_confirmed(self) -> bool:
        """Whether all its transactions are confirmed."""
        return all(posting.inclusion is not None for posting in self.postings)

    @property
    def inclusion_numbers(self) -> list[int]:
        """L1 block numbers of its confirmed transactions."""
        return [posting.inclusion.block.number for posting in self.postings if posting.inclusion is not None]

    def waiting(self) -> Iterator[tuple[Posting, BatcherTransaction]]:
        """Its transactions that are still to be sent, in order."""
        for posting in self.postings:
            if not posting.started and posting.transaction is not None:
                yield posting, posting.transaction

    def release(self, state: ChannelState) -> None:
        """Nothing more is to be sent: the channel is safe or given up."""
        self.state = state
        for posting in self.postings:
            posting.transaction = None

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
            l1_transactions=len(self.postings),
            blobs=self.blobs,
            first_l1_block=min(numbers, default=None),
            last_l1_block=max(numbers, default=None),
            cost=self.cost,
        )


@dataclass(frozen=True)
class ChannelRecord:
    """A channel for dashboards and metrics: sizes in bytes, cost in wei (confirmed transactions only)."""

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
