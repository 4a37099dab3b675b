"""The three bn256 precompiles, at the prices of EIP-1108. Spec: EIP-196, EIP-197."""

from typing import Any

from eth.exceptions import VMError

from evm.precompiles.bn254 import (
    G1Point,
    G2Point,
    NotOnCurve,
    add_g1,
    g1_point,
    g2_point,
    multiply_g1,
    pairing_product_is_one,
)

ADD_GAS = 150
MULTIPLY_GAS = 6_000
PAIRING_GAS = 45_000
PAIRING_GAS_PER_PAIR = 34_000
_PAIR_BYTES = 192


def _word(data: bytes, index: int) -> int:
    """Word `index` of the input, as if it went on with zeros."""
    return int.from_bytes(data[32 * index : 32 * index + 32].ljust(32, b"\x00"), "big")


def _encode(point: G1Point | None) -> bytes:
    x, y = point or (0, 0)
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _g1(data: bytes, index: int) -> G1Point | None:
    try:
        return g1_point(_word(data, index), _word(data, index + 1))
    except NotOnCurve as error:
        raise VMError(f"bn256: {error}") from error


def _pair(data: bytes) -> tuple[G1Point | None, G2Point | None]:
    """A point of each group; coordinates in Fq2 come with the imaginary part first."""
    x, y = (_word(data, 3), _word(data, 2)), (_word(data, 5), _word(data, 4))
    try:
        return _g1(data, 0), g2_point(x, y)
    except NotOnCurve as error:
        raise VMError(f"bn256: {error}") from error


def bn256_add(computation: Any) -> Any:
    """The sum of two points."""
    computation.consume_gas(ADD_GAS, reason="bn256 addition")
    data = computation.msg.data_as_bytes
    computation.output = _encode(add_g1(_g1(data, 0), _g1(data, 2)))
    return computation


def bn256_multiply(computation: Any) -> Any:
    """A point times a number."""
    computation.consume_gas(MULTIPLY_GAS, reason="bn256 multiplication")
    data = computation.msg.data_as_bytes
    computation.output = _encode(multiply_g1(_g1(data, 0), _word(data, 2)))
    return computation


def bn256_pairing(computation: Any) -> Any:
    """Whether the product of the pairings of the given pairs is one."""
    data = computation.msg.data_as_bytes
    if len(data) % _PAIR_BYTES:
        raise VMError(f"bn256 pairing takes pairs of {_PAIR_BYTES} bytes, got {len(data)} bytes")
    count = len(data) // _PAIR_BYTES
    computation.consume_gas(PAIRING_GAS + PAIRING_GAS_PER_PAIR * count, reason="bn256 pairing")
    pairs = [_pair(data[start : start + _PAIR_BYTES]) for start in range(0, len(data), _PAIR_BYTES)]
    computation.output = int(pairing_product_is_one(pairs)).to_bytes(32, "big")
    return computation
