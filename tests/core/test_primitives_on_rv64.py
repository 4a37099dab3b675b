"""The primitives on the bare RV64IM machine: results equal to Python's, and what they cost.

The counts are exact and the same on every machine, so the bounds here are not timings: a change that makes a primitive
dearer must raise its bound and say why.
"""

import hashlib
from pathlib import Path

import coincurve
import pytest
from Crypto.Hash import keccak
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from tests.core import toolchain

unicorn = pytest.importorskip("unicorn", reason="unicorn runs the guest programs")

from tests.core.guest import Guest  # noqa: E402 - needs unicorn

NOTHING, PERMUTE, KECCAK, RECOVER, MODEXP, P256 = range(6)
DIVIDE, REMAINDER, ADD_MODULO, MULTIPLY_MODULO, ADD = 0x104, 0x106, 0x108, 0x109, 0x1FF
_WORD = 1 << 256


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """The guest program with one primitive per operation."""
    if not toolchain.have_compiler():
        pytest.skip(f"ziglang=={toolchain.builder.ZIG_VERSION} is not installed")
    return Guest(toolchain.build_guest("guest_primitives.zig", tmp_path_factory.mktemp("guest")))


def _number(name: str, bits: int = 256) -> int:
    """A number of exactly `bits` bits, the same in every run."""
    value = int.from_bytes(hashlib.shake_128(name.encode()).digest(bits // 8), "big")
    return value | 1 << (bits - 1)


def _bytes(*words: int) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in words)


def test_keccak_permutes_in_6500_instructions(guest: Guest) -> None:
    overhead = guest.call(NOTHING, b"").instructions
    for length in (0, 1, 32, 64, 135, 136, 137, 532):
        data = hashlib.shake_128(bytes([length % 256])).digest(length)
        result = guest.call(KECCAK, data)
        assert result.output == keccak.new(digest_bits=256, data=data).digest()
        blocks = length // 136 + 1
        assert result.instructions - overhead < 6_500 * blocks + 300


def test_division_and_modular_products_cost_hundreds_of_instructions(guest: Guest) -> None:
    overhead = guest.call(ADD, _bytes(1, 2, 3)).instructions  # the same conversions, and an addition
    for bits in (64, 65, 120, 128, 192, 200, 255, 256):
        for sample in range(10):
            a, b, n = _number(f"a{bits}{sample}"), _number(f"b{sample}"), _number(f"n{bits}{sample}", bits // 8 * 8)
            for operation, operands, expected, bound in (
                (DIVIDE, (a, n, 0), a // n, 550),
                (REMAINDER, (a, n, 0), a % n, 550),
                (ADD_MODULO, (a, b, n), (a + b) % n, 600),
                (MULTIPLY_MODULO, (a, b, n), a * b % n, 1_250),
            ):
                result = guest.call(operation, _bytes(*operands))
                assert int.from_bytes(result.output, "big") == expected
                assert result.instructions - overhead < bound


def test_recovering_a_key_costs_less_than_660_thousand_instructions(guest: Guest) -> None:
    costs = []
    for sample in range(10):
        key = coincurve.PrivateKey.from_int(_number(f"key{sample}") >> 1)
        message_hash = hashlib.sha256(bytes([sample])).digest()
        result = guest.call(RECOVER, message_hash + key.sign_recoverable(message_hash, hasher=None))
        assert result.output == bytes(key.public_key.format(compressed=False))[1:]
        costs.append(result.instructions)
    assert sum(costs) / len(costs) < 660_000


def test_a_signature_of_p256_is_verified(guest: Guest) -> None:
    key = ec.derive_private_key(_number("p256") >> 2, ec.SECP256R1())
    message_hash = hashlib.sha256(b"message").digest()
    r, s = decode_dss_signature(key.sign(message_hash, ec.ECDSA(Prehashed(hashes.SHA256()))))
    public = key.public_key().public_numbers()
    result = guest.call(P256, message_hash + _bytes(r, s, public.x, public.y))
    assert result.output == b"\x01"
    assert guest.call(P256, message_hash + _bytes(r, s + 1, public.x, public.y)).output == b"\x00"
    assert result.instructions < 2_800_000


def test_a_power_modulo_2048_bits_costs_less_than_82_million_instructions(guest: Guest) -> None:
    base, exponent, modulus = (_number(name, 2048) for name in ("base", "exponent", "modulus"))
    for number, bound in ((modulus | 1, 82_000_000), (modulus >> 1000 << 1000, 60_000_000)):
        result = guest.call(MODEXP, b"".join(value.to_bytes(256, "big") for value in (base, exponent, number)))
        assert int.from_bytes(result.output, "big") == pow(base, exponent, number)
        assert result.instructions < bound


def test_the_program_has_no_instruction_outside_rv64im(guest: Guest, tmp_path: Path) -> None:
    """The attribute that the compiler writes names the extensions."""
    image = toolchain.build_guest("guest_primitives.zig", tmp_path).read_bytes()
    assert b"rv64i2p1_m2p0_zmmul1p0\x00" in image
