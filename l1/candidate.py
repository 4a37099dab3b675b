"""What is to be sent to L1, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.rollup import BlockId
from config.types import Address, Gas, Hash32, Wei, short, to_address, to_hash32
from evm.types import Log
from evm.types.json_codec import log_from_json, parse_quantity

NOTHING = Wei(0)


@dataclass(frozen=True)
class TxCandidate:
    """A transaction that its sender wants on L1; nonce, fees and signature are the transaction manager's business.

    `to` None creates a contract. `value` in wei. `gas_limit` None: estimated. `blobs` are 131,072 bytes each.
    """

    to: Address | None
    data: bytes = b""
    value: Wei = NOTHING
    gas_limit: Gas | None = None
    blobs: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        target = "contract creation" if self.to is None else f"transaction to 0x{self.to.hex()}"
        parts = [f"{len(self.data)} bytes of data"] if self.data else []
        if self.blobs:
            parts.append(f"{len(self.blobs)} blob{'s' if len(self.blobs) > 1 else ''}")
        if self.value:
            parts.append(f"{self.value} wei")
        return f"{target} ({', '.join(parts)})" if parts else target


@dataclass(frozen=True)
class TransactionReceipt:
    """A confirmed L1 transaction. Prices in wei per gas and wei per blob gas; `json` is the RPC's receipt object."""

    transaction_hash: Hash32
    block: BlockId
    succeeded: bool
    gas_used: Gas
    effective_gas_price: Wei
    blob_gas_used: Gas
    blob_gas_price: Wei
    contract_address: Address | None
    logs: tuple[Log, ...]
    json: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def cost(self) -> Wei:
        """Wei spent on gas and blob gas, the value sent not counted."""
        return Wei(self.gas_used * self.effective_gas_price + self.blob_gas_used * self.blob_gas_price)

    @property
    def block_number(self) -> int:
        """The number of the L1 block that holds it."""
        return self.block.number

    @property
    def block_hash(self) -> Hash32:
        """The hash of the L1 block that holds it."""
        return self.block.hash

    @property
    def status(self) -> int:
        """1 for success, 0 for a revert."""
        return int(self.succeeded)

    def __str__(self) -> str:
        outcome = "" if self.succeeded else ", reverted"
        return f"L1 transaction {short(self.transaction_hash)} in block {self.block.number}{outcome}"

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "TransactionReceipt":
        """Read an `eth_getTransactionReceipt` object. Raises KeyError, TypeError or ValueError when malformed."""
        contract = data.get("contractAddress")
        return TransactionReceipt(
            transaction_hash=to_hash32(data["transactionHash"]),
            block=BlockId(to_hash32(data["blockHash"]), parse_quantity(data["blockNumber"])),
            succeeded=parse_quantity(data["status"]) == 1,
            gas_used=Gas(parse_quantity(data["gasUsed"])),
            effective_gas_price=Wei(parse_quantity(data.get("effectiveGasPrice") or "0x0")),
            blob_gas_used=Gas(parse_quantity(data.get("blobGasUsed") or "0x0")),
            blob_gas_price=Wei(parse_quantity(data.get("blobGasPrice") or "0x0")),
            contract_address=None if contract is None else to_address(contract),
            logs=tuple(log_from_json(entry) for entry in data["logs"]),
            json=data,
        )
