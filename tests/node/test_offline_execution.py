"""Execution of what `lamina derive` derives, from witnesses."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import CriticalError
from config.rollup import BlockId
from config.types import ZERO_HASH
from derivation.types import DerivedAttributes, L1BlockRef, L2BlockRef
from evm.engine.stateless_file import load_stateless_case
from node.offline_derivation import WitnessDirectory

NAME = "11155420-26207960-holocene.json.gz"


def test_derived_attributes_are_executed_from_the_witness_of_their_number(vectors: Path, tmp_path: Path) -> None:
    shutil.copy(vectors / "exec" / NAME, tmp_path / NAME)
    case = load_stateless_case(tmp_path / NAME)
    header = case.parent
    parent = L2BlockRef(header.hash, header.number, header.parent_hash, header.timestamp, BlockId(ZERO_HASH, 1), 0)
    derived = DerivedAttributes(case.attributes, parent, parent.l1_origin, True, L1BlockRef(ZERO_HASH, 2, ZERO_HASH, 0))
    witnesses = WitnessDirectory(tmp_path, case.rollup)
    assert witnesses.execute(derived).hash == case.expected_hash
    with pytest.raises(CriticalError, match="no witness for L2 block"):
        witnesses.execute(replace(derived, parent=replace(parent, number=parent.number + 1)))
    with pytest.raises(CriticalError, match="but derivation builds on"):
        witnesses.execute(replace(derived, parent=replace(parent, hash=ZERO_HASH)))
