"""A rollup node: execution, derivation, optionally sequencing, and its servers."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import CriticalError
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from evm.engine.native_led import NativeLedEngine
from evm.rules import L2Rules
from evm.store.kv import LevelDbStore
from l1.kzg import KzgWorker
from l1.rpc import JsonRpcClient
from node.alt_da.client import da_client
from node.execution import Execution, ExecutionOptions
from node.l1_sources import L1Options, L1Sources
from node.metrics import MetricsServer, node_metrics
from node.recheck import Recheck
from node.rollup.driver import RollupDriver
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import L1Heads
from node.rollup.l1_status_rpc import L1Status
from node.rollup.remote_inputs import FetchedInputs
from node.rollup.rpc import Rollup, RollupAdmin
from node.rollup.safe_db import SafeDb
from node.rollup.sequencer import Sequencer, SequencerSettings
from node.rollup.why import HeadDoctor
from node.rollup.why_rpc import Lamina
from node.rpc import Dispatcher, RpcServer, ServerOptions

log = logging.getLogger("lamina.node")

_KZG_DELAY = 3.0
"""Seconds after the start at which the KZG setup is loaded."""

PUBLIC_NAMESPACES = ("eth", "net", "web3", "txpool", "debug", "trace", "ots", "erigon")


@dataclass(frozen=True)
class NodeSettings:
    """A node's settings. Port 0 picks a free port; a port of None leaves that server out.

    `sequencer` is None for a node that only follows. `sequencer_http`: where it forwards transactions. `alt_da_server`: where
    a chain with `alt_da` keeps its data.
    """

    datadir: Path
    rollup: RollupConfig
    l1_chain: L1ChainConfig
    l1: L1Options
    sequencer: SequencerSettings | None = None
    sequencer_stopped: bool = False
    sequencer_http: str | None = None
    host: str = "127.0.0.1"
    http_port: int = 8545
    http_api: Sequence[str] = PUBLIC_NAMESPACES
    ws_port: int | None = 8546
    rollup_port: int = 9545
    metrics_port: int | None = None
    l1_poll_interval: float = 1.0
    alt_da_server: str | None = None
    cors_origins: tuple[str, ...] = ()
    virtual_hosts: tuple[str, ...] = ("localhost",)
    execution: ExecutionOptions | None = None


class RollupNode:
    """Everything of one node. `start` serves and works; `wait` ends when a part of it had to stop."""

    def __init__(self, settings: NodeSettings) -> None:
        """Opens the store. Raises CriticalError when it holds no chain of this rollup."""
        self.settings = settings
        rollup = settings.rollup
        self._da_client = da_client(rollup, settings.alt_da_server)
        self._kzg = KzgWorker()
        self.l1_sources = L1Sources(settings.l1, rollup.l1_chain_id, settings.datadir / "blobs", self._kzg)
        l1 = self.l1_sources.reader
        self._sequencer_rpc = JsonRpcClient(settings.sequencer_http) if settings.sequencer_http else None
        options = settings.execution or ExecutionOptions(settings.datadir, journal=settings.sequencer is not None)
        self.kv = LevelDbStore(settings.datadir / "chaindata", options.caches)
        self.execution = Execution(
            self.kv,
            L2Rules(rollup),
            options,
            sequencer=self._sequencer_rpc,
            next_timestamp=lambda head: head.timestamp + rollup.block_time,
            block_time=rollup.block_time,
        )
        chain = self.execution.chain
        if chain.genesis.hash != rollup.genesis.l2.hash:
            self.execution.close()
            raise CriticalError(
                f"the chain in {settings.datadir} starts at {chain.genesis}, the rollup config at "
                f"{rollup.genesis.l2}: use the directory or the file that belongs to the other"
            )
        self.disagreement: str | None = None
        """Why blocks of the native engine are not believed any more."""
        self.safe_db = SafeDb(self.kv)
        self.heads = L1Heads(l1, settings.l1_poll_interval)
        remote = None if self._da_client is None else FetchedInputs(self._da_client)
        self.data = L1Data(l1, self.l1_sources.beacon, self.heads, remote)
        self.driver = RollupDriver(rollup, settings.l1_chain, chain, l1, self.data, self.heads, self.safe_db)
        self.sequencer: Sequencer | None = None
        if settings.sequencer is not None:
            self.sequencer = Sequencer(
                rollup,
                settings.l1_chain,
                chain,
                self.execution.pool,
                self.data,
                self.heads,
                self.driver,
                settings.sequencer,
                active=not settings.sequencer_stopped,
            )
        self.doctor = HeadDoctor(rollup, chain, self.driver, self.heads, self.safe_db, self.sequencer, time.time)
        self.recheck: Recheck | None = None
        if isinstance(chain.engine, NativeLedEngine):
            self.recheck = Recheck(chain, rollup, settings.datadir / "disagreements", self._on_disagreement)
        self.metrics = node_metrics(self)
        rollup_namespaces = [
            Rollup(rollup, chain, self.driver, self.heads, self.safe_db),
            RollupAdmin(self.driver, self.sequencer),
            L1Status(self.l1_sources),
            Lamina(self.doctor),
        ]
        observe = self.metrics.observe_rpc
        public = Dispatcher(
            [*self.execution.namespaces, *rollup_namespaces], enabled=settings.http_api, observe=observe
        )
        internal = Dispatcher([*self.execution.namespaces, *rollup_namespaces], observe=observe)

        def server(dispatcher: Dispatcher, port: int, **options: Any) -> RpcServer:
            return RpcServer(
                dispatcher,
                ServerOptions(
                    host=settings.host,
                    port=port,
                    cors_origins=settings.cors_origins,
                    virtual_hosts=settings.virtual_hosts,
                    **options,
                ),
                self.health,
            )

        self.http = server(public, settings.http_port)
        self.ws = None if settings.ws_port is None else server(public, settings.ws_port)
        self.rollup_rpc = server(internal, settings.rollup_port)
        self._metrics_server = (
            None
            if settings.metrics_port is None
            else MetricsServer(self.metrics.registry, self.health, settings.host, settings.metrics_port)
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._warming: asyncio.Task[None] | None = None

    async def health(self) -> tuple[bool, dict[str, object]]:
        """Healthy means: nothing has stopped for good, and L1 answers."""
        sequencer = self.sequencer
        facts: dict[str, object] = {
            "unsafe": self.execution.chain.head.number,
            "safe": self.execution.chain.safe.number,
            "finalized": self.execution.chain.finalized.number,
            "waitingFor": self.driver.status.waiting_for,
            "lastError": self.driver.status.last_error or self.heads.error,
            "l1Endpoints": {f"{status.kind} {status.name}": status.state for status in self.l1_sources.status()},
            "pruningStopped": self.execution.pruner.error if self.execution.pruner else None,
            "haltedBy": self.driver.status.halted_by
            or self.disagreement
            or (sequencer.halted_by if sequencer else None),
            "stuck": {report.head: report.text for report in self.doctor.all() if not report.is_healthy},
        }
        return facts["haltedBy"] is None and self.heads.error is None, facts

    async def start(self) -> None:
        """Serve, and begin to follow L1. Raises OSError when a port is taken."""
        self.execution.start()
        await self.http.start()
        if self.ws is not None:
            await self.ws.start()
        await self.rollup_rpc.start()
        if self._metrics_server is not None:
            await self._metrics_server.start()
        self._spawn(self.heads.run(), "L1 heads")
        self._spawn(self.l1_sources.watch(), "L1 beacon nodes")
        self._spawn(self.driver.run(), "derivation")
        if self.sequencer is not None:
            self._spawn(self.sequencer.run(), "sequencer")
        if self.recheck is not None:
            self._spawn(self._run_recheck(self.recheck), "check of native blocks")
        self._spawn(self._expire(), "pool")
        self._spawn(self.doctor.watch(asyncio.sleep), "watch over the heads")
        self._warming = asyncio.create_task(self._warm_up(), name="KZG setup")
        log.info(
            "node serves",
            extra={"http": self.http.url, "rollup": self.rollup_rpc.url, "head": str(self.execution.chain.head)},
        )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _on_disagreement(self, reason: str) -> None:
        self.disagreement = self.doctor.disagreement = reason
        if self.sequencer is not None:
            self.sequencer.halt(reason)

    async def _run_recheck(self, recheck: Recheck) -> None:
        try:
            await recheck.run()
        except CriticalError as error:
            log.critical("blocks are not made any more: %s", error)

    async def _warm_up(self) -> None:
        """Load the KZG setup before the first blob needs it, but not while everything else starts."""
        await asyncio.sleep(_KZG_DELAY)
        await self._kzg.warm_up()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(60)
            self.execution.pool.expire()

    async def wait(self) -> None:
        """Run until stopped. A task that failed with an unexpected error ends the node with that error; one that stopped
        on purpose (halted) leaves the node serving reads."""
        pending = set(self._tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
                log.error("%s has stopped; the node goes on serving what it has", task.get_name())

    async def stop(self) -> None:
        """Stop all work and release everything."""
        working = [*self._tasks, *([self._warming] if self._warming is not None else [])]
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        servers = [self.http, self.rollup_rpc, *([self.ws] if self.ws else [])]
        for server in servers:
            await server.stop()
        if self._metrics_server is not None:
            await self._metrics_server.stop()
        await self.l1_sources.close()
        if self._da_client is not None:
            await self._da_client.close()
        if self._sequencer_rpc is not None:
            await self._sequencer_rpc.close()
        self._kzg.close()
        self.execution.close()
