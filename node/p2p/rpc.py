"""`opp2p_`: the peers of a node, as op-node has them."""

from typing import Any

from config.errors import TemporaryError
from node.p2p.transport import Transport
from node.rpc import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.params import BoolParam, TextParam
from node.version import client_version


class OpP2p(Namespace):
    """Peers. What is not known here (ENR, latency, scores of requests) is empty or zero. Spec: op-node RPC, "opp2p"."""

    name = "opp2p"

    def __init__(self, transport: Transport | None, chain_id: int) -> None:
        """`transport` is None where the node takes no part in a network."""
        self._transport = transport
        self._chain_id = chain_id

    @rpc_method("self")
    async def about_self(self) -> dict[str, Any]:
        """The node itself, in the form of a peer."""
        found = await self._network()
        return {
            **self._peer_info({**found["self"], "topics": [0], "score": 0.0}),
            "userAgent": client_version(),
            "chainID": self._chain_id,
        }

    @rpc_method("peers")
    async def peers(self, connected: BoolParam = False) -> dict[str, Any]:
        """All peers with what is known of them; those that are not connected are not remembered, so `connected` changes
        nothing."""
        del connected
        found = await self._network()
        return {
            "totalConnected": len(found["peers"]),
            "peers": {name: self._peer_info(peer) for name, peer in found["peers"].items()},
            "bannedPeers": self._running.blocked,
            "bannedIPS": [],
            "bannedSubnets": [],
        }

    @rpc_method("peerStats")
    async def peer_stats(self) -> dict[str, int]:
        """How many peers there are: connected, listening to each block topic, blocked."""
        peers = (await self._network())["peers"].values()
        on = [sum(topic in peer["topics"] for peer in peers) for topic in range(4)]
        return {
            "connected": len(peers),
            "table": 0,
            "blocksTopic": on[0],
            "blocksTopicV2": on[1],
            "blocksTopicV3": on[2],
            "blocksTopicV4": on[3],
            "banned": len(self._running.blocked),
            "known": len(peers),
        }

    @rpc_method("peerCount")
    async def peer_count(self) -> dict[str, int | None]:
        """Peers by discovery, which there is none of, and by gossip, as kona-node counts them."""
        peers = (await self._network())["peers"].values()
        return {"connectedDiscovery": None, "connectedGossip": sum(bool(peer["topics"]) for peer in peers)}

    @rpc_method("discoveryTable")
    def discovery_table(self) -> list[str]:
        """Always an error: peers are given by the operator."""
        raise server_error("discovery disabled")

    @rpc_method("connectPeer")
    async def connect_peer(self, address: TextParam) -> None:
        """Dial a peer (`/ip4/10.0.0.1/tcp/9222/p2p/16Uiu2...`). Once: static peers alone are dialled again."""
        await self._call("connect", address)

    @rpc_method("disconnectPeer")
    async def disconnect_peer(self, peer: TextParam) -> None:
        """Close the connections to a peer."""
        await self._call("disconnect", peer)

    @rpc_method("blockPeer")
    async def block_peer(self, peer: TextParam) -> None:
        """Let a peer go, and not back in until the node is restarted."""
        await self._call("block", peer)

    @rpc_method("unblockPeer")
    async def unblock_peer(self, peer: TextParam) -> None:
        """Let a peer in again."""
        await self._call("unblock", peer)

    @rpc_method("listBlockedPeers")
    def list_blocked_peers(self) -> list[str]:
        """The peers that are blocked."""
        return self._running.blocked

    @property
    def _running(self) -> Transport:
        if self._transport is None:
            raise server_error("p2p is disabled: start the node with --p2p.listen.tcp")
        return self._transport

    async def _network(self) -> dict[str, Any]:
        try:
            return await self._running.peers()
        except TemporaryError as error:
            raise server_error(str(error)) from error

    async def _call(self, method: str, argument: str) -> None:
        try:
            await self._running.call(method, argument)
        except ValueError as error:
            raise invalid_params(str(error)) from error
        except TemporaryError as error:
            raise server_error(str(error)) from error

    def _peer_info(self, peer: dict[str, Any]) -> dict[str, Any]:
        return {
            "peerID": peer["peerID"],
            "nodeID": peer["nodeID"],
            "userAgent": "",
            "protocolVersion": "",
            "ENR": "",
            "addresses": peer["addresses"],
            "protocols": peer["protocols"],
            "connectedness": peer["connectedness"],
            "direction": peer["direction"],
            "protected": peer.get("static", False),
            "chainID": self._chain_id if peer["topics"] else 0,
            "latency": 0,
            "gossipBlocks": bool(peer["topics"]),
            "scores": {
                "gossip": {
                    "total": peer["score"],
                    "blocks": peer.get("blocks")
                    or dict.fromkeys(
                        (
                            "timeInMesh",
                            "firstMessageDeliveries",
                            "meshMessageDeliveries",
                            "invalidMessageDeliveries",
                        ),
                        0.0,
                    ),
                    "IPColocationFactor": 0.0,
                    "behavioralPenalty": peer.get("behaviour", 0.0),
                },
                "reqResp": {"validResponses": 0.0, "errorResponses": 0.0, "rejectedPayloads": 0.0},
            },
        }
