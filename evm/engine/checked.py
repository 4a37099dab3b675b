"""Two engines, one block: py-evm leads, and the native engine must come to the same block before anyone sees it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.disagreement import EngineDisagreement, Outcome, Reproducers
from evm.engine.engine import Engine
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.native_block import (
    NativeOutcome,
    NativeRefusal,
    attributes_from,
    execute_natively,
    outcome_of,
    store_fetch,
)
from evm.engine.open_block import OpenBlock
from evm.engine.witness import recorded_values
from evm.native.engine import NativeEngine
from evm.native.making import start_making
from evm.rules import L2Rules
from evm.store.state import StateStore
from evm.types import Block, Hash32, Header, PayloadAttributes, Transaction
from evm.types.transaction_list import encode_transactions
from evm.validity import InvalidTransaction


class NativeRun:
    """The native engine at work on a block, on another processor where there is one.

    It holds the engine until it is closed.
    """

    def __init__(
        self, engine: NativeEngine, parent: Header, inputs: BlockInputs, transactions: tuple[bytes, ...]
    ) -> None:
        self.parent = parent
        self.inputs = inputs
        self.transactions = transactions
        self._making = start_making(engine, parent, attributes_from(inputs), transactions)

    def outcome(self) -> NativeOutcome:
        """The block, when it is made. Raises NativeRefusal, or InvalidPayload where there is no such block."""
        return outcome_of(self._making.finish(), self.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._making.close()


class CheckedEngine(Engine):
    """Makes and checks blocks with both engines. Raises EngineDisagreement where they differ.

    The two share no code: the native one recovers senders itself, and reads trie nodes where py-evm reads flat entries.
    """

    rules: L2Rules

    def __init__(
        self,
        rules: L2Rules,
        state: StateStore,
        headers: HeaderSource,
        native: NativeEngine,
        reproducers: Reproducers,
    ) -> None:
        super().__init__(rules, state, headers)
        self._native = native
        self._reproducers = reproducers

    def start_payload(self, parent: Header, attributes: PayloadAttributes) -> OpenBlock:
        """See `Engine`. What the native engine thinks of the block is asked when it is sealed."""
        return _CheckedBlock(self, parent, self.inputs(attributes), super().start_payload(parent, attributes))

    def derive(self, parent: Header, attributes: PayloadAttributes) -> ExecutedBlock:
        """See `Engine`. A payload that one engine refuses the other must refuse as well."""
        inputs = self.inputs(attributes)
        with self.beside(parent, inputs, attributes.transactions) as native:
            try:
                executed = self._payload(parent, inputs, attributes.transactions).seal()
            except InvalidPayload as error:
                if inputs.timestamp > parent.timestamp:
                    self._check_refusal(native, str(error))
                raise
            self.check(native, executed)
            return executed

    def _execute(self, parent: Header, block: Block) -> ExecutedBlock:
        with self.beside(parent, BlockInputs.of(block), encode_transactions(block.transactions)) as native:
            try:
                executed = super()._execute(parent, block)
            except InvalidBlock as error:
                if isinstance(error.__cause__, InvalidTransaction):
                    self._check_refusal(native, str(error))
                raise
            self.check(native, executed)
            return executed

    def beside(self, parent: Header, inputs: BlockInputs, raws: Sequence[bytes]) -> "NativeRun":
        """The native engine begins to make the block of these transactions, which py-evm makes meanwhile."""
        return NativeRun(self._native, parent, inputs, tuple(raws))

    def check(self, native: "NativeRun", executed: ExecutedBlock) -> None:
        """Raises EngineDisagreement unless the native engine has made the same block."""
        try:
            outcome = native.outcome()
        except NativeRefusal as refusal:
            other = Outcome(None, refusal=str(refusal), refused_at=refusal.index)
        else:
            if outcome.hash == executed.block.hash:
                return
            outcome.result.read_all()
            other = Outcome(outcome.header, outcome.receipts())
        ours = Outcome(executed.block.header, executed.receipts)
        raise self._report(native, ours, other, executed.block.transactions)

    def _check_refusal(self, native: "NativeRun", why: str) -> None:
        try:
            outcome = native.outcome()
        except NativeRefusal:
            return
        outcome.result.read_all()
        raise self._report(native, Outcome(None, refusal=why), Outcome(outcome.header, outcome.receipts()), ())

    def _report(
        self, native: "NativeRun", ours: Outcome, other: Outcome, transactions: Sequence[Transaction]
    ) -> EngineDisagreement:
        parent, inputs, raws = native.parent, native.inputs, native.transactions
        return self._reproducers.report(
            parent,
            attributes_from(inputs, raws),
            ours,
            other,
            lambda: self._reads(parent, inputs, transactions, raws),
        )

    def _reads(
        self, parent: Header, inputs: BlockInputs, transactions: Sequence[Transaction], raws: Sequence[bytes]
    ) -> Mapping[Hash32, bytes]:
        """What the block makes either engine read."""

        def run(state: StateStore, headers: HeaderSource) -> None:
            builder = Engine(self.rules, state, headers).start(parent, inputs)
            for transaction in transactions:
                builder.add(transaction)
            builder.seal()
            with NativeEngine(self.rules.rollup, store_fetch(state, headers)) as native, suppress(NativeRefusal):
                execute_natively(native, parent, inputs, raws)

        return recorded_values(self.state, self.headers, run)


class _CheckedBlock:
    """An `OpenBlock` that is compared when it is sealed."""

    def __init__(self, engine: CheckedEngine, parent: Header, inputs: BlockInputs, block: OpenBlock) -> None:
        self._engine = engine
        self._parent = parent
        self._inputs = inputs
        self._block = block

    @property
    def number(self) -> int:
        return self._block.number

    @property
    def base_fee(self) -> int:
        return self._block.base_fee

    @property
    def gas_left(self) -> int:
        return self._block.gas_left

    @property
    def transactions(self) -> Sequence[Transaction]:
        return self._block.transactions

    def add(self, transaction: Transaction) -> object:
        return self._block.add(transaction)

    def add_valid(self, transactions: Sequence[Transaction]) -> InvalidTransaction | None:
        return self._block.add_valid(transactions)

    def seal(self) -> ExecutedBlock:
        raws = encode_transactions(self._block.transactions)
        with self._engine.beside(self._parent, self._inputs, raws) as native:
            executed = self._block.seal()
            self._engine.check(native, executed)
            return executed

    def abandon(self) -> None:
        self._block.abandon()
