"""The transactions of a span batch: taken apart field by field, put together again for this chain.

The chain id is not in the batch: every replay-protected transaction is one of this chain. Signatures are not checked
here. Spec: op delta span batches, "Span batch format"; op isthmus derivation, "Span Batch Updates".
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from config.constants import MAX_SPAN_BATCH_ELEMENT_COUNT
from derivation.codec.errors import BatchError
from derivation.codec.varint import Reader, encode_bits, encode_uvarint
from evm.types.rlp import (
    Rlp,
    RlpError,
    RlpInput,
    as_bytes,
    as_int,
    as_list,
    decode_list,
    encode,
    int_to_rlp,
    item_length,
)
from evm.types.transaction import (
    AccessListTransaction,
    BlobTransaction,
    DepositTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    TransactionDecodingError,
    decode_transaction,
)

_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE, _SET_CODE = 0, 1, 2, 4
_REMEMBERED = 1 << 14
"""Transactions kept taken apart, about those of six full blobs."""

_FIELD_NAMES = {
    _LEGACY: ("value", "gas price", "data"),
    _ACCESS_LIST: ("value", "gas price", "data", "access list"),
    _DYNAMIC_FEE: ("value", "max priority fee", "max fee", "data", "access list"),
    _SET_CODE: ("value", "max priority fee", "max fee", "data", "access list", "authorization list"),
}


def decode_span_transactions(reader: Reader, count: int, chain_id: int) -> list[bytes]:
    """The `count` transactions that follow, as canonical bytes (EIP-2718).

    Raises BatchError when anything is malformed, or a transaction has a type other than 0, 1, 2 or 4.
    """
    creations = reader.bits(count, "contract creation bits")
    parities = reader.bits(count, "y parity bits")
    signatures = reader.take(64 * count, "signatures")
    recipients = reader.take(20 * (count - creations.bit_count()), "recipients")
    contents = [_read_content(reader, index) for index in range(count)]
    nonces = [reader.uvarint("nonce") for _ in range(count)]
    gases = [reader.uvarint("gas limit") for _ in range(count)]
    protected = reader.bits(sum(kind == _LEGACY for kind, _ in contents), "protected bits")

    chain = int_to_rlp(chain_id)
    transactions: list[bytes] = []
    recipient = legacy = 0
    for index, (kind, fields) in enumerate(contents):
        if creations >> index & 1:
            if kind == _SET_CODE:
                raise BatchError(f"transaction {index} of the span sets code but names no recipient")
            to = b""
        else:
            to = recipients[recipient : recipient + 20]
            recipient += 20
        nonce, gas = int_to_rlp(nonces[index]), int_to_rlp(gases[index])
        parity = parities >> index & 1
        r = signatures[64 * index : 64 * index + 32].lstrip(b"\x00")
        s = signatures[64 * index + 32 : 64 * index + 64].lstrip(b"\x00")
        if kind == _LEGACY:
            value, gas_price, data = fields
            v = 35 + 2 * chain_id + parity if protected >> legacy & 1 else 27 + parity
            legacy += 1
            transactions.append(encode([nonce, gas_price, gas, to, value, data, int_to_rlp(v), r, s]))
            continue
        if kind == _ACCESS_LIST:
            value, *fees, data, accesses = fields
            rest = [accesses]
        else:
            value, *fees = fields[:3]
            data, *rest = fields[3:]
        items = [chain, nonce, *fees, gas, to, value, data, *rest, int_to_rlp(parity), r, s]
        transactions.append(bytes((kind,)) + encode(items))
    return transactions


def _read_content(reader: Reader, index: int) -> tuple[int, list[Rlp]]:
    """Type and variable-length fields of transaction `index`."""
    data, offset = reader.data, reader.offset
    if offset >= len(data):
        raise BatchError(f"transaction {index} of the span: no data is left")
    kind = 0
    if data[offset] <= 0x7F:
        kind = data[offset]
        offset += 1
        if kind == _LEGACY or kind not in _FIELD_NAMES:
            raise BatchError(f"transaction {index} of the span has type {kind}, which span batches do not carry")
    names = _FIELD_NAMES[kind]
    try:
        length = item_length(data, offset)
        if length > MAX_SPAN_BATCH_ELEMENT_COUNT:
            raise BatchError(f"transaction {index} of the span has {length} bytes, limit {MAX_SPAN_BATCH_ELEMENT_COUNT}")
        end = offset + length
        fields = as_list(list(decode_list(data[offset:end], "content")), "content", len(names))
        for name, field in zip(names, fields, strict=True):
            _check_field(name, field)
    except RlpError as error:
        raise BatchError(f"transaction {index} of the span: {error}") from error
    reader.offset = end
    return kind, fields


def _check_field(name: str, field: Rlp) -> None:
    if name == "data":
        as_bytes(field, name)
    elif name == "access list":
        for entry in as_list(field, name):
            address, keys = as_list(entry, "access list entry", 2)
            as_bytes(address, "access list address", 20)
            for key in as_list(keys, "storage keys"):
                as_bytes(key, "storage key", 32)
    elif name == "authorization list":
        for entry in as_list(field, name):
            chain_id, address, nonce, parity, r, s = as_list(entry, "authorization", 6)
            as_int(chain_id, "authorization chain id")
            as_bytes(address, "authorization address", 20)
            as_int(nonce, "authorization nonce", 8)
            as_int(parity, "authorization parity", 1)
            as_int(r, "authorization r")
            as_int(s, "authorization s")
    else:
        as_int(field, name)


def encode_span_transactions(transactions: Sequence[bytes], chain_id: int) -> bytes:
    """The fields of canonical transactions in the order of the format.

    Raises BatchError for a transaction that is malformed, of another chain or of a type span batches do not carry.
    """
    creations = parities = protected = legacy = 0
    signatures: list[bytes] = []
    recipients: list[bytes] = []
    contents: list[bytes] = []
    nonces: list[bytes] = []
    gases: list[bytes] = []
    for index, raw in enumerate(transactions):
        try:
            parts = _take_apart(raw, chain_id)
        except BatchError as error:
            raise BatchError(f"transaction {index} {error}") from error.__cause__
        if parts.is_legacy:
            protected |= parts.is_protected << legacy
            legacy += 1
        parities |= parts.y_parity << index
        creations |= (not parts.recipient) << index
        signatures.append(parts.signature)
        recipients.append(parts.recipient)
        contents.append(parts.content)
        nonces.append(parts.nonce)
        gases.append(parts.gas_limit)
    count = len(transactions)
    return b"".join(
        (
            encode_bits(creations, count),
            encode_bits(parities, count),
            *signatures,
            *recipients,
            *contents,
            *nonces,
            *gases,
            encode_bits(protected, legacy),
        )
    )


class _Parts(NamedTuple):
    """A transaction taken apart: its pieces as the format has them. `recipient` is empty for a creation."""

    is_legacy: bool
    is_protected: bool
    y_parity: int
    signature: bytes
    recipient: bytes
    content: bytes
    nonce: bytes
    gas_limit: bytes


@lru_cache(maxsize=_REMEMBERED)
def _take_apart(raw: bytes, chain_id: int) -> _Parts:
    # A channel is encoded anew whenever a batcher looks how long it has become.
    try:
        transaction = decode_transaction(raw)
    except TransactionDecodingError as error:
        raise BatchError(f"cannot go into a span batch: {error}") from error
    if isinstance(transaction, DepositTransaction | BlobTransaction):
        raise BatchError(f"has type {transaction.type:#x}, which span batches do not carry")
    if transaction.chain_id is not None and transaction.chain_id != chain_id:
        raise BatchError(f"is for chain {transaction.chain_id}, not for chain {chain_id}")
    if transaction.y_parity > 1:
        raise BatchError(f"has signature parity {transaction.y_parity}, expected 0 or 1")
    return _Parts(
        is_legacy=isinstance(transaction, LegacyTransaction),
        is_protected=transaction.chain_id is not None,
        y_parity=transaction.y_parity,
        signature=transaction.r.to_bytes(32, "big") + transaction.s.to_bytes(32, "big"),
        recipient=transaction.to or b"",
        content=_content_of(transaction),
        nonce=encode_uvarint(transaction.nonce),
        gas_limit=encode_uvarint(transaction.gas_limit),
    )


def _content_of(transaction: SignedTransaction) -> bytes:
    """Type and variable-length fields."""
    value, data = int_to_rlp(transaction.value), transaction.data
    if isinstance(transaction, LegacyTransaction):
        return encode([value, int_to_rlp(transaction.gas_price), data])
    fees = [int_to_rlp(transaction.max_fee_per_gas)]
    if not isinstance(transaction, AccessListTransaction):
        fees.insert(0, int_to_rlp(transaction.max_priority_fee_per_gas))
    items: list[RlpInput] = [value, *fees, data, transaction.access_list]
    if isinstance(transaction, SetCodeTransaction):
        items.append([entry.items() for entry in transaction.authorizations])
    return bytes((transaction.type,)) + encode(items)
