"""An account as a genesis document gives it, and the JSON form of geth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.quantity import parse_quantity
from config.types import Address, Hash32, from_hex, to_hex

WORD_BYTES = 32


@dataclass(frozen=True)
class GenesisAccount:
    """Balance in wei, nonce, code, and storage by slot (both 32 bytes, big-endian).

    A slot that holds zero is an absent slot, so zero values are never kept.
    """

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[Hash32, Hash32] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The account as geth writes it in `alloc`: hex strings, empty fields left out except the balance."""
        account: dict[str, Any] = {}
        if self.code:
            account["code"] = to_hex(self.code)
        if self.storage:
            account["storage"] = {to_hex(slot): to_hex(value) for slot, value in sorted(self.storage.items())}
        account["balance"] = hex(self.balance)
        if self.nonce:
            account["nonce"] = hex(self.nonce)
        return account

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> "GenesisAccount":
        """The account of one `alloc` entry; every field may be absent, storage words may be shorter than 32 bytes.

        Raises ValueError when a field is not what geth would accept.
        """
        storage: dict[Hash32, Hash32] = {}
        for slot, value in (raw.get("storage") or {}).items():
            word = _word(value)
            if any(word):
                storage[_word(slot)] = word
        return GenesisAccount(
            balance=_bounded(raw.get("balance"), "balance", 256),
            nonce=_bounded(raw.get("nonce"), "nonce", 64),
            code=from_hex(raw.get("code") or "0x"),
            storage=storage,
        )


Alloc = dict[Address, GenesisAccount]
"""The accounts of a genesis state."""


def _bounded(value: Any, what: str, bits: int) -> int:
    number = parse_quantity(value, what)
    if number >> bits:
        raise ValueError(f"The {what} of an account has at most {bits} bits: {str(value)[:80]!r}.")
    return number


def _word(text: str) -> Hash32:
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    value = from_hex(digits.zfill(len(digits) + len(digits) % 2))
    if len(value) > WORD_BYTES:
        raise ValueError(f"A storage word has at most 32 bytes, got {len(value)}: {text[:80]!r}")
    return Hash32(value.rjust(WORD_BYTES, b"\x00"))
