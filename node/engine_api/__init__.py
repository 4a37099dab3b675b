"""The Engine API: a consensus client (op-node, kona-node) drives a node as its execution client.

Doors: `DrivenNode` with `DrivenSettings` (a whole node), `DrivenChain` (what it does with a chain), `EngineApi` (the methods).
"""

from node.engine_api.driven import DrivenChain
from node.engine_api.namespace import EngineApi
from node.engine_api.service import DrivenNode, DrivenSettings

__all__ = ["DrivenChain", "DrivenNode", "DrivenSettings", "EngineApi"]
