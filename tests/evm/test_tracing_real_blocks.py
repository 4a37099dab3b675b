"""Blocks of OP Sepolia and Unichain, traced from their witness: what tracers say must fit the receipts."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from config.constants import L1_FEE_VAULT
from config.types import Hash32
from evm.engine import Engine, ExecutedBlock
from evm.engine.stateless import StatelessCase, Witness
from evm.engine.stateless_file import load_stateless_case
from evm.rules import L2Rules
from evm.store.state import StateStore
from evm.tracing.trace import trace_block
from evm.tracing.tracers import make_tracer
from evm.types import Receipt, to_hex
from tests.evm.test_tracing_steps import check_gas
from tests.evm.tracing_kit import as_sent

NAMES = ["11155420-26207960-holocene", "11155420-26207963-holocene", "130-10311000-holocene"]


@cache
def executed(path: Path) -> tuple[StatelessCase, Engine, ExecutedBlock]:
    """A block with the engine that it was executed by."""
    case = load_stateless_case(path)
    witness = Witness(case.witness)
    engine = Engine(L2Rules(case.rollup), StateStore(witness), witness)
    return case, engine, engine.derive(case.parent, case.attributes)


def traces(vectors: Path, name: str, tracer: str | None, config: Any = None) -> list[Any]:
    """The traces of a block's transactions."""
    case, engine, result = executed(vectors / "exec" / f"{name}.json.gz")
    found = list(trace_block(engine, case.parent, result.block, lambda: make_tracer(tracer, config)))
    assert [item.transaction_hash for item in found] == [item.hash for item in result.block.transactions]
    return [as_sent(item.result) for item in found]


def gas_used(receipts: Sequence[Receipt]) -> list[int]:
    """Of each transaction."""
    totals = [0, *(receipt.cumulative_gas_used for receipt in receipts)]
    return [after - before for before, after in itertools.pairwise(totals)]


def frames(frame: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A frame and all within it."""
    yield frame
    for inner in frame.get("calls", ()):
        yield from frames(inner)


@pytest.mark.parametrize("name", NAMES)
def test_calls_fit_the_receipts(vectors: Path, name: str) -> None:
    _, _, result = executed(vectors / "exec" / f"{name}.json.gz")
    found = traces(vectors, name, "callTracer", {"withLog": True})
    assert [int(frame["gasUsed"], 16) for frame in found] == gas_used(result.receipts)
    index = 0
    for transaction, frame, receipt in zip(result.block.transactions, found, result.receipts, strict=True):
        assert ("error" not in frame) == receipt.succeeded
        assert frame["from"] == to_hex(transaction.sender) and int(frame["gas"], 16) == transaction.gas_limit
        logs = sorted(
            (log for each in frames(frame) for log in each.get("logs", ())), key=lambda log: int(log["index"], 16)
        )
        assert [int(log["index"], 16) for log in logs] == list(range(index, index + len(receipt.logs)))
        assert [(log["address"], log["topics"], log["data"]) for log in logs] == [
            (to_hex(log.address), [to_hex(topic) for topic in log.topics], to_hex(log.data)) for log in receipt.logs
        ]
        index += len(receipt.logs)
    assert index and any("calls" in frame for frame in found)


@pytest.mark.parametrize("name", NAMES)
def test_steps_fit_the_receipts_and_each_other(vectors: Path, name: str) -> None:
    _, _, result = executed(vectors / "exec" / f"{name}.json.gz")
    found = traces(vectors, name, None, {"disableStack": True, "disableStorage": True})
    assert [trace["gas"] for trace in found] == gas_used(result.receipts)
    assert [trace["failed"] for trace in found] == [not receipt.succeeded for receipt in result.receipts]
    for trace in found:
        check_gas(trace["structLogs"])
    assert sum(len(trace["structLogs"]) for trace in found) > 1_000


@pytest.mark.parametrize("name", NAMES)
def test_diffs_fit_the_state_after_the_block(vectors: Path, name: str) -> None:
    case, engine, result = executed(vectors / "exec" / f"{name}.json.gz")
    balances: dict[str, int] = {}
    for diff in traces(vectors, name, "prestateTracer", {"diffMode": True}):
        for address, changes in diff["post"].items():
            if "balance" in changes:
                balances[address] = int(changes["balance"], 16)
    engine.state.remember(result.update)
    try:
        after = engine.state.at(Hash32(result.update.root))
        vault = after.account(L1_FEE_VAULT)
        assert vault is not None and balances[to_hex(L1_FEE_VAULT)] == vault.balance
        for transaction in result.block.transactions:
            account = after.account(transaction.sender)
            if to_hex(transaction.sender) in balances:
                assert account is not None and balances[to_hex(transaction.sender)] == account.balance
    finally:
        engine.state.discard(result.update)
    assert case.expected_hash == result.block.hash
