"""Blocks, receipts, the canonical index and the head markers in the key-value store.

Keys (the first byte is the kind; the state lives beside them under `evm.store.layout`'s own):

    H<hash>       header RLP                    B<hash>     block RLP, packed
    R<hash>       list of receipts, packed      N<number>   canonical block hash
    T<tx hash>    block hash, number, index     M<name>     markers: heads, schema version, genesis
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.errors import CriticalError
from config.types import Hash32, short
from evm.store.cache import ByteBoundedCache
from evm.store.kv import KeyValueStore, WriteBatch
from evm.types import Block, Header, Receipt
from evm.types.receipt_list import EncodedReceipts, encode_receipts
from evm.types.rlp import as_bytes, decode_list, encode
from evm.types.transaction_list import encode_transactions, transaction_hashes
from l1.cache import LruCache
from node.chain.packed import pack, unpack

SCHEMA_VERSION = 3
"""3 packs blocks and receipts (`node.chain.packed`)."""

_OLDEST_VERSION = 2
"""What is read as well, and becomes a store of the current version with the first block that is written."""

_SCHEMA = b"Mschema"
_CURRENT = SCHEMA_VERSION.to_bytes(4, "big")
_GENESIS = b"Mgenesis"
_HEAD_KEYS = {"unsafe": b"Munsafe", "safe": b"Msafe", "finalized": b"Mfinalized"}

_BLOCK_CACHE_BYTES = 64 << 20
_RECEIPT_CACHE_BYTES = 32 << 20
_OBJECT_BYTES = 1_000
"""What a block, a receipt or a log takes in memory beside its bytes, about; a decoded transaction takes twice as much."""


class SchemaError(CriticalError):
    """The data directory was written by a version of the node that stores things differently."""


@dataclass(frozen=True)
class TransactionLocation:
    """Where a canonical transaction stands."""

    block_hash: Hash32
    number: int
    index: int


class ChainStore:
    """Reads what is stored and stages what is to be written; the caller commits the batch.

    Raises SchemaError on opening a store of a schema version that it cannot read.
    """

    def __init__(self, kv: KeyValueStore) -> None:
        self.kv = kv
        self._headers: LruCache[Hash32, Header] = LruCache(4096)
        self._blocks: ByteBoundedCache[Block] = ByteBoundedCache(_BLOCK_CACHE_BYTES)
        self._receipts: ByteBoundedCache[Sequence[Receipt]] = ByteBoundedCache(_RECEIPT_CACHE_BYTES)
        version = kv.get(_SCHEMA)
        if version is not None:
            _check_schema(int.from_bytes(version, "big"))
        self._is_current = version == _CURRENT

    # --- reading ---

    def genesis_hash(self) -> Hash32 | None:
        """The hash of the genesis block, None in an empty store."""
        value = self.kv.get(_GENESIS)
        return None if value is None else Hash32(value)

    def head_hash(self, name: str) -> Hash32 | None:
        """The block that the head `unsafe`, `safe` or `finalized` stood at when last written."""
        value = self.kv.get(_HEAD_KEYS[name])
        return None if value is None else Hash32(value)

    def header(self, block_hash: Hash32) -> Header | None:
        """The header of a stored block, canonical or not."""
        header = self._headers.get(block_hash)
        if header is None:
            raw = self.kv.get(b"H" + block_hash)
            if raw is None:
                return None
            header = Header.decode(raw)
            self._headers.put(block_hash, header)
        return header

    def block(self, block_hash: Hash32) -> Block | None:
        """A stored block, canonical or not."""
        block = self._blocks.get(block_hash)
        if block is None:
            raw = self.kv.get(b"B" + block_hash)
            if raw is None:
                return None
            block = Block.decode_frame(unpack(raw, f"block {short(block_hash)}"))
            self._blocks.put(block_hash, block, _block_bytes(block))
        return block

    def receipts(self, block_hash: Hash32) -> Sequence[Receipt] | None:
        """The receipts of a stored block; an empty tuple for the genesis block."""
        receipts = self._receipts.get(block_hash)
        if receipts is None:
            raw = self.kv.get(b"R" + block_hash)
            if raw is None:
                return None
            items = decode_list(unpack(raw, f"what holds the receipts of block {short(block_hash)}"), "stored receipts")
            receipts = tuple(Receipt.decode(as_bytes(item, "stored receipt")) for item in items)
            self._receipts.put(block_hash, receipts, _receipts_bytes(receipts))
        return receipts

    def canonical_hash(self, number: int) -> Hash32 | None:
        """The hash of the canonical block of this number."""
        if number < 0:
            return None
        value = self.kv.get(_number_key(number))
        return None if value is None else Hash32(value)

    def transaction_location(self, transaction_hash: Hash32) -> TransactionLocation | None:
        """Where a transaction stands in the canonical chain."""
        value = self.kv.get(b"T" + transaction_hash)
        if value is None:
            return None
        return TransactionLocation(
            Hash32(value[:32]), int.from_bytes(value[32:40], "big"), int.from_bytes(value[40:44], "big")
        )

    # --- staging ---

    def stage_genesis(self, batch: WriteBatch, block: Block) -> None:
        """The genesis block, all three heads at it, and the schema version."""
        batch.put(_GENESIS, block.hash)
        self.stage_block(batch, block, ())
        self.stage_canonical(batch, block)
        for name in _HEAD_KEYS:
            self.stage_head(batch, name, block.header)

    def stage_block(self, batch: WriteBatch, block: Block, receipts: Sequence[Receipt]) -> None:
        """A block with its receipts, not yet canonical."""
        batch.put(b"H" + block.hash, block.header.raw)
        batch.put(b"B" + block.hash, pack(block.encode()))
        batch.put(b"R" + block.hash, pack(encode(encode_receipts(receipts))))
        if not self._is_current:
            batch.put(_SCHEMA, _CURRENT)

    def stage_canonical(self, batch: WriteBatch, block: Block) -> None:
        """Make a block the canonical one of its number, with its transactions."""
        batch.put(_number_key(block.number), block.hash)
        block_place = block.hash + block.number.to_bytes(8, "big")
        for index, transaction_hash in enumerate(transaction_hashes(block.transactions)):
            batch.put(b"T" + transaction_hash, block_place + index.to_bytes(4, "big"))

    def stage_uncanonical(self, batch: WriteBatch, block: Block) -> None:
        """Take a block and its transactions out of the canonical index; the block itself stays."""
        batch.delete(_number_key(block.number))
        for transaction_hash in transaction_hashes(block.transactions):
            batch.delete(b"T" + transaction_hash)

    def stage_head(self, batch: WriteBatch, name: str, header: Header) -> None:
        """Move the head `unsafe`, `safe` or `finalized`."""
        batch.put(_HEAD_KEYS[name], header.hash)

    def cache(self, block: Block, receipts: Sequence[Receipt]) -> None:
        """Keep a just written block at hand."""
        self._headers.put(block.hash, block.header)
        self._blocks.put(block.hash, block, _block_bytes(block))
        self._receipts.put(block.hash, receipts, _receipts_bytes(receipts))

    def require_header(self, block_hash: Hash32, what: str) -> Header:
        """A header that must be there. Raises CriticalError naming `what` when the store lacks it."""
        header = self.header(block_hash)
        if header is None:
            raise CriticalError(
                f"the store lacks the header of {what} {short(block_hash)}: the data directory is damaged; "
                "restore it, or delete it and derive the chain again from L1"
            )
        return header

    def require_block(self, block_hash: Hash32) -> Block:
        """A block that must be there. Raises CriticalError when the store lacks it."""
        block = self.block(block_hash)
        if block is None:
            raise CriticalError(
                f"the store lacks the block {short(block_hash)}: the data directory is damaged; "
                "restore it, or delete it and derive the chain again from L1"
            )
        return block


def _block_bytes(block: Block) -> int:
    """About what a block takes in memory when all of its transactions are decoded."""
    raws = encode_transactions(block.transactions)
    return sum(map(len, raws)) + (2 * len(raws) + 1) * _OBJECT_BYTES


def _receipts_bytes(receipts: Sequence[Receipt]) -> int:
    """About what a block's receipts take in memory when they are decoded."""
    if isinstance(receipts, EncodedReceipts):
        return sum(2 * len(raw) + _OBJECT_BYTES for raw in receipts.encodings)
    return sum(_OBJECT_BYTES + sum(_OBJECT_BYTES + len(log.data) for log in receipt.logs) for receipt in receipts)


def _check_schema(version: int) -> None:
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"the data directory has schema version {version}, this node knows up to {SCHEMA_VERSION}: "
            "run the newer node that wrote it, or start with an empty directory"
        )
    if version < _OLDEST_VERSION:
        raise SchemaError(
            f"the data directory has schema version {version}, this node reads versions {_OLDEST_VERSION} and "
            f"{SCHEMA_VERSION}, which have the head state beside its trie: start with an empty directory and derive the "
            "chain again from L1 (`lamina init`, then `lamina node`, or `lamina reconstruct`), or run the older node that "
            "wrote it"
        )


def _number_key(number: int) -> bytes:
    return b"N" + number.to_bytes(8, "big")
