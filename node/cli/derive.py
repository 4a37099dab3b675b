"""`lamina derive`: payload attributes from files of L1 data."""

import json
from pathlib import Path
from typing import Annotated

import typer

from node.cli.node import L1ChainFile, RollupFile


def derive(
    l1_data: Annotated[
        Path,
        typer.Option(
            "--l1-data", help="Directory of block-N.json, receipts-N.json (where logs matter) and blobs-N.json."
        ),
    ],
    rollup_config: RollupFile,
    start: Annotated[Path, typer.Option("--start", help="The L2 block to start from: its reference and systemConfig.")],
    l1_chain_config: L1ChainFile = None,
    execute: Annotated[
        Path | None,
        typer.Option("--execute", help="Directory of blocks with witnesses: execute what is derived, know its hashes."),
    ] = None,
) -> None:
    """Derive L2 blocks from files instead of RPC: one JSON line with the payload attributes of each block.

    L1 is read from the start block's origin on; the command ends when the L1 data does. Without --execute the hashes of
    L2 blocks cannot be known: batches are taken to build on the block before them, and lines say `assumedParent`.

    Example: lamina derive --l1-data ./l1 --rollup.config rollup.json --start start.json
    """
    from config.l1_chain import l1_chain_config as load_l1_chain
    from config.rollup import RollupConfig, load_registry_chain
    from l1.data_directory import L1DataDirectory
    from node.offline_derivation import DerivationStart, WitnessDirectory, derive_from_files

    toml = rollup_config.suffix == ".toml"
    rollup = load_registry_chain(rollup_config) if toml else RollupConfig.load(rollup_config)
    blocks = derive_from_files(
        rollup,
        load_l1_chain(rollup.l1_chain_id, l1_chain_config),
        L1DataDirectory(l1_data),
        DerivationStart.load(start),
        None if execute is None else WitnessDirectory(execute, rollup),
    )
    for block in blocks:
        print(json.dumps(block.to_json()), flush=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(derive)
