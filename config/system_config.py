"""The part of the chain's configuration that L1 transactions can change while it runs."""

from dataclasses import dataclass
from typing import Any

from config.quantity import parse_quantity, parse_word
from config.types import Address, Gas, Hash32, from_hex, to_address, to_hex

_MAX_UINT32 = (1 << 32) - 1


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

        Version 0 carries only the base fee scalar, in the last four bytes; a number from before Ecotone that does not
        fit them counts as the largest that does. Raises ValueError for a version that is neither 0 nor 1.
        Spec: op system-config, "Post-Ecotone Scalar Encoding".
        """
        version = self.scalar[0]
        if version == 0:
            return min(int.from_bytes(self.scalar, "big"), _MAX_UINT32), 0
        if version == 1:
            return int.from_bytes(self.scalar[28:32], "big"), int.from_bytes(self.scalar[24:28], "big")
        raise ValueError(f"unknown scalar version {version} in system config scalar {to_hex(self.scalar)}")

    @staticmethod
    def from_json(data: dict[str, Any]) -> "SystemConfig":
        """Read op-node's JSON spelling, or kona's: fields split up, null where unknown, numbers as hex.

        Raises ValueError or KeyError when a field is missing or malformed.
        """
        operator_fee = from_hex(data.get("operatorFeeParams") or "0x" + "00" * 32, 32)
        scalar = parse_quantity(data.get("operatorFeeScalar"), "operatorFeeScalar")
        constant = parse_quantity(data.get("operatorFeeConstant"), "operatorFeeConstant")
        return SystemConfig(
            batcher_address=to_address(data["batcherAddr"] if "batcherAddr" in data else data["batcherAddress"]),
            overhead=parse_word(data["overhead"], "overhead"),
            scalar=_fee_scalar(data),
            gas_limit=Gas(parse_quantity(data["gasLimit"], "gasLimit")),
            eip1559_params=_eip1559_params(data),
            operator_fee_scalar=scalar or int.from_bytes(operator_fee[20:24], "big"),
            operator_fee_constant=constant or int.from_bytes(operator_fee[24:32], "big"),
            min_base_fee=parse_quantity(data.get("minBaseFee"), "minBaseFee"),
            da_footprint_gas_scalar=parse_quantity(data.get("daFootprintGasScalar"), "daFootprintGasScalar"),
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


def _fee_scalar(data: dict[str, Any]) -> Hash32:
    """The raw `scalar`, or the one that Ecotone's two scalars make when they are given on their own."""
    if data.get("baseFeeScalar") is None:
        return parse_word(data["scalar"], "scalar")
    base_fee = parse_quantity(data["baseFeeScalar"], "baseFeeScalar")
    blob_base_fee = parse_quantity(data.get("blobBaseFeeScalar"), "blobBaseFeeScalar")
    return Hash32(
        b"\x01" + bytes(23) + _uint32(blob_base_fee, "blobBaseFeeScalar") + _uint32(base_fee, "baseFeeScalar")
    )


def _eip1559_params(data: dict[str, Any]) -> bytes:
    if data.get("eip1559Params"):
        return from_hex(data["eip1559Params"], 8)
    return b"".join(
        _uint32(parse_quantity(data.get(name), name), name) for name in ("eip1559Denominator", "eip1559Elasticity")
    )


def _uint32(value: int, what: str) -> bytes:
    if value >> 32:
        raise ValueError(f"The {what} does not fit in 32 bits: {value}.")
    return value.to_bytes(4, "big")
