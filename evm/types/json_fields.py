"""Reading JSON-RPC values: quantities, data, and objects field by field."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.types import Address, Hash32, from_hex


def quantity(value: int) -> str:
    """An integer as JSON-RPC writes it: `0x` and hex digits without leading zeros."""
    return hex(value)


def parse_quantity(text: Any, what: str = "quantity") -> int:
    """The integer behind `0x...`; leading zeros are tolerated. Raises ValueError naming `what`."""
    if not isinstance(text, str) or text[:2] not in ("0x", "0X") or len(text) < 3:
        raise ValueError(f"{what}: expected a hex quantity like 0x1f, got {text!r}")
    try:
        return int(text[2:], 16)
    except ValueError as error:
        raise ValueError(f"{what}: not a hex quantity: {text[:80]!r}") from error


class JsonFields:
    """Typed access to the fields of a JSON object, with errors that name object and field."""

    def __init__(self, kind: str, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise ValueError(f"{kind}: expected an object, got {type(data).__name__}")
        self._kind = kind
        self._data: Mapping[str, Any] = data

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data.get(name) is not None

    def _get(self, name: str) -> Any:
        value = self._data.get(name)
        if value is None:
            raise ValueError(f"{self._kind}: the field {name!r} is missing")
        return value

    def quantity(self, name: str, bits: int | None = None) -> int:
        """A hex quantity that must be there, of at most this many bits when `bits` is given."""
        value = parse_quantity(self._get(name), f"{self._kind} field {name!r}")
        if bits is not None and value.bit_length() > bits:
            raise ValueError(f"{self._kind} field {name!r}: {hex(value)[:80]} has more than {bits} bits")
        return value

    def optional_quantity(self, name: str, bits: int | None = None) -> int | None:
        """A hex quantity, None when absent or null."""
        return self.quantity(name, bits) if self.has(name) else None

    def items(self, name: str) -> Sequence[Any]:
        """A list that must be there."""
        value = self._get(name)
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{self._kind} field {name!r}: expected a list, got {type(value).__name__}")
        return value

    def hash(self, name: str) -> Hash32:
        """32 bytes of hex that must be there."""
        return Hash32(self.data(name, 32))

    def optional_hash(self, name: str) -> Hash32 | None:
        """32 bytes of hex, None when absent or null."""
        return self.hash(name) if self.has(name) else None

    def hashes(self, name: str) -> tuple[Hash32, ...]:
        """A list of 32-byte hex values that must be there."""
        return tuple(Hash32(self._parse(name, value, 32)) for value in self.items(name))

    def address(self, name: str) -> Address:
        """20 bytes of hex that must be there."""
        return Address(self.data(name, 20))

    def optional_address(self, name: str) -> Address | None:
        """20 bytes of hex, None when absent or null."""
        return self.address(name) if self.has(name) else None

    def data(self, name: str, length: int | None = None) -> bytes:
        """Hex that must be there, of this many bytes when `length` is given."""
        return self._parse(name, self._get(name), length)

    def data_items(self, name: str) -> tuple[bytes, ...]:
        """A list of hex values that must be there."""
        return tuple(self._parse(name, value, None) for value in self.items(name))

    def _parse(self, name: str, value: Any, length: int | None) -> bytes:
        if not isinstance(value, str):
            raise ValueError(f"{self._kind} field {name!r}: expected hex, got {value!r}")
        try:
            return from_hex(value, length)
        except ValueError as error:
            raise ValueError(f"{self._kind} field {name!r}: {error}") from error
