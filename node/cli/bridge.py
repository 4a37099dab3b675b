"""`lamina deposit` and `lamina withdraw`."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
