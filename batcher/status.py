"""What the batcher is doing, as one immutable picture for RPC, metrics and the dashboard."""

from dataclasses import dataclass, field
from typing import Any

from batcher.posting import ChannelRecord
from config.rollup import BlockId
from config.types import Wei


@dataclass
class Counters:
    """Totals since the batcher was made.

    Bytes are bytes of raw L2 transactions in, bytes of channels out, and what confirmed L1 transactions carry of channels.
    """

    blocks_loaded: int = 0
    channels_closed: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    transactions_sent: int = 0
    transactions_confirmed: int = 0
    transactions_failed: int = 0
    blobs_confirmed: int = 0
    payload_bytes_confirmed: int = 0
    rewinds: int = 0
    resets: int = 0
    temporary_errors: int = 0


@dataclass(frozen=True)
class BatcherStatus:
    """`waiting_for` says in words why nothing is posted, when nothing is; `halted_by` why the loop ended by itself.

    `backlog_bytes` estimates L2 data that is not confirmed on L1, `backlog_l1_bytes` what it will take there.
    `window_expired`: nothing is posted because the next block comes too late for derivation. `spent` and `reserved` are wei.
    """

    running: bool
    halted_by: str | None
    waiting_for: str | None
    last_error: str | None
    l1_head: BlockId | None
    unsafe_l2: BlockId | None
    safe_l2: BlockId | None
    queued_blocks: int
    backlog_bytes: int
    backlog_l1_bytes: int
    open_channel_blocks: int
    open_channel_input_bytes: int
    pending_transactions: int
    window_expired: bool
    throttling: bool
    spent: Wei
    reserved: Wei
    budget: Wei | None
    counters: Counters
    channels: tuple[ChannelRecord, ...] = field(default=())

    @property
    def compression_ratio(self) -> float | None:
        """Bytes of raw L2 transactions per byte of all channels closed so far; None before the first one."""
        if not self.counters.output_bytes:
            return None
        return self.counters.input_bytes / self.counters.output_bytes

    def to_json(self) -> dict[str, Any]:
        """Camel-case fields; amounts of wei as decimal strings."""
        ratio = self.compression_ratio
        return {
            "running": self.running,
            "haltedBy": self.halted_by,
            "waitingFor": self.waiting_for,
            "lastError": self.last_error,
            "l1Head": self.l1_head.to_json() if self.l1_head else None,
            "unsafeL2": self.unsafe_l2.to_json() if self.unsafe_l2 else None,
            "safeL2": self.safe_l2.to_json() if self.safe_l2 else None,
            "queuedBlocks": self.queued_blocks,
            "backlogBytes": self.backlog_bytes,
            "backlogL1Bytes": self.backlog_l1_bytes,
            "openChannelBlocks": self.open_channel_blocks,
            "openChannelInputBytes": self.open_channel_input_bytes,
            "pendingTransactions": self.pending_transactions,
            "windowExpired": self.window_expired,
            "throttling": self.throttling,
            "spentWei": str(self.spent),
            "reservedWei": str(self.reserved),
            "budgetWei": None if self.budget is None else str(self.budget),
            "blocksLoaded": self.counters.blocks_loaded,
            "channelsClosed": self.counters.channels_closed,
            "inputBytes": self.counters.input_bytes,
            "outputBytes": self.counters.output_bytes,
            "compressionRatio": None if ratio is None else round(ratio, 4),
            "transactionsSent": self.counters.transactions_sent,
            "transactionsConfirmed": self.counters.transactions_confirmed,
            "transactionsFailed": self.counters.transactions_failed,
            "blobsConfirmed": self.counters.blobs_confirmed,
            "payloadBytesConfirmed": self.counters.payload_bytes_confirmed,
            "rewinds": self.counters.rewinds,
            "resets": self.counters.resets,
            "temporaryErrors": self.counters.temporary_errors,
            "channels": [record.to_json() for record in self.channels],
        }
