"""Executing blocks of the chain again for callers: what it needs, and what may go wrong."""

from collections.abc import Callable
from typing import Any

from config.errors import CriticalError
from config.types import to_hex
from evm.engine import CallError, InvalidOverride
from evm.rules import InvalidHeader
from evm.tracing.mid_block import NoSuchTransaction
from evm.tracing.room import Room
from evm.tracing.trace import Budget, trace_transaction
from evm.tracing.tracer import InvalidTracerConfig, Tracer, TraceTooLarge
from evm.types import Block, Hash32, Header
from evm.validity import InvalidTransaction
from node.chain import Chain, StatePruned
from node.rpc.errors import server_error
from node.rpc.workers import CallWorkers, OutOfTime

Work = Callable[[Budget, Room], Any]


class Replays:
    """Replays run in the threads of calls, in bounded time and memory, wherever the node has the parent's state."""

    def __init__(self, chain: Chain, workers: CallWorkers) -> None:
        self.chain = chain
        self.limits = workers.limits
        self._workers = workers

    def find(self, transaction_hash: Hash32) -> tuple[Block, int] | None:
        """The canonical block of a transaction and its index there, or None."""
        place = self.chain.find_transaction(transaction_hash)
        block = None if place is None else self.chain.block_by_hash(place.block_hash)
        return None if place is None or block is None else (block, place.index)

    def parent(self, block: Block) -> Header:
        """The block's parent, whose state is there. Raises RpcError when it is not."""
        if block.number == 0:
            raise server_error("genesis is not traceable")
        parent = self.chain.header_by_hash(block.header.parent_hash)
        if parent is None:
            raise server_error(f"parent {to_hex(block.header.parent_hash)} not found")
        try:
            self.chain.require_state(parent)
        except StatePruned as error:
            raise server_error(f"required historical state unavailable: {error}") from error
        return parent

    async def transaction(self, transaction_hash: Hash32, tracer: Callable[[Room], Tracer]) -> Any:
        """What a tracer makes of a transaction of the canonical chain; None when there is none. Raises RpcError."""
        found = self.find(transaction_hash)
        if found is None:
            return None
        block, index = found
        parent, engine = self.parent(block), self.chain.engine
        return await self.run(
            lambda budget, room: trace_transaction(engine, parent, block, index, tracer(room), budget)
        )

    async def run(self, work: Work, seconds: float | None = None) -> Any:
        """What the work comes to within so many seconds, by default those of one request. Raises RpcError."""
        seconds = self.limits.timeout if seconds is None else seconds
        try:
            return await self._workers.run_long(
                lambda: work(self._workers.budget(seconds), Room(self.limits.trace_bytes))
            )
        except OutOfTime as error:
            raise server_error("execution timeout") from error
        except (InvalidOverride, InvalidTracerConfig, TraceTooLarge, NoSuchTransaction) as error:
            raise server_error(str(error)) from error
        except (CallError, InvalidTransaction, InvalidHeader, CriticalError) as error:
            raise server_error(f"tracing failed: {error}") from error
