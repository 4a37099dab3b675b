"""Makes and checks blocks of one chain."""

from collections.abc import Callable, Mapping, Sequence

from config.forks import EthFork
from evm.engine.block_hashes import AncestorHashes, HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.builder import BlockBuilder
from evm.engine.call import (
    DEFAULT_GAS_CAP,
    AccessListResult,
    CallContext,
    CallMessage,
    CallResult,
    call_context,
    create_access_list,
    estimate_gas,
    run_call,
)
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.header_check import check_body, check_header, compare_headers
from evm.engine.open_block import OpenBlock
from evm.engine.overrides import BlockOverrides, StateOverride
from evm.rules import InvalidHeader, L2Rules, Rules
from evm.store.state import StateStore
from evm.types import Address, Block, Header, PayloadAttributes, Transaction, decode_transaction, short
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidTransaction


class Engine:
    """One pipeline for building, deriving and importing blocks on top of any block whose state is in the store.

    `headers` finds the ancestors that BLOCKHASH asks for. Nothing is written: the `StateUpdate` of the result is.
    """

    def __init__(self, rules: Rules, state: StateStore, headers: HeaderSource) -> None:
        self.rules = rules
        self.state = state
        self.headers = headers

    def start(self, parent: Header, inputs: BlockInputs) -> BlockBuilder:
        """Begin a block on `parent`; the pre-block system calls have run when this returns."""
        return BlockBuilder(self.rules, self.state, parent, inputs, AncestorHashes(self.headers, parent))

    def inputs(self, attributes: PayloadAttributes) -> BlockInputs:
        """What L2 payload attributes say of the block. Raises InvalidPayload when they do not fit the fork."""
        if not isinstance(self.rules, L2Rules):
            raise InvalidPayload("payload attributes with transactions are for L2 blocks only")
        try:
            extra_data = self.rules.extra_data(attributes.timestamp, attributes.eip1559_params, attributes.min_base_fee)
        except InvalidHeader as error:
            raise InvalidPayload(str(error)) from error
        fork = self.rules.at(attributes.timestamp)
        if fork.has(EthFork.CANCUN) != (attributes.parent_beacon_block_root is not None):
            raise InvalidPayload("payload attributes must carry a parent beacon block root since Ecotone, not before")
        return BlockInputs(
            timestamp=attributes.timestamp,
            fee_recipient=attributes.suggested_fee_recipient,
            prev_randao=attributes.prev_randao,
            gas_limit=attributes.gas_limit,
            extra_data=extra_data,
            parent_beacon_block_root=attributes.parent_beacon_block_root,
            withdrawals=() if fork.has(EthFork.SHANGHAI) else None,
        )

    def start_payload(self, parent: Header, attributes: PayloadAttributes) -> OpenBlock:
        """Begin the block that the attributes ask for, their transactions in it.

        Raises InvalidPayload when one of them cannot be decoded or is not valid: no block has them all.
        """
        return self._payload(parent, self.inputs(attributes), attributes.transactions)

    def _payload(self, parent: Header, inputs: BlockInputs, raws: Sequence[bytes]) -> BlockBuilder:
        """A block with exactly these transactions in it, not sealed. Raises InvalidPayload."""
        if inputs.timestamp <= parent.timestamp:
            raise InvalidPayload(f"timestamp {inputs.timestamp} is not after that of the parent, {parent.timestamp}")
        builder = self.start(parent, inputs)
        for index, raw in enumerate(raws):
            transaction: Transaction | None = None
            try:
                transaction = decode_transaction(raw)
                builder.add(transaction)
            except (TransactionDecodingError, InvalidTransaction) as error:
                name = f" ({short(transaction.hash)})" if transaction is not None else ""
                raise InvalidPayload(f"transaction {index}{name} of the payload attributes: {error}") from error
        return builder

    def derive(self, parent: Header, attributes: PayloadAttributes) -> ExecutedBlock:
        """The block with exactly the attributes' transactions. Raises InvalidPayload when there is none."""
        return self.start_payload(parent, attributes).seal()

    def import_block(self, parent: Header, block: Block) -> ExecutedBlock:
        """Execute a block made elsewhere and accept it only when every header field comes out the same.

        Raises InvalidBlock with the first rule that it breaks.
        """
        header = block.header
        try:
            check_header(self.rules, parent, header)
            check_body(self.rules, block)
        except InvalidHeader as error:
            raise InvalidBlock(f"{header}: {error}") from error
        return self._execute(parent, block)

    def _execute(self, parent: Header, block: Block) -> ExecutedBlock:
        """Execute a block whose header and body keep the rules that need no execution. Raises InvalidBlock."""
        header = block.header
        builder = self.start(parent, BlockInputs.of(block))
        for index, transaction in enumerate(block.transactions):
            try:
                builder.add(transaction)
            except InvalidTransaction as error:
                raise InvalidBlock(f"{header}: transaction {index} ({short(transaction.hash)}): {error}") from error
        executed = builder.seal(header.transactions_root)
        compare_headers(executed.block.header, header)
        return executed

    def call_context(
        self,
        header: Header,
        state_overrides: Mapping[Address, StateOverride] | None = None,
        block_overrides: BlockOverrides | None = None,
        gas_cap: int = DEFAULT_GAS_CAP,
        budget: Callable[[], None] | None = None,
    ) -> CallContext:
        """Where calls on the state after `header`'s block run: see `evm.engine.call`."""
        return call_context(
            self.rules,
            self.state.at(header.state_root),
            self.headers,
            header,
            state_overrides,
            block_overrides,
            gas_cap,
            budget,
        )

    def call(
        self,
        header: Header,
        message: CallMessage,
        state_overrides: Mapping[Address, StateOverride] | None = None,
        block_overrides: BlockOverrides | None = None,
        gas_cap: int = DEFAULT_GAS_CAP,
        budget: Callable[[], None] | None = None,
    ) -> CallResult:
        """Run a message after `header`'s block. Raises CallError when it cannot start."""
        return run_call(self.call_context(header, state_overrides, block_overrides, gas_cap, budget), message)

    def estimate_gas(
        self,
        header: Header,
        message: CallMessage,
        state_overrides: Mapping[Address, StateOverride] | None = None,
        block_overrides: BlockOverrides | None = None,
        gas_cap: int = DEFAULT_GAS_CAP,
        budget: Callable[[], None] | None = None,
    ) -> int:
        """Gas with which the message succeeds. Raises CallError or CallFailed."""
        return estimate_gas(self.call_context(header, state_overrides, block_overrides, gas_cap, budget), message)

    def create_access_list(
        self,
        header: Header,
        message: CallMessage,
        gas_cap: int = DEFAULT_GAS_CAP,
        budget: Callable[[], None] | None = None,
    ) -> AccessListResult:
        """The accounts and slots that the message touches. Raises CallError when it cannot start."""
        return create_access_list(self.call_context(header, gas_cap=gas_cap, budget=budget), message)
