"""`eth_simulateV1`: blocks of calls on top of a block of the chain."""

from typing import Any

from config.types import to_hex
from evm.engine import InvalidOverride
from evm.simulation import (
    CallOutcome,
    Fault,
    RequestedBlock,
    SimulatedBlock,
    SimulationError,
    SimulationRequest,
    simulate,
)
from evm.simulation.request import MAX_BLOCKS, MAX_CALLS
from evm.tracing.revert import revert_reason
from evm.tracing.room import Room
from evm.tracing.tracer import TraceTooLarge
from evm.types import Block, Transaction
from evm.types.json_codec import LogPosition, block_to_json, log_to_json
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.call_params import parse_block_overrides, parse_call, parse_state_overrides
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import ErrorCode, RpcError, invalid_params, server_error
from node.rpc.params import LATEST, BlockParam, ObjectParam, parse_bool, parse_list, parse_object
from node.rpc.workers import CallWorkers, OutOfTime

_VM_ERROR = -32015
_CAPPED = " (gas limit was capped by the RPC server's global gas cap)"


class EthSimulation(Namespace):
    """Simulates in worker threads, within the gas, the time and the memory that one request may take.

    `block_time`: seconds between simulated blocks that name no time. Spec: Ethereum execution APIs, "eth_simulateV1".
    """

    name = "eth"

    def __init__(self, chain: Chain, blocks: BlockFinder, workers: CallWorkers, block_time: int) -> None:
        self._chain = chain
        self._blocks = blocks
        self._workers = workers
        self._block_time = block_time

    @rpc_method("simulateV1")
    async def simulate(self, options: ObjectParam, block: BlockParam = LATEST) -> list[Any]:
        """Blocks with calls in them (`blockStateCalls`) as they would be on top of a block, and what the calls came to.

        `traceTransfers`, `validation` and `returnFullTransactions` as in geth. On an L2 no L1 fee is charged.
        """
        limits = self._workers.limits
        try:
            asked = _parse_blocks(options.get("blockStateCalls"), self._chain.rules.chain_id)
            transfers = _flag(options, "traceTransfers")
            validation = _flag(options, "validation")
            full = _flag(options, "returnFullTransactions")
        except ValueError as error:
            raise invalid_params(f"invalid argument 0: {error}") from error
        _, base = self._blocks.state(block)

        def work() -> list[Any]:
            request = SimulationRequest(
                blocks=asked,
                trace_transfers=transfers,
                validation=validation,
                block_time=self._block_time,
                gas_cap=limits.gas_cap,
                room=Room(limits.trace_bytes),
                budget=self._workers.budget(),
            )
            return [_to_json(result, full) for result in simulate(self._chain.engine, base, request)]

        try:
            return await self._workers.run_long(work)
        except SimulationError as error:
            raise RpcError(error.fault, str(error)) from error
        except (InvalidOverride, TraceTooLarge) as error:
            raise server_error(str(error)) from error
        except OutOfTime as error:
            raise server_error(f"execution aborted (timeout = {limits.timeout:g}s)") from error


def _parse_blocks(value: Any, chain_id: int) -> list[RequestedBlock]:
    entries = parse_list(value if value is not None else [])
    if len(entries) > MAX_BLOCKS:
        raise RpcError(Fault.LIMIT_EXCEEDED, "too many blocks")
    blocks, calls = [], 0
    for entry in entries:
        data = parse_object(entry)
        listed = parse_list(data.get("calls") or [])
        calls += len(listed)
        if calls > MAX_CALLS:
            raise RpcError(Fault.LIMIT_EXCEEDED, f"too many calls: {calls} > {MAX_CALLS}")
        blocks.append(
            RequestedBlock(
                parse_block_overrides(data.get("blockOverrides") or {}),
                parse_state_overrides(data.get("stateOverrides") or {}),
                [parse_call(call, chain_id) for call in listed],
            )
        )
    return blocks


def _flag(options: dict[str, Any], name: str) -> bool:
    value = options.get(name)
    try:
        return False if value is None else parse_bool(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _to_json(simulated: SimulatedBlock, full: bool) -> dict[str, Any]:
    block = simulated.block
    result = block_to_json(block, full)
    result["calls"] = [
        _call_to_json(outcome, block, index, transaction)
        for index, (outcome, transaction) in enumerate(zip(simulated.calls, block.transactions, strict=True))
    ]
    return result


def _call_to_json(outcome: CallOutcome, block: Block, index: int, transaction: Transaction) -> dict[str, Any]:
    header = block.header
    logs = []
    for number, log in outcome.logs:
        position = LogPosition(header.hash, header.number, transaction.hash, index, number)
        logs.append(log_to_json(log, position))
    result: dict[str, Any] = {
        "returnData": "0x" if outcome.error else to_hex(outcome.output),
        "logs": logs,
        "gasUsed": hex(outcome.gas_used),
        "maxUsedGas": hex(outcome.most_gas),
        "status": "0x0" if outcome.error else "0x1",
    }
    if outcome.reverted:
        reason = revert_reason(outcome.output)
        result["error"] = {
            "message": "execution reverted" if reason is None else f"execution reverted: {reason}",
            "code": int(ErrorCode.EXECUTION_REVERTED),
            "data": to_hex(outcome.output),
        }
    elif outcome.error:
        result["error"] = {"message": outcome.error + (_CAPPED if outcome.capped else ""), "code": _VM_ERROR}
    return result
