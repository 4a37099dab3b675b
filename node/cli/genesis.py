"""`lamina genesis`: genesis blocks of chains."""

import json
from pathlib import Path
from typing import Annotated

import typer

genesis = typer.Typer(help="Genesis blocks of chains.", no_args_is_help=True)


@genesis.callback()
def _group() -> None:
    """Genesis blocks of chains."""


@genesis.command("hash")
def hash_(
    registry: Annotated[
        Path, typer.Option("--registry", help="Chain file of the superchain registry (.toml).", exists=True)
    ],
    alloc: Annotated[
        Path, typer.Option("--alloc", help="Genesis of that chain there, .json or .json.zst.", exists=True)
    ],
    dictionary: Annotated[
        Path | None, typer.Option("--dictionary", help="zstd dictionary. Default: the one beside the genesis.")
    ] = None,
    superchain: Annotated[
        Path | None, typer.Option("--superchain", help="superchain.toml. Default: the one beside the chain file.")
    ] = None,
) -> None:
    """Print the hash and state root of a registry chain's genesis block; exit 1 when the hash is not the registry's.

    Example: lamina genesis hash --registry mainnet/ink.toml --alloc ink-mainnet.json.zst
    """
    from config.genesis import load_genesis
    from config.rollup import load_registry_chain
    from evm.genesis import genesis_block
    from evm.types import to_hex

    rollup = load_registry_chain(registry, superchain)
    block, _ = genesis_block(load_genesis(alloc, dictionary), rollup.forks)
    print(json.dumps({"hash": to_hex(block.header.hash), "stateRoot": to_hex(block.header.state_root)}))
    expected = rollup.genesis.l2.hash
    if block.header.hash != expected:
        raise ValueError(f"the registry says {to_hex(expected)}: is {alloc.name} the genesis of {registry.name}?")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(genesis, name="genesis")
