"""`lamina attach`: a Python console over a node's JSON-RPC."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from node.console.link import Link

_LOCAL = "http://127.0.0.1:9545"


def attach(
    target: Annotated[
        str | None,
        typer.Argument(help=f"URL (http, https, ws, wss) or path of a node's lamina.ipc. Default: {_LOCAL}."),
    ] = None,
    datadir: Annotated[Path | None, typer.Option("--datadir", help="Attach to lamina.ipc in this directory.")] = None,
    execute: Annotated[
        str | None, typer.Option("--exec", help="Run this instead of asking, and print what comes of it as JSON.")
    ] = None,
) -> None:
    """Talk to a running node in Python: eth, net, debug, admin, optimism ... are objects, their methods the node's.

    eth.get_balance("0x..") and eth.getBalance("0x..") are eth_getBalance; numbers in results are numbers, and may be given
    as such. chain.head, chain.safe and chain[7] are blocks, subscribe("newHeads") goes on for ever, call("eth_chainId") is
    JSON as it comes. Tab completes. With --exec, or when something is piped in, it runs a script: every expression's value is a
    line of JSON, and the first error ends it with exit code 1.
    Examples: lamina attach ./data/lamina.ipc; lamina attach http://127.0.0.1:8545 --exec "eth.block_number()";
    echo "chain.safe['number']" | lamina attach ws://127.0.0.1:8546
    """
    from node.console.link import Link
    from node.console.objects import names
    from node.console.session import run_script, run_terminal

    if target is not None and datadir is not None:
        raise ValueError("a node is named by its URL or socket, or by --datadir, not by both")
    link = Link(target or (_LOCAL if datadir is None else str(datadir / "lamina.ipc")))
    try:
        known = _answered(link, names)
        if execute is not None:
            run_script(execute, known, "--exec")
        elif not sys.stdin.isatty():
            run_script(sys.stdin.read(), known, "standard input")
        else:
            run_terminal(known, _banner(link, known))
    finally:
        link.close()


def _answered(link: "Link", names: Any) -> dict[str, Any]:
    from l1.rpc import RpcError

    try:
        found: dict[str, Any] = names(link)
    except RpcError as error:
        raise ValueError(f"{link.target} does not say what it offers: {error}") from error
    return found


def _banner(link: "Link", known: dict[str, Any]) -> str:
    client = known["web3"].client_version() if "web3" in known else "a node"
    lines = [f"{client} at {link.target}"]
    if "eth" in known:
        lines.append(f"chain {known['eth'].chain_id()}, head {known['eth'].block_number()}")
    lines.append(f"names: {', '.join(sorted(known))}")
    lines.append("eth lists its methods, eth.call says what it takes; Ctrl-D ends")
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(attach)
