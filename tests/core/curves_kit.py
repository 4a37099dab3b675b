"""What the tests of the core's curves share: the native doors as Python functions, py-evm's side of each, and points in bytes."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth.exceptions import VMError
from eth.precompiles.bls12_381 import bls12_map_fp_to_g1

from evm.precompiles.bls12 import (
    bls12_g1_add,
    bls12_g1_msm,
    bls12_g2_add,
    bls12_g2_msm,
    bls12_map_fp2_to_g2,
    bls12_pairing,
)
from evm.precompiles.bn256 import ISTANBUL_PRICES, bn256_add, bn256_multiply, bn256_pairing

FAILED = None
"""What a precompile that fails gives instead of its output."""


class NativeCurves:
    """The curve precompiles of a native library: bytes in, the output's bytes or FAILED out."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))

    def _door(self, name: str) -> Any:
        door = getattr(self._library, f"lamina_precompile_{name}")
        door.restype = ctypes.c_uint8
        return door

    def _with_output(self, name: str, data: bytes, size: int, *, sized: bool) -> bytes | None:
        out = ctypes.create_string_buffer(size)
        arguments = (data, ctypes.c_size_t(len(data)), out) if sized else (data, out)
        status = self._door(name)(*arguments)
        assert status in (0, 1), f"{name} answered {status}"
        return out.raw if status else FAILED

    def _check(self, name: str, data: bytes) -> bytes | None:
        status = self._door(name)(data, ctypes.c_size_t(len(data)))
        assert status in (0, 1, 2), f"{name} answered {status}"
        return FAILED if status == 2 else int(status).to_bytes(32, "big")

    def bn254_add(self, data: bytes) -> bytes | None:
        return self._with_output("bn254_add", data.ljust(128, b"\0")[:128], 64, sized=False)

    def bn254_mul(self, data: bytes) -> bytes | None:
        return self._with_output("bn254_mul", data.ljust(96, b"\0")[:96], 64, sized=False)

    def bn254_pairing(self, data: bytes) -> bytes | None:
        return self._check("bn254_pairing", data)

    def g1_add(self, data: bytes) -> bytes | None:
        return self._with_output("bls12_g1_add", data, 128, sized=True)

    def g1_msm(self, data: bytes) -> bytes | None:
        return self._with_output("bls12_g1_msm", data, 128, sized=True)

    def g2_add(self, data: bytes) -> bytes | None:
        return self._with_output("bls12_g2_add", data, 256, sized=True)

    def g2_msm(self, data: bytes) -> bytes | None:
        return self._with_output("bls12_g2_msm", data, 256, sized=True)

    def bls12_pairing(self, data: bytes) -> bytes | None:
        return self._check("bls12_pairing", data)

    def map_fp_to_g1(self, data: bytes) -> bytes | None:
        return self._with_output("bls12_map_fp_to_g1", data, 128, sized=True)

    def map_fp2_to_g2(self, data: bytes) -> bytes | None:
        return self._with_output("bls12_map_fp2_to_g2", data, 256, sized=True)

    def point_evaluation(self, data: bytes) -> bool:
        assert len(data) == 192
        status = self._door("point_evaluation")(data)
        assert status in (0, 1), f"point evaluation answered {status}"
        return bool(status)


@pytest.fixture(scope="session")
def curves(native_library: Path) -> NativeCurves:
    """The native library of this source."""
    return NativeCurves(native_library)


@dataclass
class _Message:
    data_as_bytes: bytes

    @property
    def data(self) -> bytes:
        return self.data_as_bytes


@dataclass
class _Computation:
    """As much of a py-evm computation as a precompile touches."""

    msg: _Message
    output: bytes = b""
    spent: list[int] = field(default_factory=list)

    def consume_gas(self, amount: int, reason: str) -> None:
        self.spent.append(amount)


def of_python(precompile: Callable[[Any], Any], data: bytes) -> bytes | None:
    """What the Python precompile gives for the data."""
    computation = _Computation(_Message(data))
    try:
        precompile(computation)
    except VMError:
        return FAILED
    return computation.output


PYTHON_SIDE: dict[str, Callable[[Any], Any]] = {
    "bn254_add": bn256_add(ISTANBUL_PRICES),
    "bn254_mul": bn256_multiply(ISTANBUL_PRICES),
    "bn254_pairing": bn256_pairing(ISTANBUL_PRICES),
    "g1_add": bls12_g1_add,
    "g1_msm": bls12_g1_msm,
    "g2_add": bls12_g2_add,
    "g2_msm": bls12_g2_msm,
    "bls12_pairing": bls12_pairing,
    "map_fp2_to_g2": bls12_map_fp2_to_g2,
    "map_fp_to_g1": bls12_map_fp_to_g1,
}
"""The precompile behind each native door; the map onto G1 is py-evm's own."""


def number(value: int, size: int) -> bytes:
    """A big-endian number of `size` bytes."""
    return int(value).to_bytes(size, "big")
