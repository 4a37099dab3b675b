"""Execution payloads: a block in the form in which the Engine API and gossip carry it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.constants import EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT
from config.types import Address, Hash32, to_hex
from evm.trie.ordered import ordered_root
from evm.types.block import Block
from evm.types.header import Header
from evm.types.json_fields import JsonFields, quantity
from evm.types.transaction import decode_transaction
from evm.types.transaction_list import encode_transactions


@dataclass(frozen=True)
class ExecutionPayload:
    """The fields of an L2 block that do not follow from its transactions, and the transactions' canonical bytes.

    `block_hash` is what the sender says: `block()` computes it anew. `with_withdrawals` is False before Canyon (the list
    itself is always empty on L2), the blob fields are None before Ecotone, `withdrawals_root` before Isthmus.
    `parent_beacon_block_root` stands beside the payload on the wire (an argument of `engine_newPayload`, the first part of
    a gossiped envelope); None before Ecotone. Spec: op exec-engine, "Engine API"; op isthmus exec-engine, "Header
    Validity Rules"; Engine API "ExecutionPayloadV3".
    """

    parent_hash: Hash32
    fee_recipient: Address
    state_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    prev_randao: Hash32
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    base_fee_per_gas: int
    block_hash: Hash32
    transactions: tuple[bytes, ...]
    with_withdrawals: bool = True
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    withdrawals_root: Hash32 | None = None
    parent_beacon_block_root: Hash32 | None = None

    @staticmethod
    def of(block: Block) -> "ExecutionPayload":
        """The payload of an L2 block. Raises ValueError for a block without base fee or with withdrawals, which is none of L2."""
        header = block.header
        if header.base_fee_per_gas is None:
            raise ValueError(f"{header} has no base fee, so it is no L2 block")
        if block.withdrawals:
            raise ValueError(f"{header} has withdrawals, so it is no L2 block")
        isthmus = header.requests_hash is not None
        return ExecutionPayload(
            parent_hash=header.parent_hash,
            fee_recipient=header.fee_recipient,
            state_root=header.state_root,
            receipts_root=header.receipts_root,
            logs_bloom=header.logs_bloom,
            prev_randao=header.prev_randao,
            number=header.number,
            gas_limit=header.gas_limit,
            gas_used=header.gas_used,
            timestamp=header.timestamp,
            extra_data=header.extra_data,
            base_fee_per_gas=header.base_fee_per_gas,
            block_hash=header.hash,
            transactions=tuple(encode_transactions(block.transactions)),
            with_withdrawals=block.withdrawals is not None,
            blob_gas_used=header.blob_gas_used,
            excess_blob_gas=header.excess_blob_gas,
            withdrawals_root=header.withdrawals_root if isthmus else None,
            parent_beacon_block_root=header.parent_beacon_block_root,
        )

    def block(self) -> Block:
        """The block that this payload makes, with its own hash, which may be another than `block_hash`.

        Raises TransactionDecodingError when a transaction is none, and ValueError where a field is given without one that
        came before it.
        """
        withdrawals_root = self.withdrawals_root
        if withdrawals_root is None and self.with_withdrawals:
            withdrawals_root = EMPTY_TRIE_ROOT
        header = Header(
            parent_hash=self.parent_hash,
            fee_recipient=self.fee_recipient,
            state_root=self.state_root,
            transactions_root=ordered_root(list(self.transactions)),
            receipts_root=self.receipts_root,
            logs_bloom=self.logs_bloom,
            number=self.number,
            gas_limit=self.gas_limit,
            gas_used=self.gas_used,
            timestamp=self.timestamp,
            extra_data=self.extra_data,
            prev_randao=self.prev_randao,
            base_fee_per_gas=self.base_fee_per_gas,
            withdrawals_root=withdrawals_root,
            blob_gas_used=self.blob_gas_used,
            excess_blob_gas=self.excess_blob_gas,
            parent_beacon_block_root=self.parent_beacon_block_root,
            requests_hash=None if self.withdrawals_root is None else EMPTY_REQUESTS_HASH,
        )
        header.encode()
        transactions = tuple(map(decode_transaction, self.transactions))
        return Block(header, transactions, () if self.with_withdrawals else None)

    def to_json(self) -> dict[str, Any]:
        """As `engine_newPayload` takes it and `engine_getPayload` gives it; the parent beacon block root is not in it."""
        result: dict[str, Any] = {
            "parentHash": to_hex(self.parent_hash),
            "feeRecipient": to_hex(self.fee_recipient),
            "stateRoot": to_hex(self.state_root),
            "receiptsRoot": to_hex(self.receipts_root),
            "logsBloom": to_hex(self.logs_bloom),
            "prevRandao": to_hex(self.prev_randao),
            "blockNumber": quantity(self.number),
            "gasLimit": quantity(self.gas_limit),
            "gasUsed": quantity(self.gas_used),
            "timestamp": quantity(self.timestamp),
            "extraData": to_hex(self.extra_data),
            "baseFeePerGas": quantity(self.base_fee_per_gas),
            "blockHash": to_hex(self.block_hash),
            "transactions": [to_hex(raw) for raw in self.transactions],
        }
        if self.with_withdrawals:
            result["withdrawals"] = []
        if self.blob_gas_used is not None:
            result["blobGasUsed"] = quantity(self.blob_gas_used)
        if self.excess_blob_gas is not None:
            result["excessBlobGas"] = quantity(self.excess_blob_gas)
        if self.withdrawals_root is not None:
            result["withdrawalsRoot"] = to_hex(self.withdrawals_root)
        return result

    @staticmethod
    def from_json(data: Mapping[str, Any], parent_beacon_block_root: Hash32 | None = None) -> "ExecutionPayload":
        """Read the JSON form. Raises ValueError naming the field when one is missing or malformed, or withdrawals are there."""
        fields = JsonFields("execution payload", data)
        if fields.has("withdrawals") and fields.items("withdrawals"):
            raise ValueError("execution payload field 'withdrawals': must be empty on L2")
        return ExecutionPayload(
            parent_hash=fields.hash("parentHash"),
            fee_recipient=fields.address("feeRecipient"),
            state_root=fields.hash("stateRoot"),
            receipts_root=fields.hash("receiptsRoot"),
            logs_bloom=fields.data("logsBloom", 256),
            prev_randao=fields.hash("prevRandao"),
            number=fields.quantity("blockNumber", 64),
            gas_limit=fields.quantity("gasLimit", 64),
            gas_used=fields.quantity("gasUsed", 64),
            timestamp=fields.quantity("timestamp", 64),
            extra_data=fields.data("extraData"),
            base_fee_per_gas=fields.quantity("baseFeePerGas", 256),
            block_hash=fields.hash("blockHash"),
            transactions=tuple(fields.data_items("transactions")),
            with_withdrawals=fields.has("withdrawals"),
            blob_gas_used=fields.optional_quantity("blobGasUsed", 64),
            excess_blob_gas=fields.optional_quantity("excessBlobGas", 64),
            withdrawals_root=fields.optional_hash("withdrawalsRoot"),
            parent_beacon_block_root=parent_beacon_block_root,
        )
