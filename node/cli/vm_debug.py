"""`lamina vm debug`: a run step by step, forwards and backwards."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.vm import Preimages, Server, Symbols, VMEngine, open_guide, open_machine, open_source, vm

if TYPE_CHECKING:
    from faultproof.vm.debugger import Debugger

HELP = """\
s [N]           N steps forward (default 1)         b [N]   N steps back
g N             to step N                           e       to the end
f ADDRESS|NAME  on to the next step there           l [N]   the next N steps, and back here
r               registers                           m ADDRESS [N]   N bytes of memory (default 64)
p               the preimage being read             h       state hash
q               leave"""

FIND_LIMIT = 10_000_000


def debug(
    program: Annotated[Path, typer.Argument(help="A state of `lamina vm load`, or an ELF file.", metavar="STATE|ELF")],
    at: Annotated[int, typer.Option("--at", help="Step to start at.", min=0)] = 0,
    symbols: Symbols = None,
    preimages: Preimages = None,
    server: Server = None,
) -> None:
    """Go through a run by hand: commands come from the terminal, or line by line from a pipe. `?` lists them.

    With --symbols (`lamina vm symbols` makes the file) it also says which line of source, which L2 block and which
    transaction a step belongs to; for the latter two the program is run once at the start.

    Example: lamina vm debug prestate.bin --preimages ./preimages --at 1000000 --symbols guest-fpvm.debug.elf
    """
    from faultproof.vm.debugger import Debugger

    with open_source(preimages, server) as source:
        machine = open_machine(program, VMEngine.ZIG, source)
        debugger = Debugger(machine, open_guide(symbols or program, machine))
        debugger.go(at)
        _show(debugger)
        while (line := _next_line()) is not None:
            words = line.split()
            if words and words[0] in ("q", "quit"):
                return
            if words:
                _obey(debugger, words)


def _next_line() -> str | None:
    try:
        return input("> " if sys.stdin.isatty() else "")
    except EOFError:
        return None


def _obey(debugger: "Debugger", words: list[str]) -> None:
    """Does what a line says; a line that makes no sense is said to make none."""
    from config.errors import CriticalError

    command = COMMANDS.get(words[0])
    if command is None:
        print(HELP)
        return
    try:
        command(debugger, words[1:])
    except (ValueError, IndexError) as error:
        print(f"{' '.join(words)}: {error}; ? lists the commands")
    except CriticalError as error:
        print(error)


def _number(words: list[str], place: int, default: int | None = None) -> int:
    if place < len(words):
        return int(words[place], 0)
    if default is None:
        raise ValueError("a number is missing")
    return default


def _show(debugger: "Debugger") -> None:
    print(debugger.place())
    if origin := debugger.origin():
        print(f"{'':>14}{origin}")


def _move(debugger: "Debugger", step: int) -> None:
    debugger.go(step)
    _show(debugger)


def _list(debugger: "Debugger", words: list[str]) -> None:
    here = debugger.step
    for _ in range(_number(words, 0, 10)):
        print(debugger.place())
        if debugger.machine.moment.exited:
            break
        debugger.go(debugger.step + 1)
    debugger.go(here)


def _find(debugger: "Debugger", words: list[str]) -> None:
    address = debugger.guide.address(words[0])
    target = int(words[0], 0) if address is None else address
    if not debugger.find(target, FIND_LIMIT):
        print(f"{target:#x} was not reached")
    _show(debugger)


def _registers(debugger: "Debugger", _: list[str]) -> None:
    from faultproof.vm.disassembler import register_name

    registers = debugger.machine.moment.registers
    for row in range(8):
        print(
            "  ".join(f"{register_name(row + 8 * column):>4} {registers[row + 8 * column]:016x}" for column in range(4))
        )


def _memory(debugger: "Debugger", words: list[str]) -> None:
    address, size = _number(words, 0), _number(words, 1, 64)
    data = debugger.machine.read(address, size)
    for at in range(0, size, 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        print(f"{address + at:#010x}  {row.hex(' '):<47}  {text}")


def _preimage(debugger: "Debugger", _: list[str]) -> None:
    moment = debugger.machine.moment
    print(f"key 0x{moment.preimage_key.hex()}, {moment.preimage_offset} bytes read (8 of length before it)")
    if any(moment.preimage_key):
        preimage = debugger.machine.source.preimage(moment.preimage_key)
        print(f"{len(preimage)} bytes: 0x{preimage[:256].hex()}{'..' if len(preimage) > 256 else ''}")


def _hash(debugger: "Debugger", _: list[str]) -> None:
    print("0x" + debugger.machine.state().hash().hex())


COMMANDS: "dict[str, Callable[[Debugger, list[str]], None]]" = {
    "s": lambda debugger, words: _move(debugger, debugger.step + _number(words, 0, 1)),
    "b": lambda debugger, words: _move(debugger, debugger.step - _number(words, 0, 1)),
    "g": lambda debugger, words: _move(debugger, _number(words, 0)),
    "e": lambda debugger, _: _move(debugger, (1 << 64) - 1),
    "f": _find,
    "l": _list,
    "r": _registers,
    "m": _memory,
    "p": _preimage,
    "h": _hash,
}


def register(_: typer.Typer) -> None:
    """Add the command to those of `lamina vm`."""
    vm.command()(debug)
