"""Which Ethereum rules hold on L1 when, and what a blob costs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.forks import EthFork
from config.l1_chain import (
    BPO1_BLOBS,
    BPO2_BLOBS,
    CANCUN_BLOBS,
    ETHEREUM_MAINNET,
    PRAGUE_BLOBS,
    SEPOLIA,
    BlobParameters,
    L1ChainConfig,
    fake_exponential,
    l1_chain_config,
)

MAINNET_PRAGUE = 1746612311
MAINNET_OSAKA = 1764798551
MAINNET_BPO1 = 1765290071
MAINNET_BPO2 = 1767747671


@pytest.mark.parametrize(
    ("factor", "numerator", "denominator", "expected"),
    [
        # The test table of EIP-4844's reference implementations.
        (1, 0, 1, 1),
        (38493, 0, 1000, 38493),
        (0, 1234, 2345, 0),
        (1, 2, 1, 6),
        (1, 4, 2, 6),
        (1, 3, 1, 16),
        (1, 6, 2, 18),
        (1, 4, 1, 49),
        (1, 8, 2, 50),
        (10, 8, 2, 542),
        (11, 8, 2, 596),
        (1, 5, 1, 136),
        (1, 5, 2, 11),
        (2, 5, 2, 23),
        (1, 50000000, 2225652, 5709098764),
    ],
)
def test_the_fake_exponential_has_its_published_values(
    factor: int, numerator: int, denominator: int, expected: int
) -> None:
    assert fake_exponential(factor, numerator, denominator) == expected


@pytest.mark.parametrize(
    ("timestamp", "fork", "parameters"),
    [
        (1710338135, EthFork.CANCUN, CANCUN_BLOBS),
        (MAINNET_PRAGUE - 1, EthFork.CANCUN, CANCUN_BLOBS),
        (MAINNET_PRAGUE, EthFork.PRAGUE, PRAGUE_BLOBS),
        (MAINNET_OSAKA - 1, EthFork.PRAGUE, PRAGUE_BLOBS),
        (MAINNET_OSAKA, EthFork.OSAKA, PRAGUE_BLOBS),
        (MAINNET_BPO1 - 1, EthFork.OSAKA, PRAGUE_BLOBS),
        (MAINNET_BPO1, EthFork.OSAKA, BPO1_BLOBS),
        (MAINNET_BPO2 - 1, EthFork.OSAKA, BPO1_BLOBS),
        (MAINNET_BPO2, EthFork.OSAKA, BPO2_BLOBS),
    ],
)
def test_mainnet_changes_its_rules_and_its_blob_parameters_at_their_times(
    timestamp: int, fork: EthFork, parameters: BlobParameters
) -> None:
    assert ETHEREUM_MAINNET.fork_at(timestamp) == fork
    assert ETHEREUM_MAINNET.blob_parameters(timestamp) == parameters


def test_the_blob_base_fee_of_one_excess_falls_at_each_boundary_of_mainnet() -> None:
    excess = 60_000_000
    fees = [
        ETHEREUM_MAINNET.blob_base_fee(excess, time)
        for time in (MAINNET_PRAGUE - 1, MAINNET_PRAGUE, MAINNET_OSAKA, MAINNET_BPO1, MAINNET_BPO2)
    ]
    # e ** (60,000,000 / update fraction), rounded down.
    assert fees == [63_864_039, 159_773, 159_773, 1_324, 169]
    assert ETHEREUM_MAINNET.blob_base_fee(0, MAINNET_BPO2) == 1


def test_sepolia_came_first() -> None:
    assert SEPOLIA.fork_at(1741159775) == EthFork.CANCUN
    assert SEPOLIA.fork_at(1741159776) == EthFork.PRAGUE
    assert SEPOLIA.fork_at(1760427360) == EthFork.OSAKA
    assert SEPOLIA.blob_parameters(1761017183) == PRAGUE_BLOBS
    assert SEPOLIA.blob_parameters(1761017184) == BPO1_BLOBS
    assert SEPOLIA.blob_parameters(1761607008) == BPO2_BLOBS


@pytest.mark.parametrize("chain", [ETHEREUM_MAINNET, SEPOLIA], ids=["mainnet", "sepolia"])
def test_a_chain_survives_the_way_to_json_and_back(chain: L1ChainConfig) -> None:
    assert L1ChainConfig.from_json(json.loads(json.dumps(chain.to_json()))) == chain


@given(st.integers(0, 200_000_000), st.integers(1710338135, 1_800_000_000))
def test_more_excess_never_makes_blobs_cheaper(excess: int, timestamp: int) -> None:
    fee = ETHEREUM_MAINNET.blob_base_fee(excess, timestamp)
    assert 1 <= fee <= ETHEREUM_MAINNET.blob_base_fee(excess + 131_072, timestamp)


def genesis_config(**changes: Any) -> dict[str, Any]:
    return {"chainId": 900, "shanghaiTime": 0, "cancunTime": "0x0", "pragueTime": 10, **changes}


def test_a_whole_genesis_file_will_do(tmp_path: Path) -> None:
    file = tmp_path / "l1.json"
    file.write_text(json.dumps({"config": genesis_config(), "alloc": {}}))
    config = l1_chain_config(900, file)
    assert config.blob_parameters(9) == CANCUN_BLOBS
    assert config.blob_parameters(10) == PRAGUE_BLOBS
    assert config.osaka_time is None


def test_the_schedule_in_the_file_counts() -> None:
    own = {"target": 1, "max": 2, "baseFeeUpdateFraction": 1_000}
    config = L1ChainConfig.from_json(genesis_config(blobSchedule={"prague": own}))
    assert config.blob_parameters(10) == BlobParameters(1, 2, 1_000)
    assert config.blob_base_fee(1_000, 10) == 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bpo1Time": 20}, r"sets bpo1Time but has no blobSchedule\.bpo1"),
        ({"chainId": None}, "chainId"),
    ],
)
def test_a_config_that_leaves_prices_open_is_refused(changes: dict[str, Any], complaint: str) -> None:
    data = {key: value for key, value in genesis_config(**changes).items() if value is not None}
    with pytest.raises(ValueError, match=complaint):
        L1ChainConfig.from_json(data)


def test_an_unknown_chain_needs_a_file_and_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="L1 chain 900 is not built in"):
        l1_chain_config(900)
    file = tmp_path / "l1.json"
    file.write_text(json.dumps(genesis_config()))
    with pytest.raises(ValueError, match="is for L1 chain 900, but the rollup config says L1 chain 901"):
        l1_chain_config(901, file)
    assert l1_chain_config(1) is ETHEREUM_MAINNET
    file.write_text("{}")
    with pytest.raises(ValueError, match=r"l1\.json"):
        l1_chain_config(900, file)
