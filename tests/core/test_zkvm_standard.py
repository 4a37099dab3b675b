"""What the zkVM program leaves to a zkVM's library, and every accelerator called as the standard has it, against references."""

import hashlib
from pathlib import Path

import blake2b
import coincurve
import pytest
from Crypto.Hash import RIPEMD160, keccak
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from py_ecc.bls.hash_to_curve import clear_cofactor_G1, map_to_curve_G1
from py_ecc.optimized_bls12_381 import FQ

from tests.core import toolchain
from tests.core.curves_kit import FAILED, PYTHON_SIDE, number, of_python
from tests.core.test_curves_bls12_381 import NOT_OF_GROUP1, g1_bytes
from tests.core.test_curves_bls12_381 import g1 as bls_g1
from tests.core.test_curves_bls12_381 import g2 as bls_g2
from tests.core.test_curves_bn254 import BAD_G2, g1, g2
from tests.core.test_curves_kzg import R, opening
from tests.core.zkvm_kit import global_symbols, run

pytestmark = pytest.mark.usefixtures("native_library")
pytest.importorskip("unicorn", reason="the checker of instructions is with the harness that needs it")

from tests.core.guest import executable_words, is_rv64im  # noqa: E402

STANDARD = {
    "read_input", "write_output",
    "zkvm_keccak256", "zkvm_sha256", "zkvm_ripemd160", "zkvm_secp256k1_ecrecover", "zkvm_secp256r1_verify",
    "zkvm_modexp", "zkvm_blake2f", "zkvm_bn254_g1_add", "zkvm_bn254_g1_mul", "zkvm_bn254_pairing", "zkvm_kzg_point_eval",
    "zkvm_bls12_g1_add", "zkvm_bls12_g1_msm", "zkvm_bls12_g2_add", "zkvm_bls12_g2_msm", "zkvm_bls12_pairing",
    "zkvm_bls12_map_fp_to_g1", "zkvm_bls12_map_fp2_to_g2",
}  # fmt: skip
"""The functions of the zkvm-standards but for secp256k1_verify, which no part of the protocol needs."""

LINKER = {"_heap_start", "_heap_end"}
"""What the standards have a linker script define."""

OWN = {
    "keccak": (0x800000000000808A).to_bytes(8, "little"),
    "secp256k1": number(0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798, 32)[::-1],
    "BLAKE2": (0xBB67AE8584CAA73B).to_bytes(8, "little"),
}
"""Bytes that an implementation of its own has: a constant of the rounds, the generator, a word of the initial state."""

SIGNER = coincurve.PrivateKey.from_int(0x1234_5678_9ABC_DEF0)
DIGEST = hashlib.sha256(b"message").digest()
SIGNATURE = SIGNER.sign_recoverable(DIGEST, hasher=None)
PUBLIC = SIGNER.public_key.format(compressed=False)[1:]

KECCAK, RECOVER, SHA256, RIPEMD, IDENTITY, MODEXP, ADD, MULTIPLY, PAIRING, BLAKE, POINT = range(11)
G1_ADD, G1_MSM, G2_ADD, G2_MSM, BLS_PAIRING, MAP_1, MAP_2, P256 = *range(11, 18), 0x100
CONTRACT, FUNCTION = b"\0", b"\1"

DOORS = {
    ADD: "bn254_add",
    MULTIPLY: "bn254_mul",
    PAIRING: "bn254_pairing",
    G1_ADD: "g1_add",
    G1_MSM: "g1_msm",
    G2_ADD: "g2_add",
    G2_MSM: "g2_msm",
    BLS_PAIRING: "bls12_pairing",
    MAP_1: "map_fp_to_g1",
    MAP_2: "map_fp2_to_g2",
}


class Accelerators:
    """The program that makes one call a run."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def contract(self, number: int, data: bytes) -> bytes | None:
        """What a precompiled contract returns, FAILED where it fails."""
        code, output, _ = run(self._program, CONTRACT + number.to_bytes(2, "big") + data)
        assert code == 0
        return output[1:] if output[0] else FAILED

    def function(self, number: int, data: bytes) -> tuple[int, bytes]:
        """Status and result of the standard's function behind a precompiled contract; keccak256 has the number 0."""
        code, output, _ = run(self._program, FUNCTION + number.to_bytes(2, "big") + data)
        assert code == 0
        return int.from_bytes(output[:4], "little", signed=True), output[4:]


@pytest.fixture(scope="module")
def accelerators(zkvm_test_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Accelerators:
    if not toolchain.have_compiler():
        pytest.skip(f"ziglang=={toolchain.builder.ZIG_VERSION} is not installed")
    shim = zkvm_test_program.parent / "zkvm-shim.o"
    directory = tmp_path_factory.mktemp("accelerators")
    return Accelerators(toolchain.build_for_zkvm("guest_accelerators.zig", directory, shim))


@pytest.fixture(scope="module")
def alone(zkvm_test_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with empty functions for all that a zkVM brings: what of it is the program's own."""
    if not toolchain.have_compiler():
        pytest.skip(f"ziglang=={toolchain.builder.ZIG_VERSION} is not installed")
    directory = tmp_path_factory.mktemp("alone")
    source = directory / "nothing.s"
    names = "".join(f".globl {name}\n{name}:\n" for name in sorted(STANDARD))
    source.write_text(f'.section .text.start,"ax",@progbits\n.globl _start\n_start:\ncall main\n{names}ret\n')
    return toolchain.link([zkvm_test_program.parent / "guest-zkvm.o", source], directory / "alone.elf")


def unpadded(data: bytes, *, scalar_after: int = 0) -> bytes:
    """Field elements of 48 bytes from the contracts' 64; every `scalar_after` of them a scalar of 32 bytes follows."""
    parts, position, count = [], 0, 0
    while position < len(data):
        parts.append(data[position + 16 : position + 64])
        position, count = position + 64, count + 1
        if scalar_after and count % scalar_after == 0:
            parts.append(data[position : position + 32])
            position += 32
    return b"".join(parts)


def test_the_object_leaves_to_a_zkvm_what_the_standards_name_and_nothing_else(zkvm_test_program: Path) -> None:
    defined, undefined = global_symbols(zkvm_test_program.parent / "guest-zkvm.o")
    assert undefined == STANDARD | LINKER
    assert "main" in defined
    assert not defined & {"_start", *STANDARD}
    of_shim, _ = global_symbols(zkvm_test_program.parent / "zkvm-shim.o")
    assert of_shim >= STANDARD


def test_the_program_has_no_implementation_of_an_accelerator(zkvm_test_program: Path, alone: Path) -> None:
    program, with_shim = alone.read_bytes(), zkvm_test_program.read_bytes()
    for name, constant in OWN.items():
        assert constant in with_shim, f"{name} does not show by this"
        assert constant not in program, name


def test_the_program_is_smaller_than_a_megabyte_and_pure_rv64im(alone: Path) -> None:
    assert alone.stat().st_size < 1_000_000
    words = executable_words(alone)
    assert len(words) > 100_000
    assert [hex(word) for word in words if not is_rv64im(word)] == []


HASHED = [b"", b"a", bytes(range(256)) * 3]


@pytest.mark.parametrize("data", HASHED, ids=len)
def test_hashes(accelerators: Accelerators, data: bytes) -> None:
    padded = bytes(12) + RIPEMD160.new(data).digest()
    assert accelerators.function(KECCAK, data) == (0, keccak.new(digest_bits=256, data=data).digest())
    assert accelerators.function(SHA256, data) == (0, hashlib.sha256(data).digest())
    assert accelerators.function(RIPEMD, data) == (0, padded)
    assert accelerators.contract(SHA256, data) == hashlib.sha256(data).digest()
    assert accelerators.contract(RIPEMD, data) == padded
    assert accelerators.contract(IDENTITY, data) == data


def test_keys_are_recovered(accelerators: Accelerators) -> None:
    rs, parity = SIGNATURE[:64], SIGNATURE[64:]
    assert accelerators.function(RECOVER, DIGEST + rs + parity) == (0, PUBLIC)
    assert accelerators.function(RECOVER, DIGEST + bytes(64) + parity) == (-1, b"")
    assert accelerators.function(RECOVER, DIGEST + rs + b"\x04") == (-1, b"")
    address = bytes(12) + keccak.new(digest_bits=256, data=PUBLIC).digest()[12:]
    assert accelerators.contract(RECOVER, DIGEST + number(27 + parity[0], 32) + rs) == address
    assert accelerators.contract(RECOVER, DIGEST + number(29, 32) + rs) == b""
    assert accelerators.contract(RECOVER, DIGEST + number(27, 32) + bytes(64)) == b""


def test_signatures_of_p256_are_verified(accelerators: Accelerators) -> None:
    key = ec.derive_private_key(77, ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(DIGEST, ec.ECDSA(Prehashed(hashes.SHA256()))))
    public = key.public_key().public_numbers()
    good = DIGEST + b"".join(number(part, 32) for part in (r, s, public.x, public.y))
    assert accelerators.function(P256, good) == (0, b"\1")
    assert accelerators.contract(P256, good) == number(1, 32)
    for bad in (bytes(32) + good[32:], good[:32] + bytes(64) + good[96:], good[:96] + bytes(64)):
        assert accelerators.function(P256, bad)[1] in (b"", b"\0")
        assert accelerators.contract(P256, bad) == b""
    assert accelerators.contract(P256, good[:-1]) == b""


def test_powers(accelerators: Accelerators) -> None:
    base, exponent, modulus = (int.from_bytes(hashlib.sha512(name).digest(), "big") for name in (b"b", b"e", b"m"))
    for m in (modulus, modulus - modulus % 2**70, 1):
        operands = b"".join(number(value, 64) for value in (base, exponent, m))
        expected = number(pow(base, exponent, m), 64)
        assert accelerators.function(MODEXP, operands) == (0, expected)
        assert accelerators.contract(MODEXP, number(64, 32) * 3 + operands) == expected


def test_powers_modulo_nothing_and_of_nothing(accelerators: Accelerators) -> None:
    assert accelerators.function(MODEXP, bytes(6)) == (-1, b"")
    assert accelerators.contract(MODEXP, number(1, 32) * 3 + b"\2\3") == b"\0"
    assert accelerators.contract(MODEXP, number(0, 32) * 2 + number(2, 32) + b"\0\7") == b"\0\1"
    assert accelerators.contract(MODEXP, number(1, 32) * 2 + number(0, 32) + b"\2\3") == b""
    assert accelerators.contract(MODEXP, b"") == b""


def test_blake2_compresses(accelerators: Accelerators) -> None:
    words = hashlib.shake_128(b"blake2").digest(208)
    numbers = [int.from_bytes(words[start : start + 8], "little") for start in range(0, 208, 8)]
    for rounds, last in ((0, 0), (12, 1), (1_000, 0)):
        expected = blake2b.compress(rounds, numbers[:8], numbers[8:24], numbers[24:], bool(last))
        assert accelerators.function(BLAKE, words + rounds.to_bytes(4, "little") + bytes((last,))) == (0, expected)
        assert accelerators.contract(BLAKE, rounds.to_bytes(4, "big") + words + bytes((last,))) == expected
    assert accelerators.function(BLAKE, words + bytes(4) + b"\2") == (-1, b"")
    assert accelerators.contract(BLAKE, bytes(4) + words + b"\2") is FAILED
    assert accelerators.contract(BLAKE, bytes(4) + words) is FAILED


def test_points_are_evaluated(accelerators: Accelerators) -> None:
    part = opening(9)
    wrong = part._replace(y=number((int.from_bytes(part.y, "big") + 1) % R, 32))
    assert accelerators.function(POINT, b"".join(part)) == (0, b"\1")
    assert accelerators.function(POINT, b"".join(wrong)) == (0, b"\0")
    assert accelerators.contract(POINT, part.encode()) == number(4096, 32) + number(R, 32)
    assert accelerators.contract(POINT, wrong.encode()) is FAILED
    assert accelerators.contract(POINT, part.encode(bytes(32))) is FAILED


SCALAR = hashlib.sha256(b"scalar").digest()
ELEMENT = number(int.from_bytes(SCALAR, "big"), 64)
CURVE_CALLS = [
    (ADD, g1(5) + g1(7)),
    (ADD, g1(5)),
    (ADD, g1(5) + b"\xff" * 64),
    (MULTIPLY, g1(5) + SCALAR),
    (MULTIPLY, number(1, 96)),
    (PAIRING, g1(6) + g2(1) + g1(-2) + g2(3)),
    (PAIRING, g1(6) + g2(1)),
    (PAIRING, g1(1) + BAD_G2["on the curve, outside the group"]),
    (PAIRING, b""),
    (PAIRING, bytes(191)),
    (G1_ADD, bls_g1(5) + bls_g1(7)),
    (G1_ADD, NOT_OF_GROUP1["order 3"] + bls_g1(7)),
    (G1_ADD, b"\1" + bytes(255)),
    (G1_MSM, b"".join(bls_g1(k) + SCALAR for k in (1, 0, 3))),
    (G1_MSM, NOT_OF_GROUP1["order 3"] + SCALAR),
    (G1_MSM, b""),
    (G2_ADD, bls_g2(5) + bls_g2(7)),
    (G2_ADD, bls_g2(5) + bytes(255)),
    (G2_ADD, bytes(511) + b"\1"),
    (G2_MSM, b"".join(bls_g2(k) + SCALAR for k in (1, 2))),
    (G2_MSM, bytes(255) + b"\1" + SCALAR),
    (BLS_PAIRING, bls_g1(6) + bls_g2(1) + bls_g1(-2) + bls_g2(3)),
    (BLS_PAIRING, bls_g1(6) + bls_g2(1)),
    (BLS_PAIRING, bytes(383) + b"\1"),
    (BLS_PAIRING, b""),
    (MAP_1, ELEMENT),
    (MAP_1, bytes(16) + b"\xff" * 48),
    (MAP_2, ELEMENT + number(3, 64)),
    (MAP_2, ELEMENT),
]


@pytest.mark.parametrize(
    ("precompile", "data"), CURVE_CALLS, ids=lambda value: DOORS.get(value, "") if isinstance(value, int) else ""
)
def test_contracts_on_curves_give_what_the_python_ones_give(
    accelerators: Accelerators, precompile: int, data: bytes
) -> None:
    assert accelerators.contract(precompile, data) == of_python(PYTHON_SIDE[DOORS[precompile]], data)


STRUCTS = [
    (ADD, g1(5) + g1(7), g1(12)),
    (ADD, g1(5) + b"\xff" * 64, FAILED),
    (MULTIPLY, g1(5) + number(7, 32), g1(35)),
    (MULTIPLY, number(1, 64) + SCALAR, FAILED),
    (PAIRING, g1(6) + g2(1) + g1(-2) + g2(3), b"\1"),
    (PAIRING, g1(6) + g2(1), b"\0"),
    (PAIRING, g1(1) + BAD_G2["on the curve, outside the group"], FAILED),
    (G1_ADD, unpadded(bls_g1(5) + bls_g1(7)), unpadded(bls_g1(12))),
    (G1_ADD, number(1, 192), FAILED),
    (G1_MSM, unpadded(bls_g1(5) + number(3, 32) + bls_g1(7) + number(2, 32), scalar_after=2), unpadded(bls_g1(29))),
    (G1_MSM, unpadded(NOT_OF_GROUP1["order 3"] + SCALAR, scalar_after=2), FAILED),
    (G2_ADD, unpadded(bls_g2(5) + bls_g2(7)), unpadded(bls_g2(12))),
    (G2_ADD, number(1, 384), FAILED),
    (G2_MSM, unpadded(bls_g2(5) + number(3, 32) + bls_g2(7) + number(2, 32), scalar_after=4), unpadded(bls_g2(29))),
    (G2_MSM, number(1, 192) + SCALAR, FAILED),
    (BLS_PAIRING, unpadded(bls_g1(6) + bls_g2(1) + bls_g1(-2) + bls_g2(3)), b"\1"),
    (BLS_PAIRING, unpadded(bls_g1(6) + bls_g2(1)), b"\0"),
    (BLS_PAIRING, number(1, 288), FAILED),
    (
        MAP_1,
        unpadded(ELEMENT),
        unpadded(g1_bytes(clear_cofactor_G1(map_to_curve_G1(FQ(int.from_bytes(ELEMENT, "big")))))),
    ),
    (MAP_1, b"\xff" * 48, FAILED),
    (MAP_2, b"\xff" * 96, FAILED),
]
"""Structs one after the other, as they lie in memory, and the result's."""


@pytest.mark.parametrize(("precompile", "data", "expected"), STRUCTS)
def test_functions_on_curves_take_and_give_structs(
    accelerators: Accelerators, precompile: int, data: bytes, expected: bytes | None
) -> None:
    assert accelerators.function(precompile, data) == ((-1, b"") if expected is FAILED else (0, expected))


def test_the_map_to_the_second_group_takes_and_gives_structs(accelerators: Accelerators) -> None:
    data = ELEMENT + number(3, 64)
    padded = of_python(PYTHON_SIDE["map_fp2_to_g2"], data)
    assert padded is not FAILED
    assert accelerators.function(MAP_2, unpadded(data)) == (0, unpadded(padded))
