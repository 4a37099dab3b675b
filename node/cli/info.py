"""`lamina version` and `lamina dumpconfig`."""

import importlib.metadata
import json
import platform
from typing import Annotated, Any

import typer

from node.version import package_version


def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the versions of the node and of what it executes with.

    Example: lamina version --json
    """
    names = ("py-evm", "coincurve", "ckzg", "plyvel")
    versions = {"lamina": package_version(), **{name: importlib.metadata.version(name) for name in names}}
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
    commands: dict[str, Any] = getattr(root.command, "commands", {})
    target = commands.get(command)
    if target is None:
        raise typer.BadParameter(f"no command {command!r}; there are {', '.join(sorted(commands))}")
    defaults = (root.default_map or {}).get(command, {})
    inner = typer.Context(
        target, info_name=command, parent=root, default_map=defaults, auto_envvar_prefix=f"LAMINA_{command.upper()}"
    )
    print(f"[{command}]")
    for parameter in target.params:
        if parameter.param_type_name != "option" or parameter.name == "help":
            continue
        value, _ = parameter.handle_parse_result(inner, {}, [])
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
