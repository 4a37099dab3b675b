"""The committed artifacts: they are what the sources compile to, and the loader reads them rightly."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from contracts import ArtifactError, artifact_names, load_artifact

CONTRACTS = Path(__file__).parents[2] / "contracts"


@pytest.mark.slow
@pytest.mark.node
def test_the_artifacts_are_what_the_sources_compile_to(node_js: str) -> None:
    if not (CONTRACTS / "node_modules" / "solc").is_dir():
        pytest.skip("the compiler is not installed: run `npm ci` in contracts/")
    outcome = subprocess.run(
        [node_js, "compile.mjs", "--check"], cwd=CONTRACTS, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_artifacts_name_their_sources_relatively() -> None:
    for name in artifact_names():
        artifact = load_artifact(name)
        assert artifact.name == name
        assert (CONTRACTS / artifact.source_name).is_file()
        assert "/home" not in artifact.source_name and not artifact.source_name.startswith("/")


def test_immutables_are_filled_in_by_name() -> None:
    artifact = load_artifact("DelayedWETH")
    assert set(artifact.immutable_references) == {"DELAY_SECONDS"}
    value = (77).to_bytes(32, "big")
    code = artifact.with_immutables({"DELAY_SECONDS": value})
    for place in artifact.immutable_references["DELAY_SECONDS"]:
        assert code[place.start : place.start + place.length] == value
    assert len(code) == len(artifact.deployed_bytecode)
    with pytest.raises(ArtifactError, match="has the immutables"):
        artifact.with_immutables({})
    with pytest.raises(ArtifactError, match="needs 32 bytes"):
        artifact.with_immutables({"DELAY_SECONDS": b"\x01"})


def test_calls_and_results_are_coded_by_the_abi() -> None:
    artifact = load_artifact("SystemConfig")
    assert artifact.selector("setGasLimit") == keccak(text="setGasLimit(uint64)")[:4]
    data = artifact.encode_call("setGasLimit", 5)
    assert artifact.decode_input("setGasLimit", data) == (5,)
    names = ("maxResourceLimit", "elasticityMultiplier", "baseFeeMaxChangeDenominator", "minimumBaseFee")
    market = dict.fromkeys((*names, "systemTxMaxGas", "maximumBaseFee"), 3)
    by_name = artifact.encode_call("setResourceConfig", market)
    assert by_name == artifact.encode_call("setResourceConfig", (3,) * 6)
    with pytest.raises(ArtifactError, match="takes 1 arguments, given 2"):
        artifact.encode_call("setGasLimit", 5, 6)
    with pytest.raises(ArtifactError, match="does not exist"):
        artifact.encode_call("noSuchFunction")
    with pytest.raises(ArtifactError, match="is overloaded"):
        load_artifact("DelayedWETH").encode_call("withdraw", 1)
    with pytest.raises(ArtifactError, match="no compiled contract Nothing"):
        load_artifact("Nothing")
