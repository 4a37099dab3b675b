"""`lamina evm t8n`: geth's transition tool, for test fillers."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from config.types import from_hex, to_hex

_STREAMS = ("stdin", "stdout", "stderr")


def t8n(
    input_alloc: Annotated[str, typer.Option("--input.alloc", help="Accounts: a file, or stdin.")] = "alloc.json",
    input_env: Annotated[str, typer.Option("--input.env", help="Block environment: a file, or stdin.")] = "env.json",
    input_txs: Annotated[
        str, typer.Option("--input.txs", help="Transactions: a .json or .rlp file, or stdin.")
    ] = "txs.json",
    output_basedir: Annotated[Path, typer.Option("--output.basedir", help="Where output files go.")] = Path(),
    output_alloc: Annotated[
        str, typer.Option("--output.alloc", help="Accounts after: a file, stdout or stderr.")
    ] = "alloc.json",
    output_result: Annotated[
        str, typer.Option("--output.result", help="Result: a file, stdout or stderr.")
    ] = "result.json",
    output_body: Annotated[
        str, typer.Option("--output.body", help="RLP of the included transactions: a file, stdout or stderr.")
    ] = "",
    state_fork: Annotated[
        str, typer.Option("--state.fork", help="A fork as geth calls it: Frontier, EIP150, ... Merge, ... Osaka.")
    ] = "Prague",
    state_chainid: Annotated[int, typer.Option("--state.chainid", help="Chain id.")] = 1,
    state_reward: Annotated[
        int, typer.Option("--state.reward", help="Wei for the coinbase, with shares for ommers; negative: none.")
    ] = 0,
) -> None:
    """Execute one block on given accounts, with the files and flags of geth's `evm t8n`.

    Example: lamina evm t8n --input.alloc alloc.json --input.env env.json --input.txs txs.json --output.result stdout
    """
    from config.genesis.alloc_file import alloc_from_json, alloc_to_json
    from evm.transition_tool import TransitionInputError, transactions_from_json, transactions_from_rlp, transition

    stdin = json.load(sys.stdin) if "stdin" in (input_alloc, input_env, input_txs) else {}

    def read(source: str, key: str) -> Any:
        if source == "stdin":
            if key not in stdin:
                raise TransitionInputError(f"stdin holds no {key!r}")
            return stdin[key]
        try:
            return json.loads(Path(source).read_text())
        except ValueError as error:
            raise TransitionInputError(f"{source} is not JSON: {error}") from error

    alloc = alloc_from_json(read(input_alloc, "alloc"))
    txs = read(input_txs, "txs")
    if isinstance(txs, str):
        transactions = transactions_from_rlp(from_hex(txs))
    else:
        transactions = transactions_from_json(txs or [], state_chainid)
    outcome = transition(alloc, read(input_env, "env"), transactions, state_fork, state_chainid, state_reward)
    streams: dict[str, dict[str, Any]] = {}
    for target, name, value in (
        (output_alloc, "alloc", alloc_to_json(outcome.alloc)),
        (output_result, "result", outcome.result_json()),
        (output_body, "body", to_hex(outcome.body())),
    ):
        if not target:
            continue
        if target in _STREAMS:
            streams.setdefault(target, {})[name] = value
        else:
            output_basedir.mkdir(parents=True, exist_ok=True)
            (output_basedir / target).write_text(json.dumps(value, indent=2) + "\n")
    for stream, document in streams.items():
        print(json.dumps(document, indent=2), file=sys.stdout if stream == "stdout" else sys.stderr)


def register(_app: typer.Typer) -> None:
    """Add the command to the `evm` group."""
    from node.cli.evm import evm

    evm.command()(t8n)
