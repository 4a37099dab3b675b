"""The challenger as a role of its own: everything it needs, from RPC endpoints and a key."""

from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from config.types import Address
from faultproof.challenger.driver import Challenger
from faultproof.challenger.metrics import ChallengerCollector
from faultproof.challenger.programs import Programs
from faultproof.challenger.settings import ChallengerSettings
from faultproof.challenger.source import L1BlockReader, RpcRollupNode
from faultproof.challenger.status import ChallengerStatus
from l1.contract import error_name
from l1.failover import FailoverRpc
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from l1.txmgr import FeePolicy, Signer, TxManager, TxPolicy


@dataclass(frozen=True)
class ChallengerConfig:
    """Where the challenger finds its node and L1, what it signs with, what it can run, and how it behaves.

    `l1_rpcs` are execution endpoints of L1, the preferred one first. `rollup_rpc` is the node's rollup API (`optimism_`),
    `l2_rpc` its execution API; the node must keep safe head records (SafeDB). `stopped`: wait for `start_challenger`.
    """

    l1_rpcs: tuple[str, ...]
    rollup_rpc: str
    l2_rpc: str
    l1_chain_id: int
    signer: Signer = field(repr=False)
    settings: ChallengerSettings
    programs: Programs
    fees: FeePolicy = field(default_factory=FeePolicy)
    tx_policy: TxPolicy = field(default_factory=TxPolicy)
    stopped: bool = False


class ChallengerService:
    """Owns the connections and the loop. The admin methods are what `admin_` RPC methods call."""

    def __init__(self, config: ChallengerConfig) -> None:
        self._config = config
        self._l1_rpc = FailoverRpc(config.l1_rpcs, config.l1_chain_id)
        self._rollup_rpc = JsonRpcClient(config.rollup_rpc)
        self._l2_rpc = JsonRpcClient(config.l2_rpc)
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
        self._challenger = Challenger(
            RpcRollupNode(self._rollup_rpc, self._l2_rpc),
            L1BlockReader(L1Client(self._l1_rpc)),
            self._l1_rpc,
            self._sender,
            self._sender.address,
            config.programs,
            config.settings,
        )
        self.registry = CollectorRegistry()
        self.registry.register(ChallengerCollector(self.status))

    @property
    def address(self) -> Address:
        """The account that plays."""
        return self._sender.address

    async def start(self) -> None:
        """Start playing, unless the configuration says to wait for `start_challenger`."""
        if not self._config.stopped:
            self._challenger.start()

    async def stop(self) -> None:
        """Stop playing and close all connections."""
        await self._challenger.stop()
        await self._sender.close()
        for rpc in (self._l1_rpc, self._rollup_rpc, self._l2_rpc):
            await rpc.close()

    async def start_challenger(self) -> None:
        """Start the loop (`admin_startChallenger`). Raises RuntimeError when it runs already."""
        self._challenger.start()

    async def stop_challenger(self) -> None:
        """Stop the loop (`admin_stopChallenger`)."""
        await self._challenger.stop()

    async def challenger_status(self) -> dict[str, Any]:
        """The status as JSON (`admin_getChallengerStatus`)."""
        return self.status().to_json()

    def status(self) -> ChallengerStatus:
        """What the challenger is doing now."""
        return self._challenger.status()

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether it does its work, with the facts: for `/healthz`. Stopped on request counts as healthy."""
        status = self.status()
        problems = [f"{game}: {game.problem}" for game in status.games if game.problem is not None]
        return status.halted_by is None, {
            "running": status.running,
            "haltedBy": status.halted_by,
            "lastError": status.last_error,
            "shortOf": status.short_of,
            "problems": problems,
            "games": len(status.games),
        }

    def metrics_text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
