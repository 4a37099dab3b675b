"""`lamina version` and `lamina dumpconfig`."""

import importlib.metadata
import json
import platform
from typing import Annotated, Any

import typer

from node.cli.settings_names import key_of, options
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
    command: Annotated[
        str, typer.Argument(help="The command whose settings to print ('evm statetest' for one of a group).")
    ] = "node",
) -> None:
    """Print the settings in force for a command (environment and settings file applied) as TOML.

    Example: LAMINA_NODE_HTTP_PORT=9000 lamina dumpconfig node
    """
    root = context.find_root()
    target: Any = root.command
    defaults: Any = root.default_map or {}
    inner: Any = root
    prefix = "LAMINA"
    for name in command.split():
        commands: dict[str, Any] = getattr(target, "commands", {})
        if name not in commands:
            raise typer.BadParameter(f"no command {command!r}; there are {', '.join(sorted(commands))}")
        target, defaults, prefix = commands[name], defaults.get(name, {}), f"{prefix}_{name.upper()}"
        inner = typer.Context(target, info_name=name, parent=inner, default_map=defaults, auto_envvar_prefix=prefix)
    if hasattr(target, "commands"):
        raise typer.BadParameter(f"{command!r} has commands of its own: {', '.join(sorted(target.commands))}")
    print(f"[{'.'.join(command.split())}]")
    for option in options(target):
        print(_setting(option, inner))


def _setting(option: Any, context: Any) -> str:
    """A line of TOML: the value in force, a comment where there is none. Keys of accounts are never shown."""
    value, _ = option.consume_value(context, {})
    key = key_of(option)
    if option.value_is_missing(value):
        return f"# {key} = {'(required)' if option.required else '(not set)'}"
    # What --password names is a file, but somebody may have put the password itself there.
    if key in ("key", "password") or key.endswith("_key"):
        return f"# {key} = (set, not shown)"
    value, _ = option.handle_parse_result(context, {}, [])
    return f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(version)
    app.command()(dumpconfig)
