"""The process that executes blocks again. It has no store: what it lacks it asks for through the pipe that blocks come by."""

import signal
from multiprocessing.connection import Connection
from typing import Any

from config.errors import CriticalError
from config.frame_stack import with_frame_room
from config.rollup import RollupConfig
from config.worker_processes import take_idle_time_only
from evm.engine import BlockInputs, Engine, InvalidBlock
from evm.engine.header_check import compare_headers
from evm.rules import L2Rules
from evm.store.diff import CODE_PREFIX, NODE_PREFIX
from evm.store.kv import MemoryStore
from evm.store.memory import CacheSizes
from evm.store.state import StateStore
from evm.types import Block, Hash32, Header
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidTransaction


class _Behind(MemoryStore):
    """The node's trie nodes and codes at the other end of the pipe.

    Not its flat entries: they are those of a head that moves on while this works.
    """

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def get(self, key: bytes) -> bytes | None:
        """The value under a key of the node's store."""
        if key[:-32] not in (NODE_PREFIX, CODE_PREFIX):
            return None
        self._pipe.send(("get", key))
        value: bytes | None = self._pipe.recv()
        return value

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """A header of the node's chain."""
        self._pipe.send(("header", bytes(block_hash)))
        raw: bytes | None = self._pipe.recv()
        return None if raw is None else Header.decode(raw)


def serve(pipe: Connection, rollup: dict[str, Any], cache_bytes: int) -> None:
    """Execute the blocks that come, `(parent header, block)` as bytes; the answer is `("done", what is wrong or None)`.

    Ends when the other side closes the pipe, in the midst of a block too. Checking must not slow down what it checks, so this
    runs in what processor time others leave.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    take_idle_time_only()
    try:
        with_frame_room(_serve, pipe, rollup, cache_bytes)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _serve(pipe: Connection, rollup: dict[str, Any], cache_bytes: int) -> None:
    behind = _Behind(pipe)
    engine: Engine | None = None
    while True:
        parent, block = pipe.recv()
        if engine is None:
            # Not before there is somebody at the other end to answer: the store may read something right away.
            store = StateStore(behind, CacheSizes.of(cache_bytes))
            engine = Engine(L2Rules(RollupConfig.from_json(rollup)), store, behind)
        pipe.send(("done", check(engine, Header.decode(parent), Block.decode(block))))


def check(engine: Engine, parent: Header, block: Block) -> str | None:
    """Execute a block; what is wrong with it, or None."""
    builder = engine.start(parent, BlockInputs.of(block))
    try:
        for transaction in block.transactions:
            builder.add(transaction)
        executed = builder.seal()
        compare_headers(executed.block.header, block.header)
    except (InvalidBlock, InvalidTransaction, TransactionDecodingError, CriticalError) as error:
        return f"{type(error).__name__}: {error}"
    # The next block begins with these nodes: asking for them one by one would hold up the process that makes blocks.
    engine.state.written(executed.update)
    return None
