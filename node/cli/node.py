"""`lamina init` and `lamina node`; `lamina devl1` runs the embedded L1 of a devnet."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from config.engine_mode import EngineMode
from node.cli.authrpc_flags import (
    SECRET_FILE,
    AuthAddress,
    AuthHosts,
    AuthPort,
    AuthSecret,
    given_flags,
    is_driven,
)
from node.cli.l1_flags import (
    ARCHIVE_MEGABYTES,
    BATCH_SIZE,
    CONCURRENCY,
    TIMEOUT,
    L1ArchiveSize,
    L1BatchSize,
    L1BeaconFallbacks,
    L1BeaconsIfAny,
    L1BlobDirectory,
    L1Concurrency,
    L1Quorum,
    L1RateLimit,
    L1Timeout,
    L1UrlsIfAny,
    l1_options,
)
from node.cli.p2p_flags import P2pAdvertiseIp, P2pKeyFile, P2pListenIp, P2pListenPort, P2pStatic, p2p_settings
from node.devnet.supervisor import SUPERVISED

log = logging.getLogger("lamina.node")

DataDir = Annotated[Path, typer.Option("--datadir", help="Directory of the chain data.")]
RollupFile = Annotated[Path, typer.Option("--rollup.config", help="rollup.json, as op-node reads it.")]
RollupFileOrNone = Annotated[
    Path | None, typer.Option("--rollup.config", help="rollup.json of the chain, as op-node reads it.")
]
L1ChainFile = Annotated[
    Path | None,
    typer.Option(
        "--l1.chain-config", help="Genesis config of L1, with its blob schedule; needed for chains not built in."
    ),
]

AltDaServer = Annotated[
    str | None,
    typer.Option(
        "--altda.da-server", help="URL of the DA server, for a chain that keeps its data outside L1 (alt_da)."
    ),
]

Engine = Annotated[
    EngineMode,
    typer.Option("--engine", help="What makes blocks: py-evm checked by the native engine, or one of them alone."),
]


def run_until_stopped(
    start: Callable[[], Awaitable[Callable[[], Awaitable[None]]]], wait: Callable[[], Awaitable[None]]
) -> None:
    """Run a service on uvloop until it ends, or SIGINT or SIGTERM asks it to. `start` answers how to stop it."""
    import uvloop

    async def body() -> None:
        stop_asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop_asked.set)
        if os.environ.get(SUPERVISED) == "1":
            _stop_with_supervisor(loop, stop_asked)
        stop = await start()
        waiting = asyncio.ensure_future(wait())
        asked = asyncio.ensure_future(stop_asked.wait())
        try:
            await asyncio.wait((waiting, asked), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
        finally:
            waiting.cancel()
            asked.cancel()
            await asyncio.gather(waiting, asked, return_exceptions=True)
            await stop()

    uvloop.run(body())


def _stop_with_supervisor(loop: asyncio.AbstractEventLoop, stop_asked: asyncio.Event) -> None:
    # Whatever way the supervisor ends, kill -9 included, its end of the pipe at our standard input is closed.
    def look() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop_asked.set()

    loop.add_reader(0, look)


def init(
    genesis: Annotated[Path, typer.Option("--genesis", help="Genesis document of the chain (geth's genesis.json).")],
    datadir: DataDir,
    rollup_config: RollupFileOrNone = None,
    l1_chain_config: L1ChainFile = None,
) -> None:
    """Write the genesis of a chain into an empty data directory.

    With --l1.chain-config instead of --rollup.config it is a chain of Ethereum's rules, to import blocks into.
    Examples: lamina init --genesis genesis.json --rollup.config rollup.json --datadir ./data;
    lamina init --genesis genesis.json --l1.chain-config genesis.json --datadir ./l1
    """
    from config.genesis import load_genesis
    from config.l1_chain import L1ChainConfig
    from config.rollup import RollupConfig
    from config.types import short
    from evm.genesis import genesis_block
    from evm.store.kv import LevelDbStore
    from node.chain import Chain

    rollup = None if rollup_config is None else RollupConfig.load(rollup_config)
    l1_chain = None if l1_chain_config is None else L1ChainConfig.load(l1_chain_config)
    if (rollup is None) == (l1_chain is None):
        raise ValueError("say what chain it is: --rollup.config, or --l1.chain-config for one of Ethereum's rules")
    forks = l1_chain if rollup is None else rollup.forks
    assert forks is not None
    block, update = genesis_block(load_genesis(genesis), forks)
    if rollup is not None and block.hash != rollup.genesis.l2.hash:
        raise ValueError(
            f"{genesis} gives the genesis block {short(block.hash)}, but {rollup_config} names {rollup.genesis.l2}: "
            "the two files belong to different chains"
        )
    kv = LevelDbStore(datadir / "chaindata")
    try:
        new = Chain.initialise(kv, block, update)
    finally:
        kv.close()
    print(f"{'wrote' if new else 'found'} genesis {short(block.hash)} in {datadir}")


def node(
    context: typer.Context,
    rollup_config: RollupFile,
    datadir: DataDir,
    l1: L1UrlsIfAny = None,
    l1_beacon: L1BeaconsIfAny = None,
    l1_beacon_fallbacks: L1BeaconFallbacks = None,
    l1_blob_directory: L1BlobDirectory = None,
    l1_quorum: L1Quorum = None,
    l1_rpc_timeout: L1Timeout = TIMEOUT,
    l1_rpc_rate_limit: L1RateLimit = 0,
    l1_rpc_max_batch_size: L1BatchSize = BATCH_SIZE,
    l1_max_concurrency: L1Concurrency = CONCURRENCY,
    l1_blob_archive_size: L1ArchiveSize = ARCHIVE_MEGABYTES,
    l1_chain_config: L1ChainFile = None,
    l1_poll_interval: Annotated[
        float, typer.Option("--l1.poll-interval", help="Seconds between looks at L1's head.")
    ] = 1.0,
    sequencer: Annotated[bool, typer.Option("--sequencer.enabled", help="Make blocks.")] = False,
    sequencer_stopped: Annotated[
        bool, typer.Option("--sequencer.stopped", help="Wait for admin_startSequencer before making blocks.")
    ] = False,
    sequencer_l1_confs: Annotated[
        int, typer.Option("--sequencer.l1-confs", help="L1 blocks on top of a new L1 origin.")
    ] = 0,
    sequencer_recover: Annotated[
        bool,
        typer.Option(
            "--sequencer.recover",
            help="Start in recovery mode: blocks without transactions, with new L1 origins as fast as they may come.",
        ),
    ] = False,
    sequencer_max_safe_lag: Annotated[
        int, typer.Option("--sequencer.max-safe-lag", help="Pause when the safe head is this far behind (0: never).")
    ] = 0,
    sequencer_http: Annotated[
        str | None, typer.Option("--rollup.sequencerhttp", help="Where to forward transactions.")
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            "--rollup.feed",
            help="WebSocket URL of a node whose signed unsafe blocks are followed ahead of L1; may be repeated.",
            show_default=False,
        ),
    ] = None,
    p2p_sequencer_key: Annotated[
        str | None,
        typer.Option(
            "--p2p.sequencer.key",
            help="Key (hex) that signs the sequencer's blocks: of the unsafe block signer that SystemConfig names.",
            show_default=False,
        ),
    ] = None,
    p2p_sequencer_key_file: Annotated[
        Path | None, typer.Option("--p2p.sequencer.key.file", help="File with that key.", show_default=False)
    ] = None,
    unsafe_block_signer: Annotated[
        str | None,
        typer.Option(
            "--p2p.unsafe.block.signer",
            help="Address whose signature of unsafe blocks counts, instead of whom SystemConfig on L1 names.",
            show_default=False,
        ),
    ] = None,
    p2p_listen_tcp: P2pListenPort = None,
    p2p_listen_ip: P2pListenIp = "0.0.0.0",
    p2p_advertise_ip: P2pAdvertiseIp = None,
    p2p_static: P2pStatic = None,
    p2p_priv_path: P2pKeyFile = None,
    http_addr: Annotated[str, typer.Option("--http.addr", help="Address that the servers listen on.")] = "127.0.0.1",
    http_port: Annotated[int, typer.Option("--http.port", help="JSON-RPC port (HTTP and WebSocket).")] = 8545,
    http_api: Annotated[
        str, typer.Option("--http.api", help="Namespaces offered publicly, separated by commas.")
    ] = "eth,net,web3,txpool,debug,trace,ots,erigon,feed",
    http_corsdomain: Annotated[str, typer.Option("--http.corsdomain", help="Browser origins allowed, by commas.")] = "",
    http_vhosts: Annotated[str, typer.Option("--http.vhosts", help="Host names accepted, by commas.")] = "localhost",
    ws_port: Annotated[int, typer.Option("--ws.port", help="WebSocket port; -1 leaves it out.")] = 8546,
    rpc_port: Annotated[
        int,
        typer.Option(
            "--rpc.port", help="Port of optimism_ and admin_ (trusted callers); of a driven node only when it is given."
        ),
    ] = 9545,
    authrpc_addr: AuthAddress = "127.0.0.1",
    authrpc_port: AuthPort = 8551,
    authrpc_vhosts: AuthHosts = "localhost",
    authrpc_jwtsecret: AuthSecret = None,
    ipcpath: Annotated[
        Path | None,
        typer.Option(
            "--ipcpath",
            help="Unix socket with all namespaces, for this user's programs; a mere name is in the data directory. "
            "Default: lamina.ipc there.",
        ),
    ] = None,
    ipcdisable: Annotated[bool, typer.Option("--ipcdisable", help="Leave the Unix socket out.")] = False,
    metrics_port: Annotated[
        int, typer.Option("--metrics.port", help="Prometheus and /healthz; -1 leaves it out.")
    ] = -1,
    cache: Annotated[
        int, typer.Option("--cache", help="Megabytes for the caches of state and database together.", min=16)
    ] = 128,
    gcmode: Annotated[
        str,
        typer.Option("--gcmode", help="Which states are kept: `full` (those of --history.state) or `archive` (all)."),
    ] = "full",
    history_state: Annotated[
        int | None,
        typer.Option(
            "--history.state",
            help="Blocks behind the head whose states are kept, 0 for all; more while they are not final. "
            "Default: 14 days, the longest withdrawal.",
            min=0,
        ),
    ] = None,
    engine: Engine = EngineMode.BOTH,
    alt_da_server: AltDaServer = None,
) -> None:
    """Run a rollup node: follow a chain from L1, or with --sequencer.enabled make it, or with --authrpc flags be driven by a
    consensus client (op-node, kona-node) through the Engine API.

    Examples: lamina node --rollup.config rollup.json --datadir ./data --l1 http://localhost:8540 --l1.beacon http://localhost:5052;
    lamina node --rollup.config rollup.json --datadir ./data --authrpc.jwtsecret jwt.hex
    """
    from config.l1_chain import l1_chain_config as load_l1_chain
    from config.rollup import RollupConfig
    from config.types import to_address
    from evm.store.memory import CacheSizes
    from node.chain.pruning import state_window
    from node.engine_api import DrivenNode, DrivenSettings
    from node.execution import ExecutionOptions
    from node.l2_node import L2Node
    from node.rollup.sequencer import SequencerSettings
    from node.rollup.service import NodeSettings, RollupNode

    feeds, sequencer_key = _feeds(feed), _sequencer_key(p2p_sequencer_key, p2p_sequencer_key_file)
    driven = is_driven(context)
    rollup = RollupConfig.load(rollup_config)
    common: dict[str, Any] = {
        "datadir": datadir,
        "rollup": rollup,
        "sequencer_http": sequencer_http,
        "host": http_addr,
        "http_port": http_port,
        "http_api": _names(http_api),
        "ws_port": None if ws_port < 0 else ws_port,
        "ipc_path": _ipc_path(datadir, ipcpath, ipcdisable),
        "metrics_port": None if metrics_port < 0 else metrics_port,
        "cors_origins": _names(http_corsdomain),
        "virtual_hosts": _names(http_vhosts),
        "execution": ExecutionOptions(
            datadir,
            journal=sequencer or driven,
            engine=engine,
            caches=CacheSizes.of(cache << 20),
            state_window=state_window(gcmode, history_state, rollup.block_time),
        ),
    }

    def derived_node() -> L2Node:
        return RollupNode(
            NodeSettings(
                **common,
                l1_chain=load_l1_chain(rollup.l1_chain_id, l1_chain_config),
                l1=l1_options(
                    l1 or (),
                    l1_beacon or (),
                    l1_beacon_fallbacks,
                    blob_directory=l1_blob_directory,
                    quorum=l1_quorum,
                    timeout=l1_rpc_timeout,
                    rate_limit=l1_rpc_rate_limit,
                    batch_size=l1_rpc_max_batch_size,
                    concurrency=l1_max_concurrency,
                    archive_megabytes=l1_blob_archive_size,
                ),
                sequencer=SequencerSettings(
                    l1_confirmations=sequencer_l1_confs, max_safe_lag=sequencer_max_safe_lag, recover=sequencer_recover
                )
                if sequencer
                else None,
                sequencer_stopped=sequencer_stopped,
                rollup_port=rpc_port,
                l1_poll_interval=l1_poll_interval,
                alt_da_server=alt_da_server,
                feeds=feeds,
                sequencer_key=sequencer_key,
                unsafe_block_signer=None if unsafe_block_signer is None else to_address(unsafe_block_signer),
                p2p=p2p_settings(datadir, p2p_listen_tcp, p2p_listen_ip, p2p_advertise_ip, p2p_static, p2p_priv_path),
            )
        )

    def driven_node() -> L2Node:
        return DrivenNode(
            DrivenSettings(
                **common,
                # Its default is op-node's, too, which runs on the same machine more often than not.
                rollup_port=rpc_port if "--rpc.port" in given_flags(context) else None,
                auth_host=authrpc_addr,
                auth_port=authrpc_port,
                auth_virtual_hosts=_names(authrpc_vhosts),
                jwt_secret=authrpc_jwtsecret or datadir / SECRET_FILE,
            )
        )

    running: list[L2Node] = []

    async def start() -> Callable[[], Awaitable[None]]:
        service = driven_node() if driven else derived_node()
        running.append(service)
        await service.start()
        return service.stop

    run_until_stopped(start, lambda: running[0].wait())


def devl1(
    datadir: DataDir,
    chain_config: Annotated[Path, typer.Option("--l1.chain-config", help="The chain's configuration.")],
    port: Annotated[int, typer.Option("--l1.port", help="JSON-RPC port.")] = 8540,
    beacon_port: Annotated[int, typer.Option("--l1.beacon.port", help="Beacon API port.")] = 5052,
    slot_seconds: Annotated[int, typer.Option("--slot-time", help="Seconds per slot.")] = 4,
    safe_lag: Annotated[int, typer.Option("--safe-lag", help="Blocks that `safe` stays behind.")] = 2,
    finalized_lag: Annotated[int, typer.Option("--finalized-lag", help="Blocks that `finalized` stays behind.")] = 4,
) -> None:
    """Run the embedded L1 of a devnet on its own (`lamina devnet` makes its directory).

    Example: lamina devl1 --datadir .lamina-devnet/l1 --l1.chain-config .lamina-devnet/l1-chain.json
    """
    from config.l1_chain import L1ChainConfig
    from l1.kzg import KzgWorker
    from node.devl1.producer import LabelLags
    from node.devl1.service import DevL1, DevL1Options

    chain = L1ChainConfig.load(chain_config)
    options = DevL1Options(
        seconds_per_slot=slot_seconds,
        port=port,
        beacon_port=beacon_port,
        lags=LabelLags(safe=safe_lag, finalized=finalized_lag),
    )
    running: list[DevL1] = []

    async def start() -> Callable[[], Awaitable[None]]:
        kzg = KzgWorker()
        service = DevL1.open(datadir, chain, options, kzg)
        running.append(service)
        await service.start()

        async def stop() -> None:
            await service.stop()
            kzg.close()

        return stop

    run_until_stopped(start, lambda: running[0].run())


def _feeds(urls: list[str] | None) -> tuple[str, ...]:
    for url in urls or []:
        if not url.startswith(("ws://", "wss://")):
            raise typer.BadParameter(f"--rollup.feed is the URL of a WebSocket (ws:// or wss://), not {url!r}")
    return tuple(dict.fromkeys(urls or []))


def _sequencer_key(text: str | None, file: Path | None) -> bytes | None:
    from node.cli.keys import private_key

    if text is None and file is None:
        return None
    return private_key(text, file, flag="--p2p.sequencer.key")


def _ipc_path(datadir: Path, given: Path | None, disabled: bool) -> Path | None:
    from node.rpc.ipc import LONGEST_PATH

    if disabled:
        return None
    if given is not None:
        return datadir / given if len(given.parts) == 1 else given
    path = datadir / "lamina.ipc"
    if len(os.fsencode(path)) > LONGEST_PATH:
        log.warning("no IPC: the path of %s is too long for a socket; --ipcpath names another", path)
        return None
    return path


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(node)
    app.command()(devl1)
