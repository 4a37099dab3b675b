"""The built-in chains agree with the superchain registry's own files."""

import hashlib
from pathlib import Path

import pytest

from config.forks import Fork
from config.registry import builtin_chain_ids, builtin_document, builtin_rollup_config
from config.rollup import load_registry_chain


@pytest.mark.parametrize(
    ("chain_id", "file"),
    [
        (10, "mainnet/op"),
        (130, "mainnet/unichain"),
        (57073, "mainnet/ink"),
        (11155420, "sepolia/op"),
        (1301, "sepolia/unichain"),
        (763373, "sepolia/ink"),
    ],
)
def test_a_built_in_chain_is_what_the_registry_file_says(vectors: Path, chain_id: int, file: str) -> None:
    path = vectors / "config" / "registry" / f"{file}.toml"
    assert builtin_rollup_config(chain_id) == load_registry_chain(path)
    assert builtin_document(chain_id)["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_built_in_chain_loads_under_its_own_id_and_names_its_source() -> None:
    ids = builtin_chain_ids()
    assert {10, 130, 8453, 57073, 11155420} <= set(ids)
    for chain_id in ids:
        document = builtin_document(chain_id)
        assert builtin_rollup_config(chain_id).l2_chain_id == chain_id
        assert document["source"].startswith("ethereum-optimism/superchain-registry, ")
        assert len(document["source_sha256"]) == 64


def test_op_mainnet_and_base_changed_rules_at_the_published_times() -> None:
    op, base = builtin_rollup_config(10), builtin_rollup_config(8453)
    assert op.forks.times[Fork.ECOTONE] == base.forks.times[Fork.ECOTONE] == 1_710_374_401
    assert op.forks.times[Fork.KARST] == 1_783_526_401
    assert Fork.KARST not in base.forks.times


def test_an_unknown_chain_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"chain 5 are not built in; there are those of 10, 130"):
        builtin_rollup_config(5)
