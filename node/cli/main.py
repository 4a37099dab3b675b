"""`lamina`: the one command.

Settings: flag > environment (`LAMINA_<COMMAND>_<FLAG>`) > TOML file (`--config`) > default.
"""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
import typer.core

from config.errors import CriticalError, ResetError, TemporaryError
from config.frame_stack import with_frame_room

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

app = typer.Typer(
    name="lamina",
    help="An OP Stack rollup node: every role, and a whole chain with its L1, in one command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"auto_envvar_prefix": "LAMINA", "help_option_names": ["-h", "--help"]},
)


@app.callback()
def settings(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with a table per command, e.g. [node] datadir = '...'.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when a command fails.")] = False,
    log_level: Annotated[str, typer.Option("--log.level", help="debug, info, warning or error.")] = "info",
    log_format: Annotated[str, typer.Option("--log.format", help="text or json.")] = "text",
) -> None:
    """Options that every command shares."""
    from node.cli.settings_names import load_settings
    from node.log_setup import set_up_logging

    try:
        set_up_logging(log_level, log_format, os.environ.get("LAMINA_ROLE", ""))
        if config is not None:
            context.default_map = load_settings(config, context.command)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    context.obj = {"debug": debug, "log_level": log_level, "log_format": log_format}


def _register() -> None:
    from node.cli import (
        account,
        attach,
        batches,
        bridge,
        challenger,
        da_server,
        db,
        derive,
        devnet,
        doctor,
        evm,
        games,
        genesis,
        info,
        node,
        payloads,
        posting,
        prestate,
        reconstruct,
        record,
        t8n,
        transfer,
        unwind,
        vm,
        vm_debug,
    )

    modules = (
        *(
            devnet,
            node,
            doctor,
            attach,
            posting,
            challenger,
            games,
            reconstruct,
            derive,
            record,
            bridge,
            account,
            batches,
            payloads,
            da_server,
            db,
            transfer,
            unwind,
            evm,
            vm,
            vm_debug,
        ),
        *(prestate, genesis, t8n, info),
    )
    for module in modules:
        module.register(app)


def command_tree() -> typer.core.TyperGroup:
    """All commands with their options, as the command line runs them and the reference pages describe them."""
    from node.cli.settings_names import name_environment

    if not app.registered_commands:
        _register()
    tree = typer.main.get_command(app)
    assert isinstance(tree, typer.core.TyperGroup)
    name_environment(tree, "LAMINA")
    return tree


def main() -> None:
    """Run the command line; a failure is one line on stderr and a non-zero exit, unless `--debug` asks for more."""
    if "--debug" not in sys.argv:
        sys.excepthook = _say_in_one_line
    # Not `app()`: that puts typer's own hook, which prints tracebacks, in place of ours.
    try:
        sys.exit(with_frame_room(command_tree(), standalone_mode=False))
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        # A wrong call: typer would print the usage in front of it, three lines more.
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        is_help = "\n" in message
        print(message if is_help else f"lamina: {message} (--help tells more)", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))


def _say_in_one_line(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """The last word of a command that failed: errors made for people as they are, others with a hint."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    elif isinstance(error, OSError) and error.filename is not None:
        print(f"lamina: {error.filename} cannot be used: {error.strerror}", file=sys.stderr)
    elif issubclass(kind, CriticalError | ResetError | TemporaryError | ValueError | OSError):
        print(f"lamina: {error}", file=sys.stderr)
    else:
        print(f"lamina: internal error, {kind.__name__}: {error} (--debug shows where)", file=sys.stderr)


if __name__ == "__main__":
    main()
