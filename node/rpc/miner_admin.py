"""`miner_` and the part of `admin_` that every node has."""

from pathlib import Path
from typing import Any

from config.types import to_hex
from node.chain import Chain
from node.mempool import TransactionPool
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.params import Uint64Param


class Miner(Namespace):
    """What a batcher sets when data availability is scarce. Not for the public: enable it on a trusted port."""

    name = "miner"

    def __init__(self, pool: TransactionPool) -> None:
        self._pool = pool

    @rpc_method("setMaxDASize")
    def set_max_da_size(self, transaction: Uint64Param, block: Uint64Param) -> bool:
        """Limit estimated compressed bytes per transaction and per block; 0 lifts a limit. Spec: op-geth."""
        self._pool.da_limits.transaction = transaction or None
        self._pool.da_limits.block = block or None
        return True


class AdminInfo(Namespace):
    """Facts about the node. Further `admin_` methods (starting and stopping the sequencer, say) are other classes."""

    name = "admin"

    def __init__(self, chain: Chain, client_version: str, datadir: Path) -> None:
        self._chain = chain
        self._client_version = client_version
        self._datadir = datadir

    @rpc_method("datadir")
    def data_directory(self) -> str:
        """Where the node keeps its data."""
        return str(self._datadir)

    @rpc_method("nodeInfo")
    def node_info(self) -> dict[str, Any]:
        """Client and chain."""
        return {
            "name": self._client_version,
            "protocols": {
                "eth": {
                    "network": self._chain.rules.chain_id,
                    "genesis": to_hex(self._chain.genesis.hash),
                    "head": to_hex(self._chain.head.hash),
                }
            },
        }
