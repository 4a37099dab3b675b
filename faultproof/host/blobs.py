"""Blobs as preimages: the commitment behind the versioned hash, and each field element behind the point it belongs to.

Spec: op fault proof, "Type 5: Global EIP-4844 Point-evaluation key"; consensus-specs deneb, "polynomial-commitments".
"""

from functools import cache
from hashlib import sha256

from config.types import Hash32
from faultproof.preimage import blob_key, sha256_key

FIELD_ELEMENTS = 4096
_ELEMENT_BYTES = 32
_BITS = FIELD_ELEMENTS.bit_length() - 1
_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Order of the scalar field of BLS12-381."""
_GENERATOR = 7
"""Generates the field's multiplicative group."""


@cache
def evaluation_points() -> tuple[bytes, ...]:
    """Where a blob's polynomial has its field elements as values, in their order, 32 bytes each (big-endian)."""
    root = pow(_GENERATOR, (_MODULUS - 1) // FIELD_ELEMENTS, _MODULUS)
    powers = [1]
    for _ in range(FIELD_ELEMENTS - 1):
        powers.append(powers[-1] * root % _MODULUS)
    reversed_bits = (int(f"{index:0{_BITS}b}"[::-1], 2) for index in range(FIELD_ELEMENTS))
    return tuple(powers[index].to_bytes(_ELEMENT_BYTES, "big") for index in reversed_bits)


def blob_preimages(blob: bytes, commitment: bytes) -> dict[Hash32, bytes]:
    """All preimages of a blob (131,072 bytes) whose KZG commitment (48 bytes) is given."""
    preimages = {sha256_key(sha256(commitment).digest()): commitment}
    for index, point in enumerate(evaluation_points()):
        preimages[blob_key(commitment, point)] = blob[_ELEMENT_BYTES * index : _ELEMENT_BYTES * (index + 1)]
    return preimages
