"""The contract accepts exactly the proofs of the step: every kind of byte changed, every length but the right one."""

import pytest

from evm.types import keccak256
from faultproof.preimage import keccak256_key
from faultproof.vm.memory import LEAF_SIZE, PROOF_SIZE, InvalidProof, SparseMemory
from faultproof.vm.reference import PreimageReader
from faultproof.vm.state import ENCODED_SIZE, InvalidState, State
from faultproof.vm.witness import Witness, step_from_witness, witness
from tests.contracts.harness import Reverted
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import Case, judge

DATA = {0x2000: bytes(range(1, 65)), 0x5000: bytes(range(100, 132))}
PREIMAGE = bytes(range(80))
KEY = keccak256_key(keccak256(PREIMAGE))
CASES = {
    "addi": (Case([asm.immediate("addi", 5, 6, 7)], {6: 1}, DATA), 1),
    "load": (Case([asm.load("ld", 5, 6)], {6: 0x2008}, DATA), 2),
    "crossing load": (Case([asm.load("ld", 5, 6)], {6: 0x201D}, DATA), 3),
    "store": (Case([asm.store("sd", 5, 6)], {5: 9, 6: 0x2008}, DATA), 2),
    "crossing store": (Case([asm.store("sd", 5, 6)], {5: 9, 6: 0x201D}, DATA), 3),
    "set key": (Case([asm.ECALL], {17: 1, 10: 0x5000}, DATA), 2),
    "read": (Case([asm.ECALL], {17: 2, 10: 0x5000, 11: 32}, DATA, preimages={KEY: PREIMAGE}, preimage_key=KEY), 2),
    "exit": (Case([asm.ECALL], {17: 93}, DATA), 1),
    "fault": (Case([asm.load("ld", 5, 6)], {6: 1 << 32}, DATA), 1),
    "bad pc": (Case(pc=2), 0),
}


def evidence_of(name: str) -> Witness:
    evidence = witness(CASES[name][0].native())
    judge().load_part(evidence)
    return evidence


def refused(name: str, state_data: bytes, proof_data: bytes) -> None:
    """Contract and Python both refuse it."""
    reader = PreimageReader(CASES[name][0].native().source)
    with pytest.raises((InvalidProof, InvalidState)) as ours:
        step_from_witness(state_data, proof_data, reader)
    with pytest.raises(Reverted) as theirs:
        judge().step(state_data, proof_data)
    kinds = {"InvalidState"} if ours.type is InvalidState else {"InvalidProofLength", "InvalidMemoryProof"}
    assert theirs.value.error in kinds or theirs.value.data[:4] in {
        keccak256(f"{kind}()".encode())[:4] for kind in kinds
    }


@pytest.mark.parametrize("name", CASES)
def test_the_proof_has_a_leaf_for_each_that_is_touched(name: str) -> None:
    evidence = evidence_of(name)
    assert len(evidence.proof_data) == CASES[name][1] * PROOF_SIZE
    assert judge().step(evidence.state_data, evidence.proof_data) == evidence.post_state.hash()


@pytest.mark.parametrize("name", CASES)
def test_a_changed_byte_in_any_leaf_or_sibling_is_refused(name: str) -> None:
    evidence = evidence_of(name)
    # A byte of each leaf, of the lowest, a middle and the highest sibling, and of the very end.
    for proof in range(CASES[name][1]):
        for part in (0, 1, 2, 7, 8, 13, 26, 27):
            place = proof * PROOF_SIZE + part * LEAF_SIZE + (5 * part + proof) % LEAF_SIZE
            changed = bytearray(evidence.proof_data)
            changed[place] ^= 1 << (part % 8)
            refused(name, evidence.state_data, bytes(changed))


@pytest.mark.parametrize("name", CASES)
def test_a_proof_of_another_length_is_refused(name: str) -> None:
    evidence = evidence_of(name)
    proofs = evidence.proof_data
    for wrong in (
        proofs + b"\x00",
        proofs + bytes(PROOF_SIZE),
        proofs + proofs[:PROOF_SIZE],
        proofs[:-1],
        proofs[PROOF_SIZE:],
    ):
        if wrong != proofs:
            refused(name, evidence.state_data, wrong)


def test_the_proof_of_another_leaf_is_refused() -> None:
    evidence = evidence_of("load")
    _, memory = CASES["load"][0].start()
    for other in (0x2020, 0x2028 ^ 0x1000, 0x5000, 0):
        refused("load", evidence.state_data, evidence.proof_data[:PROOF_SIZE] + memory.leaf_proof(other))


def test_the_second_leaf_of_a_crossing_store_is_proven_after_the_first_is_written() -> None:
    evidence = evidence_of("crossing store")
    _, memory = CASES["crossing store"][0].start()
    stale = evidence.proof_data[: 2 * PROOF_SIZE] + memory.leaf_proof(0x2020)
    assert stale != evidence.proof_data
    refused("crossing store", evidence.state_data, stale)


def test_the_proofs_in_another_order_are_refused() -> None:
    proofs = evidence_of("crossing load").proof_data
    one, two, three = (proofs[at : at + PROOF_SIZE] for at in range(0, len(proofs), PROOF_SIZE))
    for order in (two + one + three, one + three + two):
        refused("crossing load", evidence_of("crossing load").state_data, order)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [0, 1, 32, ENCODED_SIZE - 1, ENCODED_SIZE + 1, 352, 2 * ENCODED_SIZE])
def test_a_state_of_another_length_is_refused(name: str, size: int) -> None:
    evidence = evidence_of(name)
    refused(name, evidence.state_data.ljust(size, b"\x00")[:size], evidence.proof_data)


@pytest.mark.parametrize(("exit_code", "exited"), [(0, 2), (0, 255), (1, 0), (255, 0), (1, 2)])
def test_a_state_that_is_none_is_refused(exit_code: int, exited: int) -> None:
    evidence = evidence_of("addi")
    changed = bytearray(evidence.state_data)
    changed[88], changed[89] = exit_code, exited
    refused("addi", bytes(changed), evidence.proof_data)


def test_every_byte_of_a_state_matters() -> None:
    evidence = evidence_of("addi")
    # Whatever the change, the result is refused or another state: no two states are taken for one.
    for place in range(ENCODED_SIZE):
        changed = bytearray(evidence.state_data)
        changed[place] ^= 0x40
        try:
            result = judge().step(bytes(changed), evidence.proof_data)
        except Reverted:
            # The root, an address that the proof is not of, or an impossible end.
            assert place < 32 or 72 <= place < 80 or place in (88, 89), place
        else:
            assert result != evidence.post_state.hash() or place in REGISTER_THAT_IS_WRITTEN
            assert State.decode(bytes(changed)).exited is False


# addi writes x5, at 90 + 8 * 4; what was there does not matter.
REGISTER_THAT_IS_WRITTEN = range(90 + 32, 90 + 40)


def test_an_exited_state_takes_no_proof() -> None:
    state, memory = Case([asm.ECALL], {17: 93}).start()
    state.exited = True
    assert judge().step(state.encode(), b"") == state.hash()
    with pytest.raises(Reverted):
        judge().step(state.encode(), memory.leaf_proof(state.pc))


def test_a_part_of_another_offset_or_game_does_not_serve_a_read() -> None:
    case = CASES["read"][0]
    later = Case(case.words, case.registers, case.data, preimages=case.preimages, preimage_key=KEY, preimage_offset=13)
    evidence = witness(later.native())
    with pytest.raises(Reverted, match="pre-image must exist"):
        judge().step(evidence.state_data, evidence.proof_data)


def test_a_memory_of_zeros_has_the_root_of_the_documentation() -> None:
    node = bytes(32)
    for _ in range(27):
        node = keccak256(node * 2)
    assert SparseMemory().root() == node
