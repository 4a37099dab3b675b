"""Blocks in which a network upgrade becomes active."""

from config.errors import CriticalError
from config.forks import Fork
from config.rollup import RollupConfig
from config.types import Timestamp

_WITH_TRANSACTIONS = frozenset((Fork.ECOTONE, Fork.FJORD, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST))


def upgrades_activated_in(rollup: RollupConfig, timestamp: int) -> tuple[Fork, ...]:
    """The forks for which the L2 block of this timestamp (seconds) is the first; none for those active at genesis."""
    previous = timestamp - rollup.block_time
    if previous < rollup.genesis.l2_time:
        return ()
    return tuple(
        fork for fork in list(Fork)[1:] if rollup.is_active(fork, timestamp) and not rollup.is_active(fork, previous)
    )


def forbids_user_transactions(rollup: RollupConfig, timestamp: int) -> bool:
    """Whether a batch for the block of this timestamp must have no transactions, since an upgrade activates in it.

    The sequencer must leave its pool out of such a block. Spec: op jovian derivation, "Activation Block Rules".
    """
    return any(fork >= Fork.JOVIAN for fork in upgrades_activated_in(rollup, timestamp))


def sequencer_leaves_pool_out(rollup: RollupConfig, timestamp: int) -> bool:
    """Whether the sequencer builds the block of this timestamp from deposits alone (`noTxPool`).

    Spec: op derivation, "Network upgrade automation transactions".
    """
    return any(fork in _WITH_TRANSACTIONS for fork in upgrades_activated_in(rollup, timestamp))


def upgrade_transactions(rollup: RollupConfig, timestamp: Timestamp) -> tuple[bytes, ...]:
    """The deposits (canonical bytes) that upgrades put into the block of this timestamp, after user deposits.

    Raises CriticalError when an upgrade activates whose transactions this version of the node does not have.
    Spec: op derivation, "Network upgrade automation transactions".
    """
    transactions: list[bytes] = []
    for fork in upgrades_activated_in(rollup, timestamp):
        if fork in _WITH_TRANSACTIONS:
            raise CriticalError(
                f"the {fork.key} upgrade activates at L2 timestamp {timestamp}, and this version of the node does not "
                "have its upgrade transactions: run a version that does, or start the chain with the upgrade at genesis"
            )
    return tuple(transactions)
