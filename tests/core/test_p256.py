"""P-256 signatures of the core, against OpenSSL and the rules of EIP-7951."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from evm.native.primitives import p256_verify

pytestmark = pytest.mark.usefixtures("native_library")

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SCHEME = ec.ECDSA(Prehashed(hashes.SHA256()))
NUMBERS = st.one_of(
    st.integers(0, 2**256 - 1), st.sampled_from([0, 1, 2, ORDER - 1, ORDER, ORDER + 1, ORDER // 2, 2**256 - 1, PRIME])
)


def _verify(z: int, r: int, s: int, x: int, y: int) -> bool:
    return p256_verify(*(number.to_bytes(32, "big") for number in (z, r, s, x, y)))


def _by_openssl(z: int, r: int, s: int, x: int, y: int) -> bool:
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(encode_dss_signature(r, s), z.to_bytes(32, "big"), SCHEME)
    except (InvalidSignature, ValueError):
        return False
    return True


def _public(secret: int) -> tuple[int, int]:
    numbers = ec.derive_private_key(secret, ec.SECP256R1()).public_key().public_numbers()
    return numbers.x, numbers.y


@settings(max_examples=150, deadline=None)
@given(secret=st.integers(1, ORDER - 1), z=NUMBERS, flip=st.integers(0, 255), which=st.integers(0, 4))
def test_a_signature_is_valid_and_any_change_of_it_is_not(secret: int, z: int, flip: int, which: int) -> None:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(z.to_bytes(32, "big"), SCHEME))
    numbers = [z, r, s, *_public(secret)]
    assert _verify(*numbers)
    assert _verify(z, r, ORDER - s, *_public(secret))  # no rule against a high s
    numbers[which] ^= 1 << flip
    assert _verify(*numbers) == _by_openssl(*numbers)


@settings(max_examples=300, deadline=None)
@given(secret=st.integers(1, 40), z=NUMBERS, r=NUMBERS, s=NUMBERS)
def test_verification_agrees_with_openssl_for_any_numbers(secret: int, z: int, r: int, s: int) -> None:
    assert _verify(z, r, s, *_public(secret)) == _by_openssl(z, r, s, *_public(secret))


@settings(max_examples=150, deadline=None)
@given(
    u=st.integers(1, ORDER - 1), v=st.integers(1, ORDER - 1), secret=st.sampled_from([1, 2, 3, 5, ORDER - 1, ORDER - 3])
)
def test_signatures_made_from_their_scalars_are_valid(u: int, v: int, secret: int) -> None:
    """R = u G + v Q with Q a small multiple of G, so that additions meet equal and opposite points."""
    k = (u + v * secret) % ORDER
    if k == 0:
        return
    r = _public(k)[0] % ORDER
    s = r * pow(v, -1, ORDER) % ORDER
    assert _verify(u * s % ORDER, r, s, *_public(secret))


@pytest.mark.parametrize("secret", [1, 2, ORDER - 1])
def test_a_sum_at_infinity_is_no_signature(secret: int) -> None:
    """u G + v Q with Q = d G and u = -v d."""
    r, v = 12345, 678
    s = r * pow(v, -1, ORDER) % ORDER
    assert not _verify(-v * secret * s % ORDER, r, s, *_public(secret))


def test_numbers_out_of_range_are_refused() -> None:
    x, y = _public(7)
    r, s = decode_dss_signature(ec.derive_private_key(7, ec.SECP256R1()).sign(bytes(32), SCHEME))
    assert _verify(0, r, s, x, y)
    for wrong in (0, ORDER, ORDER + 1, 2**256 - 1):
        assert not _verify(0, wrong, s, x, y)
        assert not _verify(0, r, wrong, x, y)
    for coordinates in ((0, 0), (x, 0), (0, y), (x, PRIME), (PRIME, y), (x, (y + 1) % PRIME), (2**256 - 1, y)):
        assert not _verify(0, r, s, *coordinates)


def _root_of(x: int) -> int | None:
    """The y of a point with this x, where there is one."""
    square = (x**3 - 3 * x + B) % PRIME
    y = pow(square, (PRIME + 1) // 4, PRIME)
    return y if y * y % PRIME == square else None


def test_a_coordinate_is_not_reduced_before_it_is_used() -> None:
    """(5, y) is a key; 5 + p is the same residue, and out of range. With z = 0 and r = s, R is the key itself."""
    y = _root_of(5)
    assert y is not None
    assert _verify(0, 5, 5, 5, y)
    assert not _verify(0, 5, 5, 5 + PRIME, y)


def test_the_x_of_the_sum_is_taken_modulo_the_order() -> None:
    """A point whose x is between the order and p: r is x - order, which a comparison without reduction refuses."""
    x = next(x for x in range(ORDER + 1, PRIME) if _root_of(x) is not None)
    y = _root_of(x)
    assert y is not None
    assert _verify(0, x - ORDER, x - ORDER, x, y)
