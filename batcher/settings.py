"""What an operator can choose about posting batches; names follow op-batcher's flags."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from batcher.throttle_controllers import ControllerType, PidSettings
from config.constants import MAX_BLOB_DATA_BYTES
from config.types import Wei
from derivation.codec import FRAME_FIXED_BYTES, Compression

VERSION_BYTES = 1
"""The version byte before a batcher transaction's frames. Spec: op derivation, "Batcher Transaction Format"."""

MAX_BLOBS_PER_TRANSACTION = 6
"""The most blobs one L1 transaction may carry since Osaka (EIP-7594)."""


MAX_L1_TX_BYTES = 130_672
"""What geth's pool takes (131,072 bytes), less 400 for the rest of a transaction."""


class BatchType(IntEnum):
    """The first byte of an encoded batch. Spec: op derivation, "Batch Format"; op delta, "Span batch format"."""

    SINGULAR = 0
    SPAN = 1


class DataAvailability(Enum):
    """Where frames go: blobs, calldata, or whichever is cheaper when a channel is closed."""

    BLOBS = "blobs"
    CALLDATA = "calldata"
    AUTO = "auto"


@dataclass(frozen=True)
class ChannelSettings:
    """Shape of channels.

    `target_blobs` is how many full blobs (of one frame each) a channel should fill, and `blobs_per_transaction` how
    many of them one L1 transaction carries. `max_l1_tx_bytes` bounds calldata transactions. Durations and margins
    are in L1 blocks: a channel closes after `max_channel_duration` (0: no limit), and so early that it can land
    `sub_safety_margin` blocks before the sequencing window of its first block or its own timeout ends.
    `max_blocks_per_span_batch` of 0 means one span batch for the whole channel.
    """

    batch_type: BatchType = BatchType.SPAN
    compression: Compression = Compression.BROTLI
    compression_level: int = 10
    data_availability: DataAvailability = DataAvailability.BLOBS
    target_blobs: int = 1
    blobs_per_transaction: int = MAX_BLOBS_PER_TRANSACTION
    max_l1_tx_bytes: int = 120_000
    max_channel_duration: int = 0
    sub_safety_margin: int = 10
    max_blocks_per_span_batch: int = 0

    def __post_init__(self) -> None:
        highest = 11 if self.compression is Compression.BROTLI else 9
        if not 0 <= self.compression_level <= highest:
            raise ValueError(f"{self.compression.value} has levels 0 to {highest}, not {self.compression_level}")
        if self.target_blobs < 1:
            raise ValueError(f"a channel must target at least one blob, not {self.target_blobs}")
        if not 1 <= self.blobs_per_transaction <= MAX_BLOBS_PER_TRANSACTION:
            raise ValueError(
                f"{self.blobs_per_transaction} blobs per transaction: L1 allows 1 to {MAX_BLOBS_PER_TRANSACTION}"
            )
        if self.max_l1_tx_bytes <= FRAME_FIXED_BYTES + VERSION_BYTES:
            raise ValueError(f"L1 transactions of {self.max_l1_tx_bytes} bytes leave no room for a frame's data")
        if self.max_l1_tx_bytes > MAX_L1_TX_BYTES:
            raise ValueError(
                f"L1 transactions of {self.max_l1_tx_bytes} bytes are too large: pools take up to {MAX_L1_TX_BYTES} of data"
            )
        if min(self.max_channel_duration, self.sub_safety_margin, self.max_blocks_per_span_batch) < 0:
            raise ValueError("channel duration, safety margin and blocks per span batch cannot be negative")

    @property
    def target_bytes(self) -> int:
        """Compressed bytes of a channel whose frames exactly fill its target number of blobs."""
        return self.target_blobs * self.blob_frame_data_bytes

    @property
    def blob_frame_data_bytes(self) -> int:
        """Channel bytes that a frame filling a blob carries."""
        return MAX_BLOB_DATA_BYTES - VERSION_BYTES - FRAME_FIXED_BYTES

    @property
    def calldata_frame_data_bytes(self) -> int:
        """Channel bytes that a frame filling a calldata transaction carries."""
        return self.max_l1_tx_bytes - VERSION_BYTES - FRAME_FIXED_BYTES


@dataclass(frozen=True)
class ThrottleSettings:
    """When the sequencer is told to slow down, and to what (bytes of estimated L1 data).

    Above `lower_threshold` bytes of L1 data that is not on L1 yet the controller begins to slow the sequencer down (0: it
    never does), at `upper_threshold` it does so with full intensity. Limits per block and per transaction lie between the
    upper limit (hardly any intensity) and the lower limit (full intensity); a lower limit of 0 switches that limit off.
    The limits are told again after `repeat_seconds`. Names and defaults as op-batcher's `--throttle.*` flags.
    """

    controller: ControllerType = ControllerType.QUADRATIC
    lower_threshold: int = 3_200_000
    upper_threshold: int = 12_800_000
    tx_size_lower_limit: int = 150
    tx_size_upper_limit: int = 20_000
    block_size_lower_limit: int = 2_000
    block_size_upper_limit: int = 130_000
    pid: PidSettings = field(default_factory=PidSettings)
    repeat_seconds: float = 30.0

    def __post_init__(self) -> None:
        if min(self.lower_threshold, self.tx_size_lower_limit, self.block_size_lower_limit) < 0:
            raise ValueError("throttle thresholds and limits are byte counts and cannot be negative")
        if self.lower_threshold and self.upper_threshold <= self.lower_threshold:
            raise ValueError(
                f"the upper throttle threshold ({self.upper_threshold} bytes) must be above the lower one "
                f"({self.lower_threshold} bytes)"
            )
        for what, lower, upper in (
            ("block", self.block_size_lower_limit, self.block_size_upper_limit),
            ("transaction", self.tx_size_lower_limit, self.tx_size_upper_limit),
        ):
            if lower > upper:
                raise ValueError(
                    f"the throttle's lower {what} limit of {lower} bytes is above the upper one of {upper}"
                )


@dataclass(frozen=True)
class DriverSettings:
    """How the posting loop behaves.

    `max_pending_transactions` bounds what is in flight at once (0: no bound). `poll_seconds` is the pause between two
    rounds. `max_blocks_per_round` bounds how many L2 blocks one round loads. A rejected transaction is tried again
    after `retry_seconds`, doubled each time up to `max_retry_seconds`.

    `budget` (wei, None: no limit) is the most this process will ever spend. No transaction may cost more than
    `max_transaction_cost` (wei; None: a tenth of the budget): the sender has to keep to that, and until its receipt
    tells what a transaction cost, it counts as that much.

    With `wait_node_sync` posting starts once the node has derived the L1 head of the start, and before that head is taken,
    transactions of an earlier run in L1's pool get `leftover_patience` L1 blocks to be included. `safe_progress_margin` is
    the number of L1 blocks that the node must have derived past a channel before its blocks, if still not safe, count
    as lost. `max_queued_bytes` bounds the L2 blocks held in memory and `max_unsent_transactions` the finished L1
    transactions; `history_channels` are remembered for the status.
    """

    max_pending_transactions: int = 10
    poll_seconds: float = 1.0
    max_blocks_per_round: int = 200
    retry_seconds: float = 1.0
    max_retry_seconds: float = 60.0
    budget: Wei | None = None
    max_transaction_cost: Wei | None = None
    wait_node_sync: bool = False
    leftover_patience: int = 5
    safe_progress_margin: int = 1
    max_queued_bytes: int = 256_000_000
    max_unsent_transactions: int = 20
    history_channels: int = 64

    def __post_init__(self) -> None:
        if self.max_pending_transactions < 0 or self.max_blocks_per_round < 1 or self.safe_progress_margin < 1:
            raise ValueError("pending transactions cannot be negative; blocks per round and progress margin start at 1")
        if min(self.max_queued_bytes, self.max_unsent_transactions, self.history_channels) < 1:
            raise ValueError("the bounds on queued bytes, unsent transactions and remembered channels start at 1")

    @property
    def transaction_ceiling(self) -> Wei | None:
        """The most that one transaction may cost (wei); None when there is neither a ceiling nor a budget."""
        if self.max_transaction_cost is not None or self.budget is None:
            return self.max_transaction_cost
        return Wei(self.budget // 10)
