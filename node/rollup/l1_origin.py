"""Chooses the L1 block that the next L2 block belongs to."""

from dataclasses import dataclass

from config.errors import ResetError
from config.rollup import RollupConfig
from derivation.providers import L1Provider
from derivation.types import L2BlockRef
from evm.types import Header
from node.rollup.stall import Cause, Place, Stage, Stall, StalledError


@dataclass(frozen=True)
class OriginChoice:
    """The origin, and whether the block must be left without pool transactions (the drift is used up)."""

    origin: Header
    deposits_only: bool


def choose_origin(
    parent: L2BlockRef,
    rollup: RollupConfig,
    l1: L1Provider,
    head_number: int,
    confirmations: int,
    recover: bool = False,
) -> OriginChoice:
    """The next L2 block's origin: its parent's, or the block after that one once time allows.

    `confirmations`: L1 blocks that must stand on top of a new origin (waived when the drift leaves no choice). With
    `recover` the origin moves on as soon as time allows and the block takes deposits only: it is then the very block that
    derivation makes where the sequencing window has passed.
    Raises NotYetAvailable for data to fetch, StalledError when L1 has to come further first, ResetError when the
    parent's origin is no longer canonical. Spec: op derivation, "Sequencer drift"; op rollup-node, "Sequencing".
    """
    timestamp = parent.timestamp + rollup.block_time
    current = l1.header_by_number(parent.l1_origin.number)
    if current is None:
        raise _waits(f"L1 has not reached block {parent.l1_origin} of the unsafe head yet", parent)
    if current.hash != parent.l1_origin.hash:
        raise ResetError(f"the origin of the unsafe head, L1 block {parent.l1_origin}, is no longer canonical")
    drift_used_up = timestamp > current.timestamp + rollup.max_drift(timestamp)
    allowed = head_number if drift_used_up or recover else head_number - confirmations
    following = l1.header_by_number(current.number + 1) if current.number + 1 <= allowed else None
    if following is not None:
        if following.parent_hash != current.hash:
            raise ResetError(f"L1 block {following.number} does not follow {parent.l1_origin}: L1 reorganised")
        if timestamp >= following.timestamp:
            return OriginChoice(following, recover or timestamp > following.timestamp + rollup.max_drift(timestamp))
        return OriginChoice(current, deposits_only=recover or drift_used_up)
    if drift_used_up:
        raise _waits(
            f"L2 time {timestamp} is more than {rollup.max_drift(timestamp)} s ahead of L1 block {parent.l1_origin}: "
            "sequencing waits for L1 to make its next block",
            parent,
        )
    return OriginChoice(current, deposits_only=recover)


def _waits(text: str, parent: L2BlockRef) -> StalledError:
    return StalledError(Stall(Cause.L1_BEHIND, Stage.SEQUENCER, text, Place.l1(parent.l1_origin)))
