"""A node that derives its chain from L1 and may sequence it, and its servers."""

import asyncio
import logging
import time
from dataclasses import dataclass

from config.l1_chain import L1ChainConfig
from l1.kzg import KzgWorker
from node.alt_da.client import da_client
from node.l1_sources import L1Options, L1Sources
from node.l2_node import L2Node, L2NodeSettings
from node.metrics import node_metrics
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

log = logging.getLogger("lamina.node")

_KZG_DELAY = 3.0
"""Seconds after the start at which the KZG setup is loaded."""


@dataclass(frozen=True, kw_only=True)
class NodeSettings(L2NodeSettings):
    """Besides those of every node: where L1 is read, and what is made of it.

    `sequencer` is None for a node that only follows. `alt_da_server`: where a chain with `alt_da` keeps its data.
    """

    l1_chain: L1ChainConfig
    l1: L1Options
    sequencer: SequencerSettings | None = None
    sequencer_stopped: bool = False
    l1_poll_interval: float = 1.0
    alt_da_server: str | None = None


class RollupNode(L2Node):
    """A node whose heads are L1's and its sequencer's."""

    doctor: HeadDoctor

    def __init__(self, settings: NodeSettings) -> None:
        """Opens the store. Raises CriticalError when it holds no chain of this rollup."""
        rollup = settings.rollup
        self._da_client = da_client(rollup, settings.alt_da_server)
        super().__init__(settings, journal=settings.sequencer is not None)
        self._kzg = KzgWorker()
        self.l1_sources = L1Sources(settings.l1, rollup.l1_chain_id, settings.datadir / "blobs", self._kzg)
        l1, chain = self.l1_sources.reader, self.execution.chain
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
        self.metrics = node_metrics(self)
        self._make_servers(
            [
                Rollup(rollup, chain, self.driver, self.heads, self.safe_db),
                RollupAdmin(self.driver, self.sequencer),
                L1Status(self.l1_sources),
                Lamina(self.doctor),
            ]
        )
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
        await super().start()
        self._spawn(self.heads.run(), "L1 heads")
        self._spawn(self.l1_sources.watch(), "L1 beacon nodes")
        self._spawn(self.driver.run(), "derivation")
        if self.sequencer is not None:
            self._spawn(self.sequencer.run(), "sequencer")
        self._warming = asyncio.create_task(self._warm_up(), name="KZG setup")
        rollup_url = None if self.rollup_rpc is None else self.rollup_rpc.url
        log.info(
            "node serves", extra={"http": self.http.url, "rollup": rollup_url, "head": str(self.execution.chain.head)}
        )

    def _on_disagreement(self, reason: str) -> None:
        self.disagreement = self.doctor.disagreement = reason
        if self.sequencer is not None:
            self.sequencer.halt(reason)

    async def _warm_up(self) -> None:
        """Load the KZG setup before the first blob needs it, but not while everything else starts."""
        await asyncio.sleep(_KZG_DELAY)
        await self._kzg.warm_up()

    async def _release(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self.l1_sources.close()
        if self._da_client is not None:
            await self._da_client.close()
        self._kzg.close()
