"""The native engine makes and checks blocks; py-evm answers calls and traces, and checks blocks behind the head."""

from collections.abc import Sequence

from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.engine import Engine
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.header_check import check_header, compare_headers
from evm.engine.native_block import NativeBuilder, NativeRefusal, execute_natively
from evm.engine.open_block import OpenBlock
from evm.native.engine import NativeEngine
from evm.rules import InvalidHeader, L2Rules
from evm.store.state import StateStore
from evm.types import Block, Header, PayloadAttributes, decode_transaction, keccak256, short
from evm.types.transaction import TransactionDecodingError
from evm.types.transaction_list import EncodedTransactions, encode_transactions


class NativeLedEngine(Engine):
    """See `Engine`. `start` stays py-evm's, since tracing looks into its state."""

    rules: L2Rules

    def __init__(self, rules: L2Rules, state: StateStore, headers: HeaderSource, native: NativeEngine) -> None:
        super().__init__(rules, state, headers)
        self._native = native

    def start_payload(self, parent: Header, attributes: PayloadAttributes) -> OpenBlock:
        """See `Engine`."""
        return self._begin(parent, attributes)

    def derive(self, parent: Header, attributes: PayloadAttributes) -> ExecutedBlock:
        """See `Engine`. The transactions are not decoded here: the native engine has done so."""
        inputs = self._inputs(parent, attributes)
        try:
            outcome = execute_natively(self._native, parent, inputs, attributes.transactions)
        except NativeRefusal as refusal:
            raise InvalidPayload(f"{_name(refusal, attributes.transactions)} (payload attributes)") from refusal
        block = Block(outcome.header, EncodedTransactions(attributes.transactions), inputs.withdrawals)
        return ExecutedBlock(block, outcome.receipts(), outcome.update())

    def import_block(self, parent: Header, block: Block) -> ExecutedBlock:
        """See `Engine`."""
        header = block.header
        try:
            check_header(self.rules, parent, header)
        except InvalidHeader as error:
            raise InvalidBlock(f"{header}: {error}") from error
        builder = NativeBuilder(self._native, self.rules, parent, BlockInputs.of(block))
        try:
            builder.add_all(block.transactions)
            executed = builder.seal()
        except NativeRefusal as refusal:
            raise InvalidBlock(f"{header}: {_name(refusal, encode_transactions(block.transactions))}") from refusal
        finally:
            builder.abandon()
        compare_headers(executed.block.header, header)
        return executed

    def _inputs(self, parent: Header, attributes: PayloadAttributes) -> BlockInputs:
        inputs = self.inputs(attributes)
        if inputs.timestamp <= parent.timestamp:
            raise InvalidPayload(f"timestamp {inputs.timestamp} is not after that of the parent, {parent.timestamp}")
        return inputs

    def _begin(self, parent: Header, attributes: PayloadAttributes) -> NativeBuilder:
        inputs = self._inputs(parent, attributes)
        transactions = []
        for index, raw in enumerate(attributes.transactions):
            try:
                transactions.append(decode_transaction(raw))
            except TransactionDecodingError as error:
                raise InvalidPayload(f"transaction {index} of the payload attributes: {error}") from error
        builder = NativeBuilder(self._native, self.rules, parent, inputs)
        try:
            builder.add_all(transactions)
        except NativeRefusal as refusal:
            builder.abandon()
            raise InvalidPayload(
                f"{_name(refusal, encode_transactions(transactions))} (payload attributes)"
            ) from refusal
        except BaseException:
            builder.abandon()
            raise
        return builder


def _name(refusal: NativeRefusal, transactions: Sequence[bytes]) -> str:
    return f"transaction {refusal.index} ({short(keccak256(transactions[refusal.index]))}): {refusal.why}"
