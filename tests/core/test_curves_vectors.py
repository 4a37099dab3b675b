"""The core's BLS12-381 on the inputs of Ethereum's public EIP-2537 suite, against the Python precompiles."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.curves_kit import FAILED, PYTHON_SIDE, NativeCurves, curves, of_python

__all__ = ["curves"]

DOOR_OF_ADDRESS = {
    0x0B: "g1_add",
    0x0C: "g1_msm",
    0x0D: "g1_msm",
    0x0E: "g2_add",
    0x0F: "g2_msm",
    0x10: "g2_msm",
    0x11: "bls12_pairing",
    0x12: "map_fp_to_g1",
    0x13: "map_fp2_to_g2",
}
"""The suite was written when multiplication had precompiles of its own, at 0x0c and 0x0f; they are sums of one product."""

SLOW_IN_PYTHON = ("pairing", "g2_multiexp", "fp2_to_g2", "invalid_subgroup")
ONE_IN = 10
"""Of how many files of a slow family one is taken."""


def calls(archive: Path, *, sampled: bool) -> Iterator[tuple[str, str, bytes]]:
    """File name, door and input: each transaction calls a forwarder with (address, bytes)."""
    with tarfile.open(archive) as tar:
        for position, member in enumerate(sorted(tar.getmembers(), key=lambda m: m.name)):
            if not member.isfile():
                continue
            name = Path(member.name).stem
            if sampled and any(word in name for word in SLOW_IN_PYTHON) and position % ONE_IN:
                continue
            content = tar.extractfile(member)
            assert isinstance(content, io.BufferedReader)
            for case, body in json.load(content).items():
                if case == "_info":
                    continue
                for data in body["transaction"]["data"]:
                    arguments = bytes.fromhex(data[2:])[4:]
                    length = int.from_bytes(arguments[64:96], "big")
                    door = DOOR_OF_ADDRESS[int.from_bytes(arguments[:32], "big")]
                    yield name, door, arguments[96 : 96 + length]


@pytest.mark.slow
def test_every_input_of_the_public_suite_gives_the_same_in_both(curves: NativeCurves, vectors: Path) -> None:
    outputs, failures = 0, 0
    for name, door, data in calls(vectors / "evm" / "eip2537-state-tests.tar.xz", sampled=True):
        expected = of_python(PYTHON_SIDE[door], data)
        assert getattr(curves, door)(data) == expected, f"{name}: {door}({data.hex()})"
        outputs += expected is not FAILED
        failures += expected is FAILED
    assert outputs > 500
    assert failures > 300


def test_the_whole_suite_runs_and_the_invalid_families_fail(curves: NativeCurves, vectors: Path) -> None:
    for name, door, data in calls(vectors / "evm" / "eip2537-state-tests.tar.xz", sampled=False):
        result = getattr(curves, door)(data)
        assert (result is FAILED) == name.startswith(("invalid_", "g1_not_on_curve", "g2_not_on_curve")), name
