"""From channels to L1 transactions: blobs or calldata, and what each costs."""

from dataclasses import dataclass
from enum import Enum

from batcher.channel import Channel
from batcher.ports import L1Head
from batcher.settings import ChannelSettings, DataAvailability
from config.constants import GAS_PER_BLOB
from config.types import Address, Gas, Wei
from derivation.codec import encode_batcher_transaction, encode_blob
from l1.candidate import TxCandidate

TRANSACTION_GAS = 21_000
FLOOR_GAS_PER_ZERO_BYTE = 10
FLOOR_GAS_PER_NONZERO_BYTE = 40
"""A transaction that computes nothing pays the floor price for its calldata. Spec: EIP-7623."""


class DataKind(Enum):
    """Where the frames of one channel go."""

    BLOBS = "blobs"
    CALLDATA = "calldata"


@dataclass(frozen=True)
class BatcherTransaction:
    """One L1 transaction to send: its payloads (one frame each, version byte included) and the candidate.

    `gas` is what it will use, `blob_gas` what its blobs add.
    """

    candidate: TxCandidate
    payload_bytes: int
    gas: int
    blob_gas: int

    def price(self, head: L1Head) -> Wei:
        """Wei that it costs at the head's prices, tip not counted."""
        return Wei(self.gas * head.base_fee + self.blob_gas * head.blob_base_fee)


def calldata_gas(data: bytes) -> int:
    """Gas of a transaction that carries `data` to an account without code. Spec: EIP-7623."""
    zeros = data.count(0)
    return TRANSACTION_GAS + FLOOR_GAS_PER_ZERO_BYTE * zeros + FLOOR_GAS_PER_NONZERO_BYTE * (len(data) - zeros)


def choose_kind(channel: Channel, settings: ChannelSettings, head: L1Head) -> DataKind:
    """Where the channel goes by the operator's policy; with `auto`, what is cheaper at the head's prices."""
    if settings.data_availability is DataAvailability.BLOBS:
        return DataKind.BLOBS
    if settings.data_availability is DataAvailability.CALLDATA:
        return DataKind.CALLDATA
    blobs = -(-len(channel.data) // settings.blob_frame_data_bytes)
    blob_transactions = -(-blobs // settings.blobs_per_transaction)
    blob_price = blob_transactions * TRANSACTION_GAS * head.base_fee + blobs * GAS_PER_BLOB * head.blob_base_fee
    calldata_transactions = -(-len(channel.data) // settings.calldata_frame_data_bytes)
    gas = calldata_gas(channel.data) + (calldata_transactions - 1) * TRANSACTION_GAS
    return DataKind.CALLDATA if gas * head.base_fee < blob_price else DataKind.BLOBS


def transactions(
    channel: Channel, kind: DataKind, settings: ChannelSettings, inbox: Address
) -> tuple[BatcherTransaction, ...]:
    """The transactions that carry the channel, to be included in this order.

    A payload is a version byte and one frame; a blob carries one payload, a calldata transaction is one.
    Spec: op derivation, "Batcher Transaction Format"; op ecotone derivation, "Blob Encoding".
    """
    size = settings.calldata_frame_data_bytes if kind is DataKind.CALLDATA else settings.blob_frame_data_bytes
    payloads = [encode_batcher_transaction([frame]) for frame in channel.frames(size)]
    if kind is DataKind.CALLDATA:
        return tuple(_calldata_transaction(payload, inbox) for payload in payloads)
    step = settings.blobs_per_transaction
    return tuple(_blob_transaction(payloads[start : start + step], inbox) for start in range(0, len(payloads), step))


def _calldata_transaction(payload: bytes, inbox: Address) -> BatcherTransaction:
    gas = calldata_gas(payload)
    return BatcherTransaction(TxCandidate(to=inbox, data=payload, gas_limit=Gas(gas)), len(payload), gas, 0)


def _blob_transaction(payloads: list[bytes], inbox: Address) -> BatcherTransaction:
    blobs = tuple(encode_blob(payload) for payload in payloads)
    candidate = TxCandidate(to=inbox, data=b"", gas_limit=Gas(TRANSACTION_GAS), blobs=blobs)
    return BatcherTransaction(
        candidate, sum(len(payload) for payload in payloads), TRANSACTION_GAS, GAS_PER_BLOB * len(blobs)
    )
