"""`lamina reconstruct`: the L2 chain from L1 alone."""

import asyncio
import contextlib
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.l1_flags import (
    ARCHIVE_MEGABYTES,
    BATCH_SIZE,
    CONCURRENCY,
    TIMEOUT,
    L1ArchiveSize,
    L1BatchSize,
    L1BeaconFallbacks,
    L1Beacons,
    L1BlobDirectory,
    L1Concurrency,
    L1Quorum,
    L1RateLimit,
    L1Timeout,
    L1Urls,
    l1_options,
)
from node.cli.node import AltDaServer, L1ChainFile, RollupFile

if TYPE_CHECKING:
    from node.reconstruct import Progress, Reconstruction

log = logging.getLogger("lamina.reconstruct")

_LINE_EVERY = 5.0
"""Seconds between two progress lines where no bar can be drawn."""


def reconstruct(
    context: typer.Context,
    rollup_config: RollupFile,
    l1: L1Urls,
    l1_beacon: L1Beacons,
    l1_beacon_fallbacks: L1BeaconFallbacks = None,
    l1_blob_directory: L1BlobDirectory = None,
    l1_quorum: L1Quorum = None,
    l1_rpc_timeout: L1Timeout = TIMEOUT,
    l1_rpc_rate_limit: L1RateLimit = 0,
    l1_rpc_max_batch_size: L1BatchSize = BATCH_SIZE,
    l1_max_concurrency: L1Concurrency = CONCURRENCY,
    l1_blob_archive_size: L1ArchiveSize = ARCHIVE_MEGABYTES,
    l1_chain_config: L1ChainFile = None,
    genesis: Annotated[
        Path | None,
        typer.Option("--genesis", help="L2 genesis document. Default: genesis.json beside the rollup config."),
    ] = None,
    datadir: Annotated[
        Path | None,
        typer.Option("--datadir", help="Keep the chain here (a node can go on with it). Default: a temporary one."),
    ] = None,
    to_l1_block: Annotated[
        int | None, typer.Option("--to-l1-block", help="Derive up to this L1 block. Default: L1's head.")
    ] = None,
    alt_da_server: AltDaServer = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rebuild the L2 chain from L1 alone; print its head, state root and output root.

    Example: lamina reconstruct --l1 http://localhost:8540 --l1.beacon http://localhost:5052 --rollup.config rollup.json
    """
    from config.l1_chain import l1_chain_config as load_l1_chain
    from config.rollup import RollupConfig
    from node.reconstruct import ReconstructSettings
    from node.reconstruct import reconstruct as rebuild

    rollup = RollupConfig.load(rollup_config)
    document = genesis or rollup_config.parent / "genesis.json"
    if not document.is_file():
        raise ValueError(f"there is no L2 genesis document {document}: say where it is with --genesis")
    if context.obj["log_level"] != "debug":
        # A line per block would bury the progress and the result.
        logging.getLogger("lamina.rollup").setLevel(logging.WARNING)
    with contextlib.ExitStack() as cleanup:
        directory = datadir or Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="lamina-reconstruct-")))
        settings = ReconstructSettings(
            datadir=directory,
            rollup=rollup,
            l1_chain=load_l1_chain(rollup.l1_chain_id, l1_chain_config),
            genesis=document,
            l1=l1_options(
                l1,
                l1_beacon,
                l1_beacon_fallbacks,
                blob_directory=l1_blob_directory,
                quorum=l1_quorum,
                timeout=l1_rpc_timeout,
                rate_limit=l1_rpc_rate_limit,
                batch_size=l1_rpc_max_batch_size,
                concurrency=l1_max_concurrency,
                archive_megabytes=l1_blob_archive_size,
            ),
            to_l1_block=to_l1_block,
            alt_da_server=alt_da_server,
        )
        show = cleanup.enter_context(_progress())
        result = asyncio.run(rebuild(settings, show))
    _print(result, as_json)


@contextlib.contextmanager
def _progress() -> "Iterator[Callable[[Progress], None]]":
    """Shows progress on stderr: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        last = time.monotonic()

        def line(progress: "Progress") -> None:
            nonlocal last
            if time.monotonic() - last >= _LINE_EVERY:
                last = time.monotonic()
                log.info(
                    "reconstructing",
                    extra={"l1": progress.l1_done, "of": progress.l1_target, "l2": progress.l2_head},
                )

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("L1 blocks"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("L2 block {task.fields[l2]:,}"),
        TextColumn("{task.description}", style="dim"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, l2=0)

        def draw(progress: "Progress") -> None:
            bar.update(
                task,
                total=progress.l1_target - progress.l1_start,
                completed=progress.l1_done - progress.l1_start,
                l2=progress.l2_head,
                description=progress.waiting_for[:60],
            )

        yield draw


def _print(result: "Reconstruction", as_json: bool) -> None:
    facts = result.to_json()
    if as_json:
        print(json.dumps(facts))
        return
    print(f"head         {facts['number']}")
    print(f"hash         {facts['hash']}")
    print(f"state root   {facts['stateRoot']}")
    print(f"output root  {facts['outputRoot']}")
    print(f"as of L1     {facts['l1']['number']} {facts['l1']['hash']}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reconstruct)
