"""Public key recovery and signing on secp256k1."""

from coincurve import PrivateKey, PublicKey

from config.types import Address, Hash32
from evm.types.hashing import keccak256

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECP256K1_HALF_ORDER = SECP256K1_ORDER // 2


class InvalidSignature(ValueError):
    """A signature that no key can have made, or that the rules forbid (high s)."""


def recover_address(digest: Hash32, y_parity: int, r: int, s: int, *, high_s: bool = False) -> Address:
    """The address whose key signed `digest`.

    Raises InvalidSignature for values out of range, a high `s` (EIP-2) unless `high_s` allows it, or a point that does
    not exist.
    """
    if y_parity not in (0, 1):
        raise InvalidSignature(f"signature parity must be 0 or 1, got {y_parity}")
    if not 0 < r < SECP256K1_ORDER or not 0 < s < (SECP256K1_ORDER if high_s else SECP256K1_HALF_ORDER + 1):
        raise InvalidSignature("signature value r or s out of range")
    compact = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((y_parity,))
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError as error:
        raise InvalidSignature("no public key belongs to this signature") from error
    return Address(keccak256(key.format(compressed=False)[1:])[12:])


def sign(private_key: bytes, digest: Hash32) -> tuple[int, int, int]:
    """(y_parity, r, s) of a 32-byte digest under a 32-byte key; deterministic, low `s`."""
    compact = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return compact[64], int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:64], "big")


def address_of(private_key: bytes) -> Address:
    """The address of a 32-byte private key."""
    return Address(keccak256(PrivateKey(private_key).public_key.format(compressed=False)[1:])[12:])
