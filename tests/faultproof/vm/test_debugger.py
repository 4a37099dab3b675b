"""Going through a run by hand."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from faultproof.preimage import DirectorySource
from faultproof.vm import debugger as debugger_module
from faultproof.vm.debugger import Debugger
from faultproof.vm.disassembler import disassemble, register_name
from faultproof.vm.elf import Program, read_elf
from faultproof.vm.symbols import Symbols, read_symbols
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


def test_functions_are_named_where_the_file_names_them(selftest_elf: Path, tmp_path: Path) -> None:
    assert read_symbols(selftest_elf.read_bytes()) == Symbols()
    arguments = [word for word in builder.GUEST_ARGUMENTS if word != "-fstrip"]
    target = tmp_path / "named.elf"
    output = builder.Output("guest_selftest.zig", target, (*arguments, "--script", str(ROOT / "core" / "guest.ld")))
    named = builder.compile_output(output, target).read_bytes()
    symbols = read_symbols(named)
    main = symbols.address("lamina_main")
    assert main is not None
    assert symbols.describe(main) == "lamina_main"
    assert symbols.describe(main + 4) == "lamina_main+0x4"
    assert symbols.describe(0) == ""
    debugger = Debugger(native(read_elf(named), preimages(DATA)), symbols)
    assert debugger.find(main, 100)
    assert "<lamina_main>" in debugger.place()


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
