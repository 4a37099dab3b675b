"""Blocks, headers, transactions, receipts and logs as JSON-RPC spells them, in both directions.

Writing follows geth and op-geth field by field. Reading accepts what geth, op-geth, reth and anvil print: fields may be
missing that have a neutral value, unknown ones are ignored, hex may be upper case. Nothing read is verified against a
hash here: whoever asked a node compares the recomputed hash. All `*_from_json` raise ValueError naming the object and
field when something is missing or malformed. Spec: ethereum/execution-apis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from config.constants import EMPTY_UNCLES_HASH
from config.types import ZERO_HASH, Hash32, to_hex
from evm.types.block import Block, Withdrawal
from evm.types.header import Header
from evm.types.json_fields import JsonFields
from evm.types.json_fields import parse_quantity as parse_quantity
from evm.types.json_fields import quantity as quantity
from evm.types.receipt import Log, Receipt
from evm.types.transaction import (
    AccessList,
    AccessListTransaction,
    Authorization,
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    Transaction,
    TransactionType,
)
from evm.types.transaction_list import transaction_hashes

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Inclusion:
    """Where a transaction lies in the chain; `base_fee` (wei per gas) is its block's, None before London."""

    block_hash: Hash32
    block_number: int
    index: int
    base_fee: int | None

    @staticmethod
    def of(header: Header, index: int) -> "Inclusion":
        """The place `index` of a block."""
        return Inclusion(header.hash, header.number, index, header.base_fee_per_gas)


@dataclass(frozen=True)
class LogPosition:
    """Where a log lies in the chain; `log_index` counts over the whole block."""

    block_hash: Hash32
    block_number: int
    transaction_hash: Hash32
    transaction_index: int
    log_index: int


# --- headers and blocks ---


def header_to_json(header: Header) -> Json:
    """A header as `eth_getHeaderByNumber` and `newHeads` give it. Fields of forks it is older than are left out."""
    result: Json = {}
    if header.base_fee_per_gas is not None:
        result["baseFeePerGas"] = hex(header.base_fee_per_gas)
    if header.blob_gas_used is not None:
        result["blobGasUsed"] = hex(header.blob_gas_used)
    result["difficulty"] = hex(header.difficulty)
    if header.excess_blob_gas is not None:
        result["excessBlobGas"] = hex(header.excess_blob_gas)
    result |= {
        "extraData": to_hex(header.extra_data),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "hash": to_hex(header.hash),
        "logsBloom": to_hex(header.logs_bloom),
        "miner": to_hex(header.fee_recipient),
        "mixHash": to_hex(header.prev_randao),
        "nonce": to_hex(header.nonce),
        "number": hex(header.number),
    }
    if header.parent_beacon_block_root is not None:
        result["parentBeaconBlockRoot"] = to_hex(header.parent_beacon_block_root)
    result["parentHash"] = to_hex(header.parent_hash)
    result["receiptsRoot"] = to_hex(header.receipts_root)
    if header.requests_hash is not None:
        result["requestsHash"] = to_hex(header.requests_hash)
    result["sha3Uncles"] = to_hex(header.uncles_hash)
    result["stateRoot"] = to_hex(header.state_root)
    result["timestamp"] = hex(header.timestamp)
    result["transactionsRoot"] = to_hex(header.transactions_root)
    if header.withdrawals_root is not None:
        result["withdrawalsRoot"] = to_hex(header.withdrawals_root)
    return result


def header_from_json(data: Mapping[str, Any]) -> Header:
    """The header of a block or header object. Its `hash` is recomputed from the fields, not taken from there."""
    fields = JsonFields("header", data)
    return Header(
        parent_hash=fields.hash("parentHash"),
        uncles_hash=fields.optional_hash("sha3Uncles") or EMPTY_UNCLES_HASH,
        fee_recipient=fields.address("miner"),
        state_root=fields.hash("stateRoot"),
        transactions_root=fields.hash("transactionsRoot"),
        receipts_root=fields.hash("receiptsRoot"),
        logs_bloom=fields.data("logsBloom", 256),
        difficulty=fields.optional_quantity("difficulty") or 0,
        number=fields.quantity("number"),
        gas_limit=fields.quantity("gasLimit"),
        gas_used=fields.quantity("gasUsed"),
        timestamp=fields.quantity("timestamp"),
        extra_data=fields.data("extraData"),
        prev_randao=fields.optional_hash("mixHash") or ZERO_HASH,
        nonce=fields.data("nonce", 8) if fields.has("nonce") else bytes(8),
        base_fee_per_gas=fields.optional_quantity("baseFeePerGas"),
        withdrawals_root=fields.optional_hash("withdrawalsRoot"),
        blob_gas_used=fields.optional_quantity("blobGasUsed"),
        excess_blob_gas=fields.optional_quantity("excessBlobGas"),
        parent_beacon_block_root=fields.optional_hash("parentBeaconBlockRoot"),
        requests_hash=fields.optional_hash("requestsHash"),
    )


def block_to_json(block: Block, full: bool, receipts: Sequence[Receipt] | None = None) -> Json:
    """A block as `eth_getBlockByNumber` gives it, with whole transactions or (not `full`) their hashes.

    The nonces of deposits are in their receipts: without `receipts` they read zero.
    """
    result = header_to_json(block.header)
    result["size"] = hex(block_size(block))
    if full:
        header = block.header
        result["transactions"] = [
            transaction_to_json(
                transaction,
                Inclusion.of(header, index),
                receipts[index] if receipts is not None and transaction.is_deposit else None,
            )
            for index, transaction in enumerate(block.transactions)
        ]
    else:
        result["transactions"] = [to_hex(item) for item in transaction_hashes(block.transactions)]
    result["uncles"] = []
    if block.withdrawals is not None:
        result["withdrawals"] = [withdrawal_to_json(withdrawal) for withdrawal in block.withdrawals]
    return dict(sorted(result.items()))


def block_from_json(data: Mapping[str, Any]) -> Block:
    """A block that was asked for with whole transactions. Uncles are ignored: the header commits to them."""
    fields = JsonFields("block", data)
    transactions = fields.items("transactions")
    if any(not isinstance(entry, Mapping) for entry in transactions):
        raise ValueError("block: its transactions are not objects; ask for the block with full transactions")
    withdrawals = fields.items("withdrawals") if fields.has("withdrawals") else None
    return Block(
        header=header_from_json(data),
        transactions=tuple(transaction_from_json(entry) for entry in transactions),
        withdrawals=None if withdrawals is None else tuple(withdrawal_from_json(entry) for entry in withdrawals),
    )


def block_size(block: Block) -> int:
    """Bytes of the block's RLP, computed without encoding it."""
    transactions = sum(
        len(transaction.raw) if transaction.raw[0] >= 0xC0 else _framed(len(transaction.raw))
        for transaction in block.transactions
    )
    total = len(block.header.raw) + _framed(transactions) + 1
    if block.withdrawals is not None:
        total += _framed(sum(len(withdrawal.encode()) for withdrawal in block.withdrawals))
    return _framed(total)


def _framed(length: int) -> int:
    """Length of an RLP item with this much payload (of two bytes or more, or a list)."""
    return length + 1 + (0 if length < 56 else (length.bit_length() + 7) // 8)


def withdrawal_to_json(withdrawal: Withdrawal) -> Json:
    """A validator withdrawal; the amount is in gwei."""
    return {
        "index": hex(withdrawal.index),
        "validatorIndex": hex(withdrawal.validator_index),
        "address": to_hex(withdrawal.address),
        "amount": hex(withdrawal.amount),
    }


def withdrawal_from_json(data: Mapping[str, Any]) -> Withdrawal:
    """Read a validator withdrawal."""
    fields = JsonFields("withdrawal", data)
    return Withdrawal(
        fields.quantity("index"),
        fields.quantity("validatorIndex"),
        fields.address("address"),
        fields.quantity("amount"),
    )


# --- transactions ---


def transaction_to_json(
    transaction: Transaction, inclusion: Inclusion | None = None, receipt: Receipt | None = None
) -> Json:
    """A transaction as `eth_getTransactionByHash` gives it; without `inclusion` it is pending.

    `receipt` is wanted for deposits only: it holds the nonce they used and the receipt's version.
    """
    nonce, price = transaction.nonce, transaction.max_fee_per_gas
    if inclusion is not None and inclusion.base_fee is not None:
        price = transaction.effective_gas_price(inclusion.base_fee)
    if receipt is not None and receipt.deposit_nonce is not None:
        nonce = receipt.deposit_nonce
    result: Json = {
        "blockHash": None if inclusion is None else to_hex(inclusion.block_hash),
        "blockNumber": None if inclusion is None else hex(inclusion.block_number),
        "from": to_hex(transaction.sender),
        "gas": hex(transaction.gas_limit),
        "gasPrice": hex(price),
    }
    if isinstance(transaction, (DynamicFeeTransaction, BlobTransaction, SetCodeTransaction)):
        result["maxFeePerGas"] = hex(transaction.max_fee)
        result["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee)
    if isinstance(transaction, BlobTransaction):
        result["maxFeePerBlobGas"] = hex(transaction.max_fee_per_blob_gas)
    result |= {
        "hash": to_hex(transaction.hash),
        "input": to_hex(transaction.data),
        "nonce": hex(nonce),
        "to": None if transaction.to is None else to_hex(transaction.to),
        "transactionIndex": None if inclusion is None else hex(inclusion.index),
        "value": hex(transaction.value),
        "type": hex(transaction.type),
    }
    if isinstance(transaction, DepositTransaction):
        result |= {"v": "0x0", "r": "0x0", "s": "0x0", "sourceHash": to_hex(transaction.source_hash)}
        if transaction.mint:
            result["mint"] = hex(transaction.mint)
        if transaction.is_system_transaction:
            result["isSystemTx"] = True
        if receipt is not None and receipt.deposit_receipt_version is not None:
            result["depositReceiptVersion"] = hex(receipt.deposit_receipt_version)
        return result
    if isinstance(transaction, LegacyTransaction):
        if transaction.chain_id is not None:
            result["chainId"] = hex(transaction.chain_id)
        return result | {"v": hex(transaction.v), "r": hex(transaction.r), "s": hex(transaction.s)}
    result["accessList"] = access_list_to_json(transaction.access_list)
    result["chainId"] = hex(transaction.chain_id or 0)
    if isinstance(transaction, BlobTransaction):
        result["blobVersionedHashes"] = [to_hex(value) for value in transaction.versioned_hashes]
    if isinstance(transaction, SetCodeTransaction):
        result["authorizationList"] = [authorization_to_json(entry) for entry in transaction.authorizations]
    result |= {"v": hex(transaction.y_parity), "r": hex(transaction.r), "s": hex(transaction.s)}
    result["yParity"] = hex(transaction.y_parity)
    return result


def transaction_from_json(data: Mapping[str, Any]) -> Transaction:
    """The transaction in a transaction object. Its hash is recomputed, not taken from there."""
    fields = JsonFields("transaction", data)
    kind = _transaction_type(fields)
    to = fields.optional_address("to")
    nonce, gas, value = fields.optional_quantity("nonce") or 0, fields.quantity("gas"), fields.quantity("value")
    payload = fields.data("input" if fields.has("input") else "data")
    if kind == TransactionType.DEPOSIT:
        return DepositTransaction(
            nonce=0,
            gas_limit=gas,
            to=to,
            value=value,
            data=payload,
            source_hash=fields.hash("sourceHash"),
            sender=fields.address("from"),
            mint=fields.optional_quantity("mint") or 0,
            is_system_transaction=bool(data.get("isSystemTx", False)),
        )
    r, s = fields.quantity("r"), fields.quantity("s")
    if kind == TransactionType.LEGACY:
        y_parity, chain = _legacy_signature(fields)
        return LegacyTransaction(nonce, gas, to, value, payload, chain, y_parity, r, s, fields.quantity("gasPrice"))
    y_parity = fields.quantity("yParity" if fields.has("yParity") else "v")
    chain_id = fields.quantity("chainId")
    accesses = access_list_from_json(fields.items("accessList") if fields.has("accessList") else [])
    if kind == TransactionType.ACCESS_LIST:
        return AccessListTransaction(
            nonce, gas, to, value, payload, chain_id, y_parity, r, s, fields.quantity("gasPrice"), accesses
        )
    tip, fee = fields.quantity("maxPriorityFeePerGas"), fields.quantity("maxFeePerGas")
    if kind == TransactionType.DYNAMIC_FEE:
        return DynamicFeeTransaction(nonce, gas, to, value, payload, chain_id, y_parity, r, s, tip, fee, accesses)
    to = fields.address("to")
    if kind == TransactionType.BLOB:
        return BlobTransaction(
            nonce, gas, to, value, payload, chain_id, y_parity, r, s, tip, fee, accesses,
            max_fee_per_blob_gas=fields.quantity("maxFeePerBlobGas"),
            versioned_hashes=fields.hashes("blobVersionedHashes"),
        )  # fmt: skip
    return SetCodeTransaction(
        nonce, gas, to, value, payload, chain_id, y_parity, r, s, tip, fee, accesses,
        authorizations=tuple(authorization_from_json(entry) for entry in fields.items("authorizationList")),
    )  # fmt: skip


def _transaction_type(fields: JsonFields) -> TransactionType:
    if fields.has("type"):
        value = fields.quantity("type")
        try:
            return TransactionType(value)
        except ValueError as error:
            raise ValueError(f"transaction: type {value:#x} is not known") from error
    if fields.has("maxFeePerGas"):
        return TransactionType.DYNAMIC_FEE
    return TransactionType.ACCESS_LIST if fields.has("accessList") else TransactionType.LEGACY


def _legacy_signature(fields: JsonFields) -> tuple[int, int | None]:
    """(parity, chain id) of a legacy transaction; the chain id is in `v` since EIP-155, unless `v` is a bare parity."""
    v = fields.quantity("v")
    if v >= 35:
        return (v - 35) % 2, (v - 35) // 2
    if v in (27, 28):
        return v - 27, None
    if v in (0, 1):
        return v, fields.optional_quantity("chainId")
    raise ValueError(f"transaction: v {v} is neither a parity, 27, 28 nor at least 35")


def access_list_to_json(accesses: AccessList) -> list[Json]:
    """Addresses with their announced storage keys. Spec: EIP-2930."""
    return [{"address": to_hex(address), "storageKeys": [to_hex(key) for key in keys]} for address, keys in accesses]


def access_list_from_json(data: Sequence[Any]) -> AccessList:
    """Read an access list."""
    entries = [JsonFields("access list entry", entry) for entry in data]
    return tuple((entry.address("address"), entry.hashes("storageKeys")) for entry in entries)


def authorization_to_json(authorization: Authorization) -> Json:
    """One entry of an authorization list. Spec: EIP-7702."""
    return {
        "chainId": hex(authorization.chain_id),
        "address": to_hex(authorization.address),
        "nonce": hex(authorization.nonce),
        "yParity": hex(authorization.y_parity),
        "r": hex(authorization.r),
        "s": hex(authorization.s),
    }


def authorization_from_json(data: Mapping[str, Any]) -> Authorization:
    """Read one entry of an authorization list."""
    fields = JsonFields("authorization", data)
    return Authorization(
        chain_id=fields.quantity("chainId"),
        address=fields.address("address"),
        nonce=fields.quantity("nonce"),
        y_parity=fields.quantity("yParity" if fields.has("yParity") else "v"),
        r=fields.quantity("r"),
        s=fields.quantity("s"),
    )


# --- receipts and logs ---


def receipt_from_json(data: Mapping[str, Any]) -> Receipt:
    """The consensus form of a receipt object; derived fields are dropped and the Bloom filter is recomputed."""
    fields = JsonFields("receipt", data)
    status: int | bytes = fields.quantity("status") if fields.has("status") else fields.data("root", 32)
    return Receipt(
        type=fields.optional_quantity("type") or 0,
        status=status,
        cumulative_gas_used=fields.quantity("cumulativeGasUsed"),
        logs=tuple(log_from_json(entry) for entry in fields.items("logs")),
        deposit_nonce=fields.optional_quantity("depositNonce"),
        deposit_receipt_version=fields.optional_quantity("depositReceiptVersion"),
    )


def log_to_json(log: Log, position: LogPosition, removed: bool = False) -> Json:
    """A log as `eth_getLogs` gives it; `removed` when a reorg took its block out of the chain."""
    return {
        "address": to_hex(log.address),
        "topics": [to_hex(topic) for topic in log.topics],
        "data": to_hex(log.data),
        "blockNumber": hex(position.block_number),
        "transactionHash": to_hex(position.transaction_hash),
        "transactionIndex": hex(position.transaction_index),
        "blockHash": to_hex(position.block_hash),
        "logIndex": hex(position.log_index),
        "removed": removed,
    }


def log_from_json(data: Mapping[str, Any]) -> Log:
    """What was logged; where it lies is dropped."""
    fields = JsonFields("log", data)
    return Log(fields.address("address"), fields.hashes("topics"), fields.data("data"))
