"""Which singular batches are valid: pure rules over known blocks, as they hold before Holocene and since."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from config.forks import Fork
from config.rollup import RollupConfig
from config.types import short
from derivation.codec.singular_batch import SingularBatch
from derivation.types import L1BlockRef, L2BlockRef
from derivation.upgrades import forbids_user_transactions
from evm.types.transaction import TransactionType

_USER_TRANSACTION_TYPES = frozenset((TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE))
_LEGACY_PREFIX = 0xC0


class Validity(Enum):
    """What becomes of a batch. Spec: op derivation, "Batch Queue"; op holocene derivation, "Batch Queue"."""

    ACCEPT = "accept"
    DROP = "drop"
    PAST = "past"
    """For a block that is safe already; since Holocene."""
    FUTURE = "future"
    """For a later block; before Holocene."""
    UNDECIDED = "undecided"
    """L1 blocks are needed that were not read yet."""


@dataclass(frozen=True)
class Verdict:
    """A batch's validity, and why it is not accepted."""

    validity: Validity
    reason: str = ""


ACCEPTED = Verdict(Validity.ACCEPT)


def drop(reason: str) -> Verdict:
    """The verdict on a batch that is invalid for good."""
    return Verdict(Validity.DROP, reason)


@dataclass(frozen=True)
class Assumptions:
    """What who does not have all of L2 takes as given.

    With `parents` a batch counts as building on whatever block is due before it, whatever hashes it names: without
    executing blocks their hashes are not known. L2 blocks below number `history_from` that are not there count as being
    what batches say.
    """

    parents: bool = False
    history_from: int = 0


NOTHING_ASSUMED = Assumptions()


@dataclass(frozen=True)
class BatchContext:
    """What a batch is judged by.

    `l1_blocks`, not empty, are the L1 block that the next L2 block may repeat as origin and those known after it.
    `included_in` is the L1 block that completed the batch's channel: its timestamp decides which era's rules hold.
    """

    rollup: RollupConfig
    l1_blocks: Sequence[L1BlockRef]
    safe_head: L2BlockRef
    included_in: L1BlockRef
    assumed: Assumptions = NOTHING_ASSUMED

    @property
    def next_timestamp(self) -> int:
        """When the block after the safe head is due."""
        return self.safe_head.timestamp + self.rollup.block_time

    def l1_block(self, number: int) -> L1BlockRef | None:
        """The known L1 block of this number."""
        index = number - self.l1_blocks[0].number
        return self.l1_blocks[index] if 0 <= index < len(self.l1_blocks) else None

    def early(self, starts: int) -> Verdict:
        """The verdict on a batch that starts after the next block is due."""
        reason = f"it starts at {starts}, but the next block is due at {self.next_timestamp}: batches are missing"
        return Verdict(Validity.DROP if self._is_strict else Validity.FUTURE, reason)

    def late(self, ends: int) -> Verdict:
        """The verdict on a batch that ends before the next block is due."""
        reason = f"it ends at {ends}, and safe blocks reach {self.safe_head.timestamp} already"
        return Verdict(Validity.PAST if self._is_strict else Validity.DROP, reason)

    @property
    def _is_strict(self) -> bool:
        return self.rollup.is_active(Fork.HOLOCENE, self.included_in.timestamp)


def check_singular_batch(context: BatchContext, batch: SingularBatch) -> Verdict:
    """Whether a batch is the next block after the safe head. Spec: op derivation, "Batch Queue"; op holocene derivation."""
    safe_head = context.safe_head
    if batch.timestamp > context.next_timestamp:
        return context.early(batch.timestamp)
    if batch.timestamp < context.next_timestamp:
        return context.late(batch.timestamp)
    if batch.parent_hash != safe_head.hash and not context.assumed.parents:
        return drop(f"its parent is {short(batch.parent_hash)}, but the safe head is {safe_head}")
    expired = check_window(context, batch.epoch_number)
    if expired is not None:
        return expired
    first = context.l1_blocks[0].number
    # The first known block is past the safe head's origin when that origin's window has expired.
    last = max(first, safe_head.l1_origin.number + 1)
    if not first <= batch.epoch_number <= last:
        return drop(f"its epoch is {batch.epoch_number}, allowed are {first} to {last}")
    origin = context.l1_block(batch.epoch_number)
    if origin is None:
        return Verdict(Validity.UNDECIDED, f"its L1 origin {batch.epoch_number} is not read yet")
    if batch.epoch_hash != origin.hash:
        return drop(f"its epoch {origin.number} has hash {short(batch.epoch_hash)}, but L1 has {short(origin.hash)}")
    return check_block(context, batch.timestamp, batch.transactions, origin, advances=origin.number != first)


def check_window(context: BatchContext, epoch_number: int) -> Verdict | None:
    """The verdict on a batch that came after its epoch's sequencing window, None on one that came in time."""
    latest = epoch_number + context.rollup.seq_window_size
    if latest >= context.included_in.number:
        return None
    return drop(
        f"epoch {epoch_number} could be batched up to L1 block {latest}, it came in {context.included_in.number}"
    )


def check_block(
    context: BatchContext, timestamp: int, transactions: Sequence[bytes], origin: L1BlockRef, advances: bool
) -> Verdict:
    """Whether a new block may have this timestamp (seconds) and these transactions in epoch `origin`.

    `advances`: its parent is of an earlier epoch. Spec: op derivation, "Batch Queue"; op jovian derivation.
    """
    rollup = context.rollup
    if timestamp < origin.timestamp:
        return drop(f"its timestamp {timestamp} is before its L1 origin's, {origin.timestamp}")
    latest = origin.timestamp + rollup.max_drift(origin.timestamp)
    if timestamp > latest:
        if transactions:
            return drop(f"it has transactions at {timestamp}, past the sequencer drift limit {latest}")
        if not advances:
            following = context.l1_block(origin.number + 1)
            if following is None:
                return Verdict(Validity.UNDECIDED, f"L1 block {origin.number + 1}, which it may miss, is not read yet")
            if timestamp >= following.timestamp:
                return drop(
                    f"past the sequencer drift limit {latest} it had to move on to L1 origin {following.number}"
                )
    if transactions and forbids_user_transactions(rollup, timestamp):
        return drop("an upgrade activates in its block, which must have no transactions")
    return _check_transactions(transactions, rollup.is_active(Fork.ISTHMUS, timestamp))


def _check_transactions(transactions: Sequence[bytes], isthmus: bool) -> Verdict:
    for index, raw in enumerate(transactions):
        if not raw:
            return drop(f"its transaction {index} is empty")
        kind = raw[0]
        if kind >= _LEGACY_PREFIX or kind in _USER_TRANSACTION_TYPES:
            continue
        if kind == TransactionType.SET_CODE and isthmus:
            continue
        return drop(f"its transaction {index} has type 0x{kind:02x}, which batches may not carry")
    return ACCEPTED
