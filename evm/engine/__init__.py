"""Executes transactions, blocks and calls.

Doors: `Engine` (start, derive, import_block), `BlockBuilder`, `BlockInputs`, `ExecutedBlock`, `InvalidBlock`,
`InvalidPayload`, and the state of a running block, `EvmState`.
"""

from evm.engine.block_hashes import AncestorHashes, HeaderSource, MissingAncestor
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.builder import BlockBuilder
from evm.engine.engine import Engine
from evm.engine.environment import BlockEnvironment
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.state import EvmState

__all__ = [
    "AncestorHashes",
    "BlockBuilder",
    "BlockEnvironment",
    "BlockInputs",
    "Engine",
    "EvmState",
    "ExecutedBlock",
    "HeaderSource",
    "InvalidBlock",
    "InvalidPayload",
    "MissingAncestor",
]
