"""Keys of preimages: 32 bytes, the first of which is the type. Spec: op-stack fault proof, "Pre-image key types"."""

from enum import IntEnum
from hashlib import sha256

from config.types import Address, Hash32
from evm.types import keccak256


class KeyType(IntEnum):
    """The first byte of a key."""

    LOCAL = 1
    KECCAK256 = 2
    SHA256 = 4
    BLOB = 5
    PRECOMPILE = 6


class LocalIdentifier(IntEnum):
    """Local data of a dispute: all that a program knows of it."""

    L1_HEAD = 1
    AGREED_OUTPUT_ROOT = 2
    CLAIMED_OUTPUT_ROOT = 3
    CLAIMED_BLOCK_NUMBER = 4
    CHAIN_ID = 5


class InvalidPreimage(ValueError):
    """Bytes that are not the preimage of the key under which they were found."""


def key_type(key: bytes) -> KeyType:
    """The type of a key. Raises ValueError when it is none or the key has not 32 bytes."""
    if len(key) != 32:
        raise ValueError(f"a preimage key has 32 bytes, this one {len(key)}")
    return KeyType(key[0])


def _typed(kind: KeyType, digest: bytes) -> Hash32:
    return Hash32(bytes((kind,)) + digest[1:])


def local_key(identifier: int) -> Hash32:
    """Key of local data."""
    return _typed(KeyType.LOCAL, identifier.to_bytes(32, "big"))


def keccak256_key(digest: bytes) -> Hash32:
    """Key of the preimage of a keccak-256 digest."""
    return _typed(KeyType.KECCAK256, digest)


def sha256_key(digest: bytes) -> Hash32:
    """Key of the preimage of a sha-256 digest."""
    return _typed(KeyType.SHA256, digest)


def blob_key(commitment: bytes, point: bytes) -> Hash32:
    """Key of a blob's field element: 48-byte KZG commitment, 32-byte point at which the blob's polynomial is the element."""
    return _typed(KeyType.BLOB, keccak256(commitment + point))


def precompile_key(address: Address, required_gas: int, data: bytes) -> Hash32:
    """Key of a precompile's result for an input."""
    return _typed(KeyType.PRECOMPILE, keccak256(address + required_gas.to_bytes(8, "big") + data))


def check_preimage(key: bytes, preimage: bytes) -> None:
    """Raises InvalidPreimage when the key is a hash of something else. Keys of other types say nothing about their preimage."""
    kind = key_type(key)
    if kind == KeyType.KECCAK256:
        digest: bytes = keccak256(preimage)
    elif kind == KeyType.SHA256:
        digest = sha256(preimage).digest()
    else:
        return
    if digest[1:] != key[1:]:
        raise InvalidPreimage(
            f"{len(preimage)} bytes that hash to 0x{digest.hex()} are no preimage of key 0x{key.hex()}"
        )
