"""Which program a devnet's games are about."""

from pathlib import Path

import pytest

from faultproof.shipped import FAULT_PROOF_PROGRAM
from node.cli.devnet import _fault_program


@pytest.mark.parametrize(
    ("wanted", "l1", "alt_da", "program"),
    [
        (None, "embedded", False, FAULT_PROOF_PROGRAM),
        (None, "http://localhost:8545", False, FAULT_PROOF_PROGRAM),
        (None, "anvil", False, None),
        (None, "embedded", True, None),
        ("alphabet", "embedded", False, None),
        ("alphabet", "embedded", True, None),
        (str(FAULT_PROOF_PROGRAM), "anvil", False, FAULT_PROOF_PROGRAM),
    ],
)
def test_it_is_the_shipped_one_where_it_can_follow_the_chain_and_else_as_told(
    wanted: str | None, l1: str, alt_da: bool, program: Path | None
) -> None:
    assert _fault_program(wanted, l1, alt_da) == program
