"""Real blocks from their witness, in the native library and, when it is built, in the program on the fault-proof VM."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import CriticalError
from config.types import Gas, Hash32
from evm.engine.errors import InvalidPayload
from evm.engine.stateless import StatelessCase
from evm.engine.stateless_file import load_stateless_case
from evm.native.stateless import execute_stateless_natively
from faultproof.exec_program import PROGRAM_PATH, execute_in_guest

pytestmark = pytest.mark.usefixtures("native_library")

_SMALLEST = "130-10211000-holocene.json.gz"


@pytest.fixture
def smallest(vectors: Path) -> StatelessCase:
    """The block with the least in it."""
    return load_stateless_case(vectors / "exec" / _SMALLEST)


def test_every_real_block_comes_to_its_hash_natively(vectors: Path) -> None:
    paths = sorted((vectors / "exec").glob("*.json.gz"))
    assert len(paths) == 11
    for path in paths:
        case = load_stateless_case(path)
        assert execute_stateless_natively(case).hash == case.expected_hash, path.name


def test_real_blocks_come_to_their_hash_in_the_guest(vectors: Path) -> None:
    if not PROGRAM_PATH.exists():
        pytest.skip("guest-exec.elf is not built (make core)")
    for path in sorted((vectors / "exec").glob("130-*.json.gz")):
        case = load_stateless_case(path)
        result = execute_in_guest(case)
        assert result.hash == case.expected_hash
        assert result.gas_used == execute_stateless_natively(case).gas_used
        assert result.steps < 20_000_000


def test_what_a_witness_lacks_is_named(smallest: StatelessCase) -> None:
    lost = smallest.parent.state_root
    witness = {key: value for key, value in smallest.witness.items() if key != lost}
    with pytest.raises(CriticalError, match=lost.hex()):
        execute_stateless_natively(replace(smallest, witness=witness))


def test_a_witness_value_without_its_hash_is_refused(smallest: StatelessCase) -> None:
    witness = {**smallest.witness, smallest.parent.state_root: b"\x80"}
    with pytest.raises(CriticalError, match=smallest.parent.state_root.hex()):
        execute_stateless_natively(replace(smallest, witness=witness))


def test_a_transaction_that_cannot_be_in_the_block_is_refused(smallest: StatelessCase) -> None:
    garbage = replace(smallest.attributes, transactions=(*smallest.attributes.transactions, b"\x02\xc0"))
    with pytest.raises(InvalidPayload):
        execute_stateless_natively(replace(smallest, attributes=garbage))
    cramped = replace(smallest.attributes, gas_limit=Gas(1000))
    with pytest.raises(InvalidPayload):
        execute_stateless_natively(replace(smallest, attributes=cramped))


def test_other_attributes_give_another_block(smallest: StatelessCase) -> None:
    other = replace(smallest.attributes, prev_randao=Hash32(b"\x01" * 32))
    assert execute_stateless_natively(replace(smallest, attributes=other)).hash != smallest.expected_hash
