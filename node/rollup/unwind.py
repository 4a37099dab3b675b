"""Takes blocks back: sets the unsafe head to an earlier block, and with it all that was known of later ones."""

from dataclasses import dataclass

from config.types import short, to_hash32
from evm.store.kv import WriteBatch
from evm.types import Header
from node.chain import Chain
from node.rollup.safe_db import SafeDb, SafeHeadEntry


class UnwindRefused(ValueError):
    """The head cannot go back to that block; the message says why, and what can be done."""


@dataclass(frozen=True)
class Unwound:
    """The heads afterwards, and how many blocks were taken back."""

    head: Header
    safe: Header
    finalized: Header
    dropped: int


def unwind(chain: Chain, safe_db: SafeDb, target: Header, below_finalized: bool = False) -> Unwound:
    """Make `target` the unsafe head. The blocks above it stay in the store, but not in the chain.

    Where that goes below the safe head, derivation has to go back, too: to the newest L1 block that led to no block above
    `target`. The safe head becomes what that L1 block led to, which may be below `target`, and with `below_finalized` so does
    the finalized head; what is above is derived again. Raises UnwindRefused, having changed nothing.
    """
    _check(chain, target, below_finalized)
    dropped = chain.head.number - target.number
    batch = WriteBatch()
    safe, finalized = chain.safe, chain.finalized
    newest = safe_db.newest()
    record = _newest_up_to(chain, safe_db, target)
    if record != newest:
        # The L1 block of a record that has another one after it is derived to its end.
        safe_db.stage_go_back(batch, record, None if record is None else record.l1)
        supported = chain.genesis if record is None else chain.store.require_header(record.l2.hash, "the safe head")
        _check_base(chain, target, supported)
        safe, finalized = _lower(safe, supported), _lower(finalized, supported)
    chain.unwind(target, _lower(safe, target), _lower(finalized, target), batch)
    return Unwound(chain.head, chain.safe, chain.finalized, dropped)


def _check(chain: Chain, target: Header, below_finalized: bool) -> None:
    if not chain.is_canonical(target):
        raise UnwindRefused(f"{target} is not in the chain that ends with {chain.head}: give a block of it")
    if target.hash == chain.head.hash:
        raise UnwindRefused(f"{target} is the unsafe head already: there is nothing to take back")
    if not chain.has_state(target):
        raise UnwindRefused(
            f"the state after {target} is not kept any more: block {chain.history.base.number} is the oldest one to go back "
            "to; for an earlier one, derive the chain again in an empty directory (lamina reconstruct --to-l1-block)"
        )
    if target.number < chain.finalized.number and not below_finalized:
        raise UnwindRefused(
            f"{target} is below the finalized {chain.finalized}, which others may rely on (games, withdrawals): if that is "
            "wrong all the same, stop the node and use `lamina unwind --finalized`"
        )


def _check_base(chain: Chain, target: Header, supported: Header) -> None:
    """What derivation goes on from must have its state: L1 may say something else about the block after it."""
    if not chain.has_state(supported):
        raise UnwindRefused(
            f"to go back to {target}, derivation would have to go back to {supported}, whose state is not kept any more "
            f"(the oldest is of block {chain.history.base.number}): go back to a later block, or derive the chain again "
            "in an empty directory (lamina reconstruct --to-l1-block)"
        )


def _newest_up_to(chain: Chain, safe_db: SafeDb, target: Header) -> SafeHeadEntry | None:
    entry = safe_db.newest()
    while entry is not None:
        header = chain.header_by_hash(entry.l2.hash)
        if entry.l2.number <= target.number and header is not None and chain.is_canonical(header):
            return entry
        entry = safe_db.before(entry)
    return None


def _lower(one: Header, other: Header) -> Header:
    return one if one.number <= other.number else other


def block_of(chain: Chain, text: str) -> Header:
    """The stored block that a number (decimal, or hex with 0x) or a hash names. Raises ValueError when there is none."""
    if text.startswith("0x") and len(text) == 2 + 64:
        block_hash = to_hash32(text)
        header = chain.header_by_hash(block_hash)
        if header is None:
            raise ValueError(f"there is no block {short(block_hash)} in this directory")
        return header
    try:
        number = int(text, 16 if text.startswith("0x") else 10)
    except ValueError:
        raise ValueError(f"{text!r} names no block: give a number or a hash of 32 bytes in hex") from None
    header = chain.header_by_number(number)
    if header is None:
        raise ValueError(f"there is no block {number}: the chain goes from {chain.genesis} to {chain.head}")
    return header
