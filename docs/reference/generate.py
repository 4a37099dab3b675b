"""Writes the reference pages from the code: `python -m docs.reference.generate` (`make docs`).

A test compares what this makes with what is committed.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import node
from node.cli.main import command_tree
from node.cli.settings_names import key_of, options
from node.rpc import Namespace

FOLDER = Path(__file__).resolve().parent
NOTE = "<!-- Made by `make docs` from the code. Change the code, not this page. -->\n"

SERVERS = {
    # module prefix: (heading, where it is served)
    "node.rpc": (
        "Node",
        "Every node on `--http.port` and `--ws.port` (namespaces of `--http.api`) and all of it on "
        "`--rpc.port` and IPC; the embedded L1 on `--l1.port`.",
    ),
    "node.rollup": ("Rollup node", "Nodes of the rollup on `--rpc.port` and IPC, which are for trusted callers."),
    "node.devl1": ("Embedded L1", "The embedded L1 on `--l1.port`, beside the methods of every node."),
    "node.batcher_rpc": ("Batcher", "`lamina batcher` on `--rpc.port`."),
    "node.proposer_rpc": ("Proposer", "`lamina proposer` on `--rpc.port`."),
    "node.challenger_rpc": ("Challenger", "`lamina challenger` on `--rpc.port`."),
}


@dataclass(frozen=True)
class Method:
    """A JSON-RPC method: full name, parameters as text, first lines of its docstring, whether it needs a WebSocket."""

    name: str
    parameters: str
    text: str
    websocket: bool


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for item in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if any(item.name.startswith(prefix) for prefix in SERVERS):
            yield importlib.import_module(item.name)


def _namespaces() -> dict[str, list[type[Namespace]]]:
    """Namespaces by the prefix in SERVERS under which they are defined."""
    found: dict[str, set[type[Namespace]]] = {prefix: set() for prefix in SERVERS}
    for module in _modules(node):
        for value in vars(module).values():
            if not (inspect.isclass(value) and issubclass(value, Namespace) and value is not Namespace):
                continue
            prefix = next((prefix for prefix in SERVERS if value.__module__.startswith(prefix)), None)
            if prefix is None:
                raise ValueError(f"{value.__module__}.{value.__name__} is served nowhere that SERVERS knows")
            found[prefix].add(value)
    return {prefix: sorted(classes, key=lambda item: item.__name__) for prefix, classes in found.items()}


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        parser = get_args(hint)[1]
        return str(parser.__name__).lstrip("_").removeprefix("parse_").replace("_", " ")
    return next((name for part in get_args(hint) if (name := _type_name(part))), "")


def _methods(namespace: type[Namespace]) -> Iterator[Method]:
    for _, function in inspect.getmembers(namespace, inspect.isfunction):
        if "rpc" not in function.__dict__:
            continue
        name, websocket, _ = function.__dict__["rpc"]
        hints = get_type_hints(function, include_extras=True)
        parameters = []
        for parameter in list(inspect.signature(function).parameters.values())[2 if websocket else 1 :]:
            text = f"{parameter.name}: {_type_name(hints[parameter.name])}"
            parameters.append(text if parameter.default is inspect.Parameter.empty else f"[{text}]")
        yield Method(f"{namespace.name}_{name}", ", ".join(parameters), _one_line(function.__doc__), websocket)


def _one_line(text: str | None) -> str:
    return re.sub(r"\s+", " ", inspect.cleandoc(text or "")).replace("|", "\\|").strip()


def json_rpc() -> str:
    """The page of all JSON-RPC methods."""
    lines = [
        NOTE,
        "# JSON-RPC methods\n",
        "Over HTTP POST, WebSocket and Unix socket (`--ipcpath`), batches included. "
        "Parameters in brackets may be left out. Errors have geth's codes: "
        "-32700 parse error, -32600 invalid request, -32601 no such method, -32602 invalid parameters, -32000 refused, "
        "3 execution reverted (with the revert data).\n",
    ]
    for prefix, namespaces in _namespaces().items():
        heading, where = SERVERS[prefix]
        methods = sorted((method for item in namespaces for method in _methods(item)), key=lambda item: item.name)
        lines.append(f"## {heading}\n\n{where}\n")
        lines.append("| method | parameters | |\n|---|---|---|")
        for method in methods:
            text = f"WebSocket and IPC only. {method.text}" if method.websocket else method.text
            lines.append(f"| `{method.name}` | {method.parameters} | {text} |")
        lines.append("")
    return "\n".join(lines)


def command_line() -> str:
    """The page of all commands and flags."""
    tree = command_tree()
    lines = [
        NOTE,
        "# Command line\n",
        "A setting's value comes from its flag, else its environment variable, else its key in the table of the command in "
        "the settings file (`--config FILE`), else its default. `lamina dumpconfig COMMAND` prints what is in force.\n",
        "Every failing command exits with a code other than 0 (2 when it was called wrongly) and says why in one line on "
        "stderr; `--debug` shows a traceback.\n",
        "## `lamina`\n",
        *_flags(tree, "LAMINA"),
    ]
    for name, command in tree.commands.items():
        lines += _command(f"lamina {name}", command, f"LAMINA_{_upper(name)}")
    return "\n".join(lines)


def _command(name: str, command: Any, prefix: str) -> list[str]:
    if hasattr(command, "commands"):
        return [
            line
            for inner, part in command.commands.items()
            for line in _command(f"{name} {inner}", part, f"{prefix}_{_upper(inner)}")
        ]
    arguments = [
        f"{item.name.upper()}{'...' if item.nargs == -1 else ''}"
        for item in command.params
        if item.param_type_name == "argument"
    ]
    text = inspect.cleandoc(command.help or "").split("\f")[0].strip()
    example = re.search(r"(?s)\bExamples?:\s*(.+)$", text)
    lines = [f"## `{' '.join([name, *arguments])}`\n"]
    lines.append((text[: example.start()] if example else text).strip() + "\n")
    if example:
        examples = [part.strip() for part in example.group(1).split(";")]
        lines.append("\n".join(["```", *(re.sub(r"\s+", " ", part) for part in examples), "```"]) + "\n")
    lines.extend(
        f"`{item.name.upper()}`: {item.help}\n"
        for item in command.params
        if item.param_type_name == "argument" and item.help
    )
    return lines + _flags(command, prefix)


def _upper(command_name: str) -> str:
    return command_name.upper().replace("-", "_")


def _flags(command: Any, prefix: str) -> list[str]:
    rows = [
        f"| `{'`, `'.join(item.opts)}` | {_default(item)} | `{_variable(item, prefix)}` | {_one_line(item.help)} |"
        for item in options(command)
    ]
    return ["| flag | default | environment | |\n|---|---|---|---|", *rows, ""] if rows else []


def _variable(option: Any, prefix: str) -> str:
    names = (
        option.envvar if isinstance(option.envvar, list) else [option.envvar or f"{prefix}_{key_of(option).upper()}"]
    )
    return "`, `".join(names)


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if option.is_bool_flag:
        return "on" if option.default else ""
    return "" if option.default in (None, "", ()) else f"`{option.default}`"


PAGES = {"json-rpc.md": json_rpc, "command-line.md": command_line}


def main() -> None:
    """Write all pages."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make())


if __name__ == "__main__":
    main()
