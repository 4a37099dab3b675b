"""Runs a simulation: puts the blocks in order, fills the gaps between them, executes one after the other."""

from collections.abc import Sequence
from dataclasses import replace

from config.forks import EthFork
from evm.engine import BlockInputs, Engine, InvalidBlock
from evm.simulation.block import SimulatedBlockBuilder, SimulatedChain
from evm.simulation.errors import Fault, SimulationError
from evm.simulation.hashes import SimulatedHashes
from evm.simulation.request import (
    MAX_BLOCKS,
    MAX_CALLS,
    MAX_CALLS_PER_BLOCK,
    RequestedBlock,
    SimulatedBlock,
    SimulationRequest,
)
from evm.simulation.states import SimulatedStates
from evm.types import ZERO_HASH, Header


def simulate(engine: Engine, base: Header, request: SimulationRequest) -> list[SimulatedBlock]:
    """The blocks asked for, on `base`, and empty ones where their numbers leave gaps.

    On an L2 no charge for L1 data is taken, since nothing is signed; the base fee goes to its vault.
    Raises SimulationError, and InvalidOverride when accounts are overridden in a way that cannot be.
    Spec: Ethereum execution APIs, "eth_simulateV1".
    """
    _check_size(request.blocks)
    blocks = in_order(request.blocks, base, request.block_time)
    hashes, states = SimulatedHashes(engine.headers, base), SimulatedStates(engine.state)
    chain = SimulatedChain(engine.rules, states, hashes, request.budget)
    gas_left = request.gas_cap
    parent, answers = base, []
    for asked in blocks:
        if request.budget is not None:
            request.budget()
        builder = _start(chain, parent, asked, request.validation)
        outcomes = []
        for message in asked.calls:
            outcome = builder.call(message, gas_left, request.trace_transfers, request.room)
            gas_left -= outcome.gas_used
            outcomes.append(outcome)
            if request.budget is not None:
                request.budget()
        try:
            executed = builder.seal()
        except InvalidBlock as error:
            raise SimulationError(Fault.OTHER, str(error)) from error
        block = executed.block
        states.add(executed.update)
        hashes.add(block.header)
        parent = block.header
        answers.append(SimulatedBlock(block, outcomes))
    return answers


def _check_size(blocks: Sequence[RequestedBlock]) -> None:
    if not blocks:
        raise SimulationError(Fault.INVALID_PARAMS, "empty input")
    if len(blocks) > MAX_BLOCKS:
        raise SimulationError(Fault.LIMIT_EXCEEDED, "too many blocks")
    most = max(len(block.calls) for block in blocks)
    if most > MAX_CALLS_PER_BLOCK:
        raise SimulationError(Fault.LIMIT_EXCEEDED, f"too many calls in block: {most} > {MAX_CALLS_PER_BLOCK}")
    total = sum(len(block.calls) for block in blocks)
    if total > MAX_CALLS:
        raise SimulationError(Fault.LIMIT_EXCEEDED, f"too many calls: {total} > {MAX_CALLS}")


def in_order(blocks: Sequence[RequestedBlock], base: Header, block_time: int) -> list[RequestedBlock]:
    """The blocks with number and time, and with empty ones in the gaps.

    Raises SimulationError when numbers or times do not rise, or when it would be too many blocks.
    """
    result: list[RequestedBlock] = []
    number, timestamp = base.number, base.timestamp
    for block in blocks:
        wanted = number + 1 if block.facts.number is None else block.facts.number
        if wanted <= number:
            raise SimulationError(Fault.BLOCK_NUMBER, f"block numbers must be in order: {wanted} <= {number}")
        if wanted - base.number > MAX_BLOCKS:
            raise SimulationError(Fault.LIMIT_EXCEEDED, "too many blocks")
        while number + 1 < wanted:
            number, timestamp = number + 1, timestamp + block_time
            result.append(_at(RequestedBlock(), number, timestamp))
        time = timestamp + block_time if block.facts.timestamp is None else block.facts.timestamp
        if time <= timestamp:
            raise SimulationError(Fault.TIMESTAMP, f"block timestamps must be in order: {time} <= {timestamp}")
        number, timestamp = wanted, time
        result.append(_at(block, number, timestamp))
    return result


def _at(block: RequestedBlock, number: int, timestamp: int) -> RequestedBlock:
    if timestamp >= 1 << 64:
        raise SimulationError(Fault.TIMESTAMP, f"block timestamps end at 2^64: {timestamp}")
    return replace(block, facts=replace(block.facts, number=number, timestamp=timestamp))


def _start(chain: SimulatedChain, parent: Header, asked: RequestedBlock, validation: bool) -> SimulatedBlockBuilder:
    facts, timestamp = asked.facts, asked.facts.timestamp or 0
    fork = chain.rules.at(timestamp)
    if facts.withdrawals and fork.is_l2:
        raise SimulationError(Fault.INVALID_PARAMS, "blocks of an L2 have no withdrawals of validators")
    inputs = BlockInputs(
        timestamp=timestamp,
        fee_recipient=parent.fee_recipient if facts.fee_recipient is None else facts.fee_recipient,
        prev_randao=facts.prev_randao or ZERO_HASH,
        gas_limit=parent.gas_limit if facts.gas_limit is None else facts.gas_limit,
        # An L2's next base fee is computed with what stands here.
        extra_data=parent.extra_data if fork.is_l2 else b"",
        parent_beacon_block_root=(facts.beacon_root or ZERO_HASH) if fork.has(EthFork.CANCUN) else None,
        withdrawals=(facts.withdrawals or ()) if fork.has(EthFork.SHANGHAI) else None,
    )
    return SimulatedBlockBuilder(chain, parent, inputs, facts, asked.accounts, validation=validation)
