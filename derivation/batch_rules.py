"""Which batches are valid: pure rules over known blocks, as they hold since Holocene."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from config.forks import Fork
from config.rollup import RollupConfig
from config.types import short
from derivation.codec.singular_batch import SingularBatch
from derivation.codec.span_batch import CHECK_BYTES, SpanBatch
from derivation.providers import L2Provider
from derivation.types import L1BlockRef, L2BlockRef
from derivation.upgrades import forbids_user_transactions
from evm.types.transaction import TransactionType

_USER_TRANSACTION_TYPES = frozenset((TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE))
_LEGACY_PREFIX = 0xC0


class Validity(Enum):
    """What becomes of a batch. Spec: op holocene derivation, "Batch Queue"."""

    ACCEPT = "accept"
    PAST = "past"
    DROP = "drop"


@dataclass(frozen=True)
class Verdict:
    """A batch's validity, and why it is not accepted."""

    validity: Validity
    reason: str = ""


_ACCEPTED = Verdict(Validity.ACCEPT)


def _drop(reason: str) -> Verdict:
    return Verdict(Validity.DROP, reason)


def check_singular_batch(
    rollup: RollupConfig,
    epoch: L1BlockRef,
    next_epoch: L1BlockRef,
    safe_head: L2BlockRef,
    batch: SingularBatch,
    included_in: L1BlockRef,
) -> Verdict:
    """Whether a batch is the next block after the safe head.

    `epoch` is the L1 block that the next L2 block may repeat as origin, `next_epoch` the one after it, `included_in`
    the L1 block that completed the batch's channel. Spec: op derivation, "Batch Queue"; op holocene derivation.
    """
    next_timestamp = safe_head.timestamp + rollup.block_time
    if batch.timestamp > next_timestamp:
        return _drop(f"it is for {batch.timestamp}, the next block is due at {next_timestamp}: batches are missing")
    if batch.timestamp < next_timestamp:
        return Verdict(Validity.PAST, f"it is for {batch.timestamp}, safe blocks reach {safe_head.timestamp} already")
    if batch.parent_hash != safe_head.hash:
        return _drop(f"its parent is {short(batch.parent_hash)}, but the safe head is {safe_head}")
    latest_inclusion = batch.epoch_number + rollup.seq_window_size
    if latest_inclusion < included_in.number:
        return _drop(
            f"epoch {batch.epoch_number} could be batched up to L1 block {latest_inclusion}, "
            f"it came in {included_in.number}"
        )
    if batch.epoch_number == epoch.number:
        origin = epoch
    elif batch.epoch_number == next_epoch.number:
        origin = next_epoch
    else:
        return _drop(f"its epoch is {batch.epoch_number}, allowed are {epoch.number} and {next_epoch.number}")
    if batch.epoch_hash != origin.hash:
        return _drop(f"its epoch {origin.number} has hash {short(batch.epoch_hash)}, but L1 has {short(origin.hash)}")
    if batch.timestamp < origin.timestamp:
        return _drop(f"its timestamp {batch.timestamp} is before its L1 origin's, {origin.timestamp}")
    latest = origin.timestamp + rollup.max_drift(origin.timestamp)
    if batch.timestamp > latest:
        if batch.transactions:
            return _drop(f"it has transactions at {batch.timestamp}, past the sequencer drift limit {latest}")
        if origin is epoch and batch.timestamp >= next_epoch.timestamp:
            return _drop(f"past the sequencer drift limit {latest} it had to move on to L1 origin {next_epoch.number}")
    if batch.transactions and forbids_user_transactions(rollup, batch.timestamp):
        return _drop("an upgrade activates in its block, which must have no transactions")
    return _check_transactions(rollup, batch)


def _check_transactions(rollup: RollupConfig, batch: SingularBatch) -> Verdict:
    isthmus = rollup.is_active(Fork.ISTHMUS, batch.timestamp)
    for index, raw in enumerate(batch.transactions):
        if not raw:
            return _drop(f"its transaction {index} is empty")
        kind = raw[0]
        if kind >= _LEGACY_PREFIX or kind in _USER_TRANSACTION_TYPES:
            continue
        if kind == TransactionType.SET_CODE and isthmus:
            continue
        return _drop(f"its transaction {index} has type 0x{kind:02x}, which batches may not carry")
    return _ACCEPTED


def check_span_batch(
    rollup: RollupConfig,
    l1_blocks: Sequence[L1BlockRef],
    safe_head: L2BlockRef,
    span: SpanBatch,
    included_in: L1BlockRef,
    l2: L2Provider,
) -> Verdict:
    """Whether singular batches may be taken from a span batch; each of them is checked by itself afterwards.

    `l1_blocks` are the known L1 blocks from the next block's possible origin up to `included_in`. A span may overlap
    the safe chain: then `l2` is asked for the block it builds on. Raises NotYetAvailable.
    Spec: op holocene derivation, "Span Batches"; op delta span batches, "Batch Queue".
    """
    start, end = span.start_timestamp(rollup), span.end_timestamp(rollup)
    next_timestamp = safe_head.timestamp + rollup.block_time
    start_epoch = span.start_epoch_number
    batch_origin = next((block for block in l1_blocks[:2] if block.number == start_epoch), l1_blocks[0])
    if not rollup.is_active(Fork.DELTA, batch_origin.timestamp):
        return _drop("span batches are not active at its first block's L1 origin")
    if start > next_timestamp:
        return _drop(f"it starts at {start}, but the next block is due at {next_timestamp}: batches are missing")
    if end < next_timestamp:
        return Verdict(Validity.PAST, f"it ends at {end}, and safe blocks reach {safe_head.timestamp} already")
    parent = _parent_of_span(rollup, safe_head, start, l2)
    if parent is None:
        return _drop(f"no safe block is due right before its start at {start}")
    if span.parent_check != parent.hash[:CHECK_BYTES]:
        return _drop(f"its parent is {short(span.parent_check)}, but the safe chain has {parent}")
    latest_inclusion = start_epoch + rollup.seq_window_size
    if latest_inclusion < included_in.number:
        return _drop(
            f"epoch {start_epoch} could be batched up to L1 block {latest_inclusion}, it came in {included_in.number}"
        )
    if not parent.l1_origin.number <= start_epoch <= parent.l1_origin.number + 1:
        return _drop(f"its first epoch is {start_epoch}, but it builds on epoch {parent.l1_origin.number}")
    end_origin = next((block for block in l1_blocks if block.number == span.l1_origin_number), None)
    if end_origin is None:
        return _drop(
            f"its last epoch {span.l1_origin_number} is not among "
            f"L1 blocks {l1_blocks[0].number} to {l1_blocks[-1].number}"
        )
    if span.l1_origin_check != end_origin.hash[:CHECK_BYTES]:
        return _drop(
            f"its last epoch {end_origin.number} has hash {short(span.l1_origin_check)}, "
            f"but L1 has {short(end_origin.hash)}"
        )
    return _ACCEPTED


def _parent_of_span(rollup: RollupConfig, safe_head: L2BlockRef, start: int, l2: L2Provider) -> L2BlockRef | None:
    """The safe block right before the span's start (not after the next block is due), None when there is none."""
    behind = safe_head.timestamp + rollup.block_time - start
    if behind % rollup.block_time:
        return None
    number = safe_head.number - behind // rollup.block_time
    if number == safe_head.number:
        return safe_head
    return l2.block_ref_by_number(number) if number >= rollup.genesis.l2.number else None
