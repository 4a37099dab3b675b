"""Chain files of the superchain registry as rollup configurations."""

from pathlib import Path

import pytest

from config.forks import Fork
from config.rollup import RollupConfig, load_registry_chain

CHAINS = {
    "mainnet/op": (10, 1, 2, 105_235_063),
    "mainnet/unichain": (130, 1, 1, 0),
    "mainnet/ink": (57_073, 1, 1, 0),
    "sepolia/op": (11_155_420, 11_155_111, 2, 0),
    "sepolia/unichain": (1_301, 11_155_111, 1, 0),
    "sepolia/ink": (763_373, 11_155_111, 1, 0),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_registry_chain_loads_with_every_fork_up_to_karst(vectors: Path, name: str) -> None:
    rollup = load_registry_chain(vectors / "config" / "registry" / f"{name}.toml")
    chain_id, l1_chain_id, block_time, genesis_number = CHAINS[name]
    assert (rollup.l2_chain_id, rollup.l1_chain_id, rollup.block_time) == (chain_id, l1_chain_id, block_time)
    assert rollup.genesis.l2.number == genesis_number
    assert set(rollup.forks.times) == set(Fork) - {Fork.BEDROCK}
    assert rollup.channel_timeout == 300
    assert rollup.channel_timeout_at(rollup.forks.times[Fork.GRANITE]) == 50
    assert RollupConfig.from_json(rollup.to_json()) == rollup


def test_every_registry_file_is_covered(vectors: Path) -> None:
    folder = vectors / "config" / "registry"
    found = {str(path.relative_to(folder).with_suffix("")) for path in folder.glob("*/*.toml")}
    assert {name for name in found if not name.endswith("superchain")} == set(CHAINS)


def write_chain(folder: Path, *, joined: str, hardforks: str = "") -> Path:
    (folder / "superchain.toml").write_text(
        "[hardforks]\ncanyon_time = 100\ndelta_time = 200\necotone_time = 300\n[l1]\nchain_id = 1\n"
    )
    chain = folder / "mychain.toml"
    chain.write_text(
        f"""{joined}
chain_id = 7
batch_inbox_addr = "0x{"44" * 20}"
block_time = 2
seq_window_size = 3600
max_sequencer_drift = 600
[hardforks]
{hardforks}
[genesis]
l2_time = 50
[genesis.l1]
hash = "0x{"11" * 32}"
number = 1
[genesis.l2]
hash = "0x{"22" * 32}"
number = 0
[genesis.system_config]
batcherAddress = "0x{"33" * 20}"
overhead = "0x0"
scalar = "0x1"
gasLimit = 30000000
[addresses]
OptimismPortalProxy = "0x{"55" * 20}"
SystemConfigProxy = "0x{"66" * 20}"
"""
    )
    return chain


def test_a_chain_takes_over_the_forks_of_its_superchain_from_the_time_it_joined(tmp_path: Path) -> None:
    chain = write_chain(tmp_path, joined="superchain_time = 200", hardforks="canyon_time = 60")
    times = load_registry_chain(chain).forks.times
    assert times == {Fork.REGOLITH: 0, Fork.CANYON: 60, Fork.DELTA: 200, Fork.ECOTONE: 300}


def test_a_chain_that_has_not_joined_goes_by_its_own_times(tmp_path: Path) -> None:
    chain = write_chain(tmp_path, joined="", hardforks="canyon_time = 60")
    assert load_registry_chain(chain).forks.times == {Fork.REGOLITH: 0, Fork.CANYON: 60}


def test_a_missing_field_is_named_with_its_file(tmp_path: Path) -> None:
    chain = write_chain(tmp_path, joined="")
    chain.write_text(chain.read_text().replace("seq_window_size = 3600\n", ""))
    with pytest.raises(ValueError, match=r"mychain\.toml: the field 'seq_window_size' is missing"):
        load_registry_chain(chain)
