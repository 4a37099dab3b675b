"""Two engines, one block: py-evm leads, and the native engine must come to the same block before anyone sees it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.disagreement import Outcome, Reproducers
from evm.engine.engine import Engine
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.native_block import NativeRefusal, attributes_from, execute_natively, store_fetch
from evm.engine.open_block import OpenBlock
from evm.engine.witness import recorded_values
from evm.native.engine import NativeEngine
from evm.rules import L2Rules
from evm.store.state import StateStore
from evm.types import Block, Hash32, Header, PayloadAttributes, Transaction
from evm.validity import InvalidTransaction


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
        try:
            executed = super().start_payload(parent, attributes).seal()
        except InvalidPayload as error:
            if inputs.timestamp > parent.timestamp:
                self._check_refusal(parent, inputs, attributes.transactions, str(error))
            raise
        self.check(parent, inputs, executed)
        return executed

    def import_block(self, parent: Header, block: Block) -> ExecutedBlock:
        """See `Engine`."""
        try:
            executed = super().import_block(parent, block)
        except InvalidBlock as error:
            if isinstance(error.__cause__, InvalidTransaction):
                raws = tuple(each.raw for each in block.transactions)
                self._check_refusal(parent, BlockInputs.of(block), raws, str(error))
            raise
        self.check(parent, BlockInputs.of(block), executed)
        return executed

    def check(self, parent: Header, inputs: BlockInputs, executed: ExecutedBlock) -> None:
        """Raises EngineDisagreement unless the native engine makes the same block of the same transactions."""
        raws = tuple(transaction.raw for transaction in executed.block.transactions)
        try:
            native = execute_natively(self._native, parent, inputs, raws, executed.block.hash)
        except NativeRefusal as refusal:
            outcome = Outcome(None, refusal=str(refusal), refused_at=refusal.index)
        else:
            if native.header.hash == executed.block.hash:
                return
            outcome = Outcome(native.header, native.receipts())
        ours = Outcome(executed.block.header, executed.receipts)
        raise self._reproducers.report(
            parent,
            attributes_from(inputs, raws),
            ours,
            outcome,
            lambda: self._reads(parent, inputs, executed.block.transactions, raws),
        )

    def _check_refusal(self, parent: Header, inputs: BlockInputs, raws: tuple[bytes, ...], why: str) -> None:
        try:
            native = execute_natively(self._native, parent, inputs, raws)
        except NativeRefusal:
            return
        raise self._reproducers.report(
            parent,
            attributes_from(inputs, raws),
            Outcome(None, refusal=why),
            Outcome(native.header, native.receipts()),
            lambda: self._reads(parent, inputs, (), raws),
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
        executed = self._block.seal()
        self._engine.check(self._parent, self._inputs, executed)
        return executed

    def abandon(self) -> None:
        self._block.abandon()
