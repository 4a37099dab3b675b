"""Block headers of L1 and L2."""

from dataclasses import dataclass
from functools import cached_property

from config.constants import EMPTY_UNCLES_HASH
from config.types import Address, Hash32, short
from evm.types.hashing import keccak256
from evm.types.rlp import RlpError, RlpInput, as_bytes, as_int, decode_list, encode, int_to_rlp

_OPTIONAL = (
    "base_fee_per_gas",
    "withdrawals_root",
    "blob_gas_used",
    "excess_blob_gas",
    "parent_beacon_block_root",
    "requests_hash",
)


@dataclass(frozen=True)
class Header:
    """A block header. The last six fields came with forks: None where a block is older.

    On L2, `extra_data` holds the EIP-1559 parameters since Holocene and `withdrawals_root` is the storage root of
    L2ToL1MessagePasser since Isthmus. Spec: op holocene exec-engine; op isthmus exec-engine.
    """

    parent_hash: Hash32
    fee_recipient: Address
    state_root: Hash32
    transactions_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    prev_randao: Hash32
    base_fee_per_gas: int | None = None
    withdrawals_root: Hash32 | None = None
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    parent_beacon_block_root: Hash32 | None = None
    requests_hash: Hash32 | None = None
    uncles_hash: Hash32 = EMPTY_UNCLES_HASH
    difficulty: int = 0
    nonce: bytes = bytes(8)

    def encode(self) -> bytes:
        """Canonical RLP. Raises ValueError when an optional field is missing before one that is set."""
        items: list[RlpInput] = [
            self.parent_hash,
            self.uncles_hash,
            self.fee_recipient,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.logs_bloom,
            int_to_rlp(self.difficulty),
            int_to_rlp(self.number),
            int_to_rlp(self.gas_limit),
            int_to_rlp(self.gas_used),
            int_to_rlp(self.timestamp),
            self.extra_data,
            self.prev_randao,
            self.nonce,
        ]
        ended = False
        for name in _OPTIONAL:
            value = getattr(self, name)
            if value is None:
                ended = True
                continue
            if ended:
                raise ValueError(f"header {self.number}: {name} is set but a field before it is not")
            items.append(int_to_rlp(value) if isinstance(value, int) else value)
        return encode(items)

    @cached_property
    def raw(self) -> bytes:
        """`encode()`, computed once."""
        return self.encode()

    @cached_property
    def hash(self) -> Hash32:
        """The block hash."""
        return keccak256(self.raw)

    def __str__(self) -> str:
        return f"block {self.number} ({short(self.hash)})"

    @staticmethod
    def decode(raw: bytes) -> "Header":
        """Read canonical RLP. Raises RlpError when it is not a header."""
        items = decode_list(raw, "header")
        if not 15 <= len(items) <= 21:
            raise RlpError(f"header: expected 15 to 21 fields, got {len(items)}")

        def hash32(index: int) -> Hash32:
            return Hash32(as_bytes(items[index], f"header field {index}", 32))

        def integer(index: int) -> int:
            return as_int(items[index], f"header field {index}")

        count = len(items)
        header = Header(
            parent_hash=hash32(0),
            uncles_hash=hash32(1),
            fee_recipient=Address(as_bytes(items[2], "fee recipient", 20)),
            state_root=hash32(3),
            transactions_root=hash32(4),
            receipts_root=hash32(5),
            logs_bloom=as_bytes(items[6], "logs bloom", 256),
            difficulty=integer(7),
            number=integer(8),
            gas_limit=integer(9),
            gas_used=integer(10),
            timestamp=integer(11),
            extra_data=as_bytes(items[12], "extra data"),
            prev_randao=hash32(13),
            nonce=as_bytes(items[14], "nonce", 8),
            base_fee_per_gas=integer(15) if count > 15 else None,
            withdrawals_root=hash32(16) if count > 16 else None,
            blob_gas_used=integer(17) if count > 17 else None,
            excess_blob_gas=integer(18) if count > 18 else None,
            parent_beacon_block_root=hash32(19) if count > 19 else None,
            requests_hash=hash32(20) if count > 20 else None,
        )
        header.__dict__["raw"] = raw
        return header
