"""Data outside L1: a client of DA servers, and a DA server of its own.

Spec: op alt-da.
"""

from node.alt_da.client import DaClient
from node.alt_da.server import DaServer
from node.alt_da.store import InputStore

__all__ = ["DaClient", "DaServer", "InputStore"]
