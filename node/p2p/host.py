"""The libp2p host: TCP, noise, yamux, a secp256k1 identity; streams and peers as the process needs them.

Spec: op rollup-node-p2p, "LibP2P".
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from libp2p import new_host
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.crypto.secp256k1 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo, info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from multiaddr import Multiaddr

from evm.types import keccak256
from node.p2p.settings import Setup

StreamHandler = Callable[[str, INetStream], Awaitable[None]]
STREAM_ERRORS = (BaseLibp2pError, trio.BrokenResourceError, trio.ClosedResourceError, OSError)
"""What a stream or a dial ends with when the peer or the way to it is gone."""

_READ_BYTES = 1 << 16
DIAL_SECONDS, STREAM_SECONDS = 15.0, 5.0
_DIRECTIONS = {"inbound": 1, "outbound": 2}
"""As go-libp2p numbers them; 0 is unknown."""


class Host:
    """A libp2p host; peers are their ids as text. `connected` and `disconnected` are told of peers, the first connection
    and the last one's end."""

    def __init__(self, setup: Setup, connected: Callable[[str], None], disconnected: Callable[[str], None]) -> None:
        pair = create_new_key_pair(bytes.fromhex(setup.key))
        self._listen = [Multiaddr(f"/{_family(setup.listen_ip)}/{setup.listen_ip}/tcp/{setup.port}")]
        announced = None
        if setup.advertise_ip is not None:
            announced = [Multiaddr(f"/{_family(setup.advertise_ip)}/{setup.advertise_ip}/tcp/{setup.port}")]
        noise = NoiseTransport(pair, noise_privkey=create_noise_key().private_key)
        self._host = new_host(
            key_pair=pair,
            muxer_preference="YAMUX",
            sec_opt={NOISE: noise},
            listen_addrs=self._listen,
            announce_addrs=announced,
            disable_identify_address_discovery=True,
        )
        self.id = self._host.get_id().to_base58()
        self._host.get_network().register_notifee(_Notifee(self, connected, disconnected))

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Listen and work within the context."""
        async with self._host.run(listen_addrs=self._listen):
            yield

    @property
    def addresses(self) -> list[str]:
        """Where it can be reached, with its id at the end."""
        return [str(address) for address in self._host.get_addrs()]

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        """Give `handler` the streams that peers open for a protocol, with the peer's id."""

        async def handle(stream: INetStream) -> None:
            await handler(stream.muxed_conn.peer_id.to_base58(), stream)

        self._host.set_stream_handler(TProtocol(protocol), handle)

    async def open(self, peer: str, protocols: list[str]) -> INetStream:
        """A new stream to a peer that is connected. Raises one of STREAM_ERRORS."""
        with trio.move_on_after(STREAM_SECONDS):
            return await self._host.new_stream(ID.from_base58(peer), [TProtocol(one) for one in protocols])
        raise OSError(f"peer {peer} did not open a stream within {STREAM_SECONDS:.0f} s")

    async def connect(self, address: str) -> None:
        """Dial an address with a peer id at its end. Raises ValueError when it is none, or one of STREAM_ERRORS."""
        info = parse_address(address)
        with trio.move_on_after(DIAL_SECONDS):
            await self._host.connect(info)
            return
        raise OSError(f"{address} did not answer within {DIAL_SECONDS:.0f} s")

    async def disconnect(self, peer: str) -> None:
        """Close all connections to a peer."""
        await self._host.get_network().close_peer(ID.from_base58(peer))

    @property
    def peers(self) -> list[str]:
        """Who is connected."""
        connections = self._host.get_network().get_connections_map()
        return [peer.to_base58() for peer, open_ones in connections.items() if open_ones]

    def is_connected(self, peer: str) -> bool:
        """Whether there is a connection to a peer."""
        return bool(self._host.get_network().get_connections(ID.from_base58(peer)))

    def describe(self, peer: str) -> dict[str, Any]:
        """What is known of a peer, in the words of op-node's API."""
        ident = ID.from_base58(peer)
        store = self._host.get_peerstore()
        known = ident in store.peer_ids()
        connections = self._host.get_network().get_connections(ident)
        direction = str(getattr(connections[0], "direction", "")).lower().rpartition(".")[2] if connections else ""
        return {
            "peerID": peer,
            "nodeID": _node_id(ident),
            "addresses": [f"{_bare(address)}/p2p/{peer}" for address in (store.addrs(ident) if known else [])],
            "protocols": sorted(store.get_protocols(ident)) if known else [],
            "connectedness": int(bool(connections)),
            "direction": _DIRECTIONS.get(direction, 0),
        }


class StreamReader:
    """Reads a stream in pieces of what has come, not byte by byte."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream
        self._rest = bytearray()

    async def exactly(self, count: int) -> bytes:
        """The next bytes. Raises one of STREAM_ERRORS when the stream ends before."""
        while len(self._rest) < count:
            await self._more()
        data = bytes(self._rest[:count])
        del self._rest[:count]
        return data

    async def delimited(self, most: int) -> bytes:
        """The next message that has its length, a varint, in front. Raises ValueError when it is larger than `most`."""
        length = 0
        for index in range(5):
            byte = (await self.exactly(1))[0]
            length |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                break
        else:
            raise ValueError("a length has more than five bytes")
        if length > most:
            raise ValueError(f"a message of {length} bytes is announced, at most {most} may be")
        return await self.exactly(length)

    async def rest(self, most: int) -> bytes:
        """All up to the end of the stream. Raises ValueError when that is more than `most` bytes."""
        while len(self._rest) <= most:
            try:
                await self._more()
            except STREAM_ERRORS as error:
                if type(error).__name__ != "StreamEOF":
                    raise
                return bytes(self._rest)
        raise ValueError(f"an answer of more than {most} bytes came")

    async def _more(self) -> None:
        data = await self._stream.read(_READ_BYTES)
        if not data:
            raise trio.BrokenResourceError
        self._rest += data


class _Notifee(INotifee):  # type: ignore[misc]  # libp2p need not be there for the types to be checked
    def __init__(self, host: Host, connected: Callable[[str], None], disconnected: Callable[[str], None]) -> None:
        self._host = host
        self._connected = connected
        self._disconnected = disconnected

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        self._connected(conn.muxed_conn.peer_id.to_base58())

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id.to_base58()
        if not self._host.is_connected(peer):
            self._disconnected(peer)

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        pass

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        pass

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        pass

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        pass


def parse_address(address: str) -> PeerInfo:
    """A multiaddress with a peer id at its end. Raises ValueError when it is none."""
    try:
        return info_from_p2p_addr(Multiaddr(address))
    # multiaddr and libp2p have an error class for each way to be wrong, without a common base.
    except Exception as error:
        raise ValueError(
            f"{address} is no address of a peer (/ip4/10.0.0.1/tcp/9222/p2p/16Uiu2...): {error}"
        ) from error


def check_peer(peer: str) -> str:
    """A peer's id. Raises ValueError when it is none."""
    try:
        data = ID.from_base58(peer).to_bytes()
    except ValueError as error:
        raise ValueError(f"{peer} is no peer id: {error}") from error
    # A multihash: of a hash with SHA-256, or of a key as it is.
    if len(data) < 2 or data[0] not in (0x00, 0x12) or len(data) != data[1] + 2:
        raise ValueError(f"{peer} is no peer id")
    return peer


def _node_id(peer: ID) -> str:
    """The id that discv5 knows the peer by; empty when its key is not secp256k1."""
    public = peer.extract_public_key()
    impl = getattr(public, "impl", None)
    if impl is None or not hasattr(impl, "format"):
        return ""
    return bytes(keccak256(impl.format(compressed=False)[1:])).hex()


def _bare(address: Multiaddr) -> str:
    return str(address).partition("/p2p/")[0]


def _family(ip: str) -> str:
    return "ip6" if ":" in ip else "ip4"
