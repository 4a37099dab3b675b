"""The three bn256 precompiles, at the prices of Byzantium and of Istanbul. Spec: EIP-196, EIP-197, EIP-1108."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Prices:
    """Gas of an addition, a multiplication, a pairing check, and of each pair in that."""

    add: int
    multiply: int
    pairing: int
    pair: int


BYZANTIUM_PRICES = Prices(500, 40_000, 100_000, 80_000)
ISTANBUL_PRICES = Prices(150, 6_000, 45_000, 34_000)
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


def bn256_add(prices: Prices) -> Callable[[Any], Any]:
    """The sum of two points."""

    def run(computation: Any) -> Any:
        computation.consume_gas(prices.add, reason="bn256 addition")
        data = computation.msg.data_as_bytes
        computation.output = _encode(add_g1(_g1(data, 0), _g1(data, 2)))
        return computation

    return run


def bn256_multiply(prices: Prices) -> Callable[[Any], Any]:
    """A point times a number."""

    def run(computation: Any) -> Any:
        computation.consume_gas(prices.multiply, reason="bn256 multiplication")
        data = computation.msg.data_as_bytes
        computation.output = _encode(multiply_g1(_g1(data, 0), _word(data, 2)))
        return computation

    return run


def bn256_pairing(prices: Prices) -> Callable[[Any], Any]:
    """Whether the product of the pairings of the given pairs is one."""

    def run(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        if len(data) % _PAIR_BYTES:
            raise VMError(f"bn256 pairing takes pairs of {_PAIR_BYTES} bytes, got {len(data)} bytes")
        count = len(data) // _PAIR_BYTES
        computation.consume_gas(prices.pairing + prices.pair * count, reason="bn256 pairing")
        pairs = [_pair(data[start : start + _PAIR_BYTES]) for start in range(0, len(data), _PAIR_BYTES)]
        computation.output = int(pairing_product_is_one(pairs)).to_bytes(32, "big")
        return computation

    return run
