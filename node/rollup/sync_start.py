"""Where to go on after a start or an L1 reorg: the newest safe and unsafe heads that L1 still supports."""

import logging
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from config.errors import TemporaryError
from config.rollup import BlockId, RollupConfig
from config.types import short
from derivation.l2_block_info import l2_block_ref
from derivation.types import L1BlockRef, L2BlockRef
from evm.types import Header
from l1.source import BlockTag, L1BlockNotFound
from node.chain import Chain
from node.rollup.safe_db import SafeDb, SafeHeadEntry
from node.rollup.stall import Cause, HaltedError, Place, Stage, Stall, StalledError

log = logging.getLogger("lamina.rollup")


class CanonicalL1(Protocol):
    """Which L1 blocks are canonical: `l1.source.L1Client`."""

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """The canonical header of a number or label. Raises L1BlockNotFound, or TemporaryError when L1 does not answer."""
        ...


@dataclass(frozen=True)
class SyncStart:
    """The heads to go on from.

    `unsafe` descends from `safe`, whose data stands on L1. Derivation goes on from `derived`, the outcome of all L1
    blocks up to `processed` (None: nothing is known of that). `safe` is `derived` or, where the next L1 block was left
    half way, a descendant: its blocks are derived again and found to be there. `record` is what the safe head database
    knows of `safe`.
    """

    unsafe: L2BlockRef
    safe: L2BlockRef
    derived: L2BlockRef
    processed: L1BlockRef | None
    record: SafeHeadEntry | None


class _Standing(Enum):
    """Of a block that was on L1: whether it still is."""

    CANONICAL = "canonical"
    DROPPED = "dropped"
    AHEAD = "ahead of L1's head"


async def find_sync_start(chain: Chain, rollup: RollupConfig, l1: CanonicalL1, safe_db: SafeDb) -> SyncStart:
    """The newest heads that the canonical L1 chain supports, and where derivation goes on.

    Safe: the outcome of the newest recorded L1 block that is canonical, else the L2 genesis. Unsafe: the newest block
    without an L1 origin that L1 has dropped; origins ahead of L1's head may come again.
    Derivation does not go on inside of an L1 block, which could bring back what it had dropped (the rest of a channel
    after an impossible block), but after the newest one that was certainly derived to its end: it is marked, or
    another one is recorded after it, or its outcome is final.
    Raises HaltedError when L1 contradicts the finalized head or the rollup's genesis, StalledError while L1 is behind what
    was derived from it. Spec: op derivation, "Finding the Sync Starting Point"; op holocene derivation, "Sync Start".
    """
    await _check_genesis(rollup, l1)
    newest = safe_db.newest()
    record = await _newest_supported(chain, l1, safe_db)
    genesis = l2_block_ref(chain.store.require_block(chain.genesis.hash), rollup)
    processed: L1BlockRef | None
    if record is not None:
        safe = l2_block_ref(chain.store.require_block(record.l2.hash), rollup)
        is_done = record != newest or record.l2.number <= chain.finalized.number
        derived, processed = await _derived_up_to(chain, rollup, l1, safe_db, record, is_done)
    elif newest is None:
        # A chain that came without its records is derived again to fill them in.
        safe = l2_block_ref(chain.store.require_block(chain.finalized.hash), rollup)
        derived = genesis
        processed = await _canonical_ref(l1, safe_db.derived()) if safe.number == genesis.number else None
    else:
        safe, derived, processed = genesis, genesis, None
    return SyncStart(await _unsafe_head(chain, rollup, l1, safe), safe, derived, processed, record)


async def _check_genesis(rollup: RollupConfig, l1: CanonicalL1) -> None:
    genesis = rollup.genesis.l1
    try:
        header = await l1.header_by_number(genesis.number)
    except L1BlockNotFound as error:
        text = f"L1 does not have the rollup's start block {genesis} yet: {error}"
        raise StalledError(Stall(Cause.L1_BEHIND, Stage.SYNC_START, text, Place.l1(genesis))) from error
    if header.hash != genesis.hash:
        text = (
            f"L1 block {genesis.number} is {short(header.hash)}, but the rollup starts at {genesis}: "
            "--l1 follows another chain than --rollup.config names"
        )
        raise HaltedError(Stall(Cause.WRONG_L1, Stage.SYNC_START, text, Place.l1(genesis)))


async def _standing(l1: CanonicalL1, block: BlockId) -> _Standing:
    try:
        header = await l1.header_by_number(block.number)
    except L1BlockNotFound:
        return _Standing.AHEAD
    return _Standing.CANONICAL if header.hash == block.hash else _Standing.DROPPED


async def _newest_supported(chain: Chain, l1: CanonicalL1, safe_db: SafeDb) -> SafeHeadEntry | None:
    """The newest record whose L1 block is canonical. Raises as `find_sync_start`."""
    entry = safe_db.newest()
    ahead: SafeHeadEntry | None = None
    while entry is not None:
        header = chain.header_by_hash(entry.l2.hash)
        if header is not None and chain.is_canonical(header):
            standing = await _standing(l1, entry.l1)
            if standing is _Standing.CANONICAL:
                break
            if standing is _Standing.AHEAD:
                ahead = ahead or entry
                head = await l1.header_by_number("latest")
                entry = safe_db.at(min(head.number, entry.l1.number - 1))
                continue
            # L1 has another block here: those after it are gone for certain.
            ahead = None
            log.warning("safe head is not supported by L1 any more", extra={"l1": str(entry.l1), "l2": str(entry.l2)})
            if entry.l2.number < chain.finalized.number:
                entry = None
                break
        entry = safe_db.before(entry)
    if ahead is not None:
        # All that L1 shows fits: it may only be late. To go back would be a loss, to go on a guess.
        text = f"L1 does not have block {ahead.l1} yet, which L2 block {ahead.l2} was derived from"
        raise StalledError(Stall(Cause.L1_BEHIND, Stage.SYNC_START, text, Place.l1(ahead.l1)))
    is_lost = entry is None or entry.l2.number < chain.finalized.number
    final = _record_of_finalized(chain, safe_db) if is_lost else None
    if final is not None:
        text = (
            f"L1 no longer holds the data of the finalized L2 {chain.finalized}: it was derived from L1 block {final.l1}, "
            "which is not canonical any more. Nothing was changed"
        )
        raise HaltedError(Stall(Cause.L1_REORG_BELOW_FINALIZED, Stage.SYNC_START, text, Place.l1(final.l1)))
    return entry


def _record_of_finalized(chain: Chain, safe_db: SafeDb) -> SafeHeadEntry | None:
    """Which L1 block the finalized block was derived from; None for genesis."""
    found: SafeHeadEntry | None = None
    entry = safe_db.newest() if chain.finalized.number > chain.genesis.number else None
    while entry is not None and entry.l2.number >= chain.finalized.number:
        found, entry = entry, safe_db.before(entry)
    return found


async def _derived_up_to(
    chain: Chain, rollup: RollupConfig, l1: CanonicalL1, safe_db: SafeDb, record: SafeHeadEntry, is_done: bool
) -> tuple[L2BlockRef, L1BlockRef]:
    """The newest L1 block that was certainly derived to its end, and its outcome."""
    marked = safe_db.derived()
    if marked is not None and marked.number >= record.l1.number:
        is_done = True
        up_to = await _canonical_ref(l1, marked)
        if up_to is not None:
            return l2_block_ref(chain.store.require_block(record.l2.hash), rollup), up_to
    number = record.l1.number if is_done else record.l1.number - 1
    outcome = record if is_done else safe_db.before(record)
    block_hash = chain.genesis.hash if outcome is None else outcome.l2.hash
    try:
        header = await l1.header_by_number(number)
    except L1BlockNotFound as error:
        raise TemporaryError(f"L1 has moved while the heads were checked against it: {error}") from error
    return l2_block_ref(chain.store.require_block(block_hash), rollup), L1BlockRef.from_header(header)


async def _canonical_ref(l1: CanonicalL1, block: BlockId | None) -> L1BlockRef | None:
    if block is None:
        return None
    try:
        header = await l1.header_by_number(block.number)
    except L1BlockNotFound:
        return None
    return L1BlockRef.from_header(header) if header.hash == block.hash else None


async def _unsafe_head(chain: Chain, rollup: RollupConfig, l1: CanonicalL1, safe: L2BlockRef) -> L2BlockRef:
    """The newest block of the canonical chain that has no dropped L1 origin up to it, at least the safe head."""
    cursor = newest = l2_block_ref(chain.store.require_block(chain.head.hash), rollup)
    checked: BlockId | None = None
    standing = _Standing.CANONICAL
    while cursor.number > safe.number:
        if cursor.l1_origin != checked:
            checked = cursor.l1_origin
            standing = await _standing(l1, checked)
        if standing is _Standing.CANONICAL:
            break
        cursor = l2_block_ref(chain.store.require_block(cursor.parent_hash), rollup)
        if standing is _Standing.DROPPED:
            newest = cursor
    return newest
