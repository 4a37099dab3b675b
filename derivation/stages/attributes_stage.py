"""Stage 7 of derivation: turns batches into payload attributes."""

from dataclasses import replace

from config.errors import ResetError
from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig
from config.types import short
from derivation.attributes import deposits_only, prepare_payload_attributes
from derivation.events import EventKind, EventSink
from derivation.providers import L1Provider, L2Provider
from derivation.stages.batch_stage import BatchStage, ValidBatch
from derivation.stages.pull import Pull
from derivation.types import DerivedAttributes, L1BlockRef, L2BlockRef


class AttributesStage:
    """Gives the attributes of the next L2 block.

    Duties: keep a batch until its attributes are built; add deposits and the L1 attributes; give the same attributes
    again while the safe head stays the same; replace them by a deposit-only form when the engine found them invalid.
    Spec: op derivation, "Payload Attributes Derivation"; op holocene derivation, "Engine Queue".
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1_chain: L1ChainConfig,
        l1: L1Provider,
        l2: L2Provider,
        events: EventSink,
        batches: BatchStage,
    ) -> None:
        self._rollup = rollup
        self._l1_chain = l1_chain
        self._l1 = l1
        self._l2 = l2
        self._events = events
        self._batches = batches
        self._pending: ValidBatch | None = None
        self._last: DerivedAttributes | None = None

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._batches.origin

    def next(self, safe_head: L2BlockRef) -> DerivedAttributes | Pull:
        """The attributes of the block after `safe_head`."""
        if self._last is not None and self._last.parent == safe_head:
            return self._last
        self._last = None
        if self._pending is None:
            batch = self._batches.next(safe_head)
            if isinstance(batch, Pull):
                return batch
            self._pending = batch
        self._last = self._build(self._pending, safe_head)
        self._pending = None
        return self._last

    def deposits_only(self, derived: DerivedAttributes) -> DerivedAttributes:
        """The deposit-only form of the attributes given last; drops the rest of their span and channel.

        Raises ResetError when `derived` is not what was given last.
        """
        if self._last != derived:
            raise ResetError(
                f"attributes for L2 block {derived.number} were found invalid, but derivation has moved on since"
            )
        self._last = replace(derived, attributes=deposits_only(derived.attributes), is_last_in_span=True)
        self._events.emit(
            EventKind.DEPOSITS_ONLY,
            derived.derived_from,
            f"the batch of L2 block {derived.number} makes no valid block: it is replaced by its deposits alone",
        )
        self._batches.flush()
        return self._last

    def reset(self) -> None:
        """Forget the batch at hand."""
        self._pending = None
        self._last = None

    def _build(self, valid: ValidBatch, safe_head: L2BlockRef) -> DerivedAttributes:
        batch = valid.batch
        if batch.parent_hash != safe_head.hash:
            raise ResetError(
                f"the next batch builds on {short(batch.parent_hash)}, but the safe head changed to {safe_head}"
            )
        epoch = BlockId(batch.epoch_hash, batch.epoch_number)
        attributes = prepare_payload_attributes(self._rollup, self._l1_chain, self._l1, self._l2, safe_head, epoch)
        return DerivedAttributes(
            attributes=replace(attributes, transactions=(*attributes.transactions, *batch.transactions)),
            parent=safe_head,
            l1_origin=epoch,
            is_last_in_span=valid.is_last_in_span,
            derived_from=self.origin,
        )
