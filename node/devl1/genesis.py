"""The chain configuration and genesis of a dev L1."""

from config.forks import EthFork
from config.l1_chain import BPO1_BLOBS, CANCUN_BLOBS, PRAGUE_BLOBS, BlobScheduleEntry, L1ChainConfig
from config.types import Timestamp

DEV_L1_CHAIN_ID = 900
DEV_L1_GAS_LIMIT = 60_000_000


def dev_l1_chain_config(fork: EthFork, chain_id: int = DEV_L1_CHAIN_ID) -> L1ChainConfig:
    """A chain that runs on `fork`'s rules (Cancun, Prague or Osaka) from genesis.

    Raises ValueError for an older fork: a rollup needs blobs.
    """
    if fork < EthFork.CANCUN:
        raise ValueError(f"a dev L1 needs blobs: choose cancun, prague or osaka, not {fork.name.lower()}")
    zero = Timestamp(0)
    schedule = [BlobScheduleEntry("cancun", zero, CANCUN_BLOBS)]
    if fork >= EthFork.PRAGUE:
        schedule.append(BlobScheduleEntry("prague", zero, PRAGUE_BLOBS))
    if fork >= EthFork.OSAKA:
        schedule.append(BlobScheduleEntry("bpo1", zero, BPO1_BLOBS))
    return L1ChainConfig(
        chain_id=chain_id,
        shanghai_time=zero,
        cancun_time=zero,
        prague_time=zero if fork >= EthFork.PRAGUE else None,
        osaka_time=zero if fork >= EthFork.OSAKA else None,
        blob_schedule=tuple(schedule),
    )
