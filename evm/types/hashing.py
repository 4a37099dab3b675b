"""keccak256, as Ethereum uses it."""

from sha3 import keccak_256

from config.types import Hash32


def keccak256(data: bytes) -> Hash32:
    """The 32-byte Keccak-256 digest (the original padding, not NIST SHA3)."""
    return Hash32(keccak_256(data).digest())
