"""Two engines, one block: py-evm leads, and the native engine must come to the same block before anyone sees it."""

from collections.abc import Mapping, Sequence

from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.disagreement import Outcome, Reproducers
from evm.engine.engine import Engine
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.open_block import OpenBlock
from evm.engine.stateless_file import attributes_of
from evm.engine.witness import recorded_values
from evm.native.session import NativeSession, NativeTransactionRefused
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
        session: NativeSession,
        reproducers: Reproducers,
    ) -> None:
        super().__init__(rules, state, headers)
        self._session = session
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
                self._check_refusal(parent, inputs, attributes, str(error))
            raise
        self.check(parent, inputs, executed)
        return executed

    def import_block(self, parent: Header, block: Block) -> ExecutedBlock:
        """See `Engine`."""
        try:
            executed = super().import_block(parent, block)
        except InvalidBlock as error:
            if isinstance(error.__cause__, InvalidTransaction):
                attributes = attributes_of(block.header, tuple(each.raw for each in block.transactions))
                self._check_refusal(parent, BlockInputs.of(block), attributes, str(error))
            raise
        self.check(parent, BlockInputs.of(block), executed)
        return executed

    def check(self, parent: Header, inputs: BlockInputs, executed: ExecutedBlock) -> None:
        """Raises EngineDisagreement unless the native engine makes the same block of the same transactions."""
        raws = tuple(transaction.raw for transaction in executed.block.transactions)
        try:
            native = self._session.execute(parent, inputs, raws)
        except NativeTransactionRefused as refused:
            outcome = Outcome(None, refusal=str(refused))
        else:
            if native.hash == executed.block.hash:
                return
            outcome = Outcome(native.header, native.receipts)
        ours = Outcome(executed.block.header, executed.receipts)
        raise self._reproducers.report(
            parent,
            attributes_of(executed.block.header, raws),
            ours,
            outcome,
            lambda: self._reads(parent, inputs, executed.block.transactions, raws),
        )

    def _check_refusal(self, parent: Header, inputs: BlockInputs, attributes: PayloadAttributes, why: str) -> None:
        try:
            native = self._session.execute(parent, inputs, attributes.transactions)
        except NativeTransactionRefused:
            return
        raise self._reproducers.report(
            parent,
            attributes,
            Outcome(None, refusal=why),
            Outcome(native.header, native.receipts),
            lambda: self._reads(parent, inputs, (), attributes.transactions),
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
            session = NativeSession(self.rules.rollup, state, headers)
            try:
                session.execute(parent, inputs, raws)
            except NativeTransactionRefused:
                return
            finally:
                session.close()

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

    def seal(self) -> ExecutedBlock:
        executed = self._block.seal()
        self._engine.check(self._parent, self._inputs, executed)
        return executed

    def abandon(self) -> None:
        self._block.abandon()
