"""Where to go on after a start or an L1 reorg: the newest safe and unsafe heads that L1 still supports."""

import logging
from dataclasses import dataclass
from typing import Protocol

from config.errors import CriticalError, TemporaryError
from config.rollup import BlockId, RollupConfig
from config.types import short
from derivation.l2_block_info import l2_block_ref
from derivation.types import L2BlockRef
from evm.types import Header
from l1.source import L1BlockNotFound
from node.chain import Chain
from node.rollup.safe_db import SafeDb

log = logging.getLogger("lamina.rollup")


class CanonicalL1(Protocol):
    """Which L1 blocks are canonical: `l1.source.L1Client`."""

    async def header_by_number(self, number: int) -> Header:
        """The canonical header. Raises L1BlockNotFound, or TemporaryError when L1 does not answer."""
        ...


@dataclass(frozen=True)
class SyncStart:
    """The heads to go on from; `unsafe` descends from `safe`, whose data stands on L1.

    `processed` is the number of an L1 block up to which all data had been derived, `safe` being the outcome; None when
    nothing is known of that (at genesis).
    """

    unsafe: L2BlockRef
    safe: L2BlockRef
    processed: int | None


async def find_sync_start(chain: Chain, rollup: RollupConfig, l1: CanonicalL1, safe_db: SafeDb) -> SyncStart:
    """The newest heads that the canonical L1 chain supports.

    Safe: by the safe head database, the outcome of the L1 blocks that were certainly derived to their end and are
    canonical, else the L2 genesis. The newest recorded L1 block may have been left half way (a crash), and going on
    inside of it could bring back what derivation had dropped; so it is derived again, unless its outcome is final.
    Unsafe: the newest block down from the head whose L1 origin is canonical, at least the safe head.
    Raises CriticalError when L1 contradicts the finalized head or the rollup's genesis.
    Spec: op derivation, "Finding the Sync Starting Point".
    """
    await _check_genesis(rollup, l1)
    safe, processed = await _safe_head(chain, rollup, l1, safe_db)
    if safe.number < chain.finalized.number:
        raise CriticalError(
            f"L1 no longer holds the data of the finalized L2 {chain.finalized}: its safe chain ends at {safe}. "
            "Check that --l1 follows the right chain; if L1 really lost final blocks, resync with an empty data directory"
        )
    return SyncStart(await _unsafe_head(chain, rollup, l1, safe), safe, processed)


async def _check_genesis(rollup: RollupConfig, l1: CanonicalL1) -> None:
    genesis = rollup.genesis.l1
    try:
        header = await l1.header_by_number(genesis.number)
    except L1BlockNotFound as error:
        raise TemporaryError(f"L1 does not have the rollup's start block {genesis} yet: {error}") from error
    if header.hash != genesis.hash:
        raise CriticalError(
            f"L1 block {genesis.number} is {short(header.hash)}, but the rollup starts at {genesis}: "
            "--l1 follows another chain than --rollup.config names"
        )


async def _is_canonical(l1: CanonicalL1, block: BlockId) -> bool:
    try:
        return (await l1.header_by_number(block.number)).hash == block.hash
    except L1BlockNotFound:
        return False


async def _safe_head(
    chain: Chain, rollup: RollupConfig, l1: CanonicalL1, safe_db: SafeDb
) -> tuple[L2BlockRef, int | None]:
    entry = safe_db.newest()
    while entry is not None:
        block = chain.block_by_hash(entry.l2.hash)
        if block is not None and chain.is_canonical(block.header) and await _is_canonical(l1, entry.l1):
            if entry.l2.number <= chain.finalized.number:
                return l2_block_ref(block, rollup), entry.l1.number
            before = safe_db.at(entry.l1.number - 1)
            if before is None:
                break
            block = chain.store.require_block(before.l2.hash)
            return l2_block_ref(block, rollup), entry.l1.number - 1
        log.warning("safe head is not supported by L1 any more", extra={"l1": str(entry.l1), "l2": str(entry.l2)})
        entry = safe_db.at(entry.l1.number - 1) if entry.l1.number > 0 else None
    return l2_block_ref(chain.store.require_block(chain.genesis.hash), rollup), None


async def _unsafe_head(chain: Chain, rollup: RollupConfig, l1: CanonicalL1, safe: L2BlockRef) -> L2BlockRef:
    cursor = l2_block_ref(chain.store.require_block(chain.head.hash), rollup)
    checked: BlockId | None = None
    canonical = False
    while cursor.number > safe.number:
        if cursor.l1_origin != checked:
            checked = cursor.l1_origin
            try:
                canonical = (await l1.header_by_number(checked.number)).hash == checked.hash
            except L1BlockNotFound:
                canonical = False
        if canonical:
            return cursor
        cursor = l2_block_ref(chain.store.require_block(cursor.parent_hash), rollup)
    return safe
