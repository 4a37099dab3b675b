"""Follows the head and has every new canonical block executed again."""

import asyncio
import logging
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from config.errors import CriticalError
from config.rollup import RollupConfig
from config.worker_processes import worker_context
from evm.engine import BlockInputs, Engine
from evm.engine.checked import CheckedEngine
from evm.engine.disagreement import Reproducers
from evm.engine.native_block import store_fetch
from evm.native.engine import NativeEngine
from evm.rules import L2Rules
from evm.types import Block, Header
from evm.types.transaction_list import encode_transactions
from node.chain import Chain, ChainUpdate
from node.recheck import worker

log = logging.getLogger("lamina.recheck")

WORKER_CACHE_BYTES = 64 << 20


class Recheck:
    """Has py-evm execute what the native engine made. `behind` blocks are waiting.

    It is as fast as py-evm is: under a load that only the native engine can carry, it falls behind and catches up later.
    """

    def __init__(
        self, chain: Chain, rollup: RollupConfig, reproducers: Path, on_disagreement: Callable[[str], None]
    ) -> None:
        """`on_disagreement` is told once, with the sentence for the operator, before `run` raises it."""
        self._chain = chain
        self._rollup = rollup
        self._reproducers = reproducers
        self._on_disagreement = on_disagreement
        self._news = asyncio.Event()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.checked: Header = chain.head
        """The newest block that both engines agree about; blocks from before the start count as agreed."""
        chain.on_new_head(self._on_new_head)

    @property
    def behind(self) -> int:
        """Blocks between the last one that was checked and the head."""
        return max(0, self._chain.head.number - self.checked.number)

    def _on_new_head(self, _update: ChainUpdate) -> None:
        self._news.set()

    async def run(self) -> None:
        """Check blocks until cancelled. Raises EngineDisagreement, or CriticalError when checking cannot go on."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while (block := self._next()) is not None:
                    parent = self._chain.store.require_header(block.header.parent_hash, "the parent")
                    wrong = await asyncio.to_thread(self._ask, parent, block)
                    if wrong is not None:
                        raise await asyncio.to_thread(self._explain, parent, block, wrong)
                    self.checked = block.header
        except CriticalError as error:
            self._on_disagreement(str(error))
            raise
        finally:
            self.close()

    def _next(self) -> Block | None:
        """The canonical block after the last one checked, going back to where a reorganisation left that one's branch."""
        while not self._chain.is_canonical(self.checked):
            self.checked = self._chain.store.require_header(self.checked.parent_hash, "an ancestor")
        return self._chain.block_by_number(self.checked.number + 1)

    # --- the worker ---

    def _ask(self, parent: Header, block: Block) -> str | None:
        try:
            pipe = self._worker()
            pipe.send((parent.raw, block.encode()))
            while True:
                kind, value = pipe.recv()
                if kind == "get":
                    pipe.send(self._chain.kv.get(value))
                elif kind == "header":
                    header = self._chain.header_by_hash(value)
                    pipe.send(None if header is None else header.raw)
                else:
                    wrong: str | None = value
                    return wrong
        except (EOFError, OSError) as error:
            raise CriticalError(
                f"{block} could not be checked by py-evm: its process has ended ({error!r}); restart the node, "
                "or run it with --engine both"
            ) from error

    def _worker(self) -> Connection:
        if self._pipe is None:
            context = worker_context()
            ours, theirs = context.Pipe()
            self._process = context.Process(
                target=worker.serve, args=(theirs, self._rollup.to_json(), WORKER_CACHE_BYTES), daemon=True
            )
            self._process.start()
            theirs.close()
            self._pipe = ours
        return self._pipe

    def close(self) -> None:
        """End the worker."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _explain(self, parent: Header, block: Block, wrong: str) -> CriticalError:
        """Both engines once more, here, to write what reproduces the difference."""
        rules, state = L2Rules(self._rollup), self._chain.state
        builder = Engine(rules, state, self._chain).start(parent, BlockInputs.of(block))
        with NativeEngine(self._rollup, store_fetch(state, self._chain)) as native:
            checked = CheckedEngine(rules, state, self._chain, native, Reproducers(self._reproducers, self._rollup))
            try:
                for transaction in block.transactions:
                    builder.add(transaction)
                raws = encode_transactions(block.transactions)
                with checked.beside(parent, BlockInputs.of(block), raws) as run:
                    checked.check(run, builder.seal())
            except (CriticalError, ValueError) as error:
                return error if isinstance(error, CriticalError) else _plain(block, f"{wrong}; {error}")
        return _plain(block, wrong)


def _plain(block: Block, wrong: str) -> CriticalError:
    return CriticalError(
        f"{block} was made by the native engine, and py-evm does not agree ({wrong}): one of them has a bug; "
        "no more blocks are made; report this block"
    )
