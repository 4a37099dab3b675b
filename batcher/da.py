"""From payloads to L1 transactions: blobs, calldata, or a commitment to data kept elsewhere, and what each costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from batcher.channel import Channel
from batcher.ports import L1Head
from batcher.settings import ChannelSettings, DataAvailability
from config.constants import GAS_PER_BLOB
from config.types import Address, Gas, Wei
from l1.candidate import TxCandidate

TRANSACTION_GAS = 21_000
FLOOR_GAS_PER_ZERO_BYTE = 10
FLOOR_GAS_PER_NONZERO_BYTE = 40
"""A transaction that computes nothing pays the floor price for its calldata. Spec: EIP-7623."""


class DataKind(Enum):
    """Where the frames of one channel go."""

    BLOBS = "blobs"
    CALLDATA = "calldata"
    REMOTE = "remote"
    """Stored elsewhere; L1 gets a commitment as calldata."""


@dataclass(frozen=True)
class BatcherTransaction:
    """An L1 transaction to send. `gas` is what it will use, `blob_gas` what its blobs add."""

    candidate: TxCandidate
    payload_bytes: int
    gas: int
    blob_gas: int

    def price(self, head: L1Head) -> Wei:
        """Wei that it costs at the head's prices."""
        return Wei(self.gas * (head.base_fee + head.tip) + self.blob_gas * head.blob_base_fee)


def calldata_gas(data: bytes) -> int:
    """Gas of a transaction that carries `data` to an account without code. Spec: EIP-7623."""
    zeros = data.count(0)
    return TRANSACTION_GAS + FLOOR_GAS_PER_ZERO_BYTE * zeros + FLOOR_GAS_PER_NONZERO_BYTE * (len(data) - zeros)


def choose_kind(channel: Channel, settings: ChannelSettings, head: L1Head) -> DataKind:
    """Blobs or calldata by the operator's policy; with `auto`, what is cheaper at the head's prices."""
    if settings.data_availability is DataAvailability.BLOBS:
        return DataKind.BLOBS
    if settings.data_availability is DataAvailability.CALLDATA:
        return DataKind.CALLDATA
    gas_price = head.base_fee + head.tip
    blobs = -(-len(channel.data) // settings.blob_frame_data_bytes)
    blob_transactions = -(-blobs // settings.blobs_per_transaction)
    blob_price = blob_transactions * TRANSACTION_GAS * gas_price + blobs * GAS_PER_BLOB * head.blob_base_fee
    calldata_transactions = -(-len(channel.data) // settings.calldata_frame_data_bytes)
    gas = calldata_gas(channel.data) + (calldata_transactions - 1) * TRANSACTION_GAS
    return DataKind.CALLDATA if gas * gas_price < blob_price else DataKind.BLOBS


def calldata_transaction(data: bytes, payload_bytes: int, inbox: Address) -> BatcherTransaction:
    """A transaction that carries a payload, or the commitment to one of `payload_bytes`."""
    gas = calldata_gas(data)
    return BatcherTransaction(TxCandidate(to=inbox, data=data, gas_limit=Gas(gas)), payload_bytes, gas, 0)


def blob_transaction(blobs: Sequence[bytes], payload_bytes: int, inbox: Address) -> BatcherTransaction:
    """A transaction with these blobs, which carry payloads of `payload_bytes` together."""
    candidate = TxCandidate(to=inbox, data=b"", gas_limit=Gas(TRANSACTION_GAS), blobs=tuple(blobs))
    return BatcherTransaction(candidate, payload_bytes, TRANSACTION_GAS, GAS_PER_BLOB * len(blobs))
