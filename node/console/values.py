"""JSON-RPC's hex in Python: quantities come as numbers, and numbers go as quantities."""

import re
from typing import Any

_QUANTITY = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,31})")
"""What may be a quantity: no leading zeros, and below 2**128, which no address and hardly a hash is."""

_BYTES = frozenset(
    (
        "input",
        "data",
        "output",
        "returnvalue",
        "code",
        "extradata",
        "raw",
        "memory",
        "storage",
        "stack",
        "topics",
        "proof",
    )
)
"""Members, in lower case, whose hex is bytes even where it looks like a quantity."""

_NUMBERS_SENT = frozenset(
    (
        *("value", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "maxFeePerBlobGas", "nonce", "chainId"),
        *("type", "fromBlock", "toBlock", "balance", "number", "time", "gasLimit", "baseFeePerGas", "blobBaseFee"),
    )
)
"""Members that methods take as quantities; other numbers in objects (limits of tracers, say) stay numbers."""

_NO_QUANTITY = ("_call", "getCode", "getStorageAt", "sha3", "dbGet", "Raw", "Filter", "subscribe")
"""Parts of names of methods that answer bytes, or a filter's or subscription's name."""


def readable(method: str, result: Any) -> Any:
    """A method's result with quantities as numbers; everything else as it came."""
    if isinstance(result, str) and any(part in method for part in _NO_QUANTITY):
        return result
    return _numbers(result, "")


def _numbers(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(item, key) for key, item in value.items()}
    if name.lower() in _BYTES:
        return value
    if isinstance(value, list):
        return [_numbers(item, name) for item in value]
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    return value


def sendable(value: Any) -> Any:
    """A parameter as JSON-RPC has it: numbers become quantities and bytes hex."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return hex(value)
    return _within(value, "")


def _within(value: Any, name: str) -> Any:
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    if isinstance(value, dict):
        return {key: _within(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_within(item, name) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and name in _NUMBERS_SENT:
        return hex(value)
    return value
