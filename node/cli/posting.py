"""`lamina batcher` and `lamina proposer`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from node.cli.keys import KeystoreFile, PasswordFile
from node.cli.node import AltDaServer, L1ChainFile, RollupFile, run_until_stopped

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from derivation.codec import Compression
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
L1Rpcs = Annotated[
    list[str],
    typer.Option("--l1-eth-rpc", help="URL of an L1 execution endpoint; repeat for more, the preferred one first."),
]
RollupRpc = Annotated[str, typer.Option("--rollup-rpc", help="URL of the rollup node's optimism_ RPC.")]
RpcPort = Annotated[int, typer.Option("--rpc.port", help="Port of the admin_ RPC and /healthz (trusted callers).")]
MetricsPort = Annotated[int, typer.Option("--metrics.port", help="Prometheus and /healthz; -1 leaves it out.")]
PollInterval = Annotated[float, typer.Option("--poll-interval", help="Seconds between two rounds.")]
Budget = Annotated[float | None, typer.Option("--budget", help="The most ether that this process will ever spend.", min=0)]


def batcher(
    rollup_config: RollupFile,
    l1: L1Rpcs,
    l2: Annotated[str, typer.Option("--l2-eth-rpc", help="URL of the sequencer's execution RPC (debug_ enabled).")],
    rollup_rpc: RollupRpc,
    key: PrivateKey = None,
    key_file: PrivateKeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    l1_chain_config: L1ChainFile = None,
    data_availability_type: Annotated[
        str, typer.Option("--data-availability-type", help="blobs, calldata or auto (what is cheaper).")
    ] = "blobs",
    batch_type: Annotated[int, typer.Option("--batch-type", help="0 singular, 1 span.")] = 1,
    compression_algo: Annotated[
        str, typer.Option("--compression-algo", help="zlib, brotli, brotli-9, -10 or -11.")
    ] = "brotli-10",
    target_num_frames: Annotated[int, typer.Option("--target-num-frames", help="Full blobs per channel.")] = 1,
    blobs_per_tx: Annotated[int, typer.Option("--blobs-per-tx", help="Blobs per L1 transaction at most (1 to 6).")] = 6,
    max_l1_tx_size: Annotated[
        int, typer.Option("--max-l1-tx-size-bytes", help="Bytes of calldata per L1 transaction at most.")
    ] = 120_000,
    max_channel_duration: Annotated[
        int, typer.Option("--max-channel-duration", help="L1 blocks after which a channel is closed (0: when full).")
    ] = 0,
    sub_safety_margin: Annotated[
        int, typer.Option("--sub-safety-margin", help="L1 blocks kept before any deadline.")
    ] = 10,
    span_blocks: Annotated[
        int, typer.Option("--max-blocks-per-span-batch", help="L2 blocks per span batch at most (0: no limit).")
    ] = 0,
    max_pending_tx: Annotated[int, typer.Option("--max-pending-tx", help="Transactions in flight at most.")] = 10,
    num_confirmations: Annotated[
        int, typer.Option("--num-confirmations", help="Blocks that confirm a transaction.")
    ] = 1,
    resubmission_timeout: Annotated[
        float, typer.Option("--resubmission-timeout", help="Seconds before a higher offer.")
    ] = 48.0,
    send_timeout: Annotated[
        float,
        typer.Option("--txmgr.send-timeout", help="Seconds until one at a fee ceiling is cancelled (0: it waits)."),
    ] = 600.0,
    min_tip: Annotated[float, typer.Option("--txmgr.min-tip-cap", help="The least tip offered, in gwei.")] = 1.0,
    max_tip: Annotated[float, typer.Option("--txmgr.max-tip-cap", help="The highest tip offered, in gwei.")] = 100.0,
    max_fee: Annotated[
        float, typer.Option("--txmgr.max-fee-cap", help="The highest price per gas offered, in gwei.")
    ] = 500.0,
    max_blob_fee: Annotated[
        float, typer.Option("--txmgr.max-blob-fee-cap", help="The highest price per blob gas offered, in gwei.")
    ] = 1000.0,
    wait_node_sync: Annotated[
        bool,
        typer.Option(help="At the start, wait until the node has derived L1: what is there is not posted again."),
    ] = True,
    throttle_controller: Annotated[
        str, typer.Option("--throttle.controller-type", help="step, linear, quadratic or pid.")
    ] = "quadratic",
    throttle_lower: Annotated[
        int,
        typer.Option(
            "--throttle.unsafe-da-bytes-lower-threshold",
            help="Bytes still to be posted above which the sequencer is slowed down (0: never).",
        ),
    ] = 3_200_000,
    throttle_upper: Annotated[
        int,
        typer.Option(
            "--throttle.unsafe-da-bytes-upper-threshold", help="Bytes still to be posted at which it is slowest."
        ),
    ] = 12_800_000,
    throttle_tx_lower: Annotated[
        int,
        typer.Option("--throttle.tx-size-lower-limit", help="Bytes per transaction at full intensity (0: no limit)."),
    ] = 150,
    throttle_tx_upper: Annotated[
        int, typer.Option("--throttle.tx-size-upper-limit", help="Bytes per transaction at hardly any intensity.")
    ] = 20_000,
    throttle_block_lower: Annotated[
        int, typer.Option("--throttle.block-size-lower-limit", help="Bytes per block at full intensity (0: no limit).")
    ] = 2_000,
    throttle_block_upper: Annotated[
        int, typer.Option("--throttle.block-size-upper-limit", help="Bytes per block otherwise.")
    ] = 130_000,
    pid_kp: Annotated[float, typer.Option("--throttle.pid-kp", help="Proportional gain.")] = 0.33,
    pid_ki: Annotated[float, typer.Option("--throttle.pid-ki", help="Integral gain.")] = 0.01,
    pid_kd: Annotated[float, typer.Option("--throttle.pid-kd", help="Derivative gain.")] = 0.05,
    pid_integral_max: Annotated[
        float, typer.Option("--throttle.pid-integral-max", help="Bound of the integral.")
    ] = 1000.0,
    pid_output_max: Annotated[float, typer.Option("--throttle.pid-output-max", help="The highest intensity.")] = 1.0,
    pid_sample_time: Annotated[float, typer.Option("--throttle.pid-sample-time", help="Seconds per step.")] = 2.0,
    alt_da_server: AltDaServer = None,
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
    from batcher.throttle_controllers import ControllerType, PidSettings
    from config.l1_chain import l1_chain_config as load_l1_chain
    from config.rollup import RollupConfig
    from config.types import Wei
    from l1.fees import GWEI, FeePolicy
    from l1.txmgr import TxPolicy
    from node.alt_da.client import da_client
    from node.batcher_rpc import BatcherAdmin
    from node.cli.keys import private_key

    compression, level = _compression(compression_algo)
    rollup = RollupConfig.load(rollup_config)
    throttle = ThrottleSettings(
        controller=ControllerType(throttle_controller),
        lower_threshold=throttle_lower,
        upper_threshold=throttle_upper,
        tx_size_lower_limit=throttle_tx_lower,
        tx_size_upper_limit=throttle_tx_upper,
        block_size_lower_limit=throttle_block_lower,
        block_size_upper_limit=throttle_block_upper,
        pid=PidSettings(pid_kp, pid_ki, pid_kd, pid_integral_max, pid_output_max, pid_sample_time),
    )
    config = BatcherConfig(
        l1_rpcs=tuple(l1),
        l2_rpc=l2,
        rollup_rpc=rollup_rpc,
        signer=BatcherConfig.local_signer(private_key(key, key_file, keystore, password)),
        rollup=rollup,
        l1_chain=load_l1_chain(rollup.l1_chain_id, l1_chain_config),
        channels=ChannelSettings(
            batch_type=BatchType(batch_type),
            compression=compression,
            compression_level=level,
            data_availability=DataAvailability(data_availability_type),
            target_blobs=target_num_frames,
            blobs_per_transaction=blobs_per_tx,
            max_l1_tx_bytes=max_l1_tx_size,
            max_channel_duration=max_channel_duration,
            sub_safety_margin=sub_safety_margin,
            max_blocks_per_span_batch=span_blocks,
        ),
        driver=DriverSettings(
            max_pending_transactions=max_pending_tx,
            poll_seconds=poll_interval,
            budget=None if budget is None else Wei(int(budget * 10**18)),
            wait_node_sync=wait_node_sync,
        ),
        throttle=throttle if throttle_lower else None,
        fees=FeePolicy(
            min_tip=int(min_tip * GWEI),
            max_tip=int(max_tip * GWEI),
            max_fee=int(max_fee * GWEI),
            max_blob_fee=int(max_blob_fee * GWEI),
        ),
        tx_policy=TxPolicy(
            confirmations=num_confirmations,
            max_pending=max(max_pending_tx, 1),
            resubmission_timeout=resubmission_timeout,
            poll_interval=poll_interval,
            give_up_after=send_timeout or None,
        ),
        remote=da_client(rollup, alt_da_server),
        stopped=stopped,
    )
    service = BatcherService(config)
    serve(service, BatcherAdmin(service), rpc_port, metrics_port)


def _compression(name: str) -> "tuple[Compression, int]":
    """The algorithm and level that `--compression-algo` names. Raises ValueError listing what there is."""
    from derivation.codec import Compression

    known = {
        "zlib": (Compression.ZLIB, 9),
        "brotli": (Compression.BROTLI, 10),
        "brotli-9": (Compression.BROTLI, 9),
        "brotli-10": (Compression.BROTLI, 10),
        "brotli-11": (Compression.BROTLI, 11),
    }
    if name not in known:
        raise ValueError(f"unknown compression {name!r}: --compression-algo is one of {', '.join(known)}")
    return known[name]


def proposer(
    rollup_config: RollupFile,
    l1: L1Rpcs,
    rollup_rpc: RollupRpc,
    game_factory_address: Annotated[str, typer.Option("--game-factory-address", help="DisputeGameFactory on L1.")],
    key: PrivateKey = None,
    key_file: PrivateKeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
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
            l1_rpcs=tuple(l1),
            rollup_rpc=rollup_rpc,
            l1_chain_id=RollupConfig.load(rollup_config).l1_chain_id,
            signer=LocalSigner(private_key(key, key_file, keystore, password)),
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
