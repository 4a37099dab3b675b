"""`lamina decode-batch`: batch data taken apart."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.data_file import read_data
from node.cli.node import RollupFile

if TYPE_CHECKING:
    from derivation.inspection import DataFormat


def decode_batch(
    file: Annotated[Path, typer.Argument(help="Batch data, binary or hex.")],
    rollup_config: RollupFile,
    data_format: Annotated[
        str | None,
        typer.Option("--format", help="calldata, blob, frames, channel or tx; guessed when left out."),
    ] = None,
) -> None:
    """Print what batch data holds as one JSON document; what cannot be read stands under `errors`.

    Example: lamina decode-batch blob.hex --rollup.config rollup.json
    """
    from config.rollup import RollupConfig, load_registry_chain
    from derivation.inspection import guess_format, inspect_batch_data

    toml = rollup_config.suffix == ".toml"
    rollup = load_registry_chain(rollup_config) if toml else RollupConfig.load(rollup_config)
    data = read_data(file)
    chosen = guess_format(data) if data_format is None else _format(data_format)
    print(json.dumps(inspect_batch_data(data, chosen, rollup)))


def _format(name: str) -> "DataFormat":
    from derivation.inspection import DataFormat

    try:
        return DataFormat(name)
    except ValueError as error:
        known = ", ".join(item.value for item in DataFormat)
        raise typer.BadParameter(f"unknown format {name!r}: choose one of {known}") from error


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="decode-batch")(decode_batch)
