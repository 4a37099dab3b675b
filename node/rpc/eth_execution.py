"""`eth_` methods that run code without a transaction: call, estimateGas, createAccessList."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from config.types import to_hex
from evm.engine import BlockOverrides, InvalidOverride, StateOverride
from evm.engine.call import (
    CallContext,
    CallError,
    CallFailed,
    CallMessage,
    create_access_list,
    estimate_gas,
    run_call,
)
from evm.types import Address, Header
from evm.types.json_codec import access_list_to_json
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.call_params import parse_call, parse_call_facts, parse_state_overrides
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.params import LATEST, PENDING, BlockParam, BlockReference, JsonParam
from node.rpc.revert import reverted
from node.rpc.workers import CallWorkers, ExecutionLimits, OutOfTime

__all__ = ["EthExecution", "ExecutionLimits", "earliest_next"]

T = TypeVar("T")


def earliest_next(head: Header) -> int:
    """The least timestamp that a block on top of `head` can have."""
    return head.timestamp + 1


class EthExecution(Namespace):
    """Runs calls in worker threads.

    Spec: Ethereum execution APIs, "eth/execute"; overrides as in geth.
    """

    name = "eth"

    def __init__(
        self,
        chain: Chain,
        blocks: BlockFinder,
        workers: CallWorkers,
        next_timestamp: Callable[[Header], int] = earliest_next,
    ) -> None:
        """`next_timestamp`: the time of the block after a head, which calls on "pending" see."""
        self._chain = chain
        self._next_timestamp = next_timestamp
        self._blocks = blocks
        self._workers = workers

    @rpc_method("call")
    async def call(
        self,
        transaction: JsonParam,
        block: BlockParam = LATEST,
        state_overrides: JsonParam = None,
        block_overrides: JsonParam = None,
    ) -> str:
        """What the call returns. Raises RpcError 3 with the output when it reverts."""
        message, context = self._prepare(transaction, block, state_overrides, block_overrides)
        result = await self._run(lambda: run_call(context, message))
        if result.reverted:
            raise reverted(result.output)
        if not result.succeeded:
            raise server_error(result.error)
        return to_hex(result.output)

    @rpc_method("estimateGas")
    async def estimate_gas(
        self,
        transaction: JsonParam,
        block: BlockParam = PENDING,
        state_overrides: JsonParam = None,
        block_overrides: JsonParam = None,
    ) -> str:
        """Gas with which the transaction succeeds, in the next block unless the caller names one.

        A contract may refuse in the head block what it allows in the next: a portal takes no proof against a game of
        the same block. Clients ask without a block and send afterwards.
        """
        message, context = self._prepare(transaction, block, state_overrides, block_overrides)
        return hex(await self._estimate(message, context))

    async def gas_for(self, message: CallMessage) -> int:
        """Gas with which the message succeeds in the next block. Raises RpcError when it does not."""
        return await self._estimate(message, self._context(PENDING, None, None))

    async def _estimate(self, message: CallMessage, context: CallContext) -> int:
        try:
            return await self._run(lambda: estimate_gas(context, message))
        except CallFailed as error:
            raise reverted(error.output) if error.reverted else server_error(str(error)) from error

    @rpc_method("createAccessList")
    async def create_access_list(
        self, transaction: JsonParam, block: BlockParam = LATEST, state_overrides: JsonParam = None
    ) -> dict[str, Any]:
        """What the transaction touches, and the gas it uses when that is announced."""
        message, context = self._prepare(transaction, block, state_overrides, None)
        result = await self._run(lambda: create_access_list(context, message))
        answer: dict[str, Any] = {
            "accessList": access_list_to_json(result.access_list),
            "gasUsed": hex(result.gas_used),
        }
        if result.error:
            answer["error"] = result.error
        return answer

    def _prepare(
        self, transaction: Any, block: BlockReference, state_overrides: Any, block_overrides: Any
    ) -> tuple[CallMessage, CallContext]:
        message = _parse(0, lambda value: parse_call(value, self._chain.rules.chain_id), transaction)
        accounts = None if state_overrides is None else _parse(2, parse_state_overrides, state_overrides)
        facts = None if block_overrides is None else _parse(3, parse_call_facts, block_overrides)
        return message, self._context(block, accounts, facts)

    def _context(
        self, block: BlockReference, accounts: dict[Address, StateOverride] | None, facts: BlockOverrides | None
    ) -> CallContext:
        _, header = self._blocks.state(block)
        if block.is_pending:
            facts = self._next_block(header, facts or BlockOverrides())
        budget, gas_cap = self._workers.budget(), self._workers.limits.gas_cap
        try:
            return self._chain.engine.call_context(header, accounts, facts, gas_cap, budget)
        except InvalidOverride as error:
            raise server_error(str(error)) from error

    def _next_block(self, head: Header, facts: BlockOverrides) -> BlockOverrides:
        """Number, time and base fee of the block after the head, where the caller did not choose them."""
        timestamp = self._next_timestamp(head) if facts.timestamp is None else facts.timestamp
        base_fee = self._chain.rules.next_base_fee(head, timestamp) if facts.base_fee is None else facts.base_fee
        number = head.number + 1 if facts.number is None else facts.number
        return replace(facts, number=number, timestamp=timestamp, base_fee=base_fee)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._workers.run(work)
        except CallError as error:
            raise server_error(f"err: {error}") from error
        except OutOfTime as error:
            raise server_error(f"execution aborted (timeout = {self._workers.limits.timeout:g}s)") from error


def _parse(index: int, parser: Callable[[Any], T], value: Any) -> T:
    try:
        return parser(value)
    except ValueError as error:
        raise invalid_params(f"invalid argument {index}: {error}") from error
