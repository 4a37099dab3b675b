"""Hash functions, signatures and 256-bit arithmetic of the native library.

Every function raises `NativeLibraryMissing` where the library is not there. Byte strings of a fixed length are checked
before they are handed over, as the other side reads them by pointer.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from evm.native.library import load_library

_BYTES = ctypes.c_char_p
_SIZE = ctypes.c_size_t
_U32 = ctypes.c_uint32
_U8 = ctypes.c_uint8

_SIGNATURES: dict[str, tuple[tuple[type, ...], type | None]] = {
    "lamina_keccak256": ((_BYTES, _SIZE, _BYTES), None),
    "lamina_sha256": ((_BYTES, _SIZE, _BYTES), None),
    "lamina_ripemd160": ((_BYTES, _SIZE, _BYTES), None),
    "lamina_blake2f": ((_U32, _BYTES, _BYTES, _BYTES, _U8), None),
    "lamina_modexp": ((_BYTES, _SIZE, _BYTES, _SIZE, _BYTES, _SIZE, _BYTES), _U32),
    "lamina_p256_verify": ((_BYTES,) * 5, _U32),
    "lamina_recover": ((_BYTES, _BYTES, _BYTES, _U8, _BYTES), _U32),
    "lamina_recover_batch": ((_SIZE,) + (_BYTES,) * 6, None),
    "lamina_u256": ((_U8,) + (_BYTES,) * 4, _U32),
}


@dataclass(frozen=True)
class Signature:
    """A recoverable signature of `message_hash` (32 bytes)."""

    message_hash: bytes
    r: int
    s: int
    odd_y: bool


@cache
def _function(name: str) -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = getattr(load_library(), name)
    function.argtypes, function.restype = _SIGNATURES[name]
    return function


def _exactly(length: int, **values: bytes) -> None:
    for name, value in values.items():
        if len(value) != length:
            raise ValueError(f"{name} has {len(value)} bytes instead of {length}")


def _digest(name: str, length: int, data: bytes) -> bytes:
    out = ctypes.create_string_buffer(length)
    _function(name)(data, len(data), out)
    return out.raw


def keccak256(data: bytes) -> bytes:
    """Keccak-256, 32 bytes."""
    return _digest("lamina_keccak256", 32, data)


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return _digest("lamina_sha256", 32, data)


def ripemd160(data: bytes) -> bytes:
    """RIPEMD-160, 20 bytes."""
    return _digest("lamina_ripemd160", 20, data)


def blake2f(rounds: int, state: bytes, block: bytes, counter: tuple[int, int], last: bool) -> bytes:
    """BLAKE2b's compression: the state after `block` (128 bytes); words are little-endian. Spec: EIP-152"""
    _exactly(64, state=state)
    _exactly(128, block=block)
    out = ctypes.create_string_buffer(state, 64)
    _function("lamina_blake2f")(rounds, out, block, b"".join(word.to_bytes(8, "little") for word in counter), last)
    return out.raw


def modexp(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    """base^exponent mod modulus, big-endian, as long as `modulus`; zeros for a modulus of zero. Spec: EIP-198"""
    out = ctypes.create_string_buffer(max(len(modulus), 1))
    arguments = (base, len(base), exponent, len(exponent), modulus, len(modulus), out)
    if not _function("lamina_modexp")(*arguments):
        raise MemoryError(f"no memory for a modulus of {len(modulus)} bytes")
    return out.raw[: len(modulus)]


def p256_verify(message_hash: bytes, r: bytes, s: bytes, x: bytes, y: bytes) -> bool:
    """Whether (r, s) signs `message_hash` with the P-256 key (x, y); all 32 bytes, big-endian. Spec: EIP-7951"""
    _exactly(32, message_hash=message_hash, r=r, s=s, x=x, y=y)
    return bool(_function("lamina_p256_verify")(message_hash, r, s, x, y))


def recover_public_key(message_hash: bytes, r: bytes, s: bytes, odd_y: bool) -> bytes | None:
    """The secp256k1 public key x || y (64 bytes) that signed, or None where the signature has none. A high s is accepted."""
    _exactly(32, message_hash=message_hash, r=r, s=s)
    out = ctypes.create_string_buffer(64)
    return out.raw if _function("lamina_recover")(message_hash, r, s, odd_y, out) else None


def recover_addresses(signatures: Sequence[Signature]) -> list[bytes | None]:
    """The signers' addresses (20 bytes), None where a signature has no signer. One call, without the GIL."""
    count = len(signatures)
    addresses, found = ctypes.create_string_buffer(20 * count), ctypes.create_string_buffer(count)
    for signature in signatures:
        _exactly(32, message_hash=signature.message_hash)
    _function("lamina_recover_batch")(
        count,
        b"".join(signature.message_hash for signature in signatures),
        b"".join(signature.r.to_bytes(32, "big") for signature in signatures),
        b"".join(signature.s.to_bytes(32, "big") for signature in signatures),
        bytes(signature.odd_y for signature in signatures),
        addresses,
        found,
    )
    raw = addresses.raw
    return [raw[20 * index : 20 * index + 20] if ok else None for index, ok in enumerate(found.raw)]


def word_operation(opcode: int, a: int, b: int, c: int = 0) -> int:
    """An arithmetic opcode of the EVM on 256-bit words, `a` being the top of the stack."""
    out = ctypes.create_string_buffer(32)
    if _function("lamina_u256")(opcode, *(word.to_bytes(32, "big") for word in (a, b, c)), out):
        raise ValueError(f"0x{opcode:02x} is no arithmetic opcode")
    return int.from_bytes(out.raw, "big")
