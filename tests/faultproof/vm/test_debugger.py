"""Going through a run by hand."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from faultproof.preimage import DirectorySource, MemorySource
from faultproof.vm import debugger as debugger_module
from faultproof.vm.alignment import align
from faultproof.vm.breakpoints import stops
from faultproof.vm.debugger import Debugger
from faultproof.vm.disassembler import disassemble, register_name
from faultproof.vm.elf import InvalidProgram, Program, Segment, read_elf
from faultproof.vm.guide import read_guide
from faultproof.vm.landmarks import Landmarks
from faultproof.vm.machine import NativeMachine
from faultproof.vm.source_lines import SourceLines, read_source_lines
from faultproof.vm.symbols import Symbols, read_symbols, sections
from node.cli.main import _register, app
from tests.core.toolchain import ROOT, builder
from tests.faultproof.vm import assembler as asm
from tests.faultproof.vm.selftest_run import native, preimages, reference
from tests.faultproof.vm.test_faults import ILLEGAL

_register()
DATA = bytes(range(100))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        *((asm.register(name, 10, 11, 12), f"{name} a0, a1, a2") for name in asm.REGISTER),
        *((asm.immediate(name, 10, 11, -5), f"{name} a0, a1, -5") for name in asm.IMMEDIATE),
        *((asm.immediate(name, 10, 11, 31), f"{name} a0, a1, 31") for name in asm.SHIFT),
        *((asm.load(name, 10, 2, -8), f"{name} a0, -8(sp)") for name in asm.LOAD),
        *((asm.store(name, 10, 2, 24), f"{name} a0, 24(sp)") for name in asm.STORE),
        *((asm.branch(name, 8, 9, -16), f"{name} s0, s1, 0xff0") for name in asm.BRANCH),
        (asm.jal(1, 0x12344), "jal ra, 0x13344"),
        (asm.jalr(0, 1), "jalr zero, 0(ra)"),
        (asm.lui(31, 0xABCD_E000), "lui t6, 0xabcde"),
        (asm.auipc(5, 0x1000), "auipc t0, 0x1"),
        (asm.FENCE, "fence"),
        (asm.ECALL, "ecall"),
        (asm.EBREAK, "ebreak"),
        *((word, "illegal") for word in ILLEGAL.values()),
    ],
)
def test_a_word_is_written_as_the_manual_writes_it(word: int, text: str) -> None:
    assert disassemble(word, 0x1000) == text


def test_registers_have_the_names_of_the_calling_convention() -> None:
    named = {number: register_name(number) for number in (0, 1, 2, 8, 10, 17, 18, 31)}
    assert named == {0: "zero", 1: "ra", 2: "sp", 8: "s0", 10: "a0", 17: "a7", 18: "s2", 31: "t6"}


@pytest.mark.parametrize("distance", [100, 5_000_000])
def test_every_step_is_the_same_on_the_way_back(
    selftest: Program, monkeypatch: pytest.MonkeyPatch, distance: int
) -> None:
    monkeypatch.setattr(debugger_module, "_CHECKPOINT_EVERY", distance)
    debugger = Debugger(native(selftest, preimages(DATA)))
    straight = native(selftest, preimages(DATA))
    hashes = {}
    for step in (0, 1, 99, 100, 101, 250, 4000):
        straight.run(step)
        hashes[step] = straight.state().hash()
    for step in (250, 99, 4000, 101, 0, 100, 1, 4000):
        debugger.go(step)
        assert debugger.step == step
        assert debugger.machine.state().hash() == hashes[step]


def test_it_stops_at_either_end(selftest: Program) -> None:
    debugger = Debugger(native(selftest, preimages(DATA)))
    debugger.go(-5)
    assert debugger.step == 0
    debugger.go(1 << 60)
    assert debugger.machine.moment.exited
    last = debugger.step
    assert "exited with code 0" in debugger.place()
    debugger.go(last - 1)
    assert "EXIT with 0" in debugger.place()
    assert not debugger.find(0x1234, 100)


def test_a_read_says_what_it_reads(selftest: Program) -> None:
    debugger = Debugger(reference(selftest, preimages(DATA)))
    seen: list[str] = []
    while len(seen) < 3:
        debugger.go(debugger.step + 1)
        if "ecall" in debugger.instruction():
            seen.append(debugger.instruction().split()[1])
    assert seen == ["SET_KEY", "READ", "READ"]


@pytest.fixture(scope="module")
def named_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The self-test program with symbols and lines, built as `lamina vm symbols` builds the fault-proof program."""
    target = tmp_path_factory.mktemp("named") / "named.elf"
    arguments = builder.debug_arguments((*builder.GUEST_ARGUMENTS, *builder.LINKER_SCRIPT))
    built: Path = builder.compile_output(builder.Output("guest_selftest.zig", target, arguments), target)
    return built


def test_functions_and_lines_are_named_where_the_file_names_them(selftest_elf: Path, named_elf: Path) -> None:
    stripped, named = selftest_elf.read_bytes(), named_elf.read_bytes()
    assert read_symbols(stripped) == Symbols()
    assert read_source_lines(stripped) == SourceLines()
    machine = native(read_elf(stripped), preimages(DATA))
    guide = read_guide(named, machine)
    main = guide.address("lamina_main")
    assert main is not None
    assert guide.function(main) == "lamina_main"
    assert guide.function(main + 4) == "lamina_main+0x4"
    assert guide.function(0) == guide.line(0) == ""
    file, line = guide.line(main).split(":")
    assert "fn lamina_main() " in (ROOT / file).read_text().splitlines()[int(line) - 1]
    debugger = Debugger(machine, guide)
    assert debugger.find(main, 100)
    assert "<lamina_main>" in debugger.place()
    assert debugger.origin() == f"{file}:{line}"


def test_names_of_another_program_are_refused(named_elf: Path) -> None:
    code = asm.code([asm.ECALL])
    state, memory = Program(0x1000, (Segment(0x1000, code, len(code)),)).state()
    with pytest.raises(ValueError, match="not that of the program"):
        read_guide(named_elf.read_bytes(), NativeMachine.load(state, memory.pages(), MemorySource({})))


def test_two_builds_are_aligned_around_what_differs_in_them() -> None:
    same = [asm.immediate("addi", 5, 5, number % 7) for number in range(20)] + [asm.branch("beq", 5, 6, 40)]
    later = [asm.register("add", number % 30 + 1, 7, 8) for number in range(20)]
    ours = asm.code([*same, asm.ECALL, *later])
    # A branch over something longer has another distance, and what follows is elsewhere.
    theirs = asm.code([*same[:-1], asm.branch("beq", 5, 6, 48), asm.FENCE, asm.FENCE, asm.FENCE, *later])
    alignment = align(ours, 0x1000, theirs, 0x8000)
    assert alignment.shared == len(ours) - 4
    assert alignment.to_theirs(0x1000 + 4 * 20) == 0x8000 + 4 * 20
    assert alignment.to_theirs(0x1000 + 4 * 21) is None
    assert alignment.to_theirs(0x1000 + 4 * 22) == 0x8000 + 4 * 24
    assert alignment.to_ours(0x8000 + 4 * 24) == 0x1000 + 4 * 22
    assert alignment.to_theirs(0x1000 + len(ours)) is None
    assert alignment.to_theirs(0xFFF) is None


def test_a_damaged_line_table_is_an_error_that_says_so(named_elf: Path) -> None:
    image = named_elf.read_bytes()
    table = sections(image)[".debug_line"]
    with pytest.raises(InvalidProgram, match="line table"):
        read_source_lines(image.replace(table[:64], b"\xff" * 64))


def test_a_run_stops_at_addresses_as_often_as_it_comes_there(selftest: Program) -> None:
    machine = native(selftest, preimages(DATA))
    addresses = set()
    for step in (100, 101, 400):
        fork = machine.fork()
        fork.run(step)
        addresses.add(fork.moment.pc)
    found = list(stops(machine, addresses, 3000))
    assert machine.moment.step == 0
    walked = []
    for step in range(3000):
        fork_pc = machine.moment.pc
        if fork_pc in addresses:
            walked.append((step, fork_pc))
        machine.run(step + 1)
    assert len(walked) > 3
    assert found == walked


def test_steps_belong_to_blocks_and_transactions() -> None:
    landmarks = Landmarks((100, 500), (7, 8), (200, 300, 600))
    places = {
        0: "before L2 block 7",
        99: "before L2 block 7",
        100: "L2 block 7, transaction 0 of 2",
        200: "L2 block 7, transaction 0 of 2",
        201: "L2 block 7, transaction 1 of 2",
        301: "L2 block 7, after its 2 transactions",
        500: "L2 block 8, transaction 0 of 1",
        9999: "L2 block 8, after its 1 transactions",
    }
    assert {step: landmarks.describe(step) for step in places} == places
    assert Landmarks().describe(5) == ""


def test_commands_come_line_by_line(selftest_elf: Path, tmp_path: Path) -> None:
    source = DirectorySource(tmp_path)
    for key, preimage in preimages(DATA).items():
        source.store(key, preimage)
    lines = [
        "s",
        "s 9",
        "b 5",
        "g 1000",
        "h",
        "r",
        "m 0x10010000 16",
        "p",
        "l 3",
        "f 0x10010000x",
        "what",
        "e",
        "b",
        "q",
    ]
    result = CliRunner().invoke(
        app, ["vm", "debug", str(selftest_elf), "--preimages", str(tmp_path)], input="\n".join(lines) + "\n"
    )
    assert result.exit_code == 0, result.output
    places = [int(line.split()[0]) for line in result.stdout.splitlines() if line.startswith("   ") and "  0x" in line]
    assert places[:8] == [0, 1, 10, 5, 1000, 1000, 1001, 1002]
    assert places[-2] - 1 == places[-1]
    machine = native(read_elf(selftest_elf.read_bytes()), preimages(DATA))
    machine.run(1000)
    assert "0x" + machine.state().hash().hex() in result.stdout
    assert f"{machine.moment.registers[2]:016x}" in result.stdout
    assert machine.read(0x1001_0000, 16).hex(" ") in result.stdout
    assert "EXIT with 0" in result.stdout
    assert "? lists the commands" in result.stdout
    assert "registers" in result.stdout
