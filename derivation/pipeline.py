"""The derivation pipeline: L1 blocks in, payload attributes of L2 blocks out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.errors import CriticalError, ResetError
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from config.types import Address
from derivation.batch_rules import NOTHING_ASSUMED, Assumptions
from derivation.events import DerivationEvent, EventKind, EventSink
from derivation.providers import L1Provider, L2Provider, RemoteInputs
from derivation.stages.attributes_stage import AttributesStage
from derivation.stages.era import BufferingEra, Era, StrictEra
from derivation.stages.known_epochs import KnownEpochs
from derivation.stages.l1_retrieval import InboxSighting, L1Retrieval
from derivation.stages.l1_traversal import L1Traversal
from derivation.stages.pull import Pull
from derivation.types import (
    AdvancedOrigin,
    Attributes,
    BatchRejected,
    DerivedAttributes,
    L1BlockRef,
    L2BlockRef,
    NeedMoreData,
    StepResult,
    StillReading,
)

_PULLS_PER_STEP = 512
"""Frames and batches that one step handles at most, so that a step stays short whatever L1 holds."""


@dataclass(frozen=True)
class ChannelStatus:
    """The oldest channel under construction; `size` in bytes with the overhead of 200 per frame."""

    channel_id: bytes
    frames: int
    size: int
    opened_in: L1BlockRef
    times_out_after: int
    """The last L1 block in which its last frame counts."""


@dataclass(frozen=True)
class PipelineStatus:
    """Where derivation stands, and why nothing comes out if nothing does."""

    origin: L1BlockRef
    next_timestamp: int | None
    """Timestamp (seconds) of the L2 block it looks for; None before the first step."""
    open_channel: ChannelStatus | None
    reading_channel: bytes | None
    span_remaining: int
    waiting_for: str
    batcher: Address
    """Whose transactions count in the L1 block being read."""
    batcher_seen: L1BlockRef | None
    """The newest L1 block read since the last reset that holds a transaction of the batcher."""
    stranger: InboxSighting | None
    """The newest transaction read since then that would be the batcher's, were it not for its sender."""
    counts: Mapping[EventKind, int]


class DerivationPipeline:
    """Derives the L2 chain from L1, in all eras from Bedrock on.

    Up to the first L1 block of Holocene the stages for frames, channels and batches are those that buffer what comes
    early; with that block they give way to the strict ones, and what they held is dropped.

    Call `reset` with a safe head first, then `step` with the current safe head again and again: execute the attributes
    it gives and pass the resulting block as safe head; fetch what NotYetAvailable names; wait for L1 at NeedMoreData;
    find a safe head on the new L1 chain and `reset` at ResetError. The same L1 and L2 blocks give the same attributes
    however the calls are cut.
    Spec: op derivation, "L2 Chain Derivation Pipeline"; op holocene derivation.
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1_chain: L1ChainConfig,
        l1: L1Provider,
        l2: L2Provider,
        on_event: Callable[[DerivationEvent], None] | None = None,
        assumed: Assumptions = NOTHING_ASSUMED,
        remote: RemoteInputs | None = None,
    ) -> None:
        """`assumed` is for who derives without having all of L2, or without executing blocks.

        `remote` is needed for chains with `alt_da`; without it they raise CriticalError.
        """
        self._rollup = rollup
        self._l1 = l1
        self._l2 = l2
        self._events = EventSink(on_event)
        genesis = L1BlockRef(rollup.genesis.l1.hash, rollup.genesis.l1.number, rollup.genesis.l1.hash, 0)
        self._traversal = L1Traversal(rollup, l1, self._events, genesis, rollup.genesis.system_config)
        self._retrieval = L1Retrieval(rollup, l1, self._events, self._traversal, remote)
        self._buffering = BufferingEra(rollup, l2, self._events, self._retrieval, assumed)
        self._strict = StrictEra(rollup, l2, self._events, self._retrieval, assumed)
        self._era: Era = self._strict
        self._attributes = AttributesStage(rollup, l1_chain, l1, l2, self._events, self._era.batches)
        self._processed = 0
        self._ready = False
        self._next_timestamp: int | None = None
        self._waiting_for = "the first reset"

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read: blocks derived so far follow from it and those before."""
        return self._traversal.origin

    def reset(self, l2_safe: L2BlockRef, base: L2BlockRef | None = None, processed: int | None = None) -> None:
        """Start anew from a safe head, reading L1 from a channel timeout before its L1 origin.

        With `base`, an ancestor of the safe head (or itself), L1 is read from that block's L1 origin on instead: right
        where no channel was open then.
        `processed` is the number of an L1 block up to which all data was derived with `l2_safe` as the outcome, known
        from a record of earlier derivation. Without it batches between the safe head's L1 origin and that block are
        judged anew. That gives the same blocks, except where the rest of a channel was dropped because a block in it
        was invalid: with the replaced block as safe head, that rest can look valid. So pass it when it is known.

        Before Holocene it makes no difference.

        Raises ResetError when the safe head's L1 origin is not canonical (find an earlier safe head), NotYetAvailable
        (call again). Nothing changes unless it returns.
        Spec: op derivation, "Resetting the Pipeline".
        """
        safe_origin = self._canonical(l2_safe)
        if base is None:
            base = self._find_base(l2_safe, self._rollup.channel_timeout_at(safe_origin.timestamp))
        origin = self._canonical(base)
        system_config = self._l2.system_config_by_l2_hash(base.hash)
        self._traversal.reset(origin, system_config)
        self._retrieval.reset()
        self._processed = origin.number if processed is None else processed
        self._enter(self._strict if self._is_strict(origin) else self._buffering, KnownEpochs(origin))
        self._ready = True
        self._next_timestamp = l2_safe.timestamp + self._rollup.block_time
        self._waiting_for = "the next step"
        self._events.emit(
            EventKind.RESET, origin, f"derivation starts at {origin} to find what follows the safe head {l2_safe}"
        )

    def step(self, l2_safe: L2BlockRef) -> StepResult:
        """Go on until there are attributes for the block after `l2_safe`, or the next L1 block is reached or needed.

        Gives StillReading after much work in between. Raises NotYetAvailable when a provider lacks data (step again
        once it is there), ResetError at an L1 reorg or a safe head that does not fit, CriticalError when a deposit
        cannot be read or before the first reset.
        """
        if not self._ready:
            raise CriticalError("derivation was stepped before it was given a safe head: call reset first")
        self._next_timestamp = l2_safe.timestamp + self._rollup.block_time
        self._waiting_for = f"data of {self.origin}"
        for _ in range(_PULLS_PER_STEP):
            result = self._attributes.next(l2_safe)
            if isinstance(result, DerivedAttributes):
                self._waiting_for = f"L2 block {result.number} to be made"
                return Attributes(result)
            if result is Pull.DRY:
                break
        else:
            return StillReading(self.origin)
        if self._traversal.advance():
            if self._era is self._buffering and self._is_strict(self.origin):
                self._activate_holocene()
            return AdvancedOrigin(self.origin)
        why = (
            f"all data up to {self.origin} is read and gives no batch for the L2 block at {self._next_timestamp}: "
            f"waiting for L1 block {self.origin.number + 1}"
        )
        self._waiting_for = why
        return NeedMoreData(self.origin.number + 1, why)

    def reject(self, derived: DerivedAttributes) -> DerivedAttributes | BatchRejected:
        """What takes the place of attributes that the engine found invalid.

        Since Holocene that is their deposit-only form; if the engine refuses this as well, that is critical. The rest of
        their span and channel is dropped. Before Holocene their whole batch is dropped: step again with the safe head
        that is given, whose descendants from the same span batch are void.

        Raises ResetError when `derived` is not what the last step gave, CriticalError before Holocene when the
        attributes hold deposits only. Spec: op derivation, "L1-sync: payload attributes processing"; op holocene
        derivation, "Engine Queue".
        """
        return self._attributes.reject(derived)

    def status(self) -> PipelineStatus:
        """Where derivation stands."""
        channel = self._era.channels.open_channel
        timeout = self._rollup.channel_timeout_at(self.origin.timestamp)
        return PipelineStatus(
            origin=self.origin,
            next_timestamp=self._next_timestamp,
            open_channel=None
            if channel is None
            else ChannelStatus(
                channel.channel_id, channel.frames, channel.size, channel.opened_in, channel.opened_in.number + timeout
            ),
            reading_channel=self._era.reader.reading,
            span_remaining=self._era.batches.span_remaining,
            waiting_for=self._waiting_for,
            batcher=self._traversal.system_config.batcher_address,
            batcher_seen=self._retrieval.batcher_seen,
            stranger=self._retrieval.stranger,
            counts=dict(self._events.counts),
        )

    def _is_strict(self, origin: L1BlockRef) -> bool:
        return self._rollup.forks.facts(origin.timestamp).strict_batch_ordering

    def _enter(self, era: Era, epochs: KnownEpochs) -> None:
        era.reset(epochs, self._processed)
        self._era = era
        self._attributes.use(era.batches)

    def _activate_holocene(self) -> None:
        """Drop frames, channels and batches; the L1 blocks known as possible origins stay.

        Spec: op holocene derivation, "Activation".
        """
        waiting = self._buffering.batches.waiting
        is_open = self._buffering.channels.open_channel is not None
        self._events.emit(
            EventKind.HOLOCENE_ACTIVATED,
            self.origin,
            f"Holocene's rules hold from {self.origin} on: {waiting} batches that waited"
            f"{' and unfinished channels' if is_open else ''} were dropped",
        )
        epochs = self._buffering.epochs
        self._buffering.reset(KnownEpochs(self.origin), 0)
        self._enter(self._strict, epochs)

    def _find_base(self, l2_safe: L2BlockRef, timeout: int) -> L2BlockRef:
        """The newest L2 block whose L1 origin is a channel timeout before the safe head's, or genesis of one of the chains.

        An L1 origin moves by at most one per L2 block, so going back as many L2 blocks as L1 blocks are missing never
        goes too far.
        """
        genesis = self._rollup.genesis
        base = l2_safe
        while base.number > genesis.l2.number and base.l1_origin.number > genesis.l1.number:
            missing = base.l1_origin.number + timeout - l2_safe.l1_origin.number
            if missing <= 0:
                break
            missing = min(missing, base.l1_origin.number - genesis.l1.number)
            number = max(base.number - missing, genesis.l2.number)
            earlier = self._l2.block_ref_by_number(number)
            if earlier is None:
                raise ResetError(f"L2 block {number} is missing from the safe chain that ends in {l2_safe}")
            base = earlier
        return base

    def _canonical(self, l2_block: L2BlockRef) -> L1BlockRef:
        """The L1 origin of an L2 block, which must be on the canonical L1 chain."""
        origin = l2_block.l1_origin
        header = self._l1.header_by_number(origin.number)
        if header is None or header.hash != origin.hash:
            has = "does not have that block" if header is None else f"has {header}"
            raise ResetError(f"{l2_block} has L1 origin {origin}, but L1 {has}: an earlier safe head is needed")
        return L1BlockRef.from_header(header)
