"""Blocks in which a network upgrade becomes active, and the transactions that the protocol puts into them."""

import gzip
import json
from functools import cache
from pathlib import Path

import config
from config.forks import Fork
from config.rollup import RollupConfig
from config.types import from_hex
from evm.types.transaction import DepositTransaction, decode_transaction

UPGRADE_DIRECTORY = Path(config.__file__).resolve().parent / "data" / "upgrades"
"""One file per fork: its deposits in order (canonical bytes), their source, and keccak256 of all of them joined."""

_FILES = {
    Fork.ECOTONE: "ecotone.json",
    Fork.FJORD: "fjord.json",
    Fork.ISTHMUS: "isthmus.json",
    Fork.JOVIAN: "jovian.json",
    Fork.KARST: "karst.json.gz",
}


def upgrades_activated_in(rollup: RollupConfig, timestamp: int) -> tuple[Fork, ...]:
    """The forks for which the L2 block of this timestamp (seconds) is the first; none for those active at genesis."""
    previous = timestamp - rollup.block_time
    if previous < rollup.genesis.l2_time:
        return ()
    before, now = rollup.forks.active(previous), rollup.forks.active(timestamp)
    return () if before == now else tuple(fork for fork in Fork if before < fork <= now)


def forbids_user_transactions(rollup: RollupConfig, timestamp: int) -> bool:
    """Whether a batch for the block of this timestamp must have no transactions, since an upgrade activates in it.

    Spec: op jovian derivation, "Activation Block Rules".
    """
    return any(fork >= Fork.JOVIAN for fork in upgrades_activated_in(rollup, timestamp))


def sequencer_leaves_pool_out(rollup: RollupConfig, timestamp: int) -> bool:
    """Whether the sequencer builds the block of this timestamp from deposits alone (`noTxPool`).

    Spec: op derivation, "Network upgrade automation transactions".
    """
    return any(fork in _FILES for fork in upgrades_activated_in(rollup, timestamp))


@cache
def transactions_of(fork: Fork) -> tuple[bytes, ...]:
    """The deposits (canonical bytes) of a fork's activation block; none for forks without any."""
    name = _FILES.get(fork)
    if name is None:
        return ()
    data = (UPGRADE_DIRECTORY / name).read_bytes()
    document = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    return tuple(from_hex(raw) for raw in document["transactions"])


@cache
def gas_of(fork: Fork) -> int:
    """Gas limits of a fork's upgrade transactions, summed."""
    decoded = (decode_transaction(raw) for raw in transactions_of(fork))
    return sum(tx.gas_limit for tx in decoded if isinstance(tx, DepositTransaction))


def upgrade_transactions(rollup: RollupConfig, timestamp: int) -> tuple[bytes, ...]:
    """The deposits (canonical bytes) that upgrades put into the block of this timestamp, after user deposits.

    Spec: op derivation, "Network upgrade automation transactions"; op L2 upgrades, "Transaction Execution Sequence".
    """
    return tuple(raw for fork in upgrades_activated_in(rollup, timestamp) for raw in transactions_of(fork))


def upgrade_gas(rollup: RollupConfig, timestamp: int) -> int:
    """Gas that the block of this timestamp gets on top of the configured limit, for its upgrade transactions.

    Since Karst; only in that one block. Spec: op L2 upgrades, "Gas Allocation Specification".
    """
    return sum(gas_of(fork) for fork in upgrades_activated_in(rollup, timestamp) if fork >= Fork.KARST)
