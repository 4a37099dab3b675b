"""Ethereum and OP Stack data types with their encodings; no behaviour, no py-evm.

Each module is named after what it holds; the common names are exported here.
"""

from config.types import (
    ZERO_ADDRESS,
    ZERO_HASH,
    Address,
    Gas,
    Hash32,
    L1BlockNumber,
    L2BlockNumber,
    Timestamp,
    Wei,
    from_hex,
    short,
    to_address,
    to_hash32,
    to_hex,
)
from evm.types.block import Block, Withdrawal
from evm.types.hashing import keccak256
from evm.types.header import Header
from evm.types.payload import PayloadAttributes
from evm.types.receipt import Log, Receipt
from evm.types.transaction import (
    AccessListTransaction,
    Authorization,
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    Transaction,
    TransactionType,
    decode_transaction,
)

__all__ = [
    "ZERO_ADDRESS",
    "ZERO_HASH",
    "AccessListTransaction",
    "Address",
    "Authorization",
    "BlobTransaction",
    "Block",
    "DepositTransaction",
    "DynamicFeeTransaction",
    "Gas",
    "Hash32",
    "Header",
    "L1BlockNumber",
    "L2BlockNumber",
    "LegacyTransaction",
    "Log",
    "PayloadAttributes",
    "Receipt",
    "SetCodeTransaction",
    "SignedTransaction",
    "Timestamp",
    "Transaction",
    "TransactionType",
    "Wei",
    "Withdrawal",
    "decode_transaction",
    "from_hex",
    "keccak256",
    "short",
    "to_address",
    "to_hash32",
    "to_hex",
]
