"""The core's point evaluation against ckzg, which shares no code with it; its constant against the shipped setup."""

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ckzg
import pytest
from eth.precompiles.point_evaluation import TRUSTED_SETUP_PATH
from py_ecc.bls.point_compression import compress_G1, compress_G2
from py_ecc.optimized_bls12_381 import FQ2, G1, add, curve_order, field_modulus, multiply

from evm.precompiles.point_evaluation import point_evaluation, trusted_setup
from tests.core.curves_kit import FAILED, NativeCurves, curves, number, of_python
from tests.core.test_curves_bls12_381 import OUTSIDE1

__all__ = ["curves"]

R, P = curve_order, field_modulus
KZG_SOURCE = Path(__file__).resolve().parents[2] / "core" / "src" / "crypto" / "kzg.zig"
INFINITY = b"\xc0" + bytes(47)


class Opening(NamedTuple):
    """The parts of the precompile's input after the versioned hash."""

    commitment: bytes
    z: bytes
    y: bytes
    proof: bytes

    def encode(self, versioned_hash: bytes | None = None) -> bytes:
        fitting = b"\x01" + hashlib.sha256(self.commitment).digest()[1:]
        return (versioned_hash or fitting) + self.z + self.y + self.commitment + self.proof


def compressed(point: Any) -> bytes:
    return number(compress_G1(point), 48)


def opening(seed: int) -> Opening:
    """A commitment to a random blob and its evaluation at a random number."""
    source = random.Random(seed)
    blob = b"".join(number(source.randrange(R), 32) for _ in range(4096))
    z = number(source.randrange(R), 32)
    proof, y = ckzg.compute_kzg_proof(blob, z, trusted_setup())
    return Opening(ckzg.blob_to_kzg_commitment(blob, trusted_setup()), z, y, proof)


@pytest.fixture(scope="module")
def valid() -> Opening:
    return opening(1)


def of_both(curves: NativeCurves, data: bytes) -> bool:
    """Whether the native evaluation holds, which has to be what ckzg says."""
    holds = curves.point_evaluation(data)
    assert holds == (of_python(point_evaluation, data) is not FAILED), data.hex()
    return holds


@pytest.mark.parametrize("seed", range(4))
def test_an_evaluation_of_a_random_blob_holds(curves: NativeCurves, seed: int) -> None:
    part = opening(seed)
    assert of_both(curves, part.encode())
    wrong = number((int.from_bytes(part.y, "big") + 1) % R, 32)
    assert not of_both(curves, part._replace(y=wrong).encode())


def test_evaluations_of_constants_and_of_zero_hold(curves: NativeCurves) -> None:
    # A constant's quotient is zero: the proof is infinity; that of the zero polynomial has a commitment at infinity too.
    blob = number(7, 32) * 4096
    commitment = ckzg.blob_to_kzg_commitment(blob, trusted_setup())
    for z in (0, 5, R - 1):
        assert of_both(curves, Opening(commitment, number(z, 32), number(7, 32), INFINITY).encode())
        assert not of_both(curves, Opening(commitment, number(z, 32), number(8, 32), INFINITY).encode())
        assert of_both(curves, Opening(INFINITY, number(z, 32), number(0, 32), INFINITY).encode())
        assert not of_both(curves, Opening(INFINITY, number(z, 32), number(1, 32), INFINITY).encode())
        assert not of_both(curves, Opening(INFINITY, number(z, 32), number(0, 32), compressed(G1)).encode())


def test_an_evaluation_at_a_root_of_unity_holds(curves: NativeCurves) -> None:
    blob = b"".join(number(i * i, 32) for i in range(4096))
    root = pow(7, (R - 1) // 4096, R)
    for z in (1, root, R - 1):
        proof, y = ckzg.compute_kzg_proof(blob, number(z, 32), trusted_setup())
        part = Opening(ckzg.blob_to_kzg_commitment(blob, trusted_setup()), number(z, 32), y, proof)
        assert of_both(curves, part.encode())


def spoilt(valid: Opening) -> Iterator[tuple[str, bytes]]:
    """Inputs that must fail, each with what is wrong."""
    z, y = int.from_bytes(valid.z, "big"), int.from_bytes(valid.y, "big")
    yield "z is not canonical", valid._replace(z=number(z + R, 32)).encode()
    yield "y is not canonical", valid._replace(y=number(y + R, 32)).encode()
    yield "z is r", valid._replace(z=number(R, 32)).encode()
    yield "z is all bits", valid._replace(z=b"\xff" * 32).encode()
    yield "another z", valid._replace(z=number(z ^ 1, 32)).encode()
    hash_ = valid.encode()[:32]
    yield "version of the hash", valid.encode(b"\x02" + hash_[1:])
    yield "version is the digest's own byte", valid.encode(hashlib.sha256(valid.commitment).digest())
    yield "last bit of the hash", valid.encode(hash_[:-1] + bytes([hash_[-1] ^ 1]))
    for name in ("commitment", "proof"):
        good: bytes = getattr(valid, name)
        x = int.from_bytes(good, "big") & (2**381 - 1)
        flags = good[0] & 0xE0
        off_curve = next(n for n in range(1, 100) if pow(n**3 + 4, (P - 1) // 2, P) != 1)
        bad = {
            "without the compression flag": bytes([good[0] & 0x7F]) + good[1:],
            "with the infinity flag": bytes([good[0] | 0x40]) + good[1:],
            "of the other sign": bytes([good[0] ^ 0x20]) + good[1:],
            "with x not below p": number(flags << 376 | (x + P) % 2**381, 48),
            "x is p": number(0x80 << 376 | P, 48),
            "x is p, infinity": number(0xC0 << 376 | P, 48),
            "off the curve": number(0x80 << 376 | off_curve, 48),
            "outside the group": compressed(OUTSIDE1),
            "of the group but for the cofactor's part": compressed(add(G1, multiply(OUTSIDE1, R))),
            "of order 3": number(0x80 << 376, 48),
            "infinity with a sign": b"\xe0" + bytes(47),
            "infinity with a bit set": INFINITY[:-1] + b"\x01",
            "infinity uncompressed": b"\x40" + bytes(47),
            "zeros": bytes(48),
            "all bits": b"\xff" * 48,
            "infinity": INFINITY,
            "the generator": compressed(G1),
        }
        for what, value in bad.items():
            yield f"{name} {what}", valid._replace(**{name: value}).encode()


def test_every_spoilt_input_fails(curves: NativeCurves, valid: Opening) -> None:
    assert of_both(curves, valid.encode())
    names = set()
    for what, data in spoilt(valid):
        assert not of_both(curves, data), what
        names.add(what)
    assert len(names) == 42


def test_every_single_bit_counts(curves: NativeCurves, valid: Opening) -> None:
    data = valid.encode()
    for position in random.Random(3).sample(range(8 * len(data)), 150):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        assert not of_both(curves, bytes(flipped)), position


def test_the_constant_of_the_ceremony_is_that_of_the_shipped_setup() -> None:
    # The file: two counts, the Lagrange points of G1, then the powers of tau in G2.
    lines = Path(TRUSTED_SETUP_PATH).read_text().split()
    shipped = lines[2 + int(lines[0]) + 1]
    source = KZG_SOURCE.read_text()
    constants = re.findall(r"0x[0-9a-f]{96}", source[source.index("pub const tau_g2") :])[:4]
    x0, x1, y0, y1 = (int(constant, 16) for constant in constants)
    a, b = compress_G2((FQ2([x0, x1]), FQ2([y0, y1]), FQ2.one()))
    assert number(a, 48).hex() + number(b, 48).hex() == shipped
