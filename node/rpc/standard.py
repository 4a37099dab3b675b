"""Puts together the namespaces that every execution node offers: the L2 node and the dev L1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evm.simulation.request import ETHEREUM_SLOT
from evm.types import Header
from l1.rpc import RpcCaller
from node.chain import Chain
from node.mempool import SidecarStore, TransactionPool
from node.rpc.blocks import BlockFinder
from node.rpc.debug import Debug
from node.rpc.debug_db import DebugDb
from node.rpc.debug_storage import DebugStorage
from node.rpc.debug_trace import DebugTrace
from node.rpc.debug_witness import DebugWitness
from node.rpc.dispatcher import Namespace
from node.rpc.eth_blocks import EthBlocks, SyncProgress, fully_synced
from node.rpc.eth_config import EthConfig
from node.rpc.eth_execution import EthExecution, earliest_next
from node.rpc.eth_fees import EthFees
from node.rpc.eth_fill import EthFill
from node.rpc.eth_filters import EthFilters
from node.rpc.eth_simulation import EthSimulation
from node.rpc.eth_state import EthState
from node.rpc.eth_submission import EthSubmission, SubmissionOptions
from node.rpc.eth_subscriptions import EthSubscriptions
from node.rpc.eth_transactions import EthTransactions
from node.rpc.fee_oracle import MINIMUM_TIP, FeeOracle
from node.rpc.filters import FilterManager
from node.rpc.logs import LogLimits, LogSearch
from node.rpc.miner_admin import AdminInfo, Miner
from node.rpc.net_web3 import Net, Web3, no_peers
from node.rpc.ots import ErigonHeaders, Otterscan
from node.rpc.ots_search import OtterscanSearch
from node.rpc.replays import Replays
from node.rpc.trace import Trace
from node.rpc.txpool import TxPool
from node.rpc.workers import CallWorkers, ExecutionLimits


@dataclass(frozen=True)
class NodeOptions:
    """What differs between nodes.

    `sequencer`: where to forward transactions. `sidecars`: where blobs go, on a chain that has them. `sync_progress`
    backs `eth_syncing`. `minimum_tip` (wei per gas) is suggested while blocks have room. `next_timestamp` tells the time
    of the block after a head, `block_time` the seconds between blocks that name no time. `peer_count` backs `net_peerCount`.
    `recover` finds the senders of many transactions at once (`EthSubmission`). `state_window`: how many blocks' states are
    kept; None for all.
    """

    client_version: str
    datadir: Path
    sequencer: RpcCaller | None = None
    sidecars: SidecarStore | None = None
    recover: Callable[[Sequence[bytes]], bytes] | None = None
    sync_progress: SyncProgress = fully_synced
    minimum_tip: int = MINIMUM_TIP
    next_timestamp: Callable[[Header], int] = earliest_next
    peer_count: Callable[[], int] = no_peers
    block_time: int = ETHEREUM_SLOT
    state_window: int | None = None
    execution: ExecutionLimits = field(default_factory=ExecutionLimits)
    submission: SubmissionOptions = field(default_factory=SubmissionOptions)
    logs: LogLimits = field(default_factory=LogLimits)


def standard_namespaces(
    chain: Chain, pool: TransactionPool, clock: Callable[[], float], options: NodeOptions
) -> list[Namespace]:
    """eth, net, web3, txpool, debug, trace, ots, erigon, miner and admin over one chain and its pool.

    `clock` gives seconds (monotonic). Call it once per chain: filters and subscriptions listen to chain and pool from
    then on. Several dispatchers can share the result.
    """
    blocks = BlockFinder(chain)
    transactions = EthTransactions(chain, blocks, pool)
    search = LogSearch(chain, blocks, options.logs)
    oracle = FeeOracle(chain, options.minimum_tip)
    workers = CallWorkers(options.execution)
    replays = Replays(chain, workers)
    execution = EthExecution(chain, blocks, workers, options.next_timestamp)
    return [
        EthBlocks(chain, blocks, options.sync_progress, options.state_window),
        EthFill(chain, oracle, execution, pool),
        EthConfig(chain),
        EthState(blocks, pool),
        transactions,
        EthSubmission(
            chain, pool, transactions, options.sequencer, options.sidecars, options.submission, options.recover
        ),
        execution,
        EthSimulation(chain, blocks, workers, options.block_time),
        EthFees(blocks, oracle),
        EthFilters(search, FilterManager(chain, pool, clock)),
        EthSubscriptions(chain, pool, options.sync_progress, options.logs),
        Net(chain.rules.chain_id, options.peer_count),
        Web3(options.client_version),
        TxPool(pool),
        Debug(blocks, transactions),
        DebugTrace(chain, blocks, replays),
        DebugWitness(chain, blocks, workers),
        DebugDb(chain.state),
        DebugStorage(chain, blocks, replays),
        Trace(chain, blocks, replays),
        Otterscan(chain, blocks, replays),
        OtterscanSearch(chain, blocks, replays),
        ErigonHeaders(blocks),
        Miner(pool),
        AdminInfo(chain, options.client_version, options.datadir),
    ]
