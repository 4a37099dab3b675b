"""The names of settings outside the command line: environment variables, and keys of the settings file.

Both are the flag: `--http.port` of `lamina node` is LAMINA_NODE_HTTP_PORT, and `http_port` (or `http.port`) in `[node]`.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def options(command: Any) -> Iterator[Any]:
    """The options of a command that can be set elsewhere than on the command line."""
    return (item for item in command.params if item.param_type_name == "option" and item.name != "help")


def key_of(option: Any) -> str:
    """The key of an option in the settings file: its long flag, dots and dashes as underscores."""
    return _normal(max(option.opts, key=len))


def _normal(name: str) -> str:
    return re.sub(r"[-.]", "_", name.lstrip("-"))


def name_environment(command: Any, prefix: str) -> None:
    """Make every option of a command and its subcommands known under `<prefix>_<FLAG>` in the environment.

    The shorter name that the option has in the code stays valid too: LAMINA_BATCHER_KEY for --private-key.
    """
    for name, inner in getattr(command, "commands", {}).items():
        name_environment(inner, f"{prefix}_{_normal(name).upper()}")
    for option in options(command):
        names = [f"{prefix}_{key_of(option).upper()}", f"{prefix}_{option.name.upper()}"]
        if option.envvar is None and names[0] != names[1]:
            option.envvar = names


def load_settings(path: Path, root: Any) -> dict[str, Any]:
    """The settings file as defaults by command and option, for the command tree `root`.

    A table per command, e.g. `[node]`; `[evm.statetest]` for a subcommand.
    Raises ValueError naming the file, and the key that no flag corresponds to.
    """
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"the settings file {path} cannot be used: {error}") from error
    try:
        return _defaults(tables, root, "")
    except ValueError as error:
        raise ValueError(f"the settings file {path} cannot be used: {error}") from error


def _defaults(tables: dict[str, Any], group: Any, where: str) -> dict[str, Any]:
    commands: dict[str, Any] = group.commands
    result: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in commands:
            raise ValueError(f"there is no command {where}{name}: tables are {', '.join(sorted(commands))}")
        if not isinstance(table, dict):
            raise ValueError(f"{where}{name} must be a table of settings, not a value")
        command = commands[name]
        if hasattr(command, "commands"):
            result[name] = _defaults(table, command, f"{where}{name}.")
            continue
        known = {key: option for option in options(command) for key in (option.name, key_of(option))}
        settings = dict(_flatten(table))
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise ValueError(f"[{where}{name}] has {', '.join(unknown)}, but the command has no such flag")
        result[name] = {known[key].name: _value(known[key], value) for key, value in settings.items()}
    return result


def _value(option: Any, value: Any) -> Any:
    """One value of a flag that may be repeated need not be written as a list."""
    return [value] if option.multiple and isinstance(value, str) else value


def _flatten(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = prefix + _normal(key)
        if isinstance(value, dict):
            yield from _flatten(value, name + "_")
        else:
            yield name, value
