"""`lamina batcher` and `lamina proposer`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from node.cli.node import L1ChainFile, RollupFile, run_until_stopped

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from node.rpc import Namespace


class PostingService(Protocol):
    """A role that posts to L1: `batcher.service.BatcherService`, `proposer.service.ProposerService` and others."""

    registry: "CollectorRegistry"

    async def start(self) -> None:
        """Begin to work."""

    async def stop(self) -> None:
        """End work and release everything."""

    async def health(self) -> tuple[bool, dict[str, object]]:
        """Whether it does its work, with facts."""


PrivateKey = Annotated[
    str | None,
    typer.Option(
        "--private-key", help="The account's key in hex (better: its environment variable).", show_default=False
    ),
]
PrivateKeyFile = Annotated[
    Path | None, typer.Option("--private-key.file", help="A file with the account's key in hex.")
]
RollupRpc = Annotated[str, typer.Option("--rollup-rpc", help="URL of the rollup node's optimism_ RPC.")]
RpcPort = Annotated[int, typer.Option("--rpc.port", help="Port of the admin_ RPC and /healthz (trusted callers).")]
MetricsPort = Annotated[int, typer.Option("--metrics.port", help="Prometheus and /healthz; -1 leaves it out.")]
PollInterval = Annotated[float, typer.Option("--poll-interval", help="Seconds between two rounds.")]
Budget = Annotated[float | None, typer.Option("--budget", help="The most ether that this process will ever spend.")]


def batcher(
    rollup_config: RollupFile,
    l1: Annotated[str, typer.Option("--l1-eth-rpc", help="URL of an L1 execution endpoint.")],
    l2: Annotated[str, typer.Option("--l2-eth-rpc", help="URL of the sequencer's execution RPC (debug_ enabled).")],
    rollup_rpc: RollupRpc,
    key: PrivateKey = None,
    key_file: PrivateKeyFile = None,
    l1_chain_config: L1ChainFile = None,
    data_availability_type: Annotated[
        str, typer.Option("--data-availability-type", help="blobs, calldata or auto.")
    ] = "blobs",
    batch_type: Annotated[int, typer.Option("--batch-type", help="0 singular, 1 span.")] = 1,
    compression_algo: Annotated[
        str, typer.Option("--compression-algo", help="zlib, brotli, brotli-9, -10 or -11.")
    ] = "brotli-10",
    target_num_frames: Annotated[int, typer.Option("--target-num-frames", help="Full blobs per channel.")] = 1,
    max_channel_duration: Annotated[
        int, typer.Option("--max-channel-duration", help="L1 blocks after which a channel is closed (0: when full).")
    ] = 0,
    sub_safety_margin: Annotated[
        int, typer.Option("--sub-safety-margin", help="L1 blocks kept before any deadline.")
    ] = 10,
    max_pending_tx: Annotated[int, typer.Option("--max-pending-tx", help="Transactions in flight at most.")] = 10,
    num_confirmations: Annotated[
        int, typer.Option("--num-confirmations", help="Blocks that confirm a transaction.")
    ] = 1,
    resubmission_timeout: Annotated[
        float, typer.Option("--resubmission-timeout", help="Seconds before a higher offer.")
    ] = 48.0,
    throttle_threshold: Annotated[
        int, typer.Option("--throttle-threshold", help="Backlog in bytes that slows the sequencer down (0: never).")
    ] = 1_000_000,
    stopped: Annotated[bool, typer.Option("--stopped", help="Wait for admin_startBatcher.")] = False,
    budget: Budget = None,
    poll_interval: PollInterval = 1.0,
    rpc_port: RpcPort = 8548,
    metrics_port: MetricsPort = -1,
) -> None:
    """Post the sequencer's blocks to L1.

    Example: LAMINA_BATCHER_KEY=0x.. lamina batcher --rollup.config rollup.json --l1-eth-rpc http://localhost:8540
    --l2-eth-rpc http://localhost:8545 --rollup-rpc http://localhost:9545
    """
    from batcher.service import BatcherConfig, BatcherService
    from batcher.settings import BatchType, ChannelSettings, DataAvailability, DriverSettings, ThrottleSettings
    from config.l1_chain import l1_chain_config as load_l1_chain
    from config.rollup import RollupConfig
    from config.types import Wei
    from derivation.codec import Compression
    from l1.txmgr import TxPolicy
    from node.batcher_rpc import BatcherAdmin
    from node.cli.keys import private_key

    algorithm, _, level = compression_algo.partition("-")
    compression = Compression(algorithm)
    default_level = 10 if compression is Compression.BROTLI else 9
    rollup = RollupConfig.load(rollup_config)
    config = BatcherConfig(
        l1_rpc=l1,
        l2_rpc=l2,
        rollup_rpc=rollup_rpc,
        signer=BatcherConfig.local_signer(private_key(key, key_file)),
        rollup=rollup,
        l1_chain=load_l1_chain(rollup.l1_chain_id, l1_chain_config),
        channels=ChannelSettings(
            batch_type=BatchType(batch_type),
            compression=compression,
            compression_level=int(level) if level else default_level,
            data_availability=DataAvailability(data_availability_type),
            target_blobs=target_num_frames,
            max_channel_duration=max_channel_duration,
            sub_safety_margin=sub_safety_margin,
        ),
        driver=DriverSettings(
            max_pending_transactions=max_pending_tx,
            poll_seconds=poll_interval,
            budget=None if budget is None else Wei(int(budget * 10**18)),
        ),
        throttle=ThrottleSettings(backlog_bytes=throttle_threshold) if throttle_threshold else None,
        tx_policy=TxPolicy(
            confirmations=num_confirmations,
            max_pending=max(max_pending_tx, 1),
            resubmission_timeout=resubmission_timeout,
            poll_interval=poll_interval,
        ),
        stopped=stopped,
    )
    service = BatcherService(config)
    serve(service, BatcherAdmin(service), rpc_port, metrics_port)


def proposer(
    rollup_config: RollupFile,
    l1: Annotated[str, typer.Option("--l1-eth-rpc", help="URL of an L1 execution endpoint.")],
    rollup_rpc: RollupRpc,
    game_factory_address: Annotated[str, typer.Option("--game-factory-address", help="DisputeGameFactory on L1.")],
    key: PrivateKey = None,
    key_file: PrivateKeyFile = None,
    game_type: Annotated[int, typer.Option("--game-type", help="The kind of game to open.")] = 0,
    proposal_interval: Annotated[int, typer.Option("--proposal-interval", help="Seconds between proposals.")] = 3600,
    allow_non_finalized: Annotated[
        bool, typer.Option("--allow-non-finalized", help="Propose safe blocks that are not finalized.")
    ] = False,
    stopped: Annotated[bool, typer.Option("--stopped", help="Wait for admin_startProposer.")] = False,
    budget: Budget = None,
    budget_period: Annotated[
        int | None, typer.Option("--budget-period", help="Seconds in which --budget may be spent, again and again.")
    ] = None,
    poll_interval: PollInterval = 6.0,
    rpc_port: RpcPort = 8560,
    metrics_port: MetricsPort = -1,
) -> None:
    """Claim output roots on L1 by opening dispute games; resolve them and claim bonds back.

    Example: LAMINA_PROPOSER_KEY=0x.. lamina proposer --rollup.config rollup.json --l1-eth-rpc http://localhost:8540
    --rollup-rpc http://localhost:9545 --game-factory-address 0x..
    """
    from config.rollup import RollupConfig
    from config.types import Wei, to_address
    from l1.txmgr import LocalSigner, TxPolicy
    from node.cli.keys import private_key
    from node.proposer_rpc import ProposerAdmin
    from proposer.service import ProposerConfig, ProposerService
    from proposer.settings import ProposerSettings

    service = ProposerService(
        ProposerConfig(
            l1_rpc=l1,
            rollup_rpc=rollup_rpc,
            l1_chain_id=RollupConfig.load(rollup_config).l1_chain_id,
            signer=LocalSigner(private_key(key, key_file)),
            settings=ProposerSettings(
                game_factory=to_address(game_factory_address),
                game_type=game_type,
                proposal_interval=proposal_interval,
                allow_non_finalized=allow_non_finalized,
                poll_seconds=poll_interval,
                budget=None if budget is None else Wei(int(budget * 10**18)),
                budget_period=budget_period,
            ),
            tx_policy=TxPolicy(poll_interval=min(poll_interval, 1.0)),
            stopped=stopped,
        )
    )
    serve(service, ProposerAdmin(service), rpc_port, metrics_port)


def serve(service: "PostingService", admin: "Namespace", rpc_port: int, metrics_port: int) -> None:
    """Run a role with its admin RPC and metrics until it is stopped."""
    from node.metrics import MetricsServer
    from node.rpc import Dispatcher, RpcServer, ServerOptions

    server = RpcServer(Dispatcher([admin]), ServerOptions(port=rpc_port), service.health)
    metrics = None if metrics_port < 0 else MetricsServer(service.registry, service.health, "127.0.0.1", metrics_port)

    async def start() -> Callable[[], Awaitable[None]]:
        await server.start()
        if metrics is not None:
            await metrics.start()
        await service.start()

        async def stop() -> None:
            await service.stop()
            await server.stop()
            if metrics is not None:
                await metrics.stop()

        return stop

    run_until_stopped(start, _for_ever)


async def _for_ever() -> None:
    import asyncio

    await asyncio.Event().wait()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(batcher)
    app.command()(proposer)
