"""Which engine makes a node's blocks."""

import logging
from pathlib import Path

from config.engine_mode import EngineMode
from evm.engine.block_hashes import HeaderSource
from evm.engine.checked import CheckedEngine
from evm.engine.disagreement import Reproducers
from evm.engine.engine import Engine
from evm.engine.native_led import NativeLedEngine
from evm.native.library import NativeLibraryMissing
from evm.native.session import DEFAULT_CACHE_BYTES, NativeSession
from evm.rules import L2Rules
from evm.store.state import StateStore

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
        session = NativeSession(rules.rollup, state, headers, cache_bytes)
    except NativeLibraryMissing as error:
        if mode is EngineMode.NATIVE:
            raise
        log.warning("py-evm executes alone, nothing checks it: %s", error)
        return Engine(rules, state, headers)
    if mode is EngineMode.NATIVE:
        return NativeLedEngine(rules, state, headers, session)
    return CheckedEngine(rules, state, headers, session, Reproducers(reproducers, rules.rollup))
