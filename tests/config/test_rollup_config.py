"""Rollup configurations: op-node's file, kona's spelling, and the questions that derivation asks them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.forks import Fork, ForkSchedule
from config.rollup import BlockId, Eip1559Parameters, RollupConfig, RollupGenesis
from config.system_config import SystemConfig
from config.types import Address, Gas, Hash32, Timestamp

words = st.binary(min_size=32, max_size=32).map(Hash32)
addresses = st.binary(min_size=20, max_size=20).map(Address)
uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)

system_configs = st.builds(
    SystemConfig,
    batcher_address=addresses,
    overhead=words,
    scalar=words,
    gas_limit=uint64.map(Gas),
    eip1559_params=st.binary(min_size=8, max_size=8),
    operator_fee_scalar=uint32,
    operator_fee_constant=uint64,
    min_base_fee=uint64,
    da_footprint_gas_scalar=st.integers(0, 2**16 - 1),
)
schedules = st.lists(st.integers(0, 2**40), max_size=len(Fork) - 1).map(
    lambda times: ForkSchedule(dict(zip(list(Fork)[1:], map(Timestamp, sorted(times)), strict=False)))
)
rollups = st.builds(
    RollupConfig,
    genesis=st.builds(
        RollupGenesis,
        l1=st.builds(BlockId, words, uint64),
        l2=st.builds(BlockId, words, uint64),
        l2_time=uint64.map(Timestamp),
        system_config=system_configs,
    ),
    block_time=st.integers(1, 60),
    max_sequencer_drift=uint32,
    seq_window_size=uint32,
    channel_timeout=uint32,
    l1_chain_id=uint64,
    l2_chain_id=uint64,
    forks=schedules,
    batch_inbox_address=addresses,
    deposit_contract_address=addresses,
    l1_system_config_address=addresses,
    eip1559=st.builds(Eip1559Parameters, uint32, uint32, uint32),
    protocol_versions_address=addresses,
    pectra_blob_schedule_time=st.none() | uint64.map(Timestamp),
)


@given(rollups)
def test_a_rollup_config_survives_the_way_to_json_and_back(rollup: RollupConfig) -> None:
    assert RollupConfig.from_json(json.loads(json.dumps(rollup.to_json()))) == rollup


def rollup_json(**changes: Any) -> dict[str, Any]:
    """A small complete `rollup.json`; a value of None removes the field."""
    data: dict[str, Any] = {
        "genesis": {
            "l1": {"hash": "0x" + "11" * 32, "number": 10},
            "l2": {"hash": "0x" + "22" * 32, "number": 5},
            "l2_time": 1000,
            "system_config": {
                "batcherAddr": "0x" + "33" * 20,
                "overhead": "0x" + "00" * 32,
                "scalar": "0x" + "00" * 31 + "07",
                "gasLimit": 30_000_000,
            },
        },
        "block_time": 2,
        "max_sequencer_drift": 600,
        "seq_window_size": 3600,
        "channel_timeout": 300,
        "l1_chain_id": 1,
        "l2_chain_id": 10,
        "regolith_time": 0,
        "canyon_time": 0,
        "delta_time": 0,
        "ecotone_time": 0,
        "fjord_time": 2000,
        "granite_time": 3000,
        "batch_inbox_address": "0x" + "44" * 20,
        "deposit_contract_address": "0x" + "55" * 20,
        "l1_system_config_address": "0x" + "66" * 20,
    }
    data.update(changes)
    return {key: value for key, value in data.items() if value is not None}


def test_the_file_can_be_saved_and_loaded(tmp_path: Path) -> None:
    rollup = RollupConfig.from_json(rollup_json())
    rollup.save(tmp_path / "rollup.json")
    assert RollupConfig.load(tmp_path / "rollup.json") == rollup


@pytest.mark.parametrize("field", ["genesis", "block_time", "l1_chain_id", "batch_inbox_address"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"lacks the field '{field}'"):
        RollupConfig.from_json(rollup_json(**{field: None}))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"block_time": "soon"}, "block_time is not a number"),
        ({"seq_window_size": -1}, "seq_window_size must not be negative"),
        ({"batch_inbox_address": "0x1234"}, "expected 20 bytes"),
        ({"canyon_time": None}, "delta activates at 0, before its predecessor canyon"),
    ],
)
def test_a_malformed_field_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        RollupConfig.from_json(rollup_json(**changes))


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "strange.json").write_text("[]")
    with pytest.raises(ValueError, match=r"strange\.json"):
        RollupConfig.load(tmp_path / "strange.json")


def test_numbers_may_be_hex_and_unknown_or_null_fields_are_passed_over() -> None:
    plain = RollupConfig.from_json(rollup_json())
    spelled = rollup_json(block_time="0x2", l1_chain_id="1", fjord_time="0x7d0", interop_time=7)
    spelled |= {"holocene_time": None, "alt_da": None, "pectra_blob_schedule_time": None, "chain_op_config": None}
    assert RollupConfig.from_json(spelled) == plain


def test_a_chain_with_later_forks_has_had_regolith_since_genesis() -> None:
    rollup = RollupConfig.from_json(rollup_json(regolith_time=None))
    assert rollup.forks.times[Fork.REGOLITH] == 0


def test_a_chain_without_any_fork_time_stays_on_bedrock() -> None:
    none = dict.fromkeys(("regolith_time", "canyon_time", "delta_time", "ecotone_time", "fjord_time", "granite_time"))
    rollup = RollupConfig.from_json(rollup_json(**none))
    assert rollup.forks.active(1 << 40) == Fork.BEDROCK


def test_block_numbers_and_timestamps_belong_together() -> None:
    rollup = RollupConfig.from_json(rollup_json())
    assert rollup.timestamp_of(5) == 1000
    assert rollup.timestamp_of(8) == 1006
    assert rollup.number_at(1006) == 8
    with pytest.raises(ValueError, match="no L2 block has timestamp 1001"):
        rollup.number_at(1001)
    with pytest.raises(ValueError, match="no L2 block has timestamp 998"):
        rollup.number_at(998)


def test_fjord_fixes_the_drift_and_granite_the_channel_timeout() -> None:
    rollup = RollupConfig.from_json(rollup_json())
    assert (rollup.max_drift(1999), rollup.max_drift(2000)) == (600, 1800)
    assert (rollup.channel_timeout_at(2999), rollup.channel_timeout_at(3000)) == (300, 50)


@pytest.mark.parametrize(
    ("name", "chain_id", "batcher", "scalar"),
    [
        ("11155420-26207960-holocene", 11155420, "8f23bb38f531600e5d8fddaaec41f13fab46e98c", 684_000),
        (
            "130-10211000-holocene",
            130,
            "2f60a5184c63ca94f82a27100643dbabe4f3f7fd",
            (1 << 248) | (0xDBBA0 << 32) | 0x7D0,
        ),
    ],
)
def test_the_configurations_of_the_execution_vectors_load_as_they_are(
    vectors: Path, name: str, chain_id: int, batcher: str, scalar: int
) -> None:
    with gzip.open(vectors / "exec" / f"{name}.json.gz") as file:
        rollup = RollupConfig.from_json(json.load(file)["rollup_config"])
    system = rollup.genesis.system_config
    assert rollup.l2_chain_id == chain_id
    assert system.batcher_address.hex() == batcher
    assert int.from_bytes(system.scalar, "big") == scalar
    assert system.eip1559_params == bytes(8)
    assert rollup.is_active(Fork.HOLOCENE, 1_740_000_000)
    assert RollupConfig.from_json(rollup.to_json()) == rollup
