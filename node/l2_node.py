"""What every node of a rollup has, whoever moves its heads: execution, pool, servers, metrics, tasks."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from config.errors import CriticalError
from config.rollup import RollupConfig
from evm.engine.native_led import NativeLedEngine
from evm.rules import L2Rules
from evm.store.kv import LevelDbStore
from l1.rpc import JsonRpcClient
from node.execution import Execution, ExecutionOptions
from node.metrics import MetricsServer, NodeMetrics
from node.recheck import Recheck
from node.rollup.head_report import HeadReports, watch_heads
from node.rpc import Dispatcher, IpcServer, Namespace, RpcServer, ServerOptions

log = logging.getLogger("lamina.node")

_Server = TypeVar("_Server", RpcServer, IpcServer)

PUBLIC_NAMESPACES = ("eth", "net", "web3", "txpool", "debug", "trace", "ots", "erigon", "feed")


@dataclass(frozen=True, kw_only=True)
class L2NodeSettings:
    """A node's settings. Port 0 picks a free port; a port of None leaves that server out.

    `sequencer_http`: where the node forwards transactions. `rollup_port`: where trusted callers find all namespaces; `ipc_path`:
    the Unix socket where programs of the same user do.
    """

    datadir: Path
    rollup: RollupConfig
    sequencer_http: str | None = None
    host: str = "127.0.0.1"
    http_port: int = 8545
    http_api: Sequence[str] = PUBLIC_NAMESPACES
    ws_port: int | None = 8546
    rollup_port: int | None = 9545
    ipc_path: Path | None = None
    metrics_port: int | None = None
    cors_origins: tuple[str, ...] = ()
    virtual_hosts: tuple[str, ...] = ("localhost",)
    execution: ExecutionOptions | None = None


class L2Node(ABC):
    """Everything of one node but what moves its heads. `start` serves and works; `wait` ends when a part had to stop."""

    metrics: NodeMetrics
    doctor: HeadReports

    def __init__(self, settings: L2NodeSettings, *, journal: bool) -> None:
        """Opens the store; `journal`: the pool outlives the process. Raises CriticalError when it holds no chain of this
        rollup."""
        rollup = settings.rollup
        self.settings = settings
        self._sequencer_rpc = JsonRpcClient(settings.sequencer_http) if settings.sequencer_http else None
        options = settings.execution or ExecutionOptions(settings.datadir, journal=journal)
        self.kv = LevelDbStore(settings.datadir / "chaindata", options.caches)
        self.execution = Execution(
            self.kv,
            L2Rules(rollup),
            options,
            sequencer=self._sequencer_rpc,
            next_timestamp=lambda head: head.timestamp + rollup.block_time,
            peer_count=self._peer_count,
            block_time=rollup.block_time,
        )
        chain = self.execution.chain
        if chain.genesis.hash != rollup.genesis.l2.hash:
            self.execution.close()
            raise CriticalError(
                f"the chain in {settings.datadir} starts at {chain.genesis}, the rollup config at "
                f"{rollup.genesis.l2}: use the directory or the file that belongs to the other"
            )
        self.recheck: Recheck | None = None
        if isinstance(chain.engine, NativeLedEngine):
            self.recheck = Recheck(chain, rollup, settings.datadir / "disagreements", self._on_disagreement)
        self._servers: list[RpcServer | IpcServer] = []
        self._metrics_server: MetricsServer | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    async def health(self) -> tuple[bool, dict[str, object]]:
        """Whether the node can do its work, and the facts that say why."""

    def _peer_count(self) -> int:
        """How many nodes this one is connected to."""
        return 0

    @abstractmethod
    def _on_disagreement(self, reason: str) -> None:
        """The engines differ about a canonical block."""

    def _make_servers(self, namespaces: Sequence[Namespace], trusted: Sequence[Namespace] = ()) -> None:
        """The public servers, those for trusted callers, who have the `trusted` namespaces, too, and the metrics page; `metrics`
        is there already."""
        settings, observe = self.settings, self.metrics.observe_rpc
        every = [*self.execution.namespaces, *namespaces]
        there = {namespace.name for namespace in every}
        # The default names what a node of another kind has, too.
        offered = [name for name in settings.http_api if name in there or name not in PUBLIC_NAMESPACES]
        public = Dispatcher(every, enabled=offered, observe=observe)
        self.http = self._server(public, settings.http_port)
        self.ws = None if settings.ws_port is None else self._server(public, settings.ws_port)
        internal = Dispatcher([*every, *trusted], observe=observe)
        self.rollup_rpc = None if settings.rollup_port is None else self._server(internal, settings.rollup_port)
        self.ipc = None if settings.ipc_path is None else self._add_server(IpcServer(internal, settings.ipc_path))
        if settings.metrics_port is not None:
            self._metrics_server = MetricsServer(
                self.metrics.registry, self.health, settings.host, settings.metrics_port
            )

    def _server(self, dispatcher: Dispatcher, port: int) -> RpcServer:
        settings = self.settings
        return self._add_server(
            RpcServer(
                dispatcher,
                ServerOptions(
                    host=settings.host,
                    port=port,
                    cors_origins=settings.cors_origins,
                    virtual_hosts=settings.virtual_hosts,
                ),
                self.health,
            )
        )

    def _add_server(self, server: _Server) -> _Server:
        self._servers.append(server)
        return server

    async def start(self) -> None:
        """Serve, and begin to work. Raises OSError when a port is taken."""
        self.execution.start()
        for server in self._servers:
            await server.start()
        if self._metrics_server is not None:
            await self._metrics_server.start()
        if self.recheck is not None:
            self._spawn(self._run_recheck(self.recheck), "check of native blocks")
        self._spawn(self._expire(), "pool")
        self._spawn(watch_heads(self.doctor, asyncio.sleep), "watch over the heads")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _run_recheck(self, recheck: Recheck) -> None:
        try:
            await recheck.run()
        except CriticalError as error:
            log.critical("blocks are not made any more: %s", error)

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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.stop()
        if self._metrics_server is not None:
            await self._metrics_server.stop()
        await self._release()
        if self._sequencer_rpc is not None:
            await self._sequencer_rpc.close()
        self.execution.close()

    @abstractmethod
    async def _release(self) -> None:
        """Release what this kind of node has besides."""
