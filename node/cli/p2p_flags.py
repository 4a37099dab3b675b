"""The flags of the peer-to-peer network; names are op-node's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from node.p2p.settings import P2pSettings

P2pListenPort = Annotated[
    int | None,
    typer.Option(
        "--p2p.listen.tcp",
        help="TCP port of libp2p (0: a free one). Given, or with --p2p.static, blocks are gossiped; needs lamina[p2p].",
        show_default=False,
        min=0,
        max=65535,
    ),
]
P2pListenIp = Annotated[str, typer.Option("--p2p.listen.ip", help="Address that libp2p listens on.")]
P2pAdvertiseIp = Annotated[
    str | None,
    typer.Option(
        "--p2p.advertise.ip", help="Address that peers are told, where it is another one.", show_default=False
    ),
]
P2pStatic = Annotated[
    list[str] | None,
    typer.Option(
        "--p2p.static",
        help="Peer to stay connected to, /ip4/10.0.0.1/tcp/9222/p2p/16Uiu2...; repeat for more. There is no discovery.",
        show_default=False,
    ),
]
P2pKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--p2p.priv.path",
        help="File with the key of the network identity (hex), made if it is not there. Default: in the data directory.",
        show_default=False,
    ),
]


def p2p_settings(
    datadir: Path,
    port: int | None,
    listen_ip: str,
    advertise_ip: str | None,
    static: Sequence[str] | None,
    key: Path | None,
) -> "P2pSettings | None":
    """The flags as settings; None where nothing asks for peers. Peers may also come as one value, separated by commas.

    Raises typer.BadParameter when a peer's address is none.
    """
    from node.p2p.settings import DEFAULT_PORT, KEY_FILE, P2pSettings

    peers = tuple(part.strip() for value in static or () for part in value.split(",") if part.strip())
    if port is None and not peers:
        return None
    try:
        return P2pSettings(
            key=key or datadir / KEY_FILE,
            listen_ip=listen_ip,
            port=DEFAULT_PORT if port is None else port,
            advertise_ip=advertise_ip,
            static=peers,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
