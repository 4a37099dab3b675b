"""How much the pool holds and what it asks for."""

from dataclasses import dataclass

SLOT_BYTES = 32 * 1024
"""A transaction takes one slot per started 32 KiB, as in geth."""


@dataclass(frozen=True)
class PoolLimits:
    """Limits of the pool, named as geth's `--txpool.*` flags.

    Slots are of 32 KiB. `account_slots` is what an account keeps of its executable transactions when the pool is full
    and accounts that hold more send better paid ones; `account_queue` bounds an account's transactions behind a nonce
    gap; `lifetime` is in seconds and holds for those too; `rejournal` is how often, in seconds, the journal is rewritten
    without what has been included; `price_limit` is the lowest tip in wei per gas; bumps are in percent.
    The global defaults are four times geth's, because here the pool of one sequencer serves the whole chain.
    """

    price_limit: int = 1
    price_bump: int = 10
    blob_price_bump: int = 100
    account_slots: int = 16
    global_slots: int = 4 * 5_120
    account_queue: int = 64
    global_queue: int = 4 * 1_024
    lifetime: int = 3 * 3_600
    rejournal: int = 3_600
    max_transaction_bytes: int = 4 * SLOT_BYTES
    max_blob_transactions_per_account: int = 16
    max_blobs_per_transaction: int = 6


@dataclass
class DaLimits:
    """Data-availability limits that a batcher sets with `miner_setMaxDASize`, in estimated compressed bytes.

    None: no limit. `block` is for the block builder; `transaction` makes `best` pass over larger ones.
    """

    transaction: int | None = None
    block: int | None = None
