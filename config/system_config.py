"""The part of the chain's configuration that L1 transactions can change while it runs."""

from dataclasses import dataclass
from typing import Any

from config.types import Address, Gas, Hash32, from_hex, to_address, to_hash32, to_hex


@dataclass(frozen=True)
class SystemConfig:
    """Values the SystemConfig contract announces and each L1 attributes deposit repeats.

    `overhead` is zero since Ecotone; `scalar` is the raw 32-byte value, versioned by its first byte.
    `eip1559_params` is 8 bytes: denominator (uint32) and elasticity (uint32), big-endian; zeros mean the chain's defaults.
    Spec: op system-config, "System Config Contents".
    """

    batcher_address: Address
    overhead: Hash32
    scalar: Hash32
    gas_limit: Gas
    eip1559_params: bytes = bytes(8)
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    min_base_fee: int = 0
    da_footprint_gas_scalar: int = 0

    def base_fee_scalars(self) -> tuple[int, int]:
        """(base fee scalar, blob base fee scalar) of the Ecotone encoding of `scalar`.

        Version 0 carries only the base fee scalar, in the last four bytes.
        Raises ValueError for a version that is neither 0 nor 1.
        Spec: op system-config, "Scalars".
        """
        version = self.scalar[0]
        if version == 0:
            return int.from_bytes(self.scalar[28:32], "big"), 0
        if version == 1:
            return int.from_bytes(self.scalar[28:32], "big"), int.from_bytes(self.scalar[24:28], "big")
        raise ValueError(f"unknown scalar version {version} in system config scalar {to_hex(self.scalar)}")

    @staticmethod
    def from_json(data: dict[str, Any]) -> "SystemConfig":
        """Read op-node's JSON spelling. Raises ValueError or KeyError when a field is missing or malformed."""
        operator_fee = from_hex(data.get("operatorFeeParams", "0x" + "00" * 32), 32)
        scalar = int(data.get("operatorFeeScalar") or 0) or int.from_bytes(operator_fee[20:24], "big")
        constant = int(data.get("operatorFeeConstant") or 0) or int.from_bytes(operator_fee[24:32], "big")
        return SystemConfig(
            batcher_address=to_address(data["batcherAddr"] if "batcherAddr" in data else data["batcherAddress"]),
            overhead=to_hash32(data["overhead"]),
            scalar=to_hash32(data["scalar"]),
            gas_limit=Gas(int(data["gasLimit"])),
            eip1559_params=from_hex(data.get("eip1559Params") or "0x" + "00" * 8, 8),
            operator_fee_scalar=scalar,
            operator_fee_constant=constant,
            min_base_fee=int(data.get("minBaseFee") or 0),
            da_footprint_gas_scalar=int(data.get("daFootprintGasScalar") or 0),
        )

    def to_json(self) -> dict[str, Any]:
        """op-node's JSON spelling."""
        operator_fee = (
            bytes(20) + self.operator_fee_scalar.to_bytes(4, "big") + self.operator_fee_constant.to_bytes(8, "big")
        )
        return {
            "batcherAddr": to_hex(self.batcher_address),
            "overhead": to_hex(self.overhead),
            "scalar": to_hex(self.scalar),
            "gasLimit": self.gas_limit,
            "eip1559Params": to_hex(self.eip1559_params),
            "operatorFeeParams": to_hex(operator_fee),
            "minBaseFee": self.min_base_fee,
            "daFootprintGasScalar": self.da_footprint_gas_scalar,
        }
