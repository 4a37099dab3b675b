"""The core's codecs alone: FastLZ for the pool, the others for tests. `core/src/native/codec_doors.zig` is the other side."""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.types import Address, Hash32
from evm.native.library import load_library
from evm.types.rlp import decode

_MOST_GROWTH = 1024


class NotCanonical(ValueError):
    """Bytes that are not the one encoding of what was expected."""


@dataclass(frozen=True)
class TransactionFields:
    """A transaction as the core reads it. `sender` is None when its signature has none."""

    type: int
    hash: Hash32
    signing_hash: Hash32 | None
    sender: Address | None
    chain_id: int | None
    nonce: int
    gas_limit: int
    to: Address | None
    value: int
    data: bytes
    max_fee: int
    max_priority_fee: int
    access_list: tuple[tuple[Address, tuple[Hash32, ...]], ...]
    authorizations: tuple[tuple[int, Address, int, int, int, int], ...]
    blob_hashes: tuple[Hash32, ...]
    mint: int
    is_system: bool


def _call(name: str, data: bytes) -> bytes:
    function = getattr(load_library(), name)
    function.restype = ctypes.c_ssize_t
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    out = ctypes.create_string_buffer(2 * len(data) + _MOST_GROWTH)
    size = function(data, len(data), out, len(out))
    if size < 0:
        raise NotCanonical(f"{name} refuses {len(data)} bytes")
    return out.raw[:size]


def recode_header(data: bytes) -> bytes:
    """A header, decoded and encoded again. Raises NotCanonical."""
    return _call("lamina_header_recode", data)


def read_transaction(raw: bytes) -> TransactionFields:
    """What a transaction says. Raises NotCanonical."""
    items: Any = decode(_call("lamina_transaction_read", raw))
    number = [int.from_bytes(item, "big") if isinstance(item, bytes) else 0 for item in items]
    return TransactionFields(
        type=number[0],
        hash=items[1],
        signing_hash=items[2] or None,
        sender=items[3] or None,
        chain_id=int.from_bytes(items[4][0], "big") if items[4] else None,
        nonce=number[5],
        gas_limit=number[6],
        to=items[7] or None,
        value=number[8],
        data=items[9],
        max_fee=number[10],
        max_priority_fee=number[11],
        access_list=tuple((address, tuple(slots)) for address, slots in items[12]),
        authorizations=tuple(
            (int.from_bytes(chain, "big"), address, *(int.from_bytes(item, "big") for item in rest))
            for chain, address, *rest in items[13]
        ),
        blob_hashes=tuple(items[14]),
        mint=number[15],
        is_system=bool(number[16]),
    )


def fastlz_length(data: bytes) -> int:
    """The length that FastLZ would make of the bytes."""
    return int(_fastlz_length()(data, len(data)))


@cache
def _fastlz_length() -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = load_library().lamina_fastlz_length
    function.restype, function.argtypes = ctypes.c_uint64, (ctypes.c_char_p, ctypes.c_size_t)
    return function
