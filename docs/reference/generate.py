"""Writes the reference pages from the code: `python -m docs.reference.generate` (`make docs`).

A test compares what this makes with what is committed.
"""

import inspect
import re
from pathlib import Path
from typing import Any

from node.cli.main import command_tree
from node.cli.settings_names import key_of, options
from node.rpc.catalogue import PLACES, in_one_line, methods, namespaces

FOLDER = Path(__file__).resolve().parent
NOTE = "<!-- Made by `make docs` from the code. Change the code, not this page. -->\n"

SERVERS = {
    # place of `node.rpc.catalogue`: (heading, where it is served)
    "node.rpc": (
        "Node",
        "Every node on `--http.port` and `--ws.port` (namespaces of `--http.api`) and all of it on "
        "`--rpc.port` and IPC; the embedded L1 on `--l1.port`.",
    ),
    "node.unsafe": (
        "Unsafe blocks",
        "Nodes of the rollup: `feed_` on every port (a namespace of `--http.api`), the rest on `--rpc.port` and IPC.",
    ),
    "node.p2p.rpc": ("Peers", "Nodes of the rollup on `--rpc.port` and IPC."),
    "node.rollup": (
        "Rollup node",
        "Nodes that derive their chain, on `--rpc.port` and IPC, which are for trusted callers; `lamina_` on driven nodes, too.",
    ),
    "node.engine_api": (
        "Engine API",
        "A driven node on `--authrpc.port`, for the consensus client that has its secret, beside the methods of every node.",
    ),
    "node.devl1": ("Embedded L1", "The embedded L1 on `--l1.port`, beside the methods of every node."),
    "node.batcher_rpc": ("Batcher", "`lamina batcher` on `--rpc.port`."),
    "node.proposer_rpc": ("Proposer", "`lamina proposer` on `--rpc.port`."),
    "node.challenger_rpc": ("Challenger", "`lamina challenger` on `--rpc.port`."),
}


def _one_line(text: str | None) -> str:
    return in_one_line(text).replace("|", "\\|")


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
    for place, classes in namespaces(tuple(SERVERS)).items():
        heading, where = SERVERS[place]
        listed = sorted((method for item in classes for method in methods(item)), key=lambda item: item.name)
        lines.append(f"## {heading}\n\n{where}\n")
        lines.append("| method | parameters | |\n|---|---|---|")
        for method in listed:
            text = _one_line(f"WebSocket and IPC only. {method.text}" if method.lasting else method.text)
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


assert tuple(SERVERS) == PLACES
PAGES = {"json-rpc.md": json_rpc, "command-line.md": command_line}


def main() -> None:
    """Write all pages."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make())


if __name__ == "__main__":
    main()
