"""Which engine makes a node's blocks."""

import logging
from pathlib import Path

from config.engine_mode import EngineMode
from evm.engine.block_hashes import HeaderSource
from evm.engine.checked import CheckedEngine
from evm.engine.disagreement import Reproducers
from evm.engine.engine import Engine
from evm.engine.native_block import store_fetch
from evm.engine.native_led import NativeLedEngine
from evm.native.engine import NativeEngine
from evm.native.library import NativeLibraryMissing
from evm.rules import L2Rules
from evm.store.state import StateStore

DEFAULT_CACHE_BYTES = 64 << 20
"""Memory for trie nodes, codes and headers that the native engine keeps from block to block."""

log = logging.getLogger("lamina.engine")


def make_engine(
    mode: EngineMode,
    rules: L2Rules,
    state: StateStore,
    headers: HeaderSource,
    reproducers: Path,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
) -> Engine:
    """The engine of a rollup node. Blocks that engines disagree about are written below `reproducers`.

    Without the native library `BOTH` becomes py-evm alone, with a warning; `NATIVE` raises NativeLibraryMissing.
    """
    if mode is EngineMode.PYEVM:
        return Engine(rules, state, headers)
    try:
        native = NativeEngine(rules.rollup, store_fetch(state, headers), cache_bytes)
    except NativeLibraryMissing as error:
        if mode is EngineMode.NATIVE:
            raise
        log.warning("py-evm executes alone, nothing checks it: %s", error)
        return Engine(rules, state, headers)
    if mode is EngineMode.NATIVE:
        return NativeLedEngine(rules, state, headers, native)
    return CheckedEngine(rules, state, headers, native, Reproducers(reproducers, rules.rollup))
