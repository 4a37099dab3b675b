"""Builds one block: transaction by transaction, then the header. Import goes through here as well."""

from collections.abc import Callable, Sequence

from config.constants import (
    EMPTY_REQUESTS_HASH,
    EMPTY_TRIE_ROOT,
    GAS_PER_BLOB,
    L1_BLOCK,
    L2_TO_L1_MESSAGE_PASSER,
)
from config.forks import EthFork, Fork
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.environment import BlockEnvironment
from evm.engine.errors import InvalidBlock
from evm.engine.requests import collect_requests, requests_hash
from evm.engine.state import EvmState
from evm.engine.system_calls import activate_forks, begin_block
from evm.engine.transaction import TransactionResult, execute_deposit, execute_signed
from evm.fees import L1FeeParameters
from evm.rules import MAINNET_DEPOSIT_CONTRACT, L1Rules, Rules
from evm.store.account import Account
from evm.store.comparison import NewNodes
from evm.store.state import States, StateUpdate
from evm.trie import Trie, ordered_root
from evm.types import (
    Address,
    Block,
    DepositTransaction,
    Hash32,
    Header,
    Log,
    Receipt,
    SignedTransaction,
    Transaction,
    keccak256,
)
from evm.types.receipt import BLOOM_BYTES
from evm.validity import (
    BlockFees,
    InvalidReason,
    InvalidTransaction,
    SenderFacts,
    validate_against_state,
    validate_stateless,
)

_GWEI = 10**9
_CANYON_RECEIPT_VERSION = 1


class BlockBuilder:
    """A block in the making. The pre-block system calls have run when this exists; `seal` ends it.

    `hashes` answers BLOCKHASH. Without `system_calls` transactions run as if there were no block around them, which
    state tests ask for. `succeeded` says of each transaction whether it ran to its end, which receipts before Byzantium
    do not. `state` shows the accounts as they are after the transactions so far. Not safe to share between threads.
    """

    def __init__(
        self,
        rules: Rules,
        store: States,
        parent: Header,
        inputs: BlockInputs,
        hashes: Callable[[int], Hash32 | None],
        *,
        system_calls: bool = True,
    ) -> None:
        self.rules = rules
        self.parent = parent
        self.inputs = inputs
        self.fork = rules.at(inputs.timestamp)
        self.base_fee = rules.next_base_fee(parent, inputs.timestamp)
        self.excess_blob_gas = rules.excess_blob_gas(parent, inputs.timestamp)
        self._store = store
        self._reader = store.at(parent.state_root)
        self.environment = BlockEnvironment(
            chain_id=rules.chain_id,
            number=parent.number + 1,
            timestamp=inputs.timestamp,
            coinbase=inputs.fee_recipient,
            gas_limit=inputs.gas_limit,
            base_fee=self.base_fee,
            prev_randao=inputs.prev_randao,
            blob_base_fee=rules.blob_base_fee(self.excess_blob_gas, inputs.timestamp),
            difficulty=inputs.difficulty,
            block_hash=hashes,
        )
        self.state = EvmState(
            self._reader,
            self.environment,
            self.fork.precompiles,
            clears_empty=self.fork.has(EthFork.SPURIOUS_DRAGON),
        )
        self.transactions: list[Transaction] = []
        self.receipts: list[Receipt] = []
        self.succeeded: list[bool] = []
        self.gas_used = 0
        self.blob_gas_used = 0
        self.da_footprint = 0
        self._l1_fees: L1FeeParameters | None = None
        if system_calls:
            if self.fork.is_l2:
                activate_forks(self.state, self.fork, rules.at(parent.timestamp))
            begin_block(self.state, self.fork, parent.hash, inputs.parent_beacon_block_root)

    @property
    def number(self) -> int:
        """The number the block will have."""
        return self.environment.number

    @property
    def gas_left(self) -> int:
        """Gas that further transactions may ask for."""
        return self.inputs.gas_limit - self.gas_used

    @property
    def da_left(self) -> int | None:
        """DA footprint gas that further transactions may weigh; None before Jovian and on L1."""
        return self.inputs.gas_limit - self.da_footprint if self.fork.has_op(Fork.JOVIAN) else None

    def l1_fees(self) -> L1FeeParameters | None:
        """What the rollup charges in this block; None on L1. Read once, after the L1 attributes deposit."""
        if self.fork.op_fork is not None and self._l1_fees is None:
            self._l1_fees = L1FeeParameters.from_l1_block(
                self.fork.op_fork, lambda slot: self.state.get_storage(L1_BLOCK, slot)
            )
        return self._l1_fees

    def add(self, transaction: Transaction) -> Receipt:
        """Execute a transaction at the end of the block.

        Raises InvalidTransaction, with everything as before, when it may not stand here. A deposit that fails inside
        is added all the same; only one that asks for more gas than the block has left is refused. Whatever else is
        raised (by `state.budget`, or for a missing trie node) leaves the block as before, too.
        """
        try:
            if isinstance(transaction, DepositTransaction):
                return self._add_deposit(transaction)
            return self._add_signed(transaction)
        except InvalidTransaction:
            raise
        except BaseException:
            # A budget that ran out, a missing trie node, a defect: the block must stay as it was before.
            self.state.abandon_transaction()
            raise

    def add_valid(self, transactions: Sequence[Transaction]) -> InvalidTransaction | None:
        """As `add`, one after the other, up to the first that may not stand there: why it may not, or None."""
        for transaction in transactions:
            try:
                self.add(transaction)
            except InvalidTransaction as error:
                return error
        return None

    def _add_signed(self, transaction: SignedTransaction) -> Receipt:
        sender = validate_stateless(transaction, self.fork, self.rules.chain_id)
        self._check_room(transaction.gas_limit)
        blob_gas = GAS_PER_BLOB * len(transaction.blob_versioned_hashes)
        if blob_gas:
            limit = GAS_PER_BLOB * self.rules.max_blobs_per_block(self.inputs.timestamp)
            if self.blob_gas_used + blob_gas > limit:
                raise InvalidTransaction(
                    InvalidReason.BLOCK_BLOB_GAS_EXCEEDED,
                    f"have {self.blob_gas_used} used, {blob_gas} wanted, limit {limit}",
                )
        fees = self.l1_fees()
        l1_fee = footprint = 0
        if fees is not None:
            l1_fee = fees.l1_fee(transaction.raw)
            footprint = self._footprint(fees, transaction)
        live = self.state.load(sender)
        validate_against_state(
            transaction,
            SenderFacts(live.nonce, live.balance, self.state.get_code(sender)),
            BlockFees(
                self.base_fee,
                self.environment.blob_base_fee,
                l1_fee,
                fees.operator_fee(transaction.gas_limit) if fees is not None else 0,
            ),
        )
        result = execute_signed(self.state, self.fork, transaction, self.rules.chain_id, fees, l1_fee)
        self.blob_gas_used += blob_gas
        self.da_footprint += footprint
        return self._record(transaction, result)

    def _footprint(self, fees: L1FeeParameters, transaction: Transaction) -> int:
        if not self.fork.has_op(Fork.JOVIAN):
            return 0
        footprint = fees.da_footprint(transaction.raw)
        if self.da_footprint + footprint > self.inputs.gas_limit:
            raise InvalidTransaction(
                InvalidReason.DA_FOOTPRINT_EXCEEDED,
                f"have {self.da_footprint} used, {footprint} wanted, limit {self.inputs.gas_limit}",
            )
        return footprint

    def _check_room(self, gas: int) -> None:
        if gas > self.gas_left:
            raise InvalidTransaction(InvalidReason.BLOCK_GAS_EXCEEDED, f"have {self.gas_left} left, {gas} wanted")

    def _add_deposit(self, transaction: DepositTransaction) -> Receipt:
        if not self.fork.is_l2:
            raise InvalidTransaction(InvalidReason.DEPOSIT_NOT_ALLOWED)
        if not (transaction.is_system_transaction and not self.fork.has_op(Fork.REGOLITH)):
            self._check_room(transaction.gas_limit)
        return self._record(transaction, execute_deposit(self.state, self.fork, transaction, self.rules.chain_id))

    def _record(self, transaction: Transaction, result: TransactionResult) -> Receipt:
        self.gas_used += result.gas_used
        deposit = transaction.is_deposit
        receipt = Receipt(
            type=int(transaction.type),
            status=self._status(result),
            cumulative_gas_used=self.gas_used,
            logs=result.logs,
            deposit_nonce=result.deposit_nonce if deposit and self.fork.has_op(Fork.REGOLITH) else None,
            deposit_receipt_version=_CANYON_RECEIPT_VERSION if deposit and self.fork.has_op(Fork.CANYON) else None,
        )
        self.transactions.append(transaction)
        self.receipts.append(receipt)
        self.succeeded.append(result.succeeded)
        return receipt

    def _status(self, result: TransactionResult) -> int | bytes:
        """Spec: EIP-658; before Byzantium the state's root after the transaction."""
        if self.fork.has(EthFork.BYZANTIUM):
            return 1 if result.succeeded else 0
        return self._reader.apply(self.state.diff()).root

    def abandon(self) -> None:
        """Give the block up: nothing of it was written anywhere."""

    def seal(self, transactions_root: Hash32 | None = None) -> ExecutedBlock:
        """Finish the block: withdrawals, requests, state root, header. Give `transactions_root` where it is known.

        Raises InvalidBlock when it cannot be finished. The builder must not be used afterwards.
        """
        inputs, fork = self.inputs, self.fork
        withdrawals = inputs.withdrawals
        if withdrawals is None and fork.has(EthFork.SHANGHAI):
            withdrawals = ()
        if withdrawals:
            for withdrawal in withdrawals:
                self.state.delta_balance(withdrawal.address, withdrawal.amount * _GWEI)
            self.state.end_transaction()
        requests = self._requests()
        update = self._apply()
        prague = fork.has(EthFork.PRAGUE)
        cancun = fork.has(EthFork.CANCUN)
        if cancun and inputs.parent_beacon_block_root is None:
            raise InvalidBlock(f"block {self.number} lacks a parent beacon block root, which Cancun rules require")
        header = Header(
            parent_hash=self.parent.hash,
            fee_recipient=inputs.fee_recipient,
            state_root=update.root,
            transactions_root=transactions_root or ordered_root([transaction.raw for transaction in self.transactions]),
            receipts_root=ordered_root([receipt.encode_for_root() for receipt in self.receipts]),
            logs_bloom=_bloom(self.receipts),
            number=self.number,
            gas_limit=inputs.gas_limit,
            gas_used=self.gas_used,
            timestamp=inputs.timestamp,
            extra_data=inputs.extra_data,
            prev_randao=inputs.prev_randao,
            base_fee_per_gas=self.base_fee if fork.has(EthFork.LONDON) else None,
            difficulty=inputs.difficulty,
            withdrawals_root=self._withdrawals_root(update, withdrawals),
            blob_gas_used=(self.da_footprint or self.blob_gas_used) if cancun else None,
            excess_blob_gas=self.excess_blob_gas if cancun else None,
            parent_beacon_block_root=inputs.parent_beacon_block_root if cancun else None,
            requests_hash=(EMPTY_REQUESTS_HASH if fork.is_l2 else requests_hash(requests)) if prague else None,
        )
        block = Block(header, tuple(self.transactions), withdrawals)
        limit = self.rules.max_block_bytes(inputs.timestamp)
        if limit is not None and (size := len(block.encode())) > limit:
            raise InvalidBlock(f"block {self.number} has {size} bytes, at most {limit} are allowed")
        return ExecutedBlock(block, tuple(self.receipts), update, tuple(requests))

    def _apply(self) -> StateUpdate:
        return self._reader.apply(self.state.diff())

    def _requests(self) -> list[bytes]:
        if self.fork.is_l2 or not self.fork.has(EthFork.PRAGUE):
            return []
        contract = self.rules.deposit_contract if isinstance(self.rules, L1Rules) else MAINNET_DEPOSIT_CONTRACT
        return collect_requests(self.state, self.fork, self._logs(), contract)

    def _logs(self) -> list[Log]:
        return [log for receipt in self.receipts for log in receipt.logs]

    def _withdrawals_root(self, update: StateUpdate, withdrawals: tuple[object, ...] | None) -> Hash32 | None:
        """Spec: EIP-4895; op isthmus exec-engine, "Header Withdrawals Root"."""
        if withdrawals is None:
            return None
        if self.fork.has_op(Fork.ISTHMUS):
            return self._storage_root(update, L2_TO_L1_MESSAGE_PASSER)
        return ordered_root([withdrawal.encode() for withdrawal in self.inputs.withdrawals or ()])

    def _storage_root(self, update: StateUpdate, address: Address) -> Hash32:
        raw = Trie(update.root, NewNodes(update.nodes, self._store)).get(keccak256(address))
        return EMPTY_TRIE_ROOT if raw is None else Account.decode(raw).storage_root


def _bloom(receipts: list[Receipt]) -> bytes:
    bits = 0
    for receipt in receipts:
        if receipt.logs:
            bits |= int.from_bytes(receipt.bloom, "big")
    return bits.to_bytes(BLOOM_BYTES, "big")
