"""Receipts and logs in their consensus form."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from config.types import Address, Hash32
from evm.types.hashing import keccak256
from evm.types.rlp import RlpError, RlpInput, as_bytes, as_int, as_list, decode_list, encode, int_to_rlp

BLOOM_BYTES = 256


@dataclass(frozen=True)
class Log:
    """What a contract emitted: zero to four 32-byte topics and free data."""

    address: Address
    topics: tuple[Hash32, ...]
    data: bytes

    def _items(self) -> list[RlpInput]:
        return [self.address, self.topics, self.data]


def logs_bloom(logs: Iterable[Log]) -> bytes:
    """The 2048-bit Bloom filter (256 bytes) of the logs' addresses and topics. Spec: yellow paper, 4.3.1."""
    bits = 0
    seen: set[bytes] = set()
    for log in logs:
        seen.add(log.address)
        seen.update(log.topics)
    for value in seen:
        digest = keccak256(value)
        for start in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits.to_bytes(BLOOM_BYTES, "big")


@dataclass(frozen=True)
class Receipt:
    """The outcome of a transaction. What the receipts root commits to is `encode_for_root`.

    `status` is 1 for success and 0 for failure, or the 32-byte intermediate state root before Byzantium.
    `deposit_nonce` (since Regolith) and `deposit_receipt_version` (since Canyon) exist for deposits only.
    Spec: EIP-658, EIP-2718; op deposits, "Deposit Receipt".
    """

    type: int
    status: int | bytes
    cumulative_gas_used: int
    logs: tuple[Log, ...]
    deposit_nonce: int | None = None
    deposit_receipt_version: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the transaction ran to its end."""
        return self.status == 1 or isinstance(self.status, bytes)

    @cached_property
    def bloom(self) -> bytes:
        """The Bloom filter of its logs, 256 bytes."""
        return logs_bloom(self.logs) if self.logs else bytes(BLOOM_BYTES)

    def encode(self) -> bytes:
        """Canonical bytes, with the type byte in front for typed transactions."""
        items: list[RlpInput] = [
            self.status if isinstance(self.status, bytes) else int_to_rlp(self.status),
            int_to_rlp(self.cumulative_gas_used),
            self.bloom,
            [log._items() for log in self.logs],
        ]
        if self.deposit_nonce is not None:
            items.append(int_to_rlp(self.deposit_nonce))
            if self.deposit_receipt_version is not None:
                items.append(int_to_rlp(self.deposit_receipt_version))
        body = encode(items)
        return body if self.type == 0 else bytes((self.type,)) + body

    def encode_for_root(self) -> bytes:
        """The bytes that the receipts root commits to: before Canyon they lack the deposit nonce.

        Spec: op deposits, "Deposit Receipt".
        """
        if self.deposit_nonce is None or self.deposit_receipt_version is not None:
            return self.encode()
        return replace(self, deposit_nonce=None).encode()

    @staticmethod
    def decode(raw: bytes) -> "Receipt":
        """Read canonical bytes. Raises RlpError when they are no receipt, or carry a wrong Bloom filter."""
        if not raw:
            raise RlpError("receipt is empty")
        kind, body = (0, raw) if raw[0] >= 0xC0 else (raw[0], raw[1:])
        items = decode_list(body, "receipt")
        if not 4 <= len(items) <= 6:
            raise RlpError(f"receipt: expected 4 to 6 fields, got {len(items)}")
        first = as_bytes(items[0], "receipt status")
        logs = []
        for item in as_list(items[3], "logs"):
            address, topics, data = as_list(item, "log", 3)
            logs.append(
                Log(
                    Address(as_bytes(address, "log address", 20)),
                    tuple(Hash32(as_bytes(topic, "log topic", 32)) for topic in as_list(topics, "log topics")),
                    as_bytes(data, "log data"),
                )
            )
        receipt = Receipt(
            type=kind,
            status=first if len(first) == 32 else as_int(first, "receipt status", 1),
            cumulative_gas_used=as_int(items[1], "cumulative gas", 8),
            logs=tuple(logs),
            deposit_nonce=as_int(items[4], "deposit nonce", 8) if len(items) > 4 else None,
            deposit_receipt_version=as_int(items[5], "deposit receipt version", 8) if len(items) > 5 else None,
        )
        if as_bytes(items[2], "bloom", BLOOM_BYTES) != receipt.bloom:
            raise RlpError("receipt: its Bloom filter does not fit its logs")
        return receipt
