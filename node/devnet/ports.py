"""Free ports, and a clear word when a wanted one is taken."""

import socket
from dataclasses import fields

from config.errors import CriticalError
from node.devnet.settings import Ports


def resolve_ports(wanted: Ports) -> Ports:
    """The same ports with free ones for zeros. Raises CriticalError naming those that are taken."""
    chosen: dict[str, int] = {}
    sockets: list[socket.socket] = []
    taken: list[str] = []
    try:
        for item in fields(Ports):
            port = getattr(wanted, item.name)
            probe = socket.socket()
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sockets.append(probe)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(f"{item.name.replace('_', ' ')} {port}")
                continue
            chosen[item.name] = probe.getsockname()[1]
    finally:
        for probe in sockets:
            probe.close()
    if taken:
        raise CriticalError(
            f"ports are taken: {', '.join(taken)}. Another devnet may run: stop it, or choose other ports "
            "(--http.port and so on; 0 picks a free one)"
        )
    return Ports(**chosen)
