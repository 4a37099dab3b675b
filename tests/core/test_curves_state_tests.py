"""The core's alt_bn128 on every call that Ethereum's own state tests make, while those tests pass in Python."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth.exceptions import OutOfGas, VMError

from evm.forks.cancun import Cancun
from evm.statetest import Document, Verdict, find_documents, run_document
from evm.types import Address
from tests.core.curves_kit import FAILED, NativeCurves, curves

__all__ = ["curves"]

DOORS = {0x06: "bn254_add", 0x07: "bn254_mul", 0x08: "bn254_pairing"}
ONE_IN = 2
"""Of how many files one is taken."""

Call = tuple[str, bytes, bytes | None]


def recorded(precompile: Callable[[Any], Any], door: str, calls: set[Call]) -> Callable[[Any], Any]:
    """The precompile, which also notes what it was given and gave, unless it only lacked gas."""

    def run(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        try:
            result = precompile(computation)
        except OutOfGas:
            raise
        except VMError:
            calls.add((door, data, FAILED))
            raise
        calls.add((door, data, bytes(result.output)))
        return result

    return run


def documents(vectors: Path) -> list[Document]:
    """The state tests about alt_bn128, each with its first case on Cancun."""
    chosen = []
    for position, document in enumerate(find_documents([vectors / "evm" / "ethereum-tests.tar.xz"])):
        if position % ONE_IN == 0 and re.search(r"stZeroKnowledge", document.name):
            entries = json.loads(document.content)
            for body in entries.values():
                if "post" in body:
                    body["post"] = {"Cancun": body["post"]["Cancun"][:2]}
            chosen.append(Document(document.name, json.dumps(entries).encode()))
    return chosen


@pytest.mark.slow
def test_every_call_of_the_state_tests_gives_the_same(
    curves: NativeCurves, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: set[Call] = set()
    precompiles = Cancun._precompiles
    for number, door in DOORS.items():
        address = Address(number.to_bytes(20, "big"))
        monkeypatch.setitem(precompiles, address, recorded(precompiles[address], door, calls))
    for document in documents(vectors):
        assert {outcome.verdict for outcome in run_document(document)} <= {Verdict.PASSED, Verdict.SKIPPED}
    for door, data, output in calls:
        assert getattr(curves, door)(data) == output, f"{door}({data.hex()})"
    assert {door for door, _, _ in calls} == set(DOORS.values())
    assert sum(output is FAILED for _, _, output in calls) > 5
    assert len(calls) > 60
