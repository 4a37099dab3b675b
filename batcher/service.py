"""The batcher as a role of its own: everything it needs, from RPC endpoints and a key."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from batcher.budget import Budget
from batcher.driver import BatchSubmitter
from batcher.metrics import BatcherCollector
from batcher.ports import RemoteStore
from batcher.settings import ChannelSettings, DataAvailability, DriverSettings, ThrottleSettings
from batcher.source import L1HeadReader, MonotonicClock, RpcL2Source
from batcher.status import BatcherStatus
from batcher.throttle import Throttle, ThrottleStatus
from batcher.throttle_controllers import ControllerType, PidSettings
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from config.types import Address, to_hex
from l1.failover import FailoverRpc
from l1.kzg import KzgWorker
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from l1.txmgr import FeePolicy, LocalSigner, Signer, TxManager, TxPolicy

log = logging.getLogger("lamina.batcher")


@dataclass(frozen=True)
class BatcherConfig:
    """Where the batcher finds its node and L1, what it signs with, and how it behaves.

    `l1_rpcs` are execution endpoints of L1, the preferred one first. `l2_rpc` is the execution API, `rollup_rpc` the rollup
    API (`optimism_`); one URL can serve both. `throttle` None: the sequencer is never told to slow down. `remote`: keep the
    data there and post commitments. `stopped`: wait for `start_batcher` before posting. `drain_seconds` is the time that a
    stop may take to get on L1 what is loaded.
    """

    l1_rpcs: tuple[str, ...]
    l2_rpc: str
    rollup_rpc: str
    signer: Signer = field(repr=False)
    rollup: RollupConfig = field(repr=False)
    l1_chain: L1ChainConfig = field(repr=False)
    channels: ChannelSettings = field(default_factory=ChannelSettings)
    driver: DriverSettings = field(default_factory=DriverSettings)
    throttle: ThrottleSettings | None = None
    fees: FeePolicy = field(default_factory=FeePolicy)
    tx_policy: TxPolicy = field(default_factory=TxPolicy)
    remote: RemoteStore | None = None
    stopped: bool = False
    drain_seconds: float = 0.0

    @staticmethod
    def local_signer(private_key: bytes) -> Signer:
        """A signer that holds a 32-byte key in memory."""
        return LocalSigner(private_key)


class BatcherService:
    """Owns the connections and the posting loop. The admin methods are what `admin_` RPC methods call."""

    def __init__(self, config: BatcherConfig, kzg: KzgWorker | None = None) -> None:
        """`kzg` may be shared with other services; otherwise one is started and stopped here."""
        self._config = config
        self._own_kzg = kzg is None
        self._warming: asyncio.Task[None] | None = None
        self._kzg = kzg or KzgWorker()
        self._l1_rpc = FailoverRpc(config.l1_rpcs, config.rollup.l1_chain_id)
        self._l2_rpc = JsonRpcClient(config.l2_rpc)
        self._rollup_rpc = JsonRpcClient(config.rollup_rpc)
        fees = config.fees
        if config.driver.transaction_ceiling is not None:
            fees = replace(fees, max_cost=config.driver.transaction_ceiling)
        budget = Budget(config.driver.budget)
        self._sender = TxManager(
            self._l1_rpc,
            config.signer,
            config.rollup.l1_chain_id,
            kzg=self._kzg,
            l1_chain=config.l1_chain,
            fees=fees,
            policy=config.tx_policy,
            allowance=budget,
        )
        l2 = RpcL2Source(self._l2_rpc, self._rollup_rpc, config.rollup)
        self._submitter = BatchSubmitter(
            config.rollup,
            l2,
            L1HeadReader(
                L1Client(self._l1_rpc),
                config.l1_chain,
                fees,
                self._l1_rpc if config.channels.data_availability is DataAvailability.AUTO else None,
            ),
            self._sender,
            MonotonicClock(),
            channel_settings=config.channels,
            settings=config.driver,
            limiter=l2 if config.throttle else None,
            throttle_settings=config.throttle,
            remote=config.remote,
            leftovers=self._sender,
            budget=budget,
        )
        self.registry = CollectorRegistry()
        self.registry.register(BatcherCollector(self.status))

    @property
    def address(self) -> Address:
        """The account that posts."""
        return self._sender.address

    async def start(self) -> None:
        """Start posting, unless the configuration says to wait for `start_batcher`."""
        expected = self._config.rollup.genesis.system_config.batcher_address
        if self.address != expected:
            log.warning(
                "the batcher's account is %s, but the chain started with batcher %s: unless its SystemConfig was "
                "changed since, everything posted will be ignored",
                to_hex(self.address), to_hex(expected),
            )  # fmt: skip
        # The first blob would wait some seconds for the KZG setup otherwise.
        self._warming = asyncio.create_task(self._kzg.warm_up(), name="KZG setup")
        if not self._config.stopped:
            self._submitter.start()

    async def stop(self) -> None:
        """Stop posting and close all connections."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._submitter.stop(self._config.drain_seconds)
        await self._sender.close()
        for rpc in (self._l1_rpc, self._l2_rpc, self._rollup_rpc):
            await rpc.close()
        if self._config.remote is not None:
            await self._config.remote.close()
        if self._own_kzg:
            self._kzg.close()

    async def start_batcher(self) -> None:
        """Start the posting loop (`admin_startBatcher`). Raises RuntimeError when it runs already."""
        self._submitter.start()

    async def stop_batcher(self) -> None:
        """Stop the posting loop (`admin_stopBatcher`); the next start goes on from the safe head.

        Raises RuntimeError when it does not run.
        """
        self._require_running()
        await self._submitter.stop(self._config.drain_seconds)

    async def flush_batcher(self) -> None:
        """Close and post the open channel now (`admin_flushBatcher`). Raises RuntimeError when the loop does not run."""
        self._require_running()
        self._submitter.flush()

    def throttle_status(self) -> ThrottleStatus:
        """What the sequencer is told (`admin_getThrottleController`). Raises RuntimeError with throttling off."""
        return self._throttle().status

    def set_throttle_controller(self, kind: ControllerType, pid: PidSettings | None) -> None:
        """Change the controller (`admin_setThrottleController`). Raises RuntimeError with throttling off."""
        self._throttle().set_controller(kind, pid)

    def reset_throttle_controller(self) -> None:
        """Put it back into its first state (`admin_resetThrottleController`). Raises RuntimeError with throttling off."""
        self._throttle().reset()

    def _require_running(self) -> None:
        if not self._submitter.running:
            raise RuntimeError("the batcher is not running")

    def _throttle(self) -> Throttle:
        throttle = self._submitter.throttle
        if throttle is None:
            raise RuntimeError("throttling is off: start the batcher with a lower threshold above 0")
        return throttle

    async def batcher_status(self) -> dict[str, Any]:
        """The status as JSON (`admin_getBatcherStatus`)."""
        return self.status().to_json()

    def status(self) -> BatcherStatus:
        """What the batcher is doing now."""
        return self._submitter.status()

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether it does its work, with the facts: for `/healthz`. Stopped on request counts as healthy."""
        status = self.status()
        return status.halted_by is None, {
            "running": status.running,
            "haltedBy": status.halted_by,
            "waitingFor": status.waiting_for,
            "windowExpired": status.window_expired,
            "lastError": status.last_error,
            "safeL2": status.safe_l2.number if status.safe_l2 else None,
            "unsafeL2": status.unsafe_l2.number if status.unsafe_l2 else None,
            "pendingTransactions": status.pending_transactions,
        }

    def metrics_text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
