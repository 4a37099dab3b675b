"""Rebuilds an L2 chain from L1 alone: no sequencer, no servers, no peers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import CriticalError
from config.genesis import load_genesis
from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, short, to_hex
from derivation.types import L1BlockRef
from evm.genesis import genesis_block
from evm.rules import L2Rules
from evm.store.kv import LevelDbStore
from evm.store.state import StateStore
from evm.types import Header
from l1.kzg import KzgWorker
from l1.source import BlockTag
from node.alt_da.client import da_client
from node.chain import Chain
from node.l1_sources import L1Options, L1Sources
from node.rollup.driver import RollupDriver
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import HeaderByTag, L1Heads
from node.rollup.output import output_root
from node.rollup.remote_inputs import FetchedInputs
from node.rollup.safe_db import SafeDb

_LOOK_SECONDS = 0.1
"""Seconds between two looks at how far derivation is."""


@dataclass(frozen=True)
class ReconstructSettings:
    """What to rebuild and from where. `datadir` gets the same layout as a node's; `to_l1_block` None: L1's head."""

    datadir: Path
    rollup: RollupConfig
    l1_chain: L1ChainConfig
    genesis: Path
    l1: L1Options
    to_l1_block: int | None = None
    alt_da_server: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far it is: L1 blocks from the rollup's start to the target, the newest derived in full, the L2 head."""

    l1_start: int
    l1_target: int
    l1_done: int
    l2_head: int
    waiting_for: str


@dataclass(frozen=True)
class Reconstruction:
    """The head of what L1 holds as of `l1`, and its commitments."""

    head: Header
    output_root: Hash32
    l1: BlockId

    def to_json(self) -> dict[str, Any]:
        """As `lamina reconstruct --json` prints it."""
        return {
            "number": self.head.number,
            "hash": to_hex(self.head.hash),
            "timestamp": self.head.timestamp,
            "stateRoot": to_hex(self.head.state_root),
            "outputRoot": to_hex(self.output_root),
            "l1": {"number": self.l1.number, "hash": to_hex(self.l1.hash)},
        }


class _L1UpTo:
    """L1's heads as they were when its newest block was the one of number `limit`."""

    def __init__(self, client: HeaderByTag, limit: int) -> None:
        self._client = client
        self._limit = limit

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """The header of a tag or number, at most the limit's."""
        header = await self._client.header_by_number(number)
        return header if header.number <= self._limit else await self._client.header_by_number(self._limit)


async def reconstruct(settings: ReconstructSettings, show: Callable[[Progress], None]) -> Reconstruction:
    """Derive everything that L1 holds up to the target block, calling `show` with the progress several times a second.

    A directory that holds part of the chain already is gone on with. Raises ValueError when the files do not fit each
    other or L1 has not come to the target, CriticalError when derivation has to stop, TemporaryError when L1 does not
    answer at the start (later it is asked again until it does). Spec: op derivation, "Overview".
    """
    chain = _open_chain(settings)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.callback(chain.kv.close)
        kzg = KzgWorker()
        cleanup.callback(kzg.close)
        sources = await cleanup.enter_async_context(
            L1Sources(settings.l1, settings.rollup.l1_chain_id, settings.datadir / "blobs", kzg)
        )
        l1 = sources.reader
        target = await _target(settings, l1)
        heads = L1Heads(_L1UpTo(l1, target.number), interval=1.0)
        await heads.refresh()
        server = da_client(settings.rollup, settings.alt_da_server)
        if server is not None:
            cleanup.push_async_callback(server.close)
        data = L1Data(l1, sources.beacon, heads, None if server is None else FetchedInputs(server))
        safe_db = SafeDb(chain.kv)
        known = safe_db.newest()
        if known is not None and known.l1.number > target.number:
            raise ValueError(
                f"{settings.datadir} holds the chain as of L1 block {known.l1.number}, later than {target.number}: "
                "use another --datadir"
            )
        driver = RollupDriver(settings.rollup, settings.l1_chain, chain, l1, data, heads, safe_db)
        start = settings.rollup.genesis.l1.number

        def tell(done: L1BlockRef | None) -> None:
            number = start if done is None else max(done.number, start)
            show(Progress(start, target.number, number, chain.safe.number, driver.status.waiting_for))

        async with _running(driver) as task:
            while (reached := driver.current_l1) is None or reached.number < target.number:
                if task.done():
                    task.result()
                    raise CriticalError(driver.status.halted_by or "derivation ended before the target")
                tell(reached)
                await asyncio.sleep(_LOOK_SECONDS)
        tell(reached)
        # What it knows of later L1 blocks, from an earlier call, holds nothing more.
        return Reconstruction(chain.safe, output_root(chain.safe, chain), BlockId(target.hash, target.number))


@contextlib.asynccontextmanager
async def _running(driver: RollupDriver) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(driver.run(), name="derivation")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _open_chain(settings: ReconstructSettings) -> Chain:
    rollup = settings.rollup
    block, update = genesis_block(load_genesis(settings.genesis), rollup.forks)
    if block.hash != rollup.genesis.l2.hash:
        raise ValueError(
            f"{settings.genesis} gives the genesis block {short(block.hash)}, but the rollup config names "
            f"{rollup.genesis.l2}: the two files belong to different chains"
        )
    kv = LevelDbStore(settings.datadir / "chaindata")
    try:
        Chain.initialise(kv, block, update)
        return Chain(kv, L2Rules(rollup), StateStore(kv))
    except BaseException:
        kv.close()
        raise


async def _target(settings: ReconstructSettings, l1: HeaderByTag) -> Header:
    """The L1 block to stop at."""
    start, wanted = settings.rollup.genesis.l1.number, settings.to_l1_block
    latest = await l1.header_by_number("latest")
    if wanted is not None and wanted > latest.number:
        raise ValueError(f"--to-l1-block {wanted} is not there yet: L1 is at block {latest.number}")
    target = latest if wanted is None else await l1.header_by_number(wanted)
    if target.number < start:
        raise ValueError(f"L1 block {target.number} is before the rollup's start, L1 block {start}")
    return target
