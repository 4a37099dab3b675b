"""One block's transition on files: accounts, environment and transactions in, result and accounts out.

The formats are those of geth's `evm t8n`, which Ethereum's test fillers drive. Spec: go-ethereum, "cmd/evm", t8n.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.constants import EMPTY_UNCLES_HASH
from config.forks import EthFork
from config.genesis import Alloc, GenesisAccount
from config.l1_chain import CANCUN_BLOBS, PRAGUE_BLOBS, BlobParameters, BlobScheduleEntry, L1ChainConfig
from config.types import (
    ZERO_ADDRESS,
    ZERO_HASH,
    Address,
    Hash32,
    Timestamp,
    Wei,
    from_hex,
    to_address,
    to_hash32,
    to_hex,
)
from evm.difficulty import ParentWork, next_difficulty
from evm.engine import BlockBuilder, BlockInputs, ExecutedBlock, InvalidBlock
from evm.forks import ForkRules, fork_rules
from evm.forks.names import FORKS_BY_NAME, NamedFork
from evm.genesis import genesis_state
from evm.receipts import created_address
from evm.rules import L1Rules, eip1559_base_fee
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.trie import ordered_root
from evm.types import (
    DepositTransaction,
    Header,
    Receipt,
    SignedTransaction,
    Withdrawal,
    decode_transaction,
    keccak256,
)
from evm.types.json_codec import transaction_from_json, withdrawal_from_json
from evm.types.rlp import RlpError, decode_list, encode
from evm.types.signature import InvalidSignature
from evm.types.transaction import TransactionDecodingError, sign_transaction
from evm.validity import InvalidTransaction

_FULL_OMMER_DEPTH = 8
_OMMER_SHARE = 32
_BLOBS: Mapping[EthFork, BlobParameters] = {
    EthFork.CANCUN: CANCUN_BLOBS,
    EthFork.PRAGUE: PRAGUE_BLOBS,
    EthFork.OSAKA: PRAGUE_BLOBS,
}


class TransitionInputError(ValueError):
    """An input that cannot be used; the message names the field."""


@dataclass(frozen=True)
class InvalidTransactionInput:
    """A transaction of the input that cannot even be decoded."""

    error: str


@dataclass(frozen=True)
class Rejected:
    """A transaction that the block does not take, by its place in the input."""

    index: int
    error: str


@dataclass(frozen=True)
class Transition:
    """What came out: the sealed block, the accounts after it, and the transactions left out.

    `succeeded` says of each transaction in the block whether it ran to its end: receipts tell since Byzantium only.
    """

    executed: ExecutedBlock
    alloc: Alloc
    rejected: tuple[Rejected, ...]
    succeeded: tuple[bool, ...]
    difficulty: int | None

    def result_json(self) -> dict[str, Any]:
        """geth's `result` object."""
        header = self.executed.block.header
        logs = [log for receipt in self.executed.receipts for log in receipt.logs]
        result: dict[str, Any] = {
            "stateRoot": to_hex(header.state_root),
            "txRoot": to_hex(header.transactions_root),
            "receiptsRoot": to_hex(header.receipts_root),
            "logsHash": to_hex(keccak256(encode([[log.address, log.topics, log.data] for log in logs]))),
            "logsBloom": to_hex(header.logs_bloom),
            "receipts": self._receipts_json(),
            "currentDifficulty": None if self.difficulty is None else hex(self.difficulty),
            "gasUsed": hex(header.gas_used),
            "currentBaseFee": None if header.base_fee_per_gas is None else hex(header.base_fee_per_gas),
        }
        if self.rejected:
            result["rejected"] = [{"index": entry.index, "error": entry.error} for entry in self.rejected]
        if header.withdrawals_root is not None:
            result["withdrawalsRoot"] = to_hex(header.withdrawals_root)
        if header.excess_blob_gas is not None:
            result["currentExcessBlobGas"] = hex(header.excess_blob_gas)
            result["blobGasUsed"] = hex(header.blob_gas_used or 0)
        if header.requests_hash is not None:
            result["requestsHash"] = to_hex(header.requests_hash)
            result["requests"] = [to_hex(request) for request in self.executed.requests]
        return result

    def body(self) -> bytes:
        """RLP of the included transactions, as `--output.body` writes it."""
        return encode([transaction.raw for transaction in self.executed.block.transactions])

    def _receipts_json(self) -> list[dict[str, Any]]:
        receipts = []
        before = 0
        for index, receipt in enumerate(self.executed.receipts):
            receipts.append(self._receipt_json(index, receipt, receipt.cumulative_gas_used - before))
            before = receipt.cumulative_gas_used
        return receipts

    def _receipt_json(self, index: int, receipt: Receipt, gas_used: int) -> dict[str, Any]:
        transaction = self.executed.block.transactions[index]
        return {
            "type": hex(receipt.type),
            "root": to_hex(receipt.status) if isinstance(receipt.status, bytes) else "0x",
            "status": hex(int(self.succeeded[index])),
            "cumulativeGasUsed": hex(receipt.cumulative_gas_used),
            "logsBloom": to_hex(receipt.bloom),
            "logs": [
                {
                    "address": to_hex(log.address),
                    "topics": [to_hex(topic) for topic in log.topics],
                    "data": to_hex(log.data),
                }
                for log in receipt.logs
            ]
            or None,
            "transactionHash": to_hex(transaction.hash),
            "contractAddress": to_hex(
                created_address(transaction.sender, transaction.nonce) if transaction.to is None else ZERO_ADDRESS
            ),
            "gasUsed": hex(gas_used),
            "effectiveGasPrice": None,
            "blockHash": to_hex(ZERO_HASH),
            "transactionIndex": hex(index),
        }


@dataclass(frozen=True)
class Ommer:
    """A block beside the chain that this block mentions: `delta` blocks behind it, its reward to `address`."""

    delta: int
    address: Address


@dataclass(frozen=True)
class Environment:
    """geth's `env` object. Fees, difficulty and excess blob gas are final: given, or computed from the parent's values.

    `difficulty` is None since the Merge.
    """

    coinbase: Address
    gas_limit: int
    number: int
    timestamp: int
    base_fee: int
    prev_randao: Hash32
    excess_blob_gas: int
    parent_beacon_block_root: Hash32 | None
    block_hashes: Mapping[int, Hash32]
    withdrawals: tuple[Withdrawal, ...] | None
    difficulty: int | None
    ommers: tuple[Ommer, ...]

    @staticmethod
    def from_json(data: Mapping[str, Any], named: NamedFork, rules: L1Rules) -> "Environment":
        """Read the object. Raises TransitionInputError naming a field that is missing or malformed."""

        def number(name: str) -> int | None:
            value = data.get(name)
            try:
                return None if value is None else int(value, 0) if isinstance(value, str) else int(value)
            except (TypeError, ValueError) as error:
                raise TransitionInputError(f"env: {name} is not a number: {value!r}") from error

        def need(name: str) -> int:
            value = number(name)
            if value is None:
                raise TransitionInputError(f"env: {name} is missing")
            return value

        def word(name: str) -> Hash32 | None:
            value = data.get(name)
            if value is None:
                return None
            try:
                return Hash32(int(value, 0).to_bytes(32, "big")) if isinstance(value, str) else to_hash32(value)
            except (ValueError, OverflowError) as error:
                raise TransitionInputError(f"env: {name} is not 32 bytes: {value!r}") from error

        fork = named.rules
        base_fee = number("currentBaseFee") if fork >= EthFork.LONDON else 0
        if base_fee is None:
            base_fee = eip1559_base_fee(
                need("parentBaseFee"), need("parentGasUsed"), need("parentGasLimit"), elasticity=2, denominator=8
            )
        excess = number("currentExcessBlobGas")
        if excess is None and fork >= EthFork.CANCUN:
            parent = _parent(
                base_fee=number("parentBaseFee") or 0,
                excess_blob_gas=number("parentExcessBlobGas") or 0,
                blob_gas_used=number("parentBlobGasUsed") or 0,
            )
            excess = rules.excess_blob_gas(parent, need("currentTimestamp"))
        withdrawals = data.get("withdrawals")
        difficulty = None if fork >= EthFork.PARIS else number("currentDifficulty")
        if difficulty is None and fork < EthFork.PARIS:
            uncles = word("parentUncleHash")
            work = ParentWork(
                need("parentDifficulty"),
                need("parentTimestamp"),
                has_uncles=uncles not in (None, ZERO_HASH, EMPTY_UNCLES_HASH),
            )
            if need("currentTimestamp") <= work.timestamp:
                raise TransitionInputError("env: currentTimestamp is not after parentTimestamp")
            difficulty = next_difficulty(named, work, need("currentNumber"), need("currentTimestamp"))
        try:
            return Environment(
                coinbase=to_address(data["currentCoinbase"]),
                gas_limit=need("currentGasLimit"),
                number=need("currentNumber"),
                timestamp=need("currentTimestamp"),
                base_fee=base_fee,
                prev_randao=word("currentRandom") or ZERO_HASH,
                excess_blob_gas=excess or 0,
                parent_beacon_block_root=word("parentBeaconBlockRoot")
                or (ZERO_HASH if fork >= EthFork.CANCUN else None),
                block_hashes={int(key, 0): to_hash32(value) for key, value in (data.get("blockHashes") or {}).items()},
                withdrawals=None
                if fork < EthFork.SHANGHAI
                else tuple(withdrawal_from_json(item) for item in withdrawals or ()),
                difficulty=difficulty,
                ommers=tuple(
                    Ommer(int(str(item["delta"]), 0), to_address(item["address"])) for item in data.get("ommers") or ()
                ),
            )
        except KeyError as error:
            raise TransitionInputError(f"env: {error.args[0]} is missing") from error
        except ValueError as error:
            raise TransitionInputError(f"env: {error}") from error


class _FixedFees(L1Rules):
    """An L1 chain's rules with the fork that was asked for and the fees that the environment states."""

    def __init__(self, chain: L1ChainConfig, fork: EthFork, base_fee: int, excess_blob_gas: int) -> None:
        super().__init__(chain)
        self._fork = fork_rules(fork)
        self._base_fee = base_fee
        self._excess_blob_gas = excess_blob_gas

    def at(self, timestamp: int) -> ForkRules:
        return self._fork

    def next_base_fee(self, parent: Header, timestamp: int) -> int:
        return self._base_fee

    def excess_blob_gas(self, parent: Header, timestamp: int) -> int:
        return self._excess_blob_gas


def transition(
    alloc: Alloc,
    environment_json: Mapping[str, Any],
    transactions: Sequence[SignedTransaction | InvalidTransactionInput],
    fork_name: str,
    chain_id: int,
    reward: int = 0,
) -> Transition:
    """Execute one block on the accounts of `alloc`.

    `reward` (wei) goes to the coinbase, with shares for ommers; negative pays nobody, as after the Merge. Raises
    TransitionInputError for an unknown fork or a malformed environment, InvalidBlock when no block can be made (a
    system contract is missing, say).
    """
    named = FORKS_BY_NAME.get(fork_name)
    if named is None:
        raise TransitionInputError(f"unknown fork {fork_name!r}: choose one of {', '.join(FORKS_BY_NAME)}")
    fork = named.rules
    chain = _chain(fork, chain_id)
    environment = Environment.from_json(environment_json, named, L1Rules(chain))
    rules = _FixedFees(chain, fork, environment.base_fee, environment.excess_blob_gas)
    store = StateStore(MemoryStore())
    before = genesis_state(alloc)
    store.remember(before)
    parent = replace(
        _parent(environment.base_fee, 0, 0), number=environment.number - 1, state_root=before.root, timestamp=0
    )
    # The parent is known by its hash alone: what its header holds besides the state root is not asked for.
    parent.__dict__["hash"] = environment.block_hashes.get(environment.number - 1, ZERO_HASH)
    builder = BlockBuilder(
        rules,
        store,
        parent,
        BlockInputs(
            timestamp=environment.timestamp,
            fee_recipient=environment.coinbase,
            prev_randao=environment.prev_randao,
            gas_limit=environment.gas_limit,
            parent_beacon_block_root=environment.parent_beacon_block_root,
            withdrawals=environment.withdrawals,
            difficulty=environment.difficulty or 0,
        ),
        environment.block_hashes.get,
    )
    rejected = []
    for index, transaction in enumerate(transactions):
        if isinstance(transaction, InvalidTransactionInput):
            rejected.append(Rejected(index, transaction.error))
            continue
        try:
            builder.add(transaction)
        except InvalidTransaction as error:
            rejected.append(Rejected(index, str(error)))
    if reward >= 0:
        _pay(builder, environment, reward)
    executed = builder.seal()
    store.remember(executed.update)
    diff = builder.state.diff()
    return Transition(
        executed,
        _accounts_after(store, executed, alloc, diff.accounts, diff.storage),
        tuple(rejected),
        tuple(builder.succeeded),
        environment.difficulty,
    )


def _pay(builder: BlockBuilder, environment: Environment, reward: int) -> None:
    """Pay for the work. Zero is paid, too: it makes the account, where empty ones exist. Spec: yellow paper, 11.3."""
    state = builder.state
    for ommer in environment.ommers:
        state.delta_balance(ommer.address, (_FULL_OMMER_DEPTH - ommer.delta) * reward // _FULL_OMMER_DEPTH)
    state.delta_balance(environment.coinbase, reward + len(environment.ommers) * (reward // _OMMER_SHARE))
    state.end_transaction()


def transactions_from_json(items: Sequence[Any], chain_id: int) -> list[SignedTransaction | InvalidTransactionInput]:
    """The transactions of a `txs` array; those with a `secretKey` are signed with it."""
    result: list[SignedTransaction | InvalidTransactionInput] = []
    for item in items:
        try:
            result.append(_transaction(dict(item), chain_id))
        except (KeyError, TypeError, ValueError, InvalidSignature) as error:
            result.append(InvalidTransactionInput(f"malformed transaction: {error}"))
    return result


def transactions_from_rlp(raw: bytes) -> list[SignedTransaction | InvalidTransactionInput]:
    """The transactions of an RLP list, as blocks hold them. Raises TransitionInputError when it is no list."""
    try:
        items = decode_list(raw, "transactions")
    except RlpError as error:
        raise TransitionInputError(f"txs: {error}") from error
    result: list[SignedTransaction | InvalidTransactionInput] = []
    for item in items:
        try:
            result.append(_signed(decode_transaction(encode(item) if isinstance(item, list) else item)))
        except TransactionDecodingError as error:
            result.append(InvalidTransactionInput(str(error)))
    return result


def _transaction(item: dict[str, Any], chain_id: int) -> SignedTransaction:
    key = item.pop("secretKey", None)
    item.setdefault("input", item.pop("data", "0x"))
    if key is None:
        return _signed(transaction_from_json(item))
    item.update({"v": "0x0", "r": "0x0", "s": "0x0"})
    if int(item.get("type", "0x0"), 0) == 0:
        protected = item.pop("protected", True)
        item["v"] = hex(35 + 2 * chain_id) if protected else "0x1b"
    item.setdefault("chainId", hex(chain_id))
    return sign_transaction(_signed(transaction_from_json(item)), from_hex(key, 32))


def _signed(transaction: Any) -> SignedTransaction:
    if isinstance(transaction, DepositTransaction):
        raise TransactionDecodingError("deposits are no Ethereum transactions")
    signed: SignedTransaction = transaction
    return signed


def _chain(fork: EthFork, chain_id: int) -> L1ChainConfig:
    zero = Timestamp(0)

    def since(other: EthFork) -> Timestamp | None:
        return zero if fork >= other else None

    blobs = _BLOBS.get(fork)
    return L1ChainConfig(
        chain_id=chain_id,
        shanghai_time=since(EthFork.SHANGHAI),
        cancun_time=since(EthFork.CANCUN),
        prague_time=since(EthFork.PRAGUE),
        osaka_time=since(EthFork.OSAKA),
        blob_schedule=() if blobs is None else (BlobScheduleEntry(fork.name.lower(), zero, blobs),),
    )


def _parent(base_fee: int, excess_blob_gas: int, blob_gas_used: int) -> Header:
    return Header(
        parent_hash=ZERO_HASH,
        fee_recipient=ZERO_ADDRESS,
        state_root=ZERO_HASH,
        transactions_root=ordered_root([]),
        receipts_root=ordered_root([]),
        logs_bloom=bytes(256),
        number=0,
        gas_limit=0,
        gas_used=0,
        timestamp=0,
        extra_data=b"",
        prev_randao=ZERO_HASH,
        base_fee_per_gas=base_fee,
        withdrawals_root=ordered_root([]),
        blob_gas_used=blob_gas_used,
        excess_blob_gas=excess_blob_gas,
    )


def _accounts_after(
    store: StateStore,
    executed: ExecutedBlock,
    alloc: Alloc,
    changed: Mapping[Address, Any],
    storage: Mapping[Address, Mapping[int, int]],
) -> Alloc:
    reader = store.at(executed.block.header.state_root)
    after: Alloc = {}
    for address in alloc.keys() | changed.keys():
        account = reader.account(address)
        if account is None:
            continue
        before = alloc.get(address, GenesisAccount())
        slots = {int.from_bytes(slot, "big") for slot in before.storage} | set(storage.get(address, {}))
        values = {slot: reader.storage(address, slot) for slot in sorted(slots)}
        after[address] = GenesisAccount(
            balance=Wei(account.balance),
            nonce=account.nonce,
            code=reader.code(account.code_hash),
            storage={
                Hash32(slot.to_bytes(32, "big")): Hash32(value.to_bytes(32, "big"))
                for slot, value in values.items()
                if value
            },
        )
    return after


__all__ = [
    "Environment",
    "InvalidBlock",
    "InvalidTransactionInput",
    "Ommer",
    "Rejected",
    "Transition",
    "TransitionInputError",
    "transactions_from_json",
    "transactions_from_rlp",
    "transition",
]
