"""Numbers as configuration files spell them: JSON integers, hex strings, decimal strings."""

from typing import Any

from config.types import Hash32


def parse_quantity(value: Any, what: str) -> int:
    """The non-negative number behind a JSON value; absent (None) counts as 0. Raises ValueError naming `what`."""
    if value is None:
        return 0
    number = _number(value, what)
    if number < 0:
        raise ValueError(f"The {what} must not be negative, got {value!r}.")
    return number


def parse_optional_quantity(value: Any, what: str) -> int | None:
    """Like `parse_quantity`, but an absent value stays absent."""
    return None if value is None else parse_quantity(value, what)


def parse_word(value: Any, what: str) -> Hash32:
    """A 32-byte value: hex of up to 32 bytes (filled with zeros on the left), or a number. Raises ValueError naming `what`."""
    number = parse_quantity(value, what)
    if number >> 256:
        raise ValueError(f"The {what} does not fit in 32 bytes: {str(value)[:80]!r}.")
    return Hash32(number.to_bytes(32, "big"))


def _number(value: Any, what: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value, 16) if value[:2] in ("0x", "0X") else int(value, 10)
        except ValueError as error:
            raise ValueError(f"The {what} is not a number: {value[:80]!r}.") from error
    raise ValueError(f"The {what} is not a number: {value!r}.")
