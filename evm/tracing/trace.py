"""Runs what is to be traced, on a state that is thrown away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from config.constants import GAS_PER_BLOB
from evm.engine import BlockBuilder, BlockInputs, CallMessage, Engine, EvmState
from evm.engine.call import CallContext, check_start, settle_gas
from evm.engine.transaction import run_payload, settled_gas
from evm.tracing.computation import traced
from evm.tracing.frames import TransactionFacts, TransactionPlace, authorities_of
from evm.tracing.tracer import Tracer
from evm.types import Block, Hash32, Header, Transaction

MakeTracer = Callable[[], Tracer]
Budget = Callable[[], None]


@dataclass(frozen=True)
class TransactionTrace:
    """What a tracer found out about one transaction of a block; `result` is ready for JSON."""

    transaction_hash: Hash32
    result: Any


def trace_transaction(
    engine: Engine, parent: Header, block: Block, index: int, tracer: Tracer, budget: Budget | None = None
) -> Any:
    """The trace of one transaction of a block, those before it replayed without tracing.

    `budget` is called now and then, and stops everything by raising. Raises IndexError when the block has no such
    transaction, MissingTrieNode when the parent's state is not there.
    """
    transaction = block.transactions[index]
    builder = _start(engine, parent, block, budget)
    for earlier in block.transactions[:index]:
        builder.add(earlier)
        if budget is not None:
            budget()
    return trace_next(builder, transaction, tracer, block.hash)


def trace_block(
    engine: Engine, parent: Header, block: Block, make_tracer: MakeTracer, budget: Budget | None = None
) -> Iterator[TransactionTrace]:
    """The traces of all transactions of a block, each by a tracer of its own. Raises as `trace_transaction`."""
    builder = _start(engine, parent, block, budget)
    for transaction in block.transactions:
        yield TransactionTrace(transaction.hash, trace_next(builder, transaction, make_tracer(), block.hash))
        if budget is not None:
            budget()


def trace_call(
    context: CallContext, message: CallMessage, tracer: Tracer, block: Header | None = None, index: int = 0
) -> Any:
    """The trace of a call, with its fee paid to the last: what a transaction like it would do, L1 fees apart.

    `block` and `index` are the place that the trace names. Raises CallError when it cannot start.
    """
    message = settle_gas(context, message)
    state = context.new_state(message)
    check_start(context, state, message)
    sender, gas_limit, fork = message.sender, message.gas_limit, context.fork
    nonce = state.get_nonce(sender) if message.nonce is None else message.nonce
    authorities = authorities_of(message.authorization_list)
    place = None if block is None else TransactionPlace(block.hash, block.number, index, None)
    facts = TransactionFacts(sender, message.to, nonce, gas_limit, authorities, place=place)
    state.tracer = tracer
    tracer.start(facts, state, fork)
    price = min(message.max_fee_per_gas, state.base_fee + message.max_priority_fee_per_gas)
    charge = gas_limit * price + GAS_PER_BLOB * len(message.blob_versioned_hashes) * state.blob_base_fee
    paid = min(charge, state.get_balance(sender))
    state.delta_balance(sender, -paid)
    state.set_nonce(sender, min(nonce + 1, (1 << 64) - 1))
    rules = traced(fork, tracer.wants_steps)
    outcome, refund = run_payload(state, rules, message, sender, price, nonce, context.rules.chain_id)
    gas_used = settled_gas(gas_limit, outcome, refund, message, fork)
    state.delta_balance(sender, (gas_limit - gas_used) * price)
    state.delta_balance(state.coinbase, gas_used * max(0, price - state.base_fee))
    state.end_transaction(outcome.destroyed)
    tracer.end(state, gas_used)
    return tracer.result()


def _start(engine: Engine, parent: Header, block: Block, budget: Budget | None) -> BlockBuilder:
    builder = engine.start(parent, BlockInputs.of(block))
    builder.state.budget = budget
    return builder


def trace_next(
    builder: BlockBuilder, transaction: Transaction, tracer: Tracer, block_hash: Hash32 | None = None
) -> Any:
    """Add a transaction to the block, whose hash may be known, and trace it.

    Raises InvalidTransaction when it may not stand there.
    """
    state: EvmState = builder.state
    fork, gas_before = builder.fork, builder.gas_used
    nonce = state.get_nonce(transaction.sender)
    first_log = sum(len(receipt.logs) for receipt in builder.receipts)
    place = None
    if block_hash is not None:
        place = TransactionPlace(block_hash, builder.number, len(builder.transactions), transaction.hash)
    tracer.start(TransactionFacts.of(transaction, nonce, first_log, place), state, fork)
    state.tracer, builder.fork = tracer, traced(fork, tracer.wants_steps)
    try:
        builder.add(transaction)
    finally:
        state.tracer, builder.fork = None, fork
    tracer.end(state, builder.gas_used - gas_before)
    return tracer.result()
