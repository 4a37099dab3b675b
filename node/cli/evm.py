"""`lamina evm`: blocks from their witness, and Ethereum's public test suites."""

import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.progress import counted

if TYPE_CHECKING:
    from evm.engine.stateless import StatelessCase
    from evm.statetest import Outcome
    from evm.types import Hash32

evm = typer.Typer(help="Execute single blocks and public test suites.", no_args_is_help=True)


class StatelessEngine(StrEnum):
    """What executes a block from its witness."""

    PYEVM = "pyevm"
    NATIVE = "native"
    GUEST = "guest"


class StateTestEngine(StrEnum):
    """What executes state tests."""

    PYEVM = "pyevm"
    NATIVE = "native"


class StateTestFork(StrEnum):
    """Forks whose state tests can be asked for."""

    FRONTIER = "Frontier"
    HOMESTEAD = "Homestead"
    EIP150 = "EIP150"
    EIP158 = "EIP158"
    BYZANTIUM = "Byzantium"
    CONSTANTINOPLE = "Constantinople"
    PETERSBURG = "ConstantinopleFix"
    ISTANBUL = "Istanbul"
    BERLIN = "Berlin"
    LONDON = "London"
    PARIS = "Paris"
    MERGE = "Merge"
    SHANGHAI = "Shanghai"
    CANCUN = "Cancun"
    PRAGUE = "Prague"
    OSAKA = "Osaka"


StatelessEngineOption = Annotated[StatelessEngine, typer.Option("--engine", help="What executes.")]


@evm.command()
def stateless(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Blocks with their witness, .json or .json.gz, or directories below disagreements/.", exists=True
        ),
    ],
    engine: StatelessEngineOption = StatelessEngine.PYEVM,
    chain: Annotated[
        int | None, typer.Option("--chain", help="Chain id whose rules hold for files that carry no rollup config.")
    ] = None,
) -> None:
    """Execute blocks from parent header, payload and witness; exit 1 when a hash does not match.

    Prints one JSON line per file. A trie node or code that the witness lacks is an error, never taken for empty.
    A directory that a node has written about engines that disagree stands for the block in it.
    `native` is the core as the native library, `guest` the same on the fault-proof VM, with the steps it takes.

    Example: lamina evm stateless --chain 10 --engine native block.json.gz
    """
    failed = 0
    with counted("blocks", len(files)) as progress:
        for path in files:
            line = _execute(path, chain, engine)
            progress.result(json.dumps(line))
            failed += not line["match"]
            progress.done()
    if failed:
        raise typer.Exit(1)


def _execute(path: Path, chain: int | None, engine: StatelessEngine) -> dict[str, Any]:
    """The line that says how a block's execution went."""
    from config.errors import CriticalError
    from evm.engine.errors import InvalidPayload
    from evm.engine.stateless_file import load_stateless_case
    from evm.native.library import NativeLibraryMissing
    from evm.types import to_hex

    line: dict[str, Any] = {"file": str(path), "block": None, "hash": None, "expected": None, "match": False}
    started = time.perf_counter()
    try:
        case = load_stateless_case(path, chain)
        line.update(block=case.number, expected=to_hex(case.expected_hash))
        block_hash, numbers = _run(case, engine)
    except (InvalidPayload, CriticalError, NativeLibraryMissing, ValueError) as error:
        message = str(error)
        print(f"lamina: {message if message.startswith(str(path)) else f'{path}: {message}'}", file=sys.stderr)
        return {**line, "error": message}
    line.update(hash=to_hex(block_hash), match=block_hash == case.expected_hash, **numbers)
    return {**line, "seconds": round(time.perf_counter() - started, 3)}


def _run(case: "StatelessCase", engine: StatelessEngine) -> "tuple[Hash32, dict[str, int]]":
    """The hash of the block, and the numbers that belong in its line."""
    if engine == StatelessEngine.NATIVE:
        from evm.native.stateless import execute_stateless_natively

        computed = execute_stateless_natively(case)
        return computed.hash, {"gasUsed": computed.gas_used}
    if engine == StatelessEngine.GUEST:
        from faultproof.exec_program import execute_in_guest

        result = execute_in_guest(case)
        return result.hash, {"gasUsed": result.gas_used, "steps": result.steps}
    from evm.engine.stateless import execute_stateless

    header = execute_stateless(case).block.header
    return header.hash, {"gasUsed": header.gas_used}


@evm.command()
def statetest(
    paths: Annotated[list[Path], typer.Argument(help="Test files, directories, or tar archives of them.", exists=True)],
    fork: Annotated[StateTestFork | None, typer.Option("--fork", help="Only tests of this fork. Default: all.")] = None,
    engine: Annotated[
        StateTestEngine, typer.Option("--engine", help="What executes state tests.")
    ] = StateTestEngine.PYEVM,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes to use. Default: one per core.", min=0)] = 0,
    case_seconds: Annotated[
        float, typer.Option("--case-seconds", help="Processor time that a state test may take before it fails.", min=0)
    ] = 600,
) -> None:
    """Run state, transaction, RLP and trie tests in the format of ethereum/tests; exit 1 when one fails.

    Prints one JSON line per failing case, and last how many passed, failed and were skipped.

    Example: lamina evm statetest --fork Cancun GeneralStateTests
    """
    from evm.forks.names import FORKS_BY_NAME
    from evm.native.library import NativeLibraryMissing, load_library
    from evm.statetest import Verdict, find_documents, run_suite

    if engine is StateTestEngine.NATIVE:
        try:
            load_library()
        except NativeLibraryMissing as error:
            print(f"lamina: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
    documents = list(find_documents(paths))
    only = None if fork is None else FORKS_BY_NAME[fork.value].rules
    with counted("files", len(documents)) as progress:

        def report(name: str, outcomes: "list[Outcome]") -> None:
            for outcome in outcomes:
                if outcome.verdict == Verdict.FAILED:
                    progress.result(json.dumps(outcome.to_json()))
            progress.done()

        summary = run_suite(documents, only, jobs or os.cpu_count() or 1, report, engine.value, case_seconds)
    print(json.dumps(summary.to_json()))
    if summary.failed:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(evm, name="evm")
