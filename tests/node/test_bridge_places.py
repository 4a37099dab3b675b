"""Amounts as people write them, where the bridge's contracts are, and what an L1 says of its rules."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import CriticalError
from config.forks import EthFork
from config.l1_chain import BPO1_BLOBS, BPO2_BLOBS, PRAGUE_BLOBS, BlobParameters
from config.types import to_address
from node.bridge.amounts import format_amount, parse_amount
from node.bridge.places import bridge_places
from node.devnet.anvil import find_anvil
from node.devnet.l1_rules import chain_from_eth_config

PORTAL = "0x" + "11" * 20
BRIDGE = "0x" + "22" * 20


@given(st.integers(0, 2**200), st.integers(0, 36))
def test_an_amount_reads_back_as_it_was_written(value: int, decimals: int) -> None:
    assert parse_amount(format_amount(value, decimals), decimals) == value


def test_amounts_are_exact_and_in_the_smallest_unit() -> None:
    assert parse_amount("1.5") == 15 * 10**17
    assert parse_amount("0.000000000000000001") == 1
    assert parse_amount("2e3", 6) == 2_000_000_000
    assert format_amount(15 * 10**17) == "1.5"


@pytest.mark.parametrize("text", ["", "-1", "ten", "nan", "inf", "0.0000000000000000001", "1e60", "1e999999999"])
def test_what_is_no_amount_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"no amount|more than|out of the range"):
        parse_amount(text)


def _file(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_flags_go_before_the_info_file(tmp_path: Path) -> None:
    info = _file(
        tmp_path / "devnet.json",
        {
            "l1": {"http": "http://l1"},
            "l2": {"http": "http://l2"},
            "contracts": {"OptimismPortalProxy": PORTAL, "L1StandardBridgeProxy": BRIDGE},
        },
    )
    places = bridge_places(info, None)
    assert (places.l1, places.require_l2()) == ("http://l1", "http://l2")
    assert places.require_standard_bridge() == to_address(BRIDGE)
    other = _file(tmp_path / "addresses.json", {"OptimismPortalProxy": BRIDGE})
    places = bridge_places(info, other, l1="http://elsewhere")
    assert (places.l1, places.portal) == ("http://elsewhere", to_address(BRIDGE))
    with pytest.raises(ValueError, match="L1StandardBridgeProxy"):
        places.require_standard_bridge()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    contracts = _file(tmp_path / "addresses.json", {"OptimismPortalProxy": PORTAL})
    with pytest.raises(ValueError, match="--l1 URL"):
        bridge_places(None, contracts)
    with pytest.raises(ValueError, match="OptimismPortalProxy"):
        bridge_places(None, None, l1="http://l1")
    with pytest.raises(ValueError, match="--l2 URL"):
        bridge_places(None, contracts, l1="http://l1").require_l2()
    with pytest.raises(ValueError, match="cannot be read"):
        bridge_places(tmp_path / "nothing.json", None)


def _stage(time: int, blobs: BlobParameters, *precompiles: str) -> dict[str, object]:
    return {
        "activationTime": time,
        "blobSchedule": {"target": blobs.target, "max": blobs.max, "baseFeeUpdateFraction": blobs.update_fraction},
        "precompiles": dict.fromkeys(("KZG_POINT_EVALUATION", *precompiles), "0x01"),
    }


def test_an_l1s_rules_are_read_from_its_eth_config() -> None:
    prague, osaka = ("BLS12_PAIRING_CHECK",), ("BLS12_PAIRING_CHECK", "P256VERIFY")
    chain = chain_from_eth_config(
        7,
        {
            "current": _stage(500, PRAGUE_BLOBS, *prague),
            "next": _stage(1000, PRAGUE_BLOBS, *osaka),
            "last": _stage(2000, BPO1_BLOBS, *osaka),
        },
    )
    assert [chain.fork_at(time) for time in (0, 999, 1000)] == [EthFork.PRAGUE, EthFork.PRAGUE, EthFork.OSAKA]
    assert [chain.blob_parameters(time) for time in (0, 1999, 2000)] == [PRAGUE_BLOBS, PRAGUE_BLOBS, BPO1_BLOBS]


def test_blob_parameters_in_force_count_whatever_the_fork_began_with() -> None:
    osaka = _stage(500, BPO2_BLOBS, "BLS12_PAIRING_CHECK", "P256VERIFY")
    chain = chain_from_eth_config(7, {"current": osaka, "next": None, "last": osaka})
    assert chain.fork_at(0) is EthFork.OSAKA
    assert chain.blob_parameters(0) == BPO2_BLOBS
    assert type(chain).from_json(chain.to_json()) == chain


def test_a_chain_without_blobs_is_refused() -> None:
    stage = _stage(0, PRAGUE_BLOBS) | {"precompiles": {"ECREC": "0x01"}}
    with pytest.raises(ValueError, match="no blobs"):
        chain_from_eth_config(7, {"current": stage})


def test_a_missing_anvil_is_said_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CriticalError, match="LAMINA_ANVIL"):
        find_anvil({"LAMINA_ANVIL": str(tmp_path / "nothing"), "PATH": ""})
    binary = tmp_path / "anvil"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    assert find_anvil({"PATH": str(tmp_path)}) == binary
    assert find_anvil({"LAMINA_ANVIL": str(binary), "PATH": ""}) == binary
    monkeypatch.setattr("node.devnet.anvil._PACKAGED", "nowhere/anvil")
    with pytest.raises(CriticalError, match="npm install"):
        find_anvil({"PATH": ""})
