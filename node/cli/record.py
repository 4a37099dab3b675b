"""`lamina record`: L1 data in files, for `lamina derive`."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from node.cli.l1_flags import L1Beacons
from node.cli.node import RollupFile


def record(
    rollup_config: RollupFile,
    l1: Annotated[str, typer.Option("--l1", help="URL of an L1 execution endpoint.")],
    l1_beacon: L1Beacons,
    l2: Annotated[
        str, typer.Option("--l2", help="URL of the execution RPC of an L2 node, for the block to start from.")
    ],
    start_block: Annotated[int, typer.Option("--start-block", help="Number of the L2 block to start from.")],
    l1_blocks: Annotated[
        int, typer.Option("--l1-blocks", help="L1 blocks to save, from the start block's L1 origin on.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Directory for l1/ and start.json.")],
) -> None:
    """Save L1 blocks, receipts and blobs, and the L2 block to start from, as `lamina derive` reads them.

    Start from an L2 block that ends a batch, so that the next batch's frames all lie in what is saved. Nothing is
    believed: each file is checked by its hash.

    Example: lamina record --rollup.config rollup.json --l1 http://l1:8545 --l1.beacon http://beacon:5052
    --l2 http://node:8545 --start-block 117369689 --l1-blocks 40 --out recorded
    """
    from config.rollup import RollupConfig, load_registry_chain

    rollup = load_registry_chain(rollup_config) if rollup_config.suffix == ".toml" else RollupConfig.load(rollup_config)
    if l1_blocks < 1:
        raise typer.BadParameter("save at least one L1 block", param_hint="--l1-blocks")

    async def run() -> None:
        from l1.beacon import BeaconClient
        from l1.kzg import KzgWorker
        from l1.rpc import JsonRpcClient
        from node.l1_recording import L1Recorder, start_at

        async with (
            KzgWorker() as kzg,
            JsonRpcClient(l2) as l2_rpc,
            JsonRpcClient(l1) as l1_rpc,
            BeaconClient(l1_beacon, kzg) as beacon,
        ):
            ref, document = await start_at(l2_rpc, rollup, start_block)
            recorder = L1Recorder(l1_rpc, beacon, kzg, rollup, out / "l1")
            (out / "start.json").write_text(json.dumps(document, indent=1))
            first = ref.l1_origin.number
            for number in range(first, first + l1_blocks):
                header = await recorder.record(number)
                if number == first and header.hash != ref.l1_origin.hash:
                    raise ValueError(f"L1 has {header}, but {ref} has L1 origin {ref.l1_origin}: the nodes disagree")

    asyncio.run(run())
    print(f"lamina derive --l1-data {out / 'l1'} --rollup.config {rollup_config} --start {out / 'start.json'}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(record)
