"""The curve precompiles on the bare RV64IM machine: the native results, and what the two cost that run in the guest.

The counts are exact and the same on every machine, so the bounds here are not timings.
"""

import hashlib
from pathlib import Path

import pytest

from tests.core import toolchain
from tests.core.curves_kit import FAILED, NativeCurves, curves, number
from tests.core.test_curves_bls12_381 import NOT_OF_GROUP1
from tests.core.test_curves_bls12_381 import g1 as bls_g1
from tests.core.test_curves_bls12_381 import g2 as bls_g2
from tests.core.test_curves_bn254 import BAD_G2, EDGES, g1, g2
from tests.core.test_curves_kzg import opening

__all__ = ["curves"]

unicorn = pytest.importorskip("unicorn", reason="unicorn runs the guest programs")

from tests.core.guest import Guest  # noqa: E402 - needs unicorn

DOORS = {
    0x06: "bn254_add",
    0x07: "bn254_mul",
    0x08: "bn254_pairing",
    0x0B: "g1_add",
    0x0C: "g1_msm",
    0x0D: "g2_add",
    0x0E: "g2_msm",
    0x0F: "bls12_pairing",
    0x10: "map_fp_to_g1",
    0x11: "map_fp2_to_g2",
}
"""Operations of the program, numbered as the precompiles' addresses are."""
ADD, MULTIPLY, PAIRING, POINT_EVALUATION = 0x06, 0x07, 0x08, 0x0A


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with one precompile per operation."""
    if not toolchain.have_compiler():
        pytest.skip(f"ziglang=={toolchain.builder.ZIG_VERSION} is not installed")
    return toolchain.build_guest("guest_curves.zig", tmp_path_factory.mktemp("guest"))


@pytest.fixture(scope="module")
def guest(elf: Path) -> Guest:
    return Guest(elf)


def scalar(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


INPUTS = [
    (0x06, g1(5) + g1(7)),
    (0x06, g1(5) + g1(5)),
    (0x06, g1(5) + g1(-5)),
    (0x06, g1(5) + b"\xff" * 64),
    (0x07, g1(5) + scalar("multiplier")),
    (0x08, g1(6) + g2(1) + g1(-2) + g2(3)),
    (0x08, g1(6) + g2(1)),
    (0x08, g1(1) + BAD_G2["on the curve, outside the group"]),
    (0x08, b""),
    (0x0B, bls_g1(5) + bls_g1(7)),
    (0x0C, b"".join(bls_g1(i) + scalar(f"{i}") for i in range(3))),
    (0x0C, NOT_OF_GROUP1["order 3"] + scalar("")),
    (0x0D, bls_g2(5) + bls_g2(7)),
    (0x0E, b"".join(bls_g2(i) + scalar(f"{i}") for i in range(2))),
    (0x0F, bls_g1(6) + bls_g2(1) + bls_g1(-2) + bls_g2(3)),
    (0x0F, bls_g1(6) + bls_g2(1)),
    (0x10, number(int.from_bytes(scalar("element"), "big"), 64)),
    (0x11, number(int.from_bytes(scalar("element"), "big"), 64) + number(3, 64)),
]


@pytest.mark.parametrize(
    ("operation", "data"), INPUTS, ids=lambda value: DOORS.get(value, "") if isinstance(value, int) else ""
)
def test_the_bare_machine_gives_the_native_result(
    curves: NativeCurves, guest: Guest, operation: int, data: bytes
) -> None:
    native = getattr(curves, DOORS[operation])(data)
    output = guest.call(operation, data).output
    if native is FAILED:
        assert output == b""
    else:
        assert output.rjust(32, b"\0") == native


def test_the_bare_machine_evaluates_points(guest: Guest) -> None:
    part = opening(9)
    assert guest.call(POINT_EVALUATION, part.encode()).output
    assert not guest.call(POINT_EVALUATION, part._replace(z=part.y).encode()).output


def test_adding_points_costs_less_than_16_thousand_instructions(guest: Guest) -> None:
    for a, b in ((3, 4), (123456789, 987654321), (5, 5), (2**200, 2**199 + 1)):
        result = guest.call(ADD, g1(a) + g1(b))
        assert result.output == g1(a + b)
        assert result.instructions < 16_000


def test_multiplying_a_point_costs_620_thousand_instructions_on_average(guest: Guest) -> None:
    point = g1(987654321)
    ordinary = [int.from_bytes(scalar(f"sample {i}"), "big") for i in range(20)]
    costs = []
    for k in (*ordinary, *EDGES):
        result = guest.call(MULTIPLY, point + number(k, 32))
        assert result.output == g1(987654321 * k)
        costs.append(result.instructions)
    assert sum(costs[: len(ordinary)]) / len(ordinary) < 620_000
    assert max(costs) < 660_000


def test_the_program_has_no_instruction_outside_rv64im(elf: Path) -> None:
    """The attribute that the compiler writes names the extensions."""
    assert b"rv64i2p1_m2p0_zmmul1p0\x00" in elf.read_bytes()
