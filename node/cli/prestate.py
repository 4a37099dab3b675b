"""`lamina prestate`: what a dispute game's program starts from."""

import json
from pathlib import Path
from typing import Annotated

import typer

from node.cli.node import L1ChainFile


def prestate(
    rollup_config: Annotated[
        Path | None, typer.Option("--rollup.config", help="rollup.json as op-node reads it, or a registry TOML.")
    ] = None,
    l1_chain_config_file: L1ChainFile = None,
    program: Annotated[
        Path | None, typer.Option("--program", help="Another program than the one that ships.", dir_okay=False)
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the programs from source and compare them with those that ship.")
    ] = False,
) -> None:
    """Print a chain's absolute prestate: the hash of the program's first state with the chain's configuration in it.

    With --rebuild it prints a line per program instead, and exits with 1 when one differs from what its source gives.

    Example: lamina prestate --rollup.config rollup.json --l1.chain-config l1-chain.json
    """
    from faultproof import shipped
    from node.cli.vm import load_chain

    if rebuild:
        recorded = shipped.recorded_digests()
        differing = recorded[shipped.FAULT_PROOF_PROGRAM.name] != shipped.shipped_digest()
        for result in shipped.rebuild():
            line = {
                "program": result.name,
                "sha256": result.recorded,
                "rebuilt": result.rebuilt,
                "match": result.matches,
            }
            print(json.dumps(line))
            differing = differing or not result.matches
        if differing:
            raise typer.Exit(1)
        return
    if rollup_config is None:
        raise typer.BadParameter("--rollup.config is missing: a prestate belongs to a chain")
    path = program or shipped.FAULT_PROOF_PROGRAM
    state, _ = shipped.configured_program(path, *load_chain(rollup_config, l1_chain_config_file)).state()
    print(json.dumps({"prestate": "0x" + state.hash().hex(), "program": path.name}))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(prestate)
