"""The program's configuration: every field is in it, in its place, and what does not fit is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
from rlp import decode

from config.forks import Fork, ForkSchedule
from config.l1_chain import SEPOLIA, l1_chain_config
from config.program import MAX_PROGRAM_CONFIG_BYTES, program_config
from config.registry import builtin_chain_ids, builtin_rollup_config
from config.rollup import load_registry_chain
from config.types import Timestamp


def test_every_registry_chain_has_an_encoding_that_fits(vectors: Path) -> None:
    encodings = set()
    for path in sorted((vectors / "config" / "registry").rglob("*.toml")):
        if path.name == "superchain.toml":
            continue
        rollup = load_registry_chain(path)
        encodings.add(program_config(rollup, l1_chain_config(rollup.l1_chain_id)))
    assert len(encodings) > 5
    assert max(map(len, encodings)) <= MAX_PROGRAM_CONFIG_BYTES


def test_the_fields_stand_in_the_documented_order() -> None:
    rollup = builtin_rollup_config(11155420)
    version, encoded_rollup, l1 = decode(program_config(rollup, SEPOLIA))

    assert version == b"\x01"
    genesis, block_time, drift, window, timeout, l1_id, l2_id, times, inbox, portal, system, eip1559, pectra, keep = (
        encoded_rollup
    )
    assert genesis[0] == rollup.genesis.l1.hash
    assert int.from_bytes(genesis[1], "big") == rollup.genesis.l1.number
    assert genesis[2] == rollup.genesis.l2.hash
    assert int.from_bytes(genesis[4], "big") == rollup.genesis.l2_time
    assert genesis[5][0] == rollup.genesis.system_config.batcher_address
    assert genesis[5][2] == rollup.genesis.system_config.scalar
    assert [int.from_bytes(number, "big") for number in (block_time, drift, window, timeout, l1_id, l2_id)] == [
        rollup.block_time,
        rollup.max_sequencer_drift,
        rollup.seq_window_size,
        rollup.channel_timeout,
        11155111,
        11155420,
    ]
    assert [[int.from_bytes(t, "big") for t in time] for time in times] == [
        [rollup.forks.times[fork]] if fork in rollup.forks.times else [] for fork in list(Fork)[1:]
    ]
    assert (inbox, portal, system) == (
        rollup.batch_inbox_address,
        rollup.deposit_contract_address,
        rollup.l1_system_config_address,
    )
    assert [int.from_bytes(number, "big") for number in eip1559] == [6, 50, 250]
    assert pectra == [int(rollup.pectra_blob_schedule_time or 0).to_bytes(4, "big")]
    assert keep == (b"\x01" if rollup.keep_karst_upgrade_gas else b"")
    assert int.from_bytes(l1[0], "big") == 11155111
    assert [int.from_bytes(entry[0], "big") for entry in l1[2]] == [entry.time for entry in SEPOLIA.blob_schedule]


def test_each_built_in_chain_has_an_encoding_of_its_own() -> None:
    encodings = {
        program_config(rollup, l1_chain_config(rollup.l1_chain_id))
        for rollup in map(builtin_rollup_config, builtin_chain_ids())
    }
    assert len(encodings) == len(builtin_chain_ids())


def test_never_and_at_genesis_are_told_apart() -> None:
    rollup = replace(builtin_rollup_config(11155420), pectra_blob_schedule_time=None)
    never = replace(rollup, forks=ForkSchedule({Fork.REGOLITH: Timestamp(0)}))
    genesis = replace(rollup, forks=ForkSchedule.all_at_genesis(Fork.KARST))
    assert decode(program_config(never, SEPOLIA))[1][7] == [[b""]] + [[]] * 9
    assert decode(program_config(genesis, SEPOLIA))[1][7] == [[b""]] * 10


def test_the_configuration_of_another_l1_is_refused() -> None:
    with pytest.raises(ValueError, match="lives on L1 chain 1, but the L1 configuration is for chain 11155111"):
        program_config(builtin_rollup_config(10), SEPOLIA)


def test_what_the_program_cannot_hold_is_refused_by_name() -> None:
    rollup = builtin_rollup_config(11155420)
    with pytest.raises(ValueError, match="block_time is 0"):
        program_config(replace(rollup, block_time=0), SEPOLIA)
    with pytest.raises(ValueError, match="seq_window_size is 18446744073709551616"):
        program_config(replace(rollup, seq_window_size=1 << 64), SEPOLIA)
    with pytest.raises(ValueError, match="the blob schedule has 33 entries"):
        program_config(rollup, replace(SEPOLIA, blob_schedule=SEPOLIA.blob_schedule[:1] * 33))
