"""`debug_trace...`: what transactions did, step by step or message by message."""

from typing import Annotated, Any

from config.types import to_hex
from evm.engine.call import call_context
from evm.tracing.mid_block import state_before
from evm.tracing.room import Room
from evm.tracing.trace import Budget, trace_block, trace_call, trace_transaction
from evm.types import Block
from evm.types.rlp import RlpError
from evm.types.transaction import TransactionDecodingError
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.call_params import parse_call, parse_call_facts, parse_state_overrides
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.params import BlockNumberParam, BlockParam, BlockReference, DataParam, HashParam, JsonParam, parse_uint64
from node.rpc.replays import Replays, Work
from node.rpc.trace_params import TraceOptions, parse_trace_options

OptionsParam = Annotated[TraceOptions, parse_trace_options]

_NO_OPTIONS = parse_trace_options(None)


class DebugTrace(Namespace):
    """Replays what is asked for on a state that is thrown away, in the threads that run calls.

    A trace takes bounded time and memory. It works for every block whose
    parent's state the node has.
    """

    name = "debug"

    def __init__(self, chain: Chain, blocks: BlockFinder, replays: Replays) -> None:
        self._chain = chain
        self._blocks = blocks
        self._replays = replays

    @rpc_method("traceTransaction")
    async def trace_transaction(self, transaction_hash: HashParam, options: OptionsParam = _NO_OPTIONS) -> Any:
        """The trace of a transaction of the canonical chain."""
        found = self._replays.find(transaction_hash)
        if found is None:
            raise server_error("transaction not found")
        block, index = found
        parent = self._replays.parent(block)
        return await self._run(
            options,
            lambda budget, room: trace_transaction(
                self._chain.engine, parent, block, index, options.new_tracer(room), budget
            ),
        )

    @rpc_method("traceBlockByNumber")
    async def trace_block_by_number(self, number: BlockNumberParam, options: OptionsParam = _NO_OPTIONS) -> Any:
        """The traces of all transactions of a canonical block."""
        block = self._blocks.block(number)
        if block is None:
            raise server_error(f"block #{number.number} not found")
        return await self._trace_block(block, options)

    @rpc_method("traceBlockByHash")
    async def trace_block_by_hash(self, block_hash: HashParam, options: OptionsParam = _NO_OPTIONS) -> Any:
        """The traces of all transactions of a block, canonical or not."""
        block = self._blocks.block(BlockReference(hash=block_hash))
        if block is None:
            raise server_error(f"block {to_hex(block_hash)} not found")
        return await self._trace_block(block, options)

    @rpc_method("traceBlock")
    async def trace_block(self, raw: DataParam, options: OptionsParam = _NO_OPTIONS) -> Any:
        """The traces of all transactions of a block given as RLP, on a parent that the node has."""
        try:
            block = Block.decode(raw)
        except (RlpError, TransactionDecodingError) as error:
            raise server_error(f"could not decode block: {error}") from error
        return await self._trace_block(block, options)

    @rpc_method("traceCall")
    async def trace_call(self, transaction: JsonParam, block: BlockParam, options: OptionsParam = _NO_OPTIONS) -> Any:
        """The trace of a call on the state after a block, or before one of its transactions with `txIndex`.

        `stateOverrides` and `blockOverrides` are in the options, too.
        """
        if block.is_pending:
            raise server_error("tracing on top of pending is not supported")
        try:
            message = parse_call(transaction, self._chain.rules.chain_id)
        except ValueError as error:
            raise invalid_params(f"invalid argument 0: {error}") from error
        try:
            accounts = parse_state_overrides(options.others.get("stateoverrides") or {})
            facts = parse_call_facts(options.others.get("blockoverrides") or {})
            index = options.others.get("txindex")
            index = None if index is None else parse_uint64(index)
        except ValueError as error:
            raise invalid_params(f"invalid argument 2: {error}") from error
        engine, gas_cap = self._chain.engine, self._replays.limits.gas_cap
        if index is None:
            _, header = self._blocks.state(block)
            whole = parent = None
        else:
            whole = self._blocks.block(block)
            if whole is None:
                raise server_error("header not found")
            header, parent = whole.header, self._replays.parent(whole)

        def work(budget: Budget, room: Room) -> Any:
            if whole is None or parent is None or index is None:
                context = engine.call_context(header, accounts, facts, gas_cap, budget)
            else:
                source = state_before(engine, parent, whole, index, budget)
                context = call_context(engine.rules, source, engine.headers, header, accounts, facts, gas_cap, budget)
            return trace_call(context, message, options.new_tracer(room), header, index or 0)

        return await self._run(options, work)

    async def _trace_block(self, block: Block, options: TraceOptions) -> Any:
        parent = self._replays.parent(block)

        def work(budget: Budget, room: Room) -> Any:
            traces = trace_block(self._chain.engine, parent, block, lambda: options.new_tracer(room), budget)
            return [{"txHash": to_hex(trace.transaction_hash), "result": trace.result} for trace in traces]

        return await self._run(options, work)

    async def _run(self, options: TraceOptions, work: Work) -> Any:
        limits = self._replays.limits
        seconds = limits.timeout if options.timeout is None else min(options.timeout, limits.trace_timeout)
        return await self._replays.run(work, seconds)
