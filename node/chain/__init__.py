"""The chain a node holds: blocks on disk, the canonical index, and the three heads."""

from node.chain.chain import Chain, ChainUpdate, StatePruned
from node.chain.store import ChainStore, SchemaError, TransactionLocation

__all__ = ["Chain", "ChainStore", "ChainUpdate", "SchemaError", "StatePruned", "TransactionLocation"]
