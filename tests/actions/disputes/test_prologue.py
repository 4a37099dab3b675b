"""The kit's prologue makes the steps that it is for, and leaves the program as it was."""

from pathlib import Path

import pytest

from faultproof.challenger.riscv import MachineTrace
from faultproof.preimage import MemorySource, blob_key, sha256_key
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import ReferenceMachine
from tests.actions.disputes.prologue import Reading, write_program
from tests.actions.disputes.stage import PROGRAM
from tests.actions.disputes.step_kinds import StepKind, first_false_state, makes_step_of

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the fault-proof program is not built")


class Heard(MemorySource):
    """Keeps hints."""

    def __init__(self, preimages: dict[bytes, bytes]) -> None:
        super().__init__(preimages)
        self.hints: list[bytes] = []

    def hint(self, text: bytes) -> None:
        self.hints.append(text)


def test_it_stores_across_leaves_and_reads_a_blob_and_hands_over_the_memory_as_it_was(tmp_path: Path) -> None:
    shipped = read_elf(PROGRAM.read_bytes())
    keys = (sha256_key(b"a digest".ljust(32)), blob_key(b"a commitment".ljust(48), b"a point".ljust(32)))
    readings = [Reading(key, b"l1-blob 0x" + b"01" * 40) for key in keys]
    source = Heard({reading.key: bytes(48) for reading in readings})
    program = read_elf(write_program(tmp_path / "program.elf", readings).read_bytes())
    machine = ReferenceMachine(*program.state(), source)
    kinds = (StepKind.CROSSING_STORE, StepKind.READ_SHA256, StepKind.READ_BLOB)
    made: dict[StepKind, list[int]] = {kind: [] for kind in kinds}
    while machine.moment.pc != shipped.entry:
        moment = machine.moment
        assert not moment.exited
        word = int.from_bytes(machine.read(moment.pc, 4), "little")
        for kind in kinds:
            if makes_step_of(kind, moment, word):
                made[kind].append(moment.step)
        machine.run(moment.step + 1)
    assert {step % 2 for step in made[StepKind.CROSSING_STORE]} == {0, 1}
    assert [len(made[kind]) for kind in kinds] == [2, 1, 1]
    assert set(source.hints) == {reading.hint for reading in readings}
    _, pages = shipped.state()
    for number, page in pages.pages():
        assert machine.read(number * len(page), len(page)) == page
    assert machine.read(0x8000_0000 - 32, 64) == bytes(64)


def test_a_liar_finds_the_stores_of_either_parity(tmp_path: Path) -> None:
    state, memory = read_elf(write_program(tmp_path / "program.elf").read_bytes()).state()
    # Without a configuration the program gives up soon.
    trace = MachineTrace(NativeMachine.load(state, memory.pages(), MemorySource({})), 1 << 20)
    first = first_false_state(trace, StepKind.CROSSING_STORE)
    even = first_false_state(trace, StepKind.CROSSING_STORE, odd=True)
    assert (first, even) == (4, 5)
    assert len(trace.step_after(first - 1).proof) == 3 * 896
