"""Payload attributes: what derivation or the sequencer asks the execution layer to make a block of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.types import Address, Gas, Hash32, Timestamp, to_hex
from evm.types.json_fields import JsonFields


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
    def from_json(data: Mapping[str, Any]) -> "PayloadAttributes":
        """Read the JSON form; `minBaseFee` may be a plain number, which is what op-node and op-geth make of it.

        Raises ValueError naming the field that is missing or malformed.
        """
        fields = JsonFields("payload attributes", data)
        if fields.has("withdrawals") and fields.items("withdrawals"):
            raise ValueError("payload attributes field 'withdrawals': must be empty on L2")
        no_tx_pool = data.get("noTxPool") or False
        if not isinstance(no_tx_pool, bool):
            raise ValueError(f"payload attributes field 'noTxPool': expected a boolean, got {no_tx_pool!r}")
        return PayloadAttributes(
            timestamp=Timestamp(fields.quantity("timestamp", 64)),
            prev_randao=fields.hash("prevRandao"),
            suggested_fee_recipient=fields.address("suggestedFeeRecipient"),
            parent_beacon_block_root=fields.optional_hash("parentBeaconBlockRoot"),
            transactions=tuple(fields.data_items("transactions")) if fields.has("transactions") else (),
            no_tx_pool=no_tx_pool,
            gas_limit=Gas(fields.quantity("gasLimit", 64)),
            eip1559_params=fields.data("eip1559Params", 8) if fields.has("eip1559Params") else None,
            min_base_fee=_min_base_fee(fields, data.get("minBaseFee")),
            with_withdrawals=fields.has("withdrawals"),
        )


def _min_base_fee(fields: JsonFields, value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 1 << 64:
            raise ValueError(f"payload attributes field 'minBaseFee': {value} is not a number of 64 bits")
        return value
    return fields.optional_quantity("minBaseFee", 64)
