"""A verifier for derivation scenarios: steps the pipeline and makes blocks of what comes out."""

from collections.abc import Callable

from config.rollup import RollupConfig
from config.types import Hash32
from derivation.events import DerivationEvent, EventKind
from derivation.pipeline import DerivationPipeline
from derivation.providers import NotYetAvailable, RemoteInputs
from derivation.types import (
    AdvancedOrigin,
    Attributes,
    BatchRejected,
    DerivedAttributes,
    L2BlockRef,
    NeedMoreData,
    StillReading,
)
from evm.types import PayloadAttributes
from evm.types.transaction import TransactionDecodingError, decode_transaction
from tests.actions.chains import L1_CONFIG, FakeL1, FakeL2


class Verifier:
    """Follows a FakeL1. `is_valid` stands for the engine: what it refuses is replaced or dropped, by the era's rules.

    Bytes that are no transaction are refused anyway, as every engine does.
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1: FakeL1,
        is_valid: Callable[[PayloadAttributes], bool] = lambda attributes: True,
        remote: RemoteInputs | None = None,
    ) -> None:
        self.l2 = FakeL2(rollup, l1)
        self.events: list[DerivationEvent] = []
        self.derived: list[DerivedAttributes] = []
        self.fetches = 0
        self._is_valid = is_valid
        self.pipeline = DerivationPipeline(rollup, L1_CONFIG, l1, self.l2, self.events.append, remote=remote)
        self.reset(self.l2.head)

    def takes(self, attributes: PayloadAttributes) -> bool:
        """The engine's judgement of a block."""
        return all(map(_is_transaction, attributes.transactions)) and self._is_valid(attributes)

    @property
    def safe(self) -> L2BlockRef:
        return self.l2.head

    def reset(self, safe: L2BlockRef, processed: int | None = None) -> None:
        """Go back to a safe head and start the pipeline there."""
        self.l2.rewind(safe.number)
        self._start = safe.number - sum(derived.number <= safe.number for derived in self.derived)
        self.derived = [derived for derived in self.derived if derived.number <= safe.number]
        while True:
            try:
                self.pipeline.reset(safe, processed=processed)
                return
            except NotYetAvailable:
                self.fetches += 1

    def safe_at(self, l1_number: int) -> L2BlockRef:
        """The safe head that L1 up to this block gave."""
        derived = [derived.number for derived in self.derived if derived.derived_from.number <= l1_number]
        return self.l2.refs()[derived[-1] if derived else 0]

    def run(self) -> NeedMoreData:
        """Derive until L1 is used up. (A test of the core puts a comparison with it in here.)"""
        return self.run_alone()

    def run_alone(self) -> NeedMoreData:
        """The same without that comparison, for where it would be made too often."""
        while True:
            try:
                result = self.pipeline.step(self.safe)
            except NotYetAvailable:
                self.fetches += 1
                continue
            if isinstance(result, Attributes):
                self._make(result.derived)
            elif isinstance(result, NeedMoreData):
                return result
            else:
                assert isinstance(result, AdvancedOrigin | StillReading)

    def _make(self, derived: DerivedAttributes) -> None:
        assert derived.parent == self.safe
        if not self.takes(derived.attributes):
            replacement = self.pipeline.reject(derived)
            if isinstance(replacement, BatchRejected):
                self.l2.rewind(replacement.safe_head.number)
                self.derived = self.derived[: replacement.safe_head.number - self._start]
                return
            derived = replacement
            assert self.takes(derived.attributes)
        self.derived.append(derived)
        self.l2.apply(derived.attributes)

    def hashes(self) -> list[Hash32]:
        return self.l2.hashes()

    def kinds(self) -> list[EventKind]:
        """What happened, without the resets and completed channels."""
        quiet = (EventKind.RESET, EventKind.CHANNEL_COMPLETE)
        return [event.kind for event in self.events if event.kind not in quiet]


def _is_transaction(raw: bytes) -> bool:
    try:
        decode_transaction(raw)
    except TransactionDecodingError:
        return False
    return True
