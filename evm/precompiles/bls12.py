"""The BLS12-381 precompiles but for the map onto G1, where py-evm's is fast enough. Spec: EIP-2537."""

from collections.abc import Sequence
from typing import Any

from eth.exceptions import VMError
from eth.precompiles.bls12_381.constants import (
    G1_MSM_DISCOUNTS,
    G1_MSM_MAX_DISCOUNT,
    G2_MSM_DISCOUNTS,
    G2_MSM_MAX_DISCOUNT,
)
from py_ecc.bls.hash_to_curve import map_to_curve_G2
from py_ecc.optimized_bls12_381 import FQ2, normalize

from evm.precompiles.bls12_381 import (
    G1Point,
    G2Point,
    NotOnCurve,
    add_g1,
    add_g2,
    clear_cofactor2,
    g1_point,
    g2_point,
    in_group1,
    in_group2,
    pairing_product_is_one,
    sum_g1,
    sum_g2,
)
from evm.precompiles.bls12_381_field import P

G1_ADD_GAS, G1_MULTIPLY_GAS = 375, 12_000
G2_ADD_GAS, G2_MULTIPLY_GAS = 600, 22_500
MAP_FP2_TO_G2_GAS = 23_800
PAIRING_GAS, PAIRING_GAS_PER_PAIR = 37_700, 32_600
_NUMBER_BYTES = 64
_SCALAR_BYTES = 32
G1_BYTES, G2_BYTES = 2 * _NUMBER_BYTES, 4 * _NUMBER_BYTES
G1_TERM_BYTES, G2_TERM_BYTES = G1_BYTES + _SCALAR_BYTES, G2_BYTES + _SCALAR_BYTES
PAIR_BYTES = G1_BYTES + G2_BYTES


def _numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[start : start + _NUMBER_BYTES], "big") for start in range(0, len(data), _NUMBER_BYTES)]


def _g1(data: bytes, *, of_group: bool) -> G1Point | None:
    try:
        point = g1_point(*_numbers(data))
    except NotOnCurve as error:
        raise VMError(f"BLS12-381: {error}") from error
    if of_group and not in_group1(point):
        raise VMError("BLS12-381: point of G1 is not of the group")
    return point


def _g2(data: bytes, *, of_group: bool) -> G2Point | None:
    x0, x1, y0, y1 = _numbers(data)
    try:
        point = g2_point((x0, x1), (y0, y1))
    except NotOnCurve as error:
        raise VMError(f"BLS12-381: {error}") from error
    if of_group and not in_group2(point):
        raise VMError("BLS12-381: point of G2 is not of the group")
    return point


def _encode(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in numbers)


def _encode_g1(point: G1Point | None) -> bytes:
    return _encode(point or (0, 0))


def _encode_g2(point: G2Point | None) -> bytes:
    return bytes(G2_BYTES) if point is None else _encode((*point[0], *point[1]))


def _check_length(data: bytes, size: int) -> None:
    if len(data) != size:
        raise VMError(f"BLS12-381: input has {len(data)} bytes, expected {size}")


def _parts(data: bytes, size: int) -> list[bytes]:
    """The input in parts of this size. Raises VMError when it is empty or does not divide."""
    if not data or len(data) % size:
        raise VMError(f"BLS12-381: input of {len(data)} bytes is no multiple of {size}")
    return [data[start : start + size] for start in range(0, len(data), size)]


def _discounted(count: int, price: int, discounts: Sequence[int], last: int) -> int:
    return count * price * (discounts[count - 1] if count <= len(discounts) else last) // 1000


def bls12_g1_add(computation: Any) -> Any:
    """The sum of two points of the curve."""
    data = computation.msg.data_as_bytes
    _check_length(data, 2 * G1_BYTES)
    computation.consume_gas(G1_ADD_GAS, reason="BLS12_G1ADD")
    left, right = (_g1(part, of_group=False) for part in _parts(data, G1_BYTES))
    computation.output = _encode_g1(add_g1(left, right))
    return computation


def bls12_g2_add(computation: Any) -> Any:
    """The sum of two points of the twist."""
    data = computation.msg.data_as_bytes
    _check_length(data, 2 * G2_BYTES)
    computation.consume_gas(G2_ADD_GAS, reason="BLS12_G2ADD")
    left, right = (_g2(part, of_group=False) for part in _parts(data, G2_BYTES))
    computation.output = _encode_g2(add_g2(left, right))
    return computation


def bls12_g1_msm(computation: Any) -> Any:
    """The sum of points of G1 times numbers."""
    parts = _parts(computation.msg.data_as_bytes, G1_TERM_BYTES)
    gas = _discounted(len(parts), G1_MULTIPLY_GAS, G1_MSM_DISCOUNTS, G1_MSM_MAX_DISCOUNT)
    computation.consume_gas(gas, reason="BLS12_G1MSM")
    terms = [(_g1(part[:G1_BYTES], of_group=True), int.from_bytes(part[G1_BYTES:], "big")) for part in parts]
    computation.output = _encode_g1(sum_g1(terms))
    return computation


def bls12_g2_msm(computation: Any) -> Any:
    """The sum of points of G2 times numbers."""
    parts = _parts(computation.msg.data_as_bytes, G2_TERM_BYTES)
    gas = _discounted(len(parts), G2_MULTIPLY_GAS, G2_MSM_DISCOUNTS, G2_MSM_MAX_DISCOUNT)
    computation.consume_gas(gas, reason="BLS12_G2MSM")
    terms = [(_g2(part[:G2_BYTES], of_group=True), int.from_bytes(part[G2_BYTES:], "big")) for part in parts]
    computation.output = _encode_g2(sum_g2(terms))
    return computation


def bls12_map_fp2_to_g2(computation: Any) -> Any:
    """A point of G2 for a number of Fq2."""
    data = computation.msg.data_as_bytes
    _check_length(data, G1_BYTES)
    computation.consume_gas(MAP_FP2_TO_G2_GAS, reason="BLS12_MAP_FP2_TO_G2")
    number = _numbers(data)
    if max(number) >= P:
        raise VMError("BLS12-381: coordinate is not below the field's modulus")
    (x0, x1), (y0, y1) = (coordinate.coeffs for coordinate in normalize(map_to_curve_G2(FQ2(number))))
    computation.output = _encode_g2(clear_cofactor2(((int(x0), int(x1)), (int(y0), int(y1)))))
    return computation


def bls12_pairing(computation: Any) -> Any:
    """Whether the product of the pairings of the given pairs is one."""
    parts = _parts(computation.msg.data_as_bytes, PAIR_BYTES)
    computation.consume_gas(PAIRING_GAS + PAIRING_GAS_PER_PAIR * len(parts), reason="BLS12_PAIRING_CHECK")
    pairs = [(_g1(part[:G1_BYTES], of_group=True), _g2(part[G1_BYTES:], of_group=True)) for part in parts]
    computation.output = int(pairing_product_is_one(pairs)).to_bytes(32, "big")
    return computation
