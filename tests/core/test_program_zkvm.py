"""The zkVM program, in the fault-proof VM with the standards' symbols in software: what it proves, and what it does not."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import ckzg
import pytest

from config.forks import Fork
from config.types import Hash32
from evm.types import keccak256
from l1.kzg_core import trusted_setup
from tests.actions import chains
from tests.core import zkvm_kit
from tests.core.executed_world import ExecutedWorld, zkvm_input

pytestmark = pytest.mark.usefixtures("native_library")

CLAIM_IS_WRONG, L1_EXHAUSTED, INVALID_INPUT, INVALID_CONFIGURATION, MISSING_PREIMAGE = 1, 2, 4, 5, 6
"""What the program returns; public values are there only for a claim that is right."""

Run = Callable[[bytes], tuple[int, bytes]]


@pytest.fixture(scope="module")
def run(zkvm_test_program: Path) -> Run:
    """From the input to exit code and public values."""
    return lambda data: zkvm_kit.run(zkvm_test_program, data)[:2]


@pytest.fixture(scope="module")
def world() -> ExecutedWorld:
    world = ExecutedWorld()
    world.sequence(6)
    world.batcher.post([world.batcher.span(1, 6)])
    world.l1.mine(3)
    return world


def claim(world: ExecutedWorld, agreed: int, root_of: int, number: int) -> bytes:
    return zkvm_input(world, world.preimages(agreed, world.l2.output_root(root_of), number))


def test_a_right_claim_is_proven_with_its_public_values(run: Run, world: ExecutedWorld) -> None:
    code, values = run(claim(world, 2, 5, 5))
    assert (code, values) == (
        0,
        world.l1.head.hash
        + world.l2.output_root(2)
        + world.l2.output_root(5)
        + (5).to_bytes(32, "big")
        + keccak256(world.config()),
    )


def test_a_wrong_claim_has_no_proof(run: Run, world: ExecutedWorld) -> None:
    assert run(claim(world, 2, 4, 5)) == (CLAIM_IS_WRONG, b"")
    assert run(claim(world, 4, 3, 3)) == (CLAIM_IS_WRONG, b"")


def test_the_root_of_an_earlier_block_is_not_proven_for_a_later_one(run: Run, world: ExecutedWorld) -> None:
    assert run(claim(world, 2, 6, 11)) == (L1_EXHAUSTED, b"")


def test_missing_and_damaged_input_has_no_proof(run: Run, world: ExecutedWorld) -> None:
    data = claim(world, 2, 5, 5)
    assert run(data[:-1]) == (INVALID_INPUT, b"")
    assert run(b"") == (INVALID_CONFIGURATION, b"")
    preimages = world.preimages(2, world.l2.output_root(5), 5)
    header = b"\x02" + world.l1.head.hash[1:]
    damaged = bytearray(preimages.values[header])
    damaged[-1] ^= 1
    preimages.values[header] = bytes(damaged)
    assert run(zkvm_input(world, preimages)) == (MISSING_PREIMAGE, b"")


def test_blobs_are_opened_against_their_commitments(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = trusted_setup()

    def versioned(blob: bytes) -> Hash32:
        return Hash32(b"\x01" + hashlib.sha256(ckzg.blob_to_kzg_commitment(blob, setup)).digest()[1:])

    monkeypatch.setattr(chains, "blob_hash", versioned)
    world = ExecutedWorld(Fork.JOVIAN)
    world.sequence(4)
    world.batcher.post_blobs([world.batcher.span(1, 4)])
    world.l1.mine(2)
    (blob,) = world.l1._blobs.values()
    commitment = ckzg.blob_to_kzg_commitment(blob, setup)
    proof = ckzg.compute_blob_kzg_proof(blob, commitment, setup)
    preimages = world.preimages(1, world.l2.output_root(4), 4)
    code, values = run(zkvm_input(world, preimages, [commitment + proof + blob]))
    assert code == 0, values
    other = bytearray(blob)
    other[100] ^= 1
    assert run(zkvm_input(world, preimages, [commitment + proof + bytes(other)])) == (INVALID_INPUT, b"")
