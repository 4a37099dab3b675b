"""The program on runs of op-program: L1 of geth, batches of op-batcher, output roots of op-proposer.

`LAMINA_OP_PROGRAM_CAPTURES` names a directory with a folder for each run, as the repository `ethereum-optimism/asterisc` had
one at `tests/op-program-test` in its commits 35a74ea to 311b533: the command with its claim in `local_cmd.sh`, the chain in
`chain-artifacts/rollup.json`, and op-program's data directory in `preimages.tar.gz`.
"""

import io
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.l1_chain import L1ChainConfig
from config.program import program_config
from config.rollup import RollupConfig
from config.types import Timestamp, from_hex
from evm.native.program import ProgramOutcome, run_program
from faultproof.preimage import DirectorySource, PreimageSource, local_key
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import program_output
from tests.core.test_program import MAX_STEPS, PROGRAM

CAPTURES = Path(os.environ.get("LAMINA_OP_PROGRAM_CAPTURES", "captures of op-program"))
FOLDERS = sorted(path.parent for path in CAPTURES.glob("*/local_cmd.sh"))

pytestmark = [
    pytest.mark.usefixtures("native_library"),
    pytest.mark.skipif(not FOLDERS, reason="LAMINA_OP_PROGRAM_CAPTURES names no directory of captures"),
]


@dataclass(frozen=True)
class Capture:
    """A run of op-program: the chain, the claim that op-proposer made, and what the program read."""

    config: bytes
    local: dict[bytes, bytes]
    hashed: PreimageSource
    claimed_number: int

    def preimage(self, key: bytes) -> bytes:
        return self.local[key] if key in self.local else self.hashed.preimage(key)

    def hint(self, text: bytes) -> None:
        """Everything is here already."""

    def claiming(self, root: bytes) -> "Capture":
        return Capture(self.config, {**self.local, local_key(3): root}, self.hashed, self.claimed_number)


@pytest.fixture(params=FOLDERS or [CAPTURES], ids=lambda folder: folder.name)
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> Capture:
    folder: Path = request.param
    with tarfile.open(fileobj=io.BytesIO((folder / "preimages.tar.gz").read_bytes())) as packed:
        packed.extractall(tmp_path, filter="data")
    rollup = RollupConfig.load(folder / "chain-artifacts" / "rollup.json")
    l1 = L1ChainConfig(rollup.l1_chain_id, Timestamp(0), None, None, None, ())
    command = (folder / "local_cmd.sh").read_text()

    def argument(name: str) -> str:
        found = re.search(rf"--{re.escape(name)} (\S+)", command)
        assert found is not None, f"{folder}/local_cmd.sh has no --{name}"
        return found[1]

    number = int(argument("l2.blocknumber"))
    local: dict[bytes, bytes] = {
        local_key(1): from_hex(argument("l1.head")),
        local_key(2): from_hex(argument("l2.outputroot")),
        local_key(3): from_hex(argument("l2.claim")),
        local_key(4): number.to_bytes(8, "big"),
        local_key(5): rollup.l2_chain_id.to_bytes(8, "big"),
    }
    return Capture(program_config(rollup, l1), local, DirectorySource(tmp_path / "preimages"), number)


def in_the_library(capture: Capture) -> ProgramOutcome:
    return run_program(capture.config, lambda key, hint: capture.preimage(key))


def in_the_vm(capture: Capture) -> ProgramOutcome:
    state, memory = read_elf(PROGRAM.read_bytes()).configured(capture.config).state()
    machine = NativeMachine.load(state, memory.pages(), capture)
    machine.run(MAX_STEPS)
    output = program_output(machine)
    assert machine.moment.exited and machine.moment.exit_code <= 1, output
    return ProgramOutcome(output[:32], int.from_bytes(output[32:], "big"), machine.moment.exit_code == 0)


def test_the_claim_that_was_proposed_is_found_right_and_another_one_wrong(capture: Capture) -> None:
    claim = capture.local[local_key(3)]
    expected = ProgramOutcome(claim, capture.claimed_number, True)
    assert in_the_library(capture) == in_the_vm(capture) == expected
    assert not in_the_library(capture.claiming(bytes(32))).is_valid
