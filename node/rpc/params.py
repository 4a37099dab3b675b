"""Parameters of JSON-RPC methods: what the JSON may look like, and the value a method gets.

A method's annotation names the parser, e.g. `address: AddressParam`. Parsers raise ValueError with geth's words; the
dispatcher puts "invalid argument N: " in front.
Spec: Ethereum execution APIs, "base types"; EIP-1898 for block references.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from evm.types import Address, Hash32

_TAGS = ("latest", "earliest", "pending", "safe", "finalized")
MAX_BLOCK_NUMBER = (1 << 63) - 1


@dataclass(frozen=True)
class BlockReference:
    """A block as callers name it: exactly one of `tag`, `number` and `hash` is set."""

    tag: str | None = None
    number: int | None = None
    hash: Hash32 | None = None
    require_canonical: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether the caller asks for the block that is not made yet."""
        return self.tag == "pending"


LATEST = BlockReference(tag="latest")
PENDING = BlockReference(tag="pending")


def _digits(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a hex string, got {_kind(value)}")
    if not value:
        raise ValueError("empty hex string")
    if value[:2] not in ("0x", "0X"):
        raise ValueError("hex string without 0x prefix")
    return value[2:]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "a string"


def parse_data(value: Any) -> bytes:
    """Bytes of `0x` followed by an even number of hex digits."""
    digits = _digits(value)
    if len(digits) % 2:
        raise ValueError("hex string of odd length")
    if not digits.isalnum() and digits:
        raise ValueError("invalid hex string")
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise ValueError("invalid hex string") from error


def _fixed(value: Any, length: int, name: str) -> bytes:
    data = parse_data(value)
    if len(data) != length:
        raise ValueError(f"hex string has length {len(data) * 2}, want {length * 2} for {name}")
    return data


def parse_address(value: Any) -> Address:
    """20 bytes."""
    return Address(_fixed(value, 20, "address"))


def parse_hash(value: Any) -> Hash32:
    """32 bytes."""
    return Hash32(_fixed(value, 32, "hash"))


def parse_quantity(value: Any, bits: int = 256) -> int:
    """A number as `0x` and hex digits without leading zeros, at most `bits` bits."""
    digits = _digits(value)
    if not digits:
        raise ValueError('hex string "0x"')
    if len(digits) > 1 and digits[0] == "0":
        raise ValueError("hex number with leading zero digits")
    if not digits.isalnum():
        raise ValueError("invalid hex string")
    try:
        number = int(digits, 16)
    except ValueError as error:
        raise ValueError("invalid hex string") from error
    if number.bit_length() > bits:
        raise ValueError(f"hex number > {bits} bits")
    return number


def parse_uint64(value: Any) -> int:
    """A quantity of at most 64 bits."""
    return parse_quantity(value, 64)


def parse_count(value: Any) -> int:
    """A count: a quantity, a decimal string or a plain number (geth's HexOrDecimal64)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"expected a number, got {_kind(value)}")
    if isinstance(value, int):
        number = value
    elif value[:2] in ("0x", "0X"):
        try:
            number = int(value, 16)
        except ValueError as error:
            raise ValueError(f"invalid hex or decimal integer {value!r}") from error
    elif value.isdecimal():
        number = int(value)
    else:
        raise ValueError(f"invalid hex or decimal integer {value!r}")
    if not 0 <= number < 1 << 64:
        raise ValueError(f"number {number} is not an unsigned 64-bit integer")
    return number


def parse_storage_key(value: Any) -> int:
    """A storage slot: up to 32 bytes of hex, with or without `0x`, odd lengths allowed, as geth reads it."""
    if not isinstance(value, str):
        raise ValueError(f"expected a hex string, got {_kind(value)}")
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    if len(digits) > 64:
        raise ValueError("unable to decode storage key: hex string too long, want at most 32 bytes")
    if digits and not digits.isalnum():
        raise ValueError("unable to decode storage key: hex string invalid")
    try:
        return int(digits, 16) if digits else 0
    except ValueError as error:
        raise ValueError("unable to decode storage key: hex string invalid") from error


def parse_block_number(value: Any) -> BlockReference:
    """A tag or a number."""
    if isinstance(value, str) and value in _TAGS:
        return BlockReference(tag=value)
    if not isinstance(value, str):
        raise ValueError(
            "hex string without 0x prefix" if isinstance(value, int) else f"expected a block, got {_kind(value)}"
        )
    number = parse_uint64(value)
    if number > MAX_BLOCK_NUMBER:
        raise ValueError("block number larger than int64")
    return BlockReference(number=number)


def parse_block(value: Any) -> BlockReference:
    """A tag, a number, a block hash, or an EIP-1898 object with `blockNumber` or `blockHash`."""
    if isinstance(value, dict):
        number, block_hash = value.get("blockNumber"), value.get("blockHash")
        if (number is None) == (block_hash is None):
            raise ValueError(
                "cannot specify both BlockHash and BlockNumber, choose one or the other"
                if number is not None
                else "block object needs blockNumber or blockHash"
            )
        if number is not None:
            return parse_block_number(number)
        canonical = parse_bool(value.get("requireCanonical", False))
        return BlockReference(hash=parse_hash(block_hash), require_canonical=canonical)
    if isinstance(value, str) and len(value) == 66:
        return BlockReference(hash=parse_hash(value))
    return parse_block_number(value)


def parse_bool(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"expected a boolean, got {_kind(value)}")
    return value


def parse_text(value: Any) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {_kind(value)}")
    return value


def parse_object(value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {_kind(value)}")
    return value


def parse_list(value: Any) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise ValueError(f"expected an array, got {_kind(value)}")
    return value


def parse_json(value: Any) -> Any:
    """Anything."""
    return value


AddressParam = Annotated[Address, parse_address]
HashParam = Annotated[Hash32, parse_hash]
DataParam = Annotated[bytes, parse_data]
QuantityParam = Annotated[int, parse_quantity]
Uint64Param = Annotated[int, parse_uint64]
CountParam = Annotated[int, parse_count]
BlockNumberParam = Annotated[BlockReference, parse_block_number]
BlockParam = Annotated[BlockReference, parse_block]
BoolParam = Annotated[bool, parse_bool]
TextParam = Annotated[str, parse_text]
ObjectParam = Annotated[dict[str, Any], parse_object]
ListParam = Annotated[list[Any], parse_list]
JsonParam = Annotated[Any, parse_json]
