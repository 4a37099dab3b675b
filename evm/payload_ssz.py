"""Execution payloads as gossip carries them: the SSZ form of each topic's version.

Offsets are checked before anything is cut out by them, so that what is allocated is never more than the bytes given.
"""

import struct
from enum import IntEnum

from config.forks import Fork, ForkSchedule
from config.types import Address, Hash32
from evm.execution_payload import ExecutionPayload

MAX_EXTRA_DATA_BYTES = 32
MAX_TRANSACTIONS = 1 << 20

_OFFSET = struct.Struct("<I")
_NUMBER = struct.Struct("<Q")
_UP_TO_EXTRA_DATA = struct.Struct("<32s20s32s32s256s32sQQQQI")
_UP_TO_TRANSACTIONS = struct.Struct("<32s32sI")


class PayloadVersion(IntEnum):
    """The versions of block topics. Spec: op rollup-node-p2p, "Gossip Topics"."""

    V1 = 1
    """Bedrock."""
    V2 = 2
    """Canyon: a list of withdrawals, always empty."""
    V3 = 3
    """Ecotone: blob gas; the parent beacon block root stands in front."""
    V4 = 4
    """Isthmus: the withdrawals root."""

    @property
    def fixed_bytes(self) -> int:
        """Bytes of the payload without extra data, transactions and what stands in front."""
        return {1: 508, 2: 512, 3: 528, 4: 560}[self]

    @property
    def has_root_in_front(self) -> bool:
        """Whether the parent beacon block root comes first."""
        return self >= PayloadVersion.V3

    def topic(self, chain_id: int) -> str:
        """The topic that blocks of this version are gossiped on."""
        return f"/optimism/{chain_id}/{self - 1}/blocks"

    @staticmethod
    def of_topic(topic: str, chain_id: int) -> "PayloadVersion":
        """The version of a topic. Raises ValueError when it is no block topic of this chain."""
        for version in PayloadVersion:
            if topic == version.topic(chain_id):
                return version
        raise ValueError(f"{topic[:80]!r} is no topic for blocks of chain {chain_id}")

    @staticmethod
    def at(forks: ForkSchedule, timestamp: int) -> "PayloadVersion":
        """The version that blocks of this time have."""
        if forks.is_active(Fork.ISTHMUS, timestamp):
            return PayloadVersion.V4
        if forks.is_active(Fork.ECOTONE, timestamp):
            return PayloadVersion.V3
        if forks.is_active(Fork.CANYON, timestamp):
            return PayloadVersion.V2
        return PayloadVersion.V1

    @staticmethod
    def of(payload: ExecutionPayload) -> "PayloadVersion":
        """The version that has exactly this payload's fields. Raises ValueError when none has."""
        fields = (
            payload.with_withdrawals,
            payload.blob_gas_used is not None,
            payload.excess_blob_gas is not None,
            payload.parent_beacon_block_root is not None,
            payload.withdrawals_root is not None,
        )
        ecotone = (True, True, True, True)
        version = {
            (False,) * 5: PayloadVersion.V1,
            (True, False, False, False, False): PayloadVersion.V2,
            (*ecotone, False): PayloadVersion.V3,
            (*ecotone, True): PayloadVersion.V4,
        }.get(fields)
        if version is None:
            names = "withdrawals", "blob gas used", "excess blob gas", "parent beacon block root", "withdrawals root"
            there = ", ".join(name for name, is_there in zip(names, fields, strict=True) if is_there)
            raise ValueError(f"block {payload.number} has fields of several versions, which do not belong together: {there}")
        return version


def encode_payload(payload: ExecutionPayload) -> bytes:
    """What is signed of a gossiped payload: its SSZ form, from Ecotone on behind the parent beacon block root.

    Raises ValueError when the payload's fields are of no version. Spec: op rollup-node-p2p, "Block encoding".
    """
    version = PayloadVersion.of(payload)
    extra, transactions = payload.extra_data, payload.transactions
    if len(extra) > MAX_EXTRA_DATA_BYTES or len(transactions) > MAX_TRANSACTIONS:
        raise ValueError(
            f"block {payload.number} has {len(extra)} bytes of extra data and {len(transactions)} transactions; "
            f"gossip takes {MAX_EXTRA_DATA_BYTES} and {MAX_TRANSACTIONS}"
        )
    fixed = version.fixed_bytes
    listed = _encode_transactions(transactions)
    parts = [
        b"" if payload.parent_beacon_block_root is None else payload.parent_beacon_block_root,
        _UP_TO_EXTRA_DATA.pack(
            payload.parent_hash,
            payload.fee_recipient,
            payload.state_root,
            payload.receipts_root,
            payload.logs_bloom,
            payload.prev_randao,
            payload.number,
            payload.gas_limit,
            payload.gas_used,
            payload.timestamp,
            fixed,
        ),
        _UP_TO_TRANSACTIONS.pack(
            payload.base_fee_per_gas.to_bytes(32, "little"), payload.block_hash, fixed + len(extra)
        ),
    ]
    if version >= PayloadVersion.V2:
        parts.append(_OFFSET.pack(fixed + len(extra) + len(listed)))
    if payload.blob_gas_used is not None and payload.excess_blob_gas is not None:
        parts += [_NUMBER.pack(payload.blob_gas_used), _NUMBER.pack(payload.excess_blob_gas)]
    if payload.withdrawals_root is not None:
        parts.append(payload.withdrawals_root)
    return b"".join([*parts, extra, listed])


def decode_payload(data: bytes, version: PayloadVersion) -> ExecutionPayload:
    """Read what `encode_payload` writes. Raises ValueError saying what is wrong where.

    Only one form of a payload is read: no gaps between its parts, no bytes behind them. Spec: SSZ, "Deserialization".
    """
    root: Hash32 | None = None
    if version.has_root_in_front:
        root, data = Hash32(data[:32]), data[32:]
    fixed = version.fixed_bytes
    if len(data) < fixed:
        raise ValueError(f"a payload of version {version} has at least {fixed} bytes, not {len(data)}")
    (
        parent_hash,
        fee_recipient,
        state_root,
        receipts_root,
        logs_bloom,
        prev_randao,
        number,
        gas_limit,
        gas_used,
        timestamp,
        extra_at,
    ) = _UP_TO_EXTRA_DATA.unpack_from(data)
    position = _UP_TO_EXTRA_DATA.size
    base_fee, block_hash, transactions_at = _UP_TO_TRANSACTIONS.unpack_from(data, position)
    position += _UP_TO_TRANSACTIONS.size
    end = len(data)
    if version >= PayloadVersion.V2:
        (end,) = _OFFSET.unpack_from(data, position)
        position += _OFFSET.size
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    if version >= PayloadVersion.V3:
        (blob_gas_used,), (excess_blob_gas,) = (
            _NUMBER.unpack_from(data, position),
            _NUMBER.unpack_from(data, position + 8),
        )
        position += 16
    withdrawals_root = Hash32(data[position : position + 32]) if version >= PayloadVersion.V4 else None
    if extra_at != fixed:
        raise ValueError(
            f"the extra data of the payload starts at byte {extra_at}, not where the fixed part ends, {fixed}"
        )
    if not extra_at <= transactions_at <= end <= len(data):
        raise ValueError(
            f"the parts of the payload do not follow each other: extra data at {extra_at}, transactions at "
            f"{transactions_at}, withdrawals at {end}, end at {len(data)}"
        )
    if transactions_at - extra_at > MAX_EXTRA_DATA_BYTES:
        raise ValueError(
            f"the extra data has {transactions_at - extra_at} bytes, at most {MAX_EXTRA_DATA_BYTES} may be"
        )
    if end != len(data):
        raise ValueError(f"the payload has withdrawals ({len(data) - end} bytes), which no L2 block has")
    return ExecutionPayload(
        parent_hash=Hash32(parent_hash),
        fee_recipient=Address(fee_recipient),
        state_root=Hash32(state_root),
        receipts_root=Hash32(receipts_root),
        logs_bloom=logs_bloom,
        prev_randao=Hash32(prev_randao),
        number=number,
        gas_limit=gas_limit,
        gas_used=gas_used,
        timestamp=timestamp,
        extra_data=data[extra_at:transactions_at],
        base_fee_per_gas=int.from_bytes(base_fee, "little"),
        block_hash=Hash32(block_hash),
        transactions=_decode_transactions(data[transactions_at:]),
        with_withdrawals=version >= PayloadVersion.V2,
        blob_gas_used=blob_gas_used,
        excess_blob_gas=excess_blob_gas,
        withdrawals_root=withdrawals_root,
        parent_beacon_block_root=root,
    )


def _encode_transactions(transactions: tuple[bytes, ...]) -> bytes:
    offset = _OFFSET.size * len(transactions)
    offsets = []
    for raw in transactions:
        offsets.append(_OFFSET.pack(offset))
        offset += len(raw)
    return b"".join((*offsets, *transactions))


def _decode_transactions(data: bytes) -> tuple[bytes, ...]:
    if not data:
        return ()
    if len(data) < _OFFSET.size:
        raise ValueError(f"the list of transactions has {len(data)} bytes, too few for one offset")
    (first,) = _OFFSET.unpack_from(data)
    count, rest = divmod(first, _OFFSET.size)
    if rest or not 0 < count <= MAX_TRANSACTIONS or first > len(data):
        raise ValueError(f"the first transaction cannot start at byte {first} of a list of {len(data)} bytes")
    offsets = (*struct.unpack_from(f"<{count}I", data), len(data))
    for index in range(count):
        if offsets[index] > offsets[index + 1]:
            raise ValueError(
                f"transaction {index} starts at byte {offsets[index]} and ends before that, at {offsets[index + 1]}"
            )
    return tuple(data[offsets[index] : offsets[index + 1]] for index in range(count))
