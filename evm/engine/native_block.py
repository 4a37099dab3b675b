"""Blocks that the native engine makes, as the rest of the node knows them."""

from collections.abc import Sequence

from config.types import ZERO_ADDRESS
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.native.result import NativeBlock
from evm.native.session import NativeOpenBlock, NativeSession, NativeTransactionRefused
from evm.rules import L2Rules
from evm.types import Address, Block, DepositTransaction, Header, Transaction
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidTransaction


def executed_block(native: NativeBlock, transactions: Sequence[Transaction], inputs: BlockInputs) -> ExecutedBlock:
    """A sealed native block with its transactions."""
    return ExecutedBlock(Block(native.header, tuple(transactions), inputs.withdrawals), native.receipts, native.update)


def known_sender(transaction: Transaction) -> Address:
    """The sender where it is known already; 20 zero bytes ask the native engine to recover it."""
    if isinstance(transaction, DepositTransaction):
        return ZERO_ADDRESS
    return transaction.recovered_sender or ZERO_ADDRESS


class NativeBuilder:
    """A block in the making by the native engine: see `OpenBlock`."""

    def __init__(self, session: NativeSession, rules: L2Rules, parent: Header, inputs: BlockInputs) -> None:
        self._inputs = inputs
        self._block: NativeOpenBlock = session.begin(parent, inputs)
        self._number = parent.number + 1
        self._base_fee = rules.next_base_fee(parent, inputs.timestamp)
        self._gas_used = 0
        self.transactions: list[Transaction] = []

    @property
    def number(self) -> int:
        """The number the block will have."""
        return self._number

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
        try:
            gas_used, _ = self._block.add(transaction.raw, known_sender(transaction))
        except NativeTransactionRefused as refused:
            if refused.reason is None:
                raise TransactionDecodingError("the native engine cannot decode this transaction") from refused
            raise InvalidTransaction(refused.reason) from refused
        self._gas_used += gas_used
        self.transactions.append(transaction)

    def add_all(self, transactions: Sequence[Transaction]) -> None:
        """Execute all of them in one call. Raises NativeTransactionRefused for the first that may not stand there."""
        self._block.add_all(
            [transaction.raw for transaction in transactions], [known_sender(each) for each in transactions]
        )
        self.transactions.extend(transactions)

    def seal(self) -> ExecutedBlock:
        """Finish the block."""
        try:
            return executed_block(self._block.seal(), self.transactions, self._inputs)
        finally:
            self._block.close()

    def abandon(self) -> None:
        """Give the block up."""
        self._block.close()
