"""A node that derives its chain from L1 and may sequence it, and its servers."""

import asyncio
import logging
import time
from dataclasses import dataclass

from config.l1_chain import L1ChainConfig
from config.types import Address
from l1.kzg import KzgWorker
from node.alt_da.client import da_client
from node.l1_sources import L1Options, L1Sources
from node.l2_node import L2Node, L2NodeSettings
from node.metrics import node_metrics
from node.p2p.gossip import Gossip
from node.p2p.metrics import GossipCollector
from node.p2p.rpc import OpP2p
from node.p2p.settings import P2pSettings
from node.rollup.driver import RollupDriver
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import L1Heads
from node.rollup.l1_status_rpc import L1Status
from node.rollup.remote_inputs import FetchedInputs
from node.rollup.rpc import Rollup, RollupAdmin, RollupDebug
from node.rollup.safe_db import SafeDb
from node.rollup.sequencer import Sequencer, SequencerSettings
from node.rollup.stall import Cause, Stage, Stall
from node.rollup.why import HeadDoctor
from node.rollup.why_rpc import Lamina
from node.unsafe.feed import Feed
from node.unsafe.follower import FeedFollower
from node.unsafe.following import Following, UnsafeSource
from node.unsafe.intake import UnsafeIntake
from node.unsafe.rpc import UnsafeAdmin, UnsafeStatus
from node.unsafe.sealed import SealedPayloads
from node.unsafe.signer import UnsafeBlockSigner
from node.unsafe.validation import UnsafeBlock

log = logging.getLogger("lamina.node")

_KZG_DELAY = 3.0
"""Seconds after the start at which the KZG setup is loaded."""


@dataclass(frozen=True, kw_only=True)
class NodeSettings(L2NodeSettings):
    """Besides those of every node: where L1 is read, and what is made of it.

    `sequencer` is None for a node that only follows. `alt_da_server`: where a chain with `alt_da` keeps its data.
    `feeds`: WebSocket URLs of nodes whose unsafe blocks are followed. `sequencer_key` (32 bytes) signs sealed blocks;
    `unsafe_block_signer` is whose signature counts, instead of whom SystemConfig on L1 names. `p2p` is None for a node without
    peers.
    """

    l1_chain: L1ChainConfig
    l1: L1Options
    sequencer: SequencerSettings | None = None
    sequencer_stopped: bool = False
    l1_poll_interval: float = 1.0
    alt_da_server: str | None = None
    feeds: tuple[str, ...] = ()
    sequencer_key: bytes | None = None
    unsafe_block_signer: Address | None = None
    p2p: P2pSettings | None = None


class RollupNode(L2Node):
    """A node whose heads are L1's and its sequencer's."""

    doctor: HeadDoctor
    gossip: Gossip | None = None

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
        self.unsafe_signer = UnsafeBlockSigner(
            self.l1_sources.endpoints, self.heads, rollup.l1_system_config_address, settings.unsafe_block_signer
        )
        self.sealed: SealedPayloads | None = None
        if self.sequencer is not None and settings.sequencer_key is not None:
            self.sealed = SealedPayloads(rollup, settings.sequencer_key, self.sequencer, self.unsafe_signer)
        self.feed = Feed(rollup, chain, None if self.sealed is None else self.sealed.sign)
        if self.sealed is not None:
            self.sealed.on_signed(self.feed.publish)
        self.intake = UnsafeIntake(rollup, chain, self.driver, self.heads, l1, self.sequencer)
        self.intake.on_applied(self._pass_on)
        self.followers = [
            FeedFollower(url, rollup, chain, self.intake, self.unsafe_signer) for url in settings.feeds
        ]
        if settings.p2p is not None:
            self.gossip = Gossip(settings.p2p, rollup, chain, self.intake, self.unsafe_signer, time.time)
            if self.sealed is not None:
                self.sealed.on_signed(self.gossip.publish)
        self.doctor = HeadDoctor(rollup, chain, self.driver, self.heads, self.safe_db, self.sequencer, time.time)
        sources: list[UnsafeSource] = [*self.followers, *([] if self.gossip is None else [self.gossip])]
        self.doctor.follow(Following(chain, self.intake, sources, rollup.block_time, time.time))
        self.metrics = node_metrics(self)
        if self.gossip is not None:
            self.metrics.registry.register(GossipCollector(self.gossip))
        self._make_servers(
            [
                Rollup(rollup, chain, self.driver, self.heads, self.safe_db, self.intake),
                RollupAdmin(self.driver, self.sequencer),
                UnsafeAdmin(rollup, self.intake),
                UnsafeStatus(self.intake, self.unsafe_signer, self.followers),
                self.feed,
                OpP2p(None if self.gossip is None else self.gossip.transport, rollup.l2_chain_id),
                L1Status(self.l1_sources),
                Lamina(self.doctor),
            ],
            # `debug` is public by default; what of it moves the head is not.
            [RollupDebug(chain, self.driver, self.sequencer)],
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
            or (self.intake.halted.text if self.intake.halted else None)
            or (sequencer.halted_by if sequencer else None),
            "feeds": {follower.name: follower.error or "connected" for follower in self.followers},
            "gossip": None if self.gossip is None else self.gossip.error or "connected",
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
        self._spawn(self.intake.run(), "intake of unsafe blocks")
        if not self.unsafe_signer.is_fixed and (self.followers or self.sealed is not None or self.gossip is not None):
            self._spawn(self.unsafe_signer.run(), "unsafe block signer")
        if self.gossip is not None:
            self._spawn(self.gossip.transport.run(), "gossip")
            self._spawn(self.gossip.catch_up.run(), "blocks of peers")
        for follower in self.followers:
            self._spawn(follower.run(), f"feed {follower.name}")
        self._warming = asyncio.create_task(self._warm_up(), name="KZG setup")
        rollup_url = None if self.rollup_rpc is None else self.rollup_rpc.url
        log.info(
            "node serves", extra={"http": self.http.url, "rollup": rollup_url, "head": str(self.execution.chain.head)}
        )

    def _peer_count(self) -> int:
        return 0 if self.gossip is None else len(self.gossip.transport.connected)

    def _pass_on(self, block: UnsafeBlock) -> None:
        if block.signed is not None:
            self.feed.publish(block.signed)
            if self.gossip is not None:
                self.gossip.publish(block.signed)

    def _on_disagreement(self, reason: str) -> None:
        self.disagreement = self.doctor.disagreement = reason
        self.intake.halt(Stall(Cause.ENGINES_DISAGREE, Stage.ENGINE, reason))
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
