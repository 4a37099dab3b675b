"""Payload attributes: what derivation or the sequencer asks the execution layer to make a block of."""

from dataclasses import dataclass
from typing import Any

from config.types import Address, Gas, Hash32, Timestamp, from_hex, to_address, to_hash32, to_hex


@dataclass(frozen=True)
class PayloadAttributes:
    """The inputs of an L2 block besides its parent.

    `transactions` are canonical bytes that come first, in this order, whatever happens. With `no_tx_pool` nothing is
    added to them. `eip1559_params` (8 bytes: denominator, elasticity, both uint32 big-endian) is None before Holocene;
    zeros mean the chain's defaults. `min_base_fee` is None before Jovian. `with_withdrawals` is False before Canyon.
    Spec: op exec-engine, "Extended PayloadAttributesV3".
    """

    timestamp: Timestamp
    prev_randao: Hash32
    suggested_fee_recipient: Address
    parent_beacon_block_root: Hash32 | None
    transactions: tuple[bytes, ...]
    no_tx_pool: bool
    gas_limit: Gas
    eip1559_params: bytes | None = None
    min_base_fee: int | None = None
    with_withdrawals: bool = True

    def to_json(self) -> dict[str, Any]:
        """As `engine_forkchoiceUpdatedV3` takes them."""
        result: dict[str, Any] = {
            "timestamp": hex(self.timestamp),
            "prevRandao": to_hex(self.prev_randao),
            "suggestedFeeRecipient": to_hex(self.suggested_fee_recipient),
        }
        if self.with_withdrawals:
            result["withdrawals"] = []
        if self.parent_beacon_block_root is not None:
            result["parentBeaconBlockRoot"] = to_hex(self.parent_beacon_block_root)
        result["transactions"] = [to_hex(raw) for raw in self.transactions]
        result["noTxPool"] = self.no_tx_pool
        result["gasLimit"] = hex(self.gas_limit)
        if self.eip1559_params is not None:
            result["eip1559Params"] = to_hex(self.eip1559_params)
        if self.min_base_fee is not None:
            result["minBaseFee"] = self.min_base_fee
        return result

    @staticmethod
    def from_json(data: dict[str, Any]) -> "PayloadAttributes":
        """Read the JSON form. Raises KeyError or ValueError when a field is missing or malformed."""
        root = data.get("parentBeaconBlockRoot")
        params = data.get("eip1559Params")
        min_base_fee = data.get("minBaseFee")
        return PayloadAttributes(
            timestamp=Timestamp(int(data["timestamp"], 16)),
            prev_randao=to_hash32(data["prevRandao"]),
            suggested_fee_recipient=to_address(data["suggestedFeeRecipient"]),
            parent_beacon_block_root=None if root is None else to_hash32(root),
            transactions=tuple(from_hex(raw) for raw in data.get("transactions") or ()),
            no_tx_pool=bool(data.get("noTxPool", False)),
            gas_limit=Gas(int(data["gasLimit"], 16)),
            eip1559_params=None if params is None else from_hex(params, 8),
            min_base_fee=None
            if min_base_fee is None
            else (int(min_base_fee, 16) if isinstance(min_base_fee, str) else int(min_base_fee)),
            with_withdrawals=data.get("withdrawals") is not None,
        )
