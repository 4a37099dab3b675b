"""Stage 7 of derivation: turns batches into payload attributes."""

from dataclasses import replace

from config.errors import CriticalError, ResetError
from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig
from config.types import short
from derivation.attributes import deposits_only, prepare_payload_attributes
from derivation.events import EventKind, EventSink
from derivation.providers import L1Provider, L2Provider
from derivation.stages.pull import Pull
from derivation.stages.valid_batch import BatchSource, ValidBatch
from derivation.types import BatchRejected, DerivedAttributes, L1BlockRef, L2BlockRef


class AttributesStage:
    """Gives the attributes of the next L2 block.

    Duties: keep a batch until its attributes are built; add deposits and the L1 attributes; give the same attributes
    again while the safe head stays the same; replace them when the engine found them invalid.
    Spec: op derivation, "Payload Attributes Derivation"; op holocene derivation, "Engine Queue".
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1_chain: L1ChainConfig,
        l1: L1Provider,
        l2: L2Provider,
        events: EventSink,
        batches: BatchSource,
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

    def use(self, batches: BatchSource) -> None:
        """Take batches from another stage from now on."""
        self._batches = batches
        self.reset()

    def reject(self, derived: DerivedAttributes) -> DerivedAttributes | BatchRejected:
        """What takes the place of the attributes given last; drops the rest of their span, since Holocene of their channel.

        Raises ResetError when `derived` is not what was given last. Spec: op derivation, "L1-sync: payload attributes
        processing"; op holocene derivation, "Engine Queue".
        """
        if self._last != derived:
            raise ResetError(
                f"attributes for L2 block {derived.number} were found invalid, but derivation has moved on since"
            )
        back_to = self._batches.goes_back_to
        if back_to is not None and deposits_only(derived.attributes) == derived.attributes:
            raise CriticalError(
                f"L2 block {derived.number} cannot be made although it holds deposits only: the rollup config does "
                "not fit the chain, or this node has a bug; report it with this block"
            )
        kind = EventKind.DEPOSITS_ONLY if back_to is None else EventKind.BATCH_DROPPED
        outcome = "replaced by its deposits alone" if back_to is None else f"dropped; derivation goes on from {back_to}"
        text = f"the batch of L2 block {derived.number} makes no valid block: it is {outcome}"
        self._events.emit(kind, derived.derived_from, text)
        self._batches.flush()
        if back_to is not None:
            self._last = None
            return BatchRejected(back_to)
        self._last = replace(derived, attributes=deposits_only(derived.attributes), is_last_in_span=True)
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
