"""The native engine makes and checks blocks; py-evm answers calls and traces, and checks blocks behind the head."""

from collections.abc import Sequence

from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.engine import Engine
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.header_check import check_header, compare_headers
from evm.engine.native_block import NativeBuilder
from evm.engine.open_block import OpenBlock
from evm.native.session import NativeSession, NativeTransactionRefused
from evm.rules import InvalidHeader, L2Rules
from evm.store.state import StateStore
from evm.types import Block, Header, PayloadAttributes, Transaction, decode_transaction, short
from evm.types.transaction import TransactionDecodingError


class NativeLedEngine(Engine):
    """See `Engine`. `start` stays py-evm's, since tracing looks into its state."""

    rules: L2Rules

    def __init__(self, rules: L2Rules, state: StateStore, headers: HeaderSource, session: NativeSession) -> None:
        super().__init__(rules, state, headers)
        self._session = session

    def start_payload(self, parent: Header, attributes: PayloadAttributes) -> OpenBlock:
        """See `Engine`."""
        return self._begin(parent, attributes)

    def derive(self, parent: Header, attributes: PayloadAttributes) -> ExecutedBlock:
        """See `Engine`."""
        return self._begin(parent, attributes).seal()

    def import_block(self, parent: Header, block: Block) -> ExecutedBlock:
        """See `Engine`."""
        header = block.header
        try:
            check_header(self.rules, parent, header)
        except InvalidHeader as error:
            raise InvalidBlock(f"{header}: {error}") from error
        builder = NativeBuilder(self._session, self.rules, parent, BlockInputs.of(block))
        try:
            builder.add_all(block.transactions)
            executed = builder.seal()
        except NativeTransactionRefused as refused:
            raise InvalidBlock(f"{header}: {_name(refused, block.transactions)}") from refused
        finally:
            builder.abandon()
        compare_headers(executed.block.header, header)
        return executed

    def _begin(self, parent: Header, attributes: PayloadAttributes) -> NativeBuilder:
        inputs = self.inputs(attributes)
        if inputs.timestamp <= parent.timestamp:
            raise InvalidPayload(f"timestamp {inputs.timestamp} is not after that of the parent, {parent.timestamp}")
        transactions = []
        for index, raw in enumerate(attributes.transactions):
            try:
                transactions.append(decode_transaction(raw))
            except TransactionDecodingError as error:
                raise InvalidPayload(f"transaction {index} of the payload attributes: {error}") from error
        builder = NativeBuilder(self._session, self.rules, parent, inputs)
        try:
            builder.add_all(transactions)
        except NativeTransactionRefused as refused:
            builder.abandon()
            raise InvalidPayload(f"{_name(refused, transactions)} (payload attributes)") from refused
        except BaseException:
            builder.abandon()
            raise
        return builder


def _name(refused: NativeTransactionRefused, transactions: Sequence[Transaction]) -> str:
    why = "the native engine cannot decode it" if refused.reason is None else refused.reason.value
    return f"transaction {refused.index} ({short(transactions[refused.index].hash)}): {why}"
