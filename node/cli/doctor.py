"""`lamina doctor`: what keeps the heads of running nodes, and what to do."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

from node.cli.bridge import AsJson, Info

_LOCAL = "http://127.0.0.1:9545"

Rollup = Annotated[
    list[str] | None,
    typer.Option(
        "--rollup-rpc", help=f"URL of a node's --rpc.port; repeat for several nodes. Default, without --info: {_LOCAL}"
    ),
]


def doctor(rollup_rpc: Rollup = None, info: Info = None, as_json: AsJson = False) -> None:
    """Say of every head whether it moves and, if not, at which stage and block it stands, why, and what to do.

    Exits with 0 when all heads of all nodes are as they should be, else with 1.
    Examples: lamina doctor; lamina doctor --rollup-rpc http://node:9545 --json; lamina doctor --info .lamina-devnet/devnet.json
    """
    nodes = asyncio.run(_examine(_urls(rollup_rpc or [], info)))
    healthy = all(node["healthy"] for node in nodes)
    if as_json:
        print(json.dumps({"healthy": healthy, "nodes": nodes}))
    else:
        _show(nodes)
    if not healthy:
        raise typer.Exit(1)


def _urls(given: list[str], info: Path | None) -> list[str]:
    """The nodes to ask; that of this machine where none is named. Raises ValueError for an unusable info file."""
    urls = list(given)
    if info is not None:
        try:
            facts = json.loads(info.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"{info} cannot be read: {error}") from error
        urls += [facts[role]["rollup"] for role in ("l2", "verifier") if "rollup" in facts.get(role, {})]
        if not urls:
            raise ValueError(f"{info} names no node's rollup RPC: is it a devnet's info file?")
    return urls or [_LOCAL]


async def _examine(urls: list[str]) -> list[dict[str, Any]]:
    return [await _ask(url) for url in urls]


async def _ask(url: str) -> dict[str, Any]:
    """What a node says of itself; a node that says nothing is not healthy either."""
    from config.errors import TemporaryError
    from l1.rpc import JsonRpcClient, RpcError

    async with JsonRpcClient(url, timeout=10.0) as rpc:
        try:
            answer: dict[str, Any] = await rpc.call("lamina_whyHead")
        except (TemporaryError, RpcError) as error:
            return {"url": rpc.endpoint, "healthy": False, "heads": [], "notes": [], "error": str(error)}
        return {"url": rpc.endpoint, **answer, "error": None}


def _show(nodes: list[dict[str, Any]]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    for node in nodes:
        console.print(f"{node['url']}: {'healthy' if node['healthy'] else 'not healthy'}")
        if node["error"] is not None:
            console.print(f"  {node['error']}")
            console.print("  what to do: start the node, or name the right port (--rpc.port of lamina node)")
        for head in node["heads"]:
            _show_head(console, head)
        for note in node["notes"]:
            console.print(f"  note: {note}")


def _show_head(console: "Console", head: dict[str, Any]) -> None:
    block = head["block"]
    console.print(f"  {head['head']:<9} block {block['number']} ({block['hash'][:10]}..) is {head['state']}")
    console.print(f"            {head['explanation']}")
    if head["cause"] is None:
        return
    at = head["at"]
    where = "" if at is None else f", {at['layer'].upper()} block {at['number']}"
    if at is not None and at["hash"] is not None:
        where += f" ({at['hash'][:10]}..)"
    console.print(f"            cause: {head['cause']}, at stage {head['stage']}{where}")
    console.print(f"            what to do: {head['remedy']}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)
