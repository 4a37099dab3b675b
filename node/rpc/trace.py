"""`trace_`: transactions as lists of messages, in the form that Parity gave them and block explorers read."""

from collections.abc import Iterator
from typing import Annotated, Any

import orjson

from config.types import to_hex
from evm.tracing.flat_call_tracer import FlatCallTracer
from evm.tracing.replay_tracer import STATE_DIFF, TRACE, ReplayTracer
from evm.tracing.room import Room
from evm.tracing.trace import Budget, trace_block, trace_call
from evm.types import Address, Block
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.call_params import parse_call
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import ErrorCode, RpcError, invalid_params, server_error
from node.rpc.params import (
    LATEST,
    BlockParam,
    BlockReference,
    HashParam,
    JsonParam,
    ListParam,
    ObjectParam,
    parse_address,
    parse_block_number,
    parse_count,
    parse_list,
    parse_quantity,
)
from node.rpc.replays import Replays

MAX_FILTER_BLOCKS = 100
"""Blocks that one `trace_filter` may ask for: each is executed again."""


def parse_kinds(value: Any) -> frozenset[str]:
    """Kinds of traces. Raises ValueError for those there are not."""
    kinds = frozenset(item if isinstance(item, str) else repr(item) for item in parse_list(value))
    unknown = kinds - {TRACE, STATE_DIFF}
    if unknown:
        raise ValueError(f"traces of kind {', '.join(sorted(unknown))} are not made: there are {TRACE}, {STATE_DIFF}")
    return kinds


KindsParam = Annotated[frozenset[str], parse_kinds]


class Trace(Namespace):
    """Replays like `debug_trace...`, with the same limits. Spec: OpenEthereum, "The trace module"; geth's flatCallTracer.

    Blocks since the Merge pay no rewards, so no trace is one.
    """

    name = "trace"

    def __init__(self, chain: Chain, blocks: BlockFinder, replays: Replays) -> None:
        self._chain = chain
        self._blocks = blocks
        self._replays = replays

    @rpc_method("block")
    async def block(self, block: BlockParam) -> Any:
        """The messages of all transactions of a block, or null when there is no such block."""
        found = self._blocks.block(block)
        if found is None:
            return None
        return await self._replays.run(lambda budget, room: list(self._of_block(found, budget, room)))

    @rpc_method("transaction")
    async def transaction(self, transaction_hash: HashParam) -> Any:
        """The messages of a transaction of the canonical chain, or null."""
        return await self._replays.transaction(transaction_hash, _lister)

    @rpc_method("get")
    async def get(self, transaction_hash: HashParam, address: ListParam) -> Any:
        """One message of a transaction by the way to it (`traceAddress`), or null."""
        try:
            way = [parse_quantity(step, 64) for step in address]
        except ValueError as error:
            raise invalid_params(f"invalid argument 1: {error}") from error
        traces = await self.transaction(transaction_hash)
        found = [] if traces is None else orjson.loads(orjson.dumps(traces))
        return next((entry for entry in found if entry["traceAddress"] == way), None)

    @rpc_method("filter")
    async def filter(self, query: ObjectParam) -> Any:
        """Messages of canonical blocks from `fromBlock` to `toBlock` (at most 100) by who sent or got them.

        With both `fromAddress` and `toAddress` either may match, or with `mode` "intersection" both must. `after` skips,
        `count` bounds.
        """
        try:
            first, last = (parse_block_number(query.get(name) or "latest") for name in ("fromBlock", "toBlock"))
            senders, receivers = (_addresses(query.get(name)) for name in ("fromAddress", "toAddress"))
            after, count = (
                None if (given := query.get(name)) is None else parse_count(given) for name in ("after", "count")
            )
            both = _both_must_match(query.get("mode"))
        except ValueError as error:
            raise invalid_params(f"invalid argument 0: {error}") from error
        numbers = self._range(first, last)

        def work(budget: Budget, room: Room) -> Any:
            skipped, found = 0, []
            for number in numbers:
                block = self._chain.block_by_number(number)
                if block is None:
                    break
                for entry in self._of_block(block, budget, room):
                    if not _matches(entry, senders, receivers, both):
                        continue
                    skipped += 1
                    if skipped > (after or 0):
                        found.append(entry)
                    if count is not None and len(found) >= count:
                        return found[:count]
            return found

        return await self._replays.run(work, self._replays.limits.trace_timeout)

    @rpc_method("replayTransaction")
    async def replay_transaction(self, transaction_hash: HashParam, kinds: KindsParam) -> Any:
        """Output, messages (`trace`) and changes (`stateDiff`) of a transaction of the canonical chain."""
        replay = await self._replays.transaction(transaction_hash, lambda room: ReplayTracer(kinds, room))
        if replay is None:
            raise server_error("transaction not found")
        return replay

    @rpc_method("replayBlockTransactions")
    async def replay_block(self, block: BlockParam, kinds: KindsParam) -> Any:
        """The same of all transactions of a block, with their hashes; null when there is no such block."""
        found = self._blocks.block(block)
        if found is None:
            return None
        if found.number == 0:
            return []
        parent, engine = self._replays.parent(found), self._chain.engine

        def work(budget: Budget, room: Room) -> Any:
            traces = trace_block(engine, parent, found, lambda: ReplayTracer(kinds, room), budget)
            return [trace.result | {"transactionHash": to_hex(trace.transaction_hash)} for trace in traces]

        return await self._replays.run(work)

    @rpc_method("call")
    async def call(self, transaction: JsonParam, kinds: KindsParam, block: BlockParam = LATEST) -> Any:
        """The same of a call on the state after a block."""
        try:
            message = parse_call(transaction, self._chain.rules.chain_id)
        except ValueError as error:
            raise invalid_params(f"invalid argument 0: {error}") from error
        _, header = self._blocks.state(block)
        gas_cap = self._replays.limits.gas_cap

        def work(budget: Budget, room: Room) -> Any:
            context = self._chain.engine.call_context(header, gas_cap=gas_cap, budget=budget)
            return trace_call(context, message, ReplayTracer(kinds, room))

        return await self._replays.run(work)

    def _of_block(self, block: Block, budget: Budget, room: Room) -> Iterator[Any]:
        if block.number == 0:
            return
        parent = self._replays.parent(block)
        for trace in trace_block(self._chain.engine, parent, block, lambda: _lister(room), budget):
            yield from orjson.loads(orjson.dumps(trace.result))

    def _range(self, first: BlockReference, last: BlockReference) -> range:
        start, end = (self._blocks.require_header(reference).number for reference in (first, last))
        if end - start >= MAX_FILTER_BLOCKS:
            raise RpcError(
                ErrorCode.LIMIT_EXCEEDED, f"{end - start + 1} blocks are too many to trace, at most {MAX_FILTER_BLOCKS}"
            )
        return range(start, end + 1)


def _lister(room: Room) -> FlatCallTracer:
    return FlatCallTracer({"convertParityErrors": True}, room)


def _addresses(value: Any) -> frozenset[Address]:
    return frozenset(parse_address(item) for item in parse_list(value or []))


def _both_must_match(mode: Any) -> bool:
    if mode not in (None, "union", "intersection"):
        raise ValueError(f"mode {mode!r} is neither union nor intersection")
    return bool(mode == "intersection")


def _matches(entry: dict[str, Any], senders: frozenset[Address], receivers: frozenset[Address], both: bool) -> bool:
    action, result = entry["action"], entry.get("result") or {}
    sent = _within(action.get("from") or action.get("address"), senders)
    got = _within(action.get("to") or result.get("address") or action.get("refundAddress"), receivers)
    if senders and receivers and not both:
        return sent or got
    return (sent or not senders) and (got or not receivers)


def _within(address: Any, wanted: frozenset[Address]) -> bool:
    return address is not None and Address(bytes.fromhex(str(address)[2:])) in wanted
