"""Blocks that the native engine makes, as the rest of the node knows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.types import Address, Gas, Hash32, Timestamp
from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.native.engine import Added, Made, NativeEngine
from evm.native.fetch import Fetch, Kind
from evm.native.result import NativeBlockResult
from evm.rules import L2Rules
from evm.store.diff import StateChanges, StateUpdate
from evm.store.state import StateStore
from evm.types import Block, DepositTransaction, Header, PayloadAttributes, Receipt, Transaction
from evm.types.receipt_list import EncodedReceipts
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidReason, InvalidTransaction


class NativeRefusal(Exception):
    """The native engine does not put a transaction into the block. `reason` is None when it cannot decode it."""

    def __init__(self, index: int, reason: InvalidReason | None) -> None:
        self.index = index
        self.reason = reason
        super().__init__(f"transaction {index}: {self.why}")

    @property
    def why(self) -> str:
        """The reason in words."""
        return "it cannot be decoded" if self.reason is None else self.reason.value


def store_fetch(state: StateStore, headers: HeaderSource) -> Fetch:
    """What the native engine reads, from a state store and a source of headers."""

    def header(key: Hash32) -> bytes | None:
        found = headers.header_by_hash(key)
        return None if found is None else found.raw

    readers: dict[Kind, Callable[[Hash32], bytes | None]] = {
        Kind.NODE: state.get,
        Kind.CODE: state.code,
        Kind.HEADER: header,
    }

    def fetch(kind: Kind, keys: Sequence[Hash32]) -> Sequence[bytes | None]:
        return list(map(readers[kind], keys))

    return fetch


def attributes_from(inputs: BlockInputs, transactions: tuple[bytes, ...] = ()) -> PayloadAttributes:
    """The payload attributes that a block with these inputs and transactions is made of.

    Spec: op holocene exec-engine, "Encoding"; op jovian exec-engine, "Minimum Base Fee in Block Header".
    """
    extra = inputs.extra_data
    return PayloadAttributes(
        timestamp=Timestamp(inputs.timestamp),
        prev_randao=inputs.prev_randao,
        suggested_fee_recipient=inputs.fee_recipient,
        parent_beacon_block_root=inputs.parent_beacon_block_root,
        transactions=transactions,
        no_tx_pool=True,
        gas_limit=Gas(inputs.gas_limit),
        eip1559_params=extra[1:9] if len(extra) >= 9 else None,
        min_base_fee=int.from_bytes(extra[9:17], "big") if len(extra) >= 17 else None,
        with_withdrawals=inputs.withdrawals is not None,
    )


@dataclass(frozen=True)
class NativeOutcome:
    """A sealed native block, decoded as far as it is asked for before it is closed."""

    result: NativeBlockResult
    parent_root: Hash32

    @property
    def hash(self) -> Hash32:
        """The block's hash."""
        return self.result.hash

    @property
    def header(self) -> Header:
        """The header."""
        return self.result.header

    def receipts(self) -> Sequence[Receipt]:
        """The receipts."""
        return EncodedReceipts(self.result.receipts)

    def update(self) -> StateUpdate:
        """The state after the block."""
        result = self.result
        return StateUpdate(result.header.state_root, result.nodes, result.codes, {}, self._changes())

    def _changes(self) -> StateChanges | None:
        result = self.result
        if result.wiped:
            # The engine does not list the nodes of wiped storage.
            return None
        return StateChanges(
            self.parent_root, result.accounts, result.slots, frozenset(), result.replaced, result.copies
        )


def outcome_of(made: Made, parent: Header) -> NativeOutcome:
    """What `NativeEngine.make` has made on `parent`. Raises NativeRefusal where a transaction is not valid.

    What is read of it beside the hash has to be read before the block is closed.
    """
    block, done, last = made
    _raise_refusal(done, last)
    assert block.result is not None
    return NativeOutcome(block.result, parent.state_root)


def execute_natively(
    engine: NativeEngine, parent: Header, inputs: BlockInputs, transactions: Sequence[bytes]
) -> NativeOutcome:
    """The block with exactly these transactions, whose senders are recovered, and everything that it has changed.

    Raises NativeRefusal.
    """
    made = engine.make(parent, attributes_from(inputs), transactions)
    with made[0]:
        outcome = outcome_of(made, parent)
        outcome.result.read_all()
        return outcome


class NativeBuilder:
    """A block in the making by the native engine: see `OpenBlock`."""

    def __init__(self, engine: NativeEngine, rules: L2Rules, parent: Header, inputs: BlockInputs) -> None:
        self._inputs = inputs
        self._parent = parent
        self._block = engine.begin(parent, attributes_from(inputs))
        self._base_fee = rules.next_base_fee(parent, inputs.timestamp)
        self._gas_used = 0
        self.transactions: list[Transaction] = []

    @property
    def number(self) -> int:
        """The number the block will have."""
        return self._parent.number + 1

    @property
    def base_fee(self) -> int:
        """The block's base fee, wei per gas."""
        return self._base_fee

    @property
    def gas_left(self) -> int:
        """Gas that further transactions may ask for."""
        return self._inputs.gas_limit - self._gas_used

    def add(self, transaction: Transaction) -> None:
        """Execute a transaction at the end of the block. Raises InvalidTransaction, with everything as before."""
        refused = self.add_valid([transaction])
        if refused is not None:
            raise refused

    def add_valid(self, transactions: Sequence[Transaction]) -> InvalidTransaction | None:
        """Execute them in one call, up to the first that may not stand there: why it may not, or None."""
        try:
            self.add_all(transactions)
        except NativeRefusal as refusal:
            if refusal.reason is None:
                raise TransactionDecodingError("the native engine cannot decode this transaction") from refusal
            return InvalidTransaction(refusal.reason)
        return None

    def add_all(self, transactions: Sequence[Transaction]) -> None:
        """Execute all of them in one call. Raises NativeRefusal for the first that may not stand there."""
        done, gas, last = self._block.add_all(
            [transaction.raw for transaction in transactions], [_known_sender(each) for each in transactions]
        )
        self._gas_used += gas
        self.transactions.extend(transactions[: done if last.included else done - 1])
        _raise_refusal(done, last)

    def seal(self) -> ExecutedBlock:
        """Finish the block."""
        try:
            outcome = NativeOutcome(self._block.seal(), self._parent.state_root)
            block = Block(outcome.header, tuple(self.transactions), self._inputs.withdrawals)
            return ExecutedBlock(block, outcome.receipts(), outcome.update())
        finally:
            self._block.close()

    def abandon(self) -> None:
        """Give the block up."""
        self._block.close()


def _raise_refusal(done: int, last: Added) -> None:
    if not last.included:
        raise NativeRefusal(done - 1, last.reason)


def _known_sender(transaction: Transaction) -> Address | None:
    """The sender where it is known already; the native engine recovers the others, and knows that of a deposit."""
    return None if isinstance(transaction, DepositTransaction) else transaction.recovered_sender
