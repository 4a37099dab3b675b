"""The execution side of a node: chain, pool and the JSON-RPC namespaces over them. Serves the L2 node and the dev L1."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.engine_mode import EngineMode
from evm.engine.choice import make_engine
from evm.native.codecs import fastlz_length
from evm.native.senders import recover_senders
from evm.rules import L2Rules, Rules
from evm.simulation.request import ETHEREUM_SLOT
from evm.store.kv import KeyValueStore
from evm.store.memory import CacheSizes
from evm.store.state import StateStore
from evm.types import Header
from l1.rpc import RpcCaller
from node.chain import Chain
from node.chain.pruning import Pruner
from node.mempool import Journal, PoolLimits, SidecarStore, TransactionPool
from node.mempool.chain_view import ChainHeadView, ChainPoolRules
from node.rpc import Namespace
from node.rpc.eth_blocks import SyncProgress, fully_synced
from node.rpc.eth_execution import earliest_next
from node.rpc.net_web3 import no_peers
from node.rpc.standard import NodeOptions, standard_namespaces
from node.version import client_version


@dataclass(frozen=True)
class ExecutionOptions:
    """`datadir` is named in RPC answers and holds the pool's journal if `journal` is set.

    `engine`: what makes blocks of an L2 chain; blocks that two engines disagree about are kept in `datadir`.
    `caches` bounds memory. `state_window`: how many blocks' states are kept behind the head; None for all.
    """

    datadir: Path
    journal: bool = False
    pool: PoolLimits = field(default_factory=PoolLimits)
    engine: EngineMode = EngineMode.BOTH
    caches: CacheSizes = field(default_factory=CacheSizes.of)
    state_window: int | None = None


class Execution:
    """A chain with its pool; `namespaces` are ready for dispatchers."""

    def __init__(
        self,
        kv: KeyValueStore,
        rules: Rules,
        options: ExecutionOptions,
        *,
        sidecars: SidecarStore | None = None,
        sequencer: RpcCaller | None = None,
        sync_progress: SyncProgress = fully_synced,
        next_timestamp: Callable[[Header], int] = earliest_next,
        peer_count: Callable[[], int] = no_peers,
        block_time: int = ETHEREUM_SLOT,
    ) -> None:
        """`sequencer`: where a node that does not sequence forwards transactions. `next_timestamp`: the time of the
        block after a head. `peer_count` backs `net_peerCount`. `block_time`: the usual seconds between blocks.

        Raises CriticalError when the store holds no chain, or a damaged one.
        """
        self.chain = Chain(kv, rules, StateStore(kv, options.caches))
        if isinstance(rules, L2Rules):
            self.chain.engine = make_engine(
                options.engine,
                rules,
                self.chain.state,
                self.chain,
                options.datadir / "disagreements",
                options.caches.native,
            )
        # Where py-evm leads it must not depend on what the other engine says of a sender or a size.
        native = options.engine is EngineMode.NATIVE and isinstance(rules, L2Rules)
        self.pruner = None if options.state_window is None else Pruner(self.chain, options.state_window)
        self.pool = TransactionPool(
            ChainHeadView(self.chain),
            ChainPoolRules(self.chain, fastlz_length if native else None),
            time.monotonic,
            options.pool,
            sidecars,
            Journal(options.datadir / "transactions.journal") if options.journal else None,
        )
        self.namespaces: Sequence[Namespace] = standard_namespaces(
            self.chain,
            self.pool,
            time.monotonic,
            NodeOptions(
                client_version=client_version(),
                datadir=options.datadir,
                sequencer=sequencer,
                sidecars=sidecars,
                recover=recover_senders if native else None,
                sync_progress=sync_progress,
                next_timestamp=next_timestamp,
                peer_count=peer_count,
                block_time=block_time,
                state_window=options.state_window,
            ),
        )
        self.pool.load_journal()

    def start(self) -> None:
        """Begin to prune old states, if any are to be."""
        if self.pruner is not None:
            self.pruner.start()

    def close(self) -> None:
        """Write the journal and release the store."""
        if self.pruner is not None:
            self.pruner.stop()
        self.pool.close()
        self.chain.kv.close()
