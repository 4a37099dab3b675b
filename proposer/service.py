"""The proposer as a role of its own: everything it needs, from RPC endpoints and a key."""

from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from config.types import Address
from l1.contract import error_name
from l1.failover import FailoverRpc
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from l1.txmgr import FeePolicy, Signer, TxManager, TxPolicy
from proposer.driver import OutputProposer
from proposer.metrics import ProposerCollector
from proposer.settings import ProposerSettings
from proposer.source import L1BlockReader, RpcRollupNode
from proposer.status import ProposerStatus


@dataclass(frozen=True)
class ProposerConfig:
    """Where the proposer finds its node and L1, what it signs with, and how it behaves.

    `l1_rpcs` are execution endpoints of L1, the preferred one first. `rollup_rpc` is the node's rollup API (`optimism_`);
    the node must keep safe head records (SafeDB). `stopped`: wait for `start_proposer` before proposing.
    """

    l1_rpcs: tuple[str, ...]
    rollup_rpc: str
    l1_chain_id: int
    signer: Signer = field(repr=False)
    settings: ProposerSettings
    fees: FeePolicy = field(default_factory=FeePolicy)
    tx_policy: TxPolicy = field(default_factory=TxPolicy)
    stopped: bool = False


class ProposerService:
    """Owns the connections and the proposing loop. The admin methods are what `admin_` RPC methods call."""

    def __init__(self, config: ProposerConfig) -> None:
        self._config = config
        self._l1_rpc = FailoverRpc(config.l1_rpcs, config.l1_chain_id)
        self._rollup_rpc = JsonRpcClient(config.rollup_rpc)
        fees = config.fees
        if config.settings.transaction_ceiling is not None:
            fees = replace(fees, max_cost=config.settings.transaction_ceiling)
        self._sender = TxManager(
            self._l1_rpc,
            config.signer,
            config.l1_chain_id,
            fees=fees,
            policy=config.tx_policy,
            error_names=error_name,
        )
        self._proposer = OutputProposer(
            RpcRollupNode(self._rollup_rpc),
            L1BlockReader(L1Client(self._l1_rpc)),
            self._l1_rpc,
            self._sender,
            self._sender.address,
            config.settings,
        )
        self.registry = CollectorRegistry()
        self.registry.register(ProposerCollector(self.status))

    @property
    def address(self) -> Address:
        """The account that proposes."""
        return self._sender.address

    async def start(self) -> None:
        """Start proposing, unless the configuration says to wait for `start_proposer`."""
        if not self._config.stopped:
            self._proposer.start()

    async def stop(self) -> None:
        """Stop proposing and close all connections."""
        await self._proposer.stop()
        await self._sender.close()
        await self._l1_rpc.close()
        await self._rollup_rpc.close()

    async def start_proposer(self) -> None:
        """Start the proposing loop (`admin_startProposer`). Raises RuntimeError when it runs already."""
        self._proposer.start()

    async def stop_proposer(self) -> None:
        """Stop the proposing loop (`admin_stopProposer`)."""
        await self._proposer.stop()

    async def proposer_status(self) -> dict[str, Any]:
        """The status as JSON (`admin_getProposerStatus`)."""
        return self.status().to_json()

    def status(self) -> ProposerStatus:
        """What the proposer is doing now."""
        return self._proposer.status()

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether it does its work, with the facts: for `/healthz`. Stopped on request counts as healthy."""
        status = self.status()
        return status.halted_by is None, {
            "running": status.running,
            "haltedBy": status.halted_by,
            "waitingFor": status.waiting_for,
            "lastError": status.last_error,
            "games": len(status.games),
        }

    def metrics_text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
