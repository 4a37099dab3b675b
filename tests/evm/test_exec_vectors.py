"""Real blocks of OP Sepolia and Unichain, executed from their witness, come to the hash the chain agreed on."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from evm.engine.stateless import execute_stateless
from evm.engine.stateless_file import stateless_case
from evm.trie import MissingTrieNode
from evm.types import keccak256

NAMES = [
    "11155420-26207960-holocene",
    "11155420-26207961-holocene",
    "11155420-26207962-holocene",
    "11155420-26207963-holocene",
    "11155420-26208384-holocene",
    "11155420-26208858-holocene",
    "11155420-26208927-holocene",
    "11155420-26211680-holocene",
    "130-10211000-holocene",
    "130-10215000-holocene",
    "130-10311000-holocene",
]


def load(vectors: Path, name: str) -> dict[str, Any]:
    with gzip.open(vectors / "exec" / f"{name}.json.gz") as file:
        data: dict[str, Any] = json.load(file)
    return data


@pytest.mark.parametrize("name", NAMES)
def test_a_real_block_executed_from_its_witness_has_the_hash_of_the_chain(vectors: Path, name: str) -> None:
    case = stateless_case(load(vectors, name))
    executed = execute_stateless(case)
    assert executed.block.hash == case.expected_hash
    assert len(executed.receipts) == len(case.attributes.transactions)


def test_a_witness_that_lacks_a_node_is_an_error_and_not_an_empty_account(vectors: Path) -> None:
    data = load(vectors, "130-10211000-holocene")
    del data["witness"][data["parent_header"]["stateRoot"]]
    with pytest.raises(MissingTrieNode):
        execute_stateless(stateless_case(data))


def test_a_witness_value_under_a_wrong_hash_is_refused(vectors: Path) -> None:
    data = load(vectors, "130-10211000-holocene")
    data["witness"]["0x" + keccak256(b"something else").hex()] = "0x1234"
    with pytest.raises(ValueError, match="does not have its hash"):
        execute_stateless(stateless_case(data))
