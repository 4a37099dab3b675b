"""Executes transactions, blocks and calls.

Doors: `Engine` (start, derive, import_block, call, estimate_gas, create_access_list), `BlockBuilder`, `BlockInputs`,
`ExecutedBlock`, `InvalidBlock`, `InvalidPayload`, `CallMessage`, and the state of a running block, `EvmState`.
"""

from evm.engine.block_hashes import AncestorHashes, HeaderSource, MissingAncestor
from evm.engine.blocks import BlockInputs, ExecutedBlock
from evm.engine.builder import BlockBuilder
from evm.engine.call import (
    AccessListResult,
    CallError,
    CallFailed,
    CallMessage,
    CallResult,
)
from evm.engine.engine import Engine
from evm.engine.environment import BlockEnvironment
from evm.engine.errors import InvalidBlock, InvalidPayload
from evm.engine.open_block import OpenBlock
from evm.engine.overrides import BlockOverrides, InvalidOverride, StateOverride
from evm.engine.state import EvmState

__all__ = [
    "AccessListResult",
    "AncestorHashes",
    "BlockBuilder",
    "BlockEnvironment",
    "BlockInputs",
    "BlockOverrides",
    "CallError",
    "CallFailed",
    "CallMessage",
    "CallResult",
    "Engine",
    "EvmState",
    "ExecutedBlock",
    "HeaderSource",
    "InvalidBlock",
    "InvalidOverride",
    "InvalidPayload",
    "MissingAncestor",
    "OpenBlock",
    "StateOverride",
]
