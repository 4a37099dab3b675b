"""One call of each kind of precompile, with the answer it must give."""

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from evm.types import keccak256
from evm.types.signature import address_of, sign


def word(value: int) -> bytes:
    """32 bytes, big-endian."""
    return value.to_bytes(32, "big")


def wide(value: int) -> bytes:
    """64 bytes, big-endian: a field element of BLS12-381 as EIP-2537 has it."""
    return value.to_bytes(64, "big")


def precompile_calls() -> list[tuple[int, bytes, bytes]]:
    """Address, input and output of one call of each kind."""
    key, digest = keccak256(b"signer"), keccak256(b"message")
    parity, r, s = sign(key, digest)
    signer = ec.derive_private_key(7, ec.SECP256R1())
    p256_r, p256_s = decode_dss_signature(signer.sign(b"message", ec.ECDSA(hashes.SHA256())))
    public = signer.public_key().public_numbers()
    twice_bn254 = (
        0x030644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD3,
        0x15ED738C0E0A7C92E7845F96B2AE9C0A68A6A449E3538FC7FF3EBF7A5A18A2C4,
    )
    bls = (
        0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
        0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1,
    )
    twice_bls = (
        0x0572CBEA904D67468808C8EB50A9450C9721DB309128012543902D0AC358A62AE28F75BB8F1C7C42C39A8C5529BF0F4E,
        0x166A9D8CABC673A322FDA673779D8E3822BA3ECB8670E461F73BB9021D5FD76A4C56D9D4CD16BD1BBA86881979749D28,
    )
    infinity = b"\xc0" + bytes(47)
    zero_blob = b"\x01" + hashlib.sha256(infinity).digest()[1:]
    field_modulus = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
    point = b"".join(map(wide, bls))
    return [
        (0x01, digest + word(27 + parity) + word(r) + word(s), address_of(key).rjust(32, b"\x00")),
        (0x05, word(1) + word(1) + word(1) + bytes((3, 5, 7)), bytes((3**5 % 7,))),
        (0x06, (word(1) + word(2)) * 2, b"".join(map(word, twice_bn254))),
        (0x07, word(1) + word(2) + word(2), b"".join(map(word, twice_bn254))),
        (0x08, b"", word(1)),
        (0x0A, zero_blob + bytes(64) + infinity * 2, word(4096) + word(field_modulus)),
        (0x0B, point * 2, b"".join(map(wide, twice_bls))),
        (
            0x0100,
            hashlib.sha256(b"message").digest() + word(p256_r) + word(p256_s) + word(public.x) + word(public.y),
            word(1),
        ),
    ]
