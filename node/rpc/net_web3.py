"""`net_` and `web3_`: who this is."""

from config.types import to_hex
from evm.types import keccak256
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.params import DataParam


class Net(Namespace):
    """The network. Spec: Ethereum execution APIs, "net"."""

    name = "net"

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id

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
        """Zero: blocks come from L1 and from the sequencer's feed, not from peers of this kind."""
        return "0x0"


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
