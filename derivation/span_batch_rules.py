"""Which span batches are valid: pure rules over known blocks, as they hold before Holocene and since."""

from dataclasses import dataclass

from config.forks import Fork
from config.types import short
from derivation.batch_rules import ACCEPTED, BatchContext, Validity, Verdict, check_block, check_window, drop
from derivation.codec.span_batch import CHECK_BYTES, SpanBatch, SpanBlock
from derivation.providers import L2Provider
from derivation.types import L2BlockRef


@dataclass(frozen=True)
class _Parent:
    """The safe block that a span builds on; `ref` None when it lies before all that is known."""

    number: int
    ref: L2BlockRef | None


def check_span_since_holocene(context: BatchContext, span: SpanBatch, l2: L2Provider) -> Verdict:
    """The checks on a span batch as a whole and where it overlaps the safe chain: its new blocks are checked one by one later.

    `l2` is asked for the safe blocks from the one it builds on. Raises NotYetAvailable.
    Spec: op holocene derivation, "Span Batches"; op delta span batches, "Batch Queue".
    """
    verdict, parent = _check_prefix(context, span, l2)
    if parent is None or verdict.validity is not Validity.ACCEPT:
        return verdict
    return _check_overlap(context, span, parent, l2)


def check_span_batch(context: BatchContext, span: SpanBatch, l2: L2Provider) -> Verdict:
    """All checks on a span batch before Holocene, when it is valid as a whole or not at all. Raises NotYetAvailable.

    Spec: op delta span batches, "Batch Queue".
    """
    verdict, parent = _check_prefix(context, span, l2)
    if parent is None or verdict.validity is not Validity.ACCEPT:
        return verdict
    verdict = _check_overlap(context, span, parent, l2)
    if verdict.validity is not Validity.ACCEPT:
        return verdict
    timestamp = span.start_timestamp(context.rollup)
    previous = span.start_epoch_number if parent.ref is None else parent.ref.l1_origin.number
    for index, (block, epoch) in enumerate(zip(span.blocks, span.epoch_numbers(), strict=True)):
        if timestamp > context.safe_head.timestamp:
            origin = context.l1_block(epoch)
            if origin is None:
                # The last block's origin is known, so this one is older than the safe head's.
                verdict = drop(f"its L1 origin {epoch} is older than the safe head's")
            else:
                verdict = check_block(context, timestamp, block.transactions, origin, advances=epoch != previous)
            if verdict.validity is not Validity.ACCEPT:
                return Verdict(verdict.validity, f"block {index} of it: {verdict.reason}")
        previous = epoch
        timestamp += context.rollup.block_time
    return ACCEPTED


def _check_prefix(context: BatchContext, span: SpanBatch, l2: L2Provider) -> tuple[Verdict, _Parent | None]:
    """The verdict, and the span's parent where the checks came that far."""
    rollup = context.rollup
    start, end = span.start_timestamp(rollup), span.end_timestamp(rollup)
    start_epoch = span.start_epoch_number
    batch_origin = context.l1_blocks[0]
    if start_epoch == batch_origin.number + 1:
        if len(context.l1_blocks) < 2:
            return Verdict(Validity.UNDECIDED, f"its first L1 origin {start_epoch} is not read yet"), None
        batch_origin = context.l1_blocks[1]
    if not rollup.is_active(Fork.DELTA, batch_origin.timestamp):
        return drop("span batches are not active at its first block's L1 origin"), None
    if start > context.next_timestamp:
        return context.early(start), None
    if end < context.next_timestamp:
        return context.late(end), None
    parent = _parent_of(context, start, l2)
    if parent is None:
        return drop(f"no safe block is due right before its start at {start}"), None
    if not context.assumed.parents and parent.ref is not None and span.parent_check != parent.ref.hash[:CHECK_BYTES]:
        return drop(f"its parent is {short(span.parent_check)}, but the safe chain has {parent.ref}"), parent
    expired = check_window(context, start_epoch)
    if expired is not None:
        return expired, parent
    return _check_epochs(context, span, parent.ref), parent


def _check_epochs(context: BatchContext, span: SpanBatch, parent: L2BlockRef | None) -> Verdict:
    start_epoch, end_epoch = span.start_epoch_number, span.l1_origin_number
    if parent is not None and start_epoch > parent.l1_origin.number + 1:
        return drop(f"its first epoch is {start_epoch}, but it builds on epoch {parent.l1_origin.number}")
    end_origin = context.l1_block(end_epoch)
    if end_origin is None:
        first, last = context.l1_blocks[0].number, context.l1_blocks[-1].number
        reason = f"its last epoch {end_epoch} is not among L1 blocks {first} to {last}"
        waits = end_epoch > last and not context.rollup.is_active(Fork.HOLOCENE, context.included_in.timestamp)
        # An L1 block may become known; since Holocene nothing is kept for later.
        return Verdict(Validity.UNDECIDED if waits else Validity.DROP, reason)
    if span.l1_origin_check != end_origin.hash[:CHECK_BYTES]:
        return drop(
            f"its last epoch {end_epoch} has hash {short(span.l1_origin_check)}, but L1 has {short(end_origin.hash)}"
        )
    if parent is not None and start_epoch < parent.l1_origin.number:
        return drop(f"its first epoch is {start_epoch}, but it builds on epoch {parent.l1_origin.number}")
    return ACCEPTED


def _parent_of(context: BatchContext, start: int, l2: L2Provider) -> _Parent | None:
    """The safe block right before the span's start (not after the next block is due), None when there is none."""
    rollup, safe_head = context.rollup, context.safe_head
    behind = context.next_timestamp - start
    if behind % rollup.block_time:
        return None
    number = safe_head.number - behind // rollup.block_time
    if number == safe_head.number:
        return _Parent(number, safe_head)
    if number < rollup.genesis.l2.number:
        return None
    ref = l2.block_ref_by_number(number)
    return None if ref is None and number >= context.assumed.history_from else _Parent(number, ref)


def _check_overlap(context: BatchContext, span: SpanBatch, parent: _Parent, l2: L2Provider) -> Verdict:
    """Whether all blocks of the span that are not new are those of the safe chain."""
    overlapping = range(context.safe_head.number - parent.number)
    for index, block, epoch in zip(overlapping, span.blocks, span.epoch_numbers(), strict=False):
        verdict = _compare(context, parent.number + 1 + index, block, epoch, l2)
        if verdict.validity is not Validity.ACCEPT:
            return Verdict(verdict.validity, f"block {index} of it: {verdict.reason}")
    return ACCEPTED


def _compare(context: BatchContext, number: int, block: SpanBlock, epoch: int, l2: L2Provider) -> Verdict:
    """Whether a block of the span is the same as the safe block of its number."""
    safe = context.safe_head if number == context.safe_head.number else l2.block_ref_by_number(number)
    transactions = l2.user_transactions_by_number(number)
    if safe is None or transactions is None:
        is_given = number < context.assumed.history_from
        return ACCEPTED if is_given else drop(f"there is no safe block {number} to compare it with")
    if safe.l1_origin.number != epoch:
        return drop(f"its epoch is {epoch}, but {safe} has L1 origin {safe.l1_origin}")
    if tuple(block.transactions) != tuple(transactions):
        return drop(f"its transactions are not those of {safe}")
    return ACCEPTED
