"""The transaction pool: what wallets sent and no block holds yet.

Doors: `TransactionPool` (admission, replacement, eviction, `best`), `PoolLimits`, `PoolRejection`, `PoolRules` (what
the chain asks of a transaction), `SidecarStore` (where the dev L1 keeps blobs), `Journal`.
"""

from node.mempool.entry import PooledTransaction
from node.mempool.errors import PoolRejection, RejectReason
from node.mempool.journal import Journal
from node.mempool.limits import DaLimits, PoolLimits
from node.mempool.ordering import BestTransactions
from node.mempool.pool import TransactionPool
from node.mempool.sidecars import SidecarStore, decode_submitted
from node.mempool.views import AccountView, HeadView, PoolRules

__all__ = [
    "AccountView",
    "BestTransactions",
    "DaLimits",
    "HeadView",
    "Journal",
    "PoolLimits",
    "PoolRejection",
    "PoolRules",
    "PooledTransaction",
    "RejectReason",
    "SidecarStore",
    "TransactionPool",
    "decode_submitted",
]
