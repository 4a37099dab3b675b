"""`lamina decode-payload`: a gossiped block taken apart."""

import json
from pathlib import Path
from typing import Annotated

import typer

from node.cli.data_file import read_data


def decode_payload(
    file: Annotated[Path, typer.Argument(help="A gossiped payload, binary or hex.")],
    version: Annotated[
        int | None,
        typer.Option(
            "--version", help="1 (Bedrock) to 4 (Isthmus); found out when left out.", min=1, max=4, show_default=False
        ),
    ] = None,
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", help="The chain, to tell who signed it.", show_default=False)
    ] = None,
    rollup_config: Annotated[
        Path | None,
        typer.Option("--rollup.config", help="rollup.json of the chain, instead of --chain-id.", show_default=False),
    ] = None,
) -> None:
    """Print a gossiped payload (SSZ, snappy or plain, signed or not) as JSON, its block hash recomputed, and its signer.

    Example: lamina decode-payload block.bin --chain-id 10
    """
    from config.rollup import RollupConfig, load_registry_chain
    from evm.payload_ssz import PayloadVersion
    from node.unsafe.inspection import find_payload, inspection_to_json

    if rollup_config is not None:
        toml = rollup_config.suffix == ".toml"
        rollup = load_registry_chain(rollup_config) if toml else RollupConfig.load(rollup_config)
        if chain_id not in (None, rollup.l2_chain_id):
            raise typer.BadParameter(f"--chain-id is {chain_id}, but {rollup_config} is of chain {rollup.l2_chain_id}")
        chain_id = rollup.l2_chain_id
    try:
        found = find_payload(read_data(file), None if version is None else PayloadVersion(version))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    print(json.dumps(inspection_to_json(found, chain_id)))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="decode-payload")(decode_payload)
