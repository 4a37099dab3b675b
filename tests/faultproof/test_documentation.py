"""The example in `docs/fpvm.md` is what the machines do."""

import re

from faultproof.vm.memory import PROOF_SIZE, SparseMemory
from faultproof.vm.witness import witness
from tests.core.toolchain import ROOT
from tests.faultproof.opinions import Case, agreed_steps

PAGE = (ROOT / "docs" / "fpvm.md").read_text()
EXAMPLE = PAGE[PAGE.index("## 8. An example") : PAGE.index("# Around the machine")]
CASE = Case([int(word, 16) for word in re.findall(r"(?m)^    ([0-9a-f]{8})   ", EXAMPLE)], pc=0x1000)


def test_the_states_of_the_example_have_the_hashes_that_are_printed() -> None:
    table = re.findall(r"(?m)^\| (\d) \| (0x[0-9a-f]+) \| ([0-9a-f]{64}) \|$", EXAMPLE)
    first, _ = CASE.start()
    states = [first, *agreed_steps(CASE, 5)]
    assert [(str(state.step), hex(state.pc), state.hash().hex()) for state in states] == table
    assert len(table) == 6
    assert agreed_steps(CASE, 6)[-1] == states[-1]


def test_the_roots_of_the_example_are_those_that_are_printed() -> None:
    roots = re.findall(r"(?m)^    ([0-9a-f]{64})   ", EXAMPLE)
    first, _ = CASE.start()
    expected = [first.memory_root, agreed_steps(CASE, 2)[-1].memory_root, SparseMemory().root()]
    assert roots == [root.hex() for root in expected]


def test_the_proofs_of_the_example_have_the_sizes_that_are_printed() -> None:
    machine = CASE.native()
    sizes = []
    for step in range(6):
        machine.run(step)
        sizes.append(len(witness(machine).proof_data))
    assert sizes == [PROOF_SIZE, 3 * PROOF_SIZE, PROOF_SIZE, PROOF_SIZE, PROOF_SIZE, 0]
