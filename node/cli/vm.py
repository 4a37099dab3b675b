"""`lamina vm`: the fault-proof VM by hand."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.node import L1ChainFile, RollupFile

if TYPE_CHECKING:
    from config.l1_chain import L1ChainConfig
    from config.rollup import RollupConfig
    from faultproof.preimage import PreimageSource
    from faultproof.vm.guide import Guide
    from faultproof.vm.machine import Machine
    from faultproof.vm.state import State
    from faultproof.vm.witness import Witness

vm = typer.Typer(help="Load and run programs of the fault-proof VM.", no_args_is_help=True)

FOREVER = (1 << 64) - 1


class VMEngine(StrEnum):
    """Which of the machines runs."""

    ZIG = "zig"
    PYTHON = "python"


Preimages = Annotated[
    Path | None,
    typer.Option(
        "--preimages", help="Directory with a file per preimage, named after its key in hex.", file_okay=False
    ),
]
Server = Annotated[
    str | None, typer.Option("--server", help="Command of a preimage server, such as `op-program --server ...`.")
]


@vm.command()
def load(
    elf: Annotated[Path, typer.Argument(help="The program.", exists=True, dir_okay=False)],
    rollup_config: RollupFile,
    out: Annotated[Path, typer.Option("--out", help="Where the first state goes.")],
    l1_chain_config_file: L1ChainFile = None,
) -> None:
    """Make a program's first state for a chain, and print its hash: the absolute prestate.

    Example: lamina vm load guest-fpvm.elf --rollup.config rollup.json --l1.chain-config l1-chain.json --out prestate.bin
    """
    from faultproof.preimage import MemorySource
    from faultproof.shipped import configured_program
    from faultproof.vm.reference import ReferenceMachine
    from faultproof.vm.snapshot import save

    program = configured_program(elf, *load_chain(rollup_config, l1_chain_config_file))
    state = save(out, ReferenceMachine(*program.state(), MemorySource({})))
    print(json.dumps(_summary(state)))


def load_chain(rollup_config: Path, l1_chain_config_file: Path | None) -> "tuple[RollupConfig, L1ChainConfig]":
    """The configuration of a chain (rollup.json, or a registry TOML) and of the L1 that it lives on."""
    from config.l1_chain import l1_chain_config
    from config.rollup import RollupConfig, load_registry_chain

    toml = rollup_config.suffix == ".toml"
    rollup = load_registry_chain(rollup_config) if toml else RollupConfig.load(rollup_config)
    return rollup, l1_chain_config(rollup.l1_chain_id, l1_chain_config_file)


Symbols = Annotated[
    Path | None,
    typer.Option(
        "--symbols", help="ELF file with symbols, as `lamina vm symbols` makes it.", dir_okay=False, exists=True
    ),
]


@vm.command()
def symbols(out: Annotated[Path, typer.Argument(help="Where the ELF file goes.")]) -> None:
    """Build the shipped fault-proof program once more, with symbols and lines of source, for --symbols. Needs the source.

    Example: lamina vm symbols guest-fpvm.debug.elf
    """
    from faultproof.shipped import build_with_symbols

    build_with_symbols(out)
    print(json.dumps({"symbols": str(out)}))


@vm.command()
def run(
    program: Annotated[Path, typer.Argument(help="A state of `lamina vm load`, or an ELF file.", metavar="STATE|ELF")],
    stop_at: Annotated[
        int | None, typer.Option("--stop-at", help="Stop before this step. Default: at the end.", min=0)
    ] = None,
    proof_at: Annotated[
        int | None, typer.Option("--proof-at", help="Print what the contract needs to execute this step.", min=0)
    ] = None,
    engine: Annotated[VMEngine, typer.Option("--engine", help="The fast machine or the readable one.")] = VMEngine.ZIG,
    info_at: Annotated[
        int | None, typer.Option("--info-at", help="Say on stderr where the run is, every so many steps.", min=1)
    ] = None,
    symbols_file: Symbols = None,
    preimages: Preimages = None,
    server: Server = None,
) -> None:
    """Run a program to its end or to a step, and print the state there; with --symbols also where in source and chain it is.

    With --proof-at and without --stop-at it stops at the step that is proven.

    Example: lamina vm run prestate.bin --preimages ./preimages --proof-at 1000000
    """
    if proof_at is not None and stop_at is not None and stop_at < proof_at:
        raise typer.BadParameter("--stop-at comes before --proof-at")
    with open_source(preimages, server) as source:
        machine = open_machine(program, engine, source)
        guide = open_guide(symbols_file or program, machine)
        proof: dict[str, Any] = {}
        if proof_at is not None:
            _advance(machine, proof_at, info_at)
            proof = _proof(machine)
        if proof_at is None or stop_at is not None:
            _advance(machine, FOREVER if stop_at is None else stop_at, info_at)
        print(json.dumps({**_summary(machine.state()), **guide.to_json(machine.moment), **_output(machine), **proof}))


def open_machine(program: Path, engine: VMEngine, source: "PreimageSource") -> "Machine":
    """A machine at the state that a file holds. Raises ValueError when the file is neither a snapshot nor a program."""
    from faultproof.vm.elf import read_elf
    from faultproof.vm.machine import NativeMachine
    from faultproof.vm.reference import ReferenceMachine
    from faultproof.vm.snapshot import is_snapshot, read_snapshot

    content = program.read_bytes()
    try:
        state, memory = read_snapshot(content) if is_snapshot(content) else read_elf(content).state()
    except ValueError as error:
        raise ValueError(f"{program}: {error}") from error
    if engine == VMEngine.PYTHON:
        return ReferenceMachine(state, memory, source)
    return NativeMachine.load(state, memory.pages(), source)


def open_guide(elf: Path, machine: "Machine") -> "Guide":
    """What a file with symbols tells of the run that a machine is at the start of. Empty for a file without any.

    Raises ValueError when the file is of another program.
    """
    from faultproof.vm.guide import Guide, read_guide

    content = elf.read_bytes()
    if not content.startswith(b"\x7fELF"):
        return Guide()
    try:
        return read_guide(content, machine)
    except ValueError as error:
        raise ValueError(f"{elf}: {error}") from error


@contextmanager
def open_source(preimages: Path | None, server: str | None) -> "Iterator[PreimageSource]":
    """Where a run's preimages come from: a directory, a server whose answers it keeps, or nowhere."""
    from faultproof.preimage import DirectorySource, MemorySource, RecordingSource
    from faultproof.preimage.server import ServerSource

    if server is not None:
        with ServerSource(server) as served:
            yield served if preimages is None else RecordingSource(served, preimages)
    else:
        yield MemorySource({}) if preimages is None else DirectorySource(preimages)


def _advance(machine: "Machine", stop_at: int, info_at: int | None) -> None:
    """Runs on, and says from time to time where it is."""
    started, first = time.perf_counter(), machine.moment.step
    while True:
        moment = machine.moment
        if moment.exited or moment.step >= stop_at:
            return
        pause = stop_at if info_at is None else min(stop_at, (moment.step // info_at + 1) * info_at)
        machine.run(pause)
        if info_at is not None:
            moment = machine.moment
            rate = (moment.step - first) / max(time.perf_counter() - started, 1e-9)
            info = {"step": moment.step, "pc": hex(moment.pc), "stepsPerSecond": round(rate)}
            print(json.dumps(info), file=sys.stderr)


def _summary(state: "State") -> dict[str, Any]:
    return {
        "step": state.step,
        "pc": hex(state.pc),
        "stateHash": "0x" + state.hash().hex(),
        "exited": state.exited,
        "exitCode": state.exit_code,
    }


def _output(machine: "Machine") -> dict[str, str]:
    """What the program left when it ended."""
    from faultproof.vm.reference import program_output

    output = program_output(machine)
    return {"output": "0x" + output.hex()} if output else {}


def _proof(machine: "Machine") -> dict[str, Any]:
    from faultproof.vm.witness import witness

    evidence: Witness = witness(machine)
    proof: dict[str, Any] = {
        "stateData": "0x" + evidence.state_data.hex(),
        "proofData": "0x" + evidence.proof_data.hex(),
        "postStateHash": "0x" + evidence.post_state.hash().hex(),
    }
    if evidence.read is not None:
        proof |= {
            "oracleKey": "0x" + evidence.read.key.hex(),
            "oracleOffset": evidence.read.offset,
            "oracleValue": "0x" + evidence.read.value.hex(),
        }
    return proof


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(vm, name="vm")
