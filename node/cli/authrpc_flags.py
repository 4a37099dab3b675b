"""The flags of a node that a consensus client drives; names are geth's. Any of them makes the node such a one."""

from pathlib import Path
from typing import Annotated

import typer

AuthAddress = Annotated[
    str, typer.Option("--authrpc.addr", help="Address that the Engine API listens on. Makes the node a driven one.")
]
AuthPort = Annotated[
    int, typer.Option("--authrpc.port", help="Port of the Engine API. Makes the node a driven one (op-node drives it).")
]
AuthHosts = Annotated[str, typer.Option("--authrpc.vhosts", help="Host names that the Engine API accepts, by commas.")]
AuthSecret = Annotated[
    Path | None,
    typer.Option(
        "--authrpc.jwtsecret",
        help="File with the secret that the consensus client shares, 32 bytes in hex; made when it is not there. Makes the "
        "node a driven one. Default: jwtsecret in the data directory.",
    ),
]

SECRET_FILE = "jwtsecret"

_MEANINGLESS = ("--l1", "--sequencer.", "--altda.", "--rollup.feed", "--p2p.")
"""Beginnings of flags that say what a driven node does not decide."""


def given_flags(context: typer.Context) -> list[str]:
    """The long names of the flags that somebody has chosen: on the command line, in the environment, or in the settings file
    (where that says something else than the default: `lamina dumpconfig` writes all of them)."""
    names = []
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        dumped = source is not None and source.name == "DEFAULT_MAP" and context.params[name] == option.default
        if source is not None and source.name != "DEFAULT" and not dumped:
            names.append(max(option.opts, key=len))
    return names


def is_driven(context: typer.Context) -> bool:
    """Whether the flags ask for a driven node.

    Raises BadParameter when they ask for both kinds of node, or for neither.
    """
    given = given_flags(context)
    if not any(flag.startswith("--authrpc.") for flag in given):
        missing = [flag for flag in ("--l1", "--l1.beacon") if flag not in given]
        if missing:
            raise typer.BadParameter(
                f"{' and '.join(missing)} must be given, for a node that derives its chain from L1; one that a consensus client "
                "drives takes --authrpc.jwtsecret instead"
            )
        return False
    wrong = [flag for flag in given if flag.startswith(_MEANINGLESS)]
    if wrong:
        raise typer.BadParameter(
            f"{', '.join(wrong)} cannot go with --authrpc flags: the consensus client that drives the node reads L1, derives and "
            "sequences; give it these settings, or leave the --authrpc flags out"
        )
    return True
