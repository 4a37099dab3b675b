"""`lamina da-server`: keeps batch data outside L1."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from node.cli.node import run_until_stopped


def da_server(
    directory: Annotated[Path, typer.Option("--file.path", help="Directory that holds the payloads.")],
    address: Annotated[str, typer.Option("--addr", help="Address that it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port that it listens on.")] = 3100,
    generic_commitment: Annotated[
        bool, typer.Option(help="Answer /put with generic commitments, else with keccak commitments.")
    ] = True,
) -> None:
    """Run a DA server: payloads in, commitments out, and back (OP Stack alt-DA).

    Example: lamina da-server --file.path ./da --port 3100
    """
    from derivation.codec import CommitmentType
    from node.alt_da import DaServer, InputStore

    kind = CommitmentType.GENERIC if generic_commitment else CommitmentType.KECCAK
    try:
        store = InputStore(directory)
    except OSError as error:
        raise ValueError(f"{directory} cannot hold payloads: {error.strerror}") from error
    server = DaServer(store, kind, address, port)

    async def start() -> Callable[[], Awaitable[None]]:
        await server.start()
        return server.stop

    run_until_stopped(start, _for_ever)


async def _for_ever() -> None:
    import asyncio

    await asyncio.Event().wait()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="da-server")(da_server)
