"""`lamina unwind`: takes blocks back while no node runs on the directory."""

import json
from typing import Annotated

import typer

from node.cli.db import open_store
from node.cli.node import DataDir, RollupFile


def unwind(
    block: Annotated[str, typer.Argument(help="The block to go back to: its number, or its hash.")],
    datadir: DataDir,
    rollup_config: RollupFile,
    finalized: Annotated[
        bool, typer.Option("--finalized", help="Go back below the finalized block, too: what relies on it is void.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make an earlier block the unsafe head. Stop the node first.

    Blocks that L1 holds the data of are derived again when the node starts; those that it does not are gone. Below the
    safe head derivation goes back as well, to an L1 block that led to nothing above, so the safe head may end below the
    given block. A sequencer must then not build before it has derived again: start it with --sequencer.stopped. The state
    of the block must still be kept (--history.state).
    Examples: lamina unwind 1200 --rollup.config rollup.json --datadir ./data;
    lamina unwind 0x5c8a..7e21 --finalized --rollup.config rollup.json --datadir ./data
    """
    from config.rollup import RollupConfig
    from config.types import to_hex
    from evm.rules import L2Rules
    from evm.store.state import StateStore
    from node.chain import Chain
    from node.rollup.safe_db import SafeDb
    from node.rollup.unwind import block_of
    from node.rollup.unwind import unwind as take_back

    rollup = RollupConfig.load(rollup_config)
    kv = open_store(datadir)
    try:
        chain = Chain(kv, L2Rules(rollup), StateStore(kv))
        done = take_back(chain, SafeDb(kv), block_of(chain, block), below_finalized=finalized)
    finally:
        kv.close()
    heads = {"unsafe": done.head, "safe": done.safe, "finalized": done.finalized}
    if as_json:
        facts = {name: {"number": head.number, "hash": to_hex(head.hash)} for name, head in heads.items()}
        print(json.dumps({"dropped": done.dropped, **facts}))
        return
    print(f"took back {done.dropped} blocks")
    for name, head in heads.items():
        print(f"{name:<10} block {head.number} ({to_hex(head.hash)})")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(unwind)
