"""`lamina version` and `lamina dumpconfig`."""

import importlib.metadata
import json
import platform
from typing import Annotated

import click
import typer


def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the versions of the node and of what it executes with.

    Example: lamina version --json
    """
    names = ("lamina", "py-evm", "coincurve", "ckzg", "plyvel")
    versions = {name: importlib.metadata.version(name) for name in names}
    versions["python"] = platform.python_version()
    if as_json:
        print(json.dumps(versions))
        return
    for name, value in versions.items():
        print(f"{name:<10} {value}")


def dumpconfig(
    context: typer.Context,
    command: Annotated[str, typer.Argument(help="The command whose settings to print.")] = "node",
) -> None:
    """Print the settings in force for a command (environment and settings file applied) as TOML.

    Example: LAMINA_NODE_HTTP_PORT=9000 lamina dumpconfig node
    """
    root = context.find_root()
    group = root.command
    if not isinstance(group, click.Group):
        raise click.UsageError("no commands")
    target = group.get_command(root, command)
    if target is None:
        raise click.UsageError(f"no command {command!r}")
    defaults = (root.default_map or {}).get(command, {})
    inner = click.Context(
        target, info_name=command, parent=root, default_map=defaults, auto_envvar_prefix=f"LAMINA_{command.upper()}"
    )
    print(f"[{command}]")
    for parameter in target.params:
        if not isinstance(parameter, click.Option) or parameter.name == "help":
            continue
        raw, _ = parameter.consume_value(inner, {})
        value = parameter.type_cast_value(inner, raw) if raw is not None else None
        if value is None:
            print(f"# {parameter.name} =")
        elif isinstance(value, bool | int | float):
            print(f"{parameter.name} = {str(value).lower()}")
        else:
            print(f"{parameter.name} = {json.dumps(str(value))}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(version)
    app.command()(dumpconfig)
