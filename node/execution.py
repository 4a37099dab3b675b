"""The execution side of a node: chain, pool and the JSON-RPC namespaces over them. Serves the L2 node and the dev L1."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evm.rules import Rules
from evm.store.kv import KeyValueStore
from evm.store.state import StateStore
from l1.rpc import RpcCaller
from node.chain import Chain
from node.cli.info import client_version
from node.mempool import Journal, PoolLimits, SidecarStore, TransactionPool
from node.mempool.chain_view import ChainHeadView, ChainPoolRules
from node.rpc import Namespace
from node.rpc.api import ApiOptions, execution_namespaces


@dataclass(frozen=True)
class ExecutionOptions:
    """`journal`: file that local transactions survive a restart in. `sequencer`: where to forward transactions."""

    pool: PoolLimits = field(default_factory=PoolLimits)
    journal: Path | None = None
    state_cache_bytes: int = 128 << 20
    api: ApiOptions = field(default_factory=ApiOptions)


class Execution:
    """A chain with its pool; `namespaces` are ready for a dispatcher."""

    def __init__(
        self,
        kv: KeyValueStore,
        rules: Rules,
        options: ExecutionOptions,
        *,
        sidecars: SidecarStore | None = None,
        sequencer: RpcCaller | None = None,
    ) -> None:
        """Raises CriticalError when the store holds no chain, or a damaged one."""
        self.chain = Chain(kv, rules, StateStore(kv, node_cache_bytes=options.state_cache_bytes))
        self.pool = TransactionPool(
            ChainHeadView(self.chain),
            ChainPoolRules(self.chain),
            time.monotonic,
            options.pool,
            sidecars,
            Journal(options.journal) if options.journal is not None else None,
        )
        self.namespaces: Sequence[Namespace] = execution_namespaces(
            self.chain,
            self.pool,
            options.api,
            client_version=client_version(),
            sequencer=sequencer,
            sidecars=sidecars,
        )
        self.pool.load_journal()

    def close(self) -> None:
        """Write the journal and release the store."""
        self.pool.close()
        self.chain.kv.close()
