"""`net_` and `web3_`: who this is."""

from collections.abc import Callable

from config.types import to_hex
from evm.types import keccak256
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.params import DataParam


def no_peers() -> int:
    """The number of peers of a node that has none."""
    return 0


class Net(Namespace):
    """The network. Spec: Ethereum execution APIs, "net"."""

    name = "net"

    def __init__(self, chain_id: int, peers: Callable[[], int] = no_peers) -> None:
        """`peers` counts those that are connected."""
        self._chain_id = chain_id
        self._peers = peers

    @rpc_method("version")
    def version(self) -> str:
        """The network id, which equals the chain id, in decimal."""
        return str(self._chain_id)

    @rpc_method("listening")
    def listening(self) -> bool:
        """True: this answer proves it."""
        return True

    @rpc_method("peerCount")
    def peer_count(self) -> str:
        """How many peers are connected. Without `--p2p.listen.tcp` there are none: blocks come from L1 and from feeds."""
        return hex(self._peers())


class Web3(Namespace):
    """The client. Spec: Ethereum execution APIs, "web3"."""

    name = "web3"

    def __init__(self, client_version: str) -> None:
        self._client_version = client_version

    @rpc_method("clientVersion")
    def client_version(self) -> str:
        """Name and version, e.g. `lamina/0.1.0`."""
        return self._client_version

    @rpc_method("sha3")
    def sha3(self, data: DataParam) -> str:
        """keccak256 of the bytes."""
        return to_hex(keccak256(data))
