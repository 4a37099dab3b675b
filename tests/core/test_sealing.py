"""A block is sealed by two threads when it is large: the same comes out, however they share the work."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from config.errors import CriticalError
from config.types import Address, Hash32
from evm.native import engine
from evm.native.engine import MANY, NativeEngine
from evm.native.fetch import Kind
from tests.core.block_kit import attributes_after, everything, native_engine, run_both, serve
from tests.evm.engine_kit import CONTRACT, Bench, Funded, deposit, l2, transaction

pytestmark = pytest.mark.usefixtures("native_library")

COUNTER = bytes.fromhex("5f54600101805f5560005260206000a000")
"""Adds one to slot 0 and logs the new value."""


class AtOnce(Executor):
    """The helper has done its part before the caller goes on with its own."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        task: Future[Any] = Future()
        task.set_result(fn(*args, **kwargs))
        return task


class Never(Executor):
    """The helper has something else to do until it is too late."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return Future()


def crowded(accounts: int = 300) -> Bench:
    """A chain with so many accounts that each nibble has some below it."""
    others = {Address(number.to_bytes(20, "big")): Funded(nonce=1) for number in range(1000, 1000 + accounts)}
    return l2({CONTRACT: Funded(nonce=1, code=COUNTER), **others})


def many_transactions() -> list[bytes]:
    receivers = (Address((1000 + 7 * nonce).to_bytes(20, "big")) for nonce in range(MANY))
    return [
        deposit(mint=3).encode(),
        *(
            transaction(nonce=nonce, to=CONTRACT if nonce % 9 == 0 else to, gas_limit=90_000).raw
            for nonce, to in enumerate(receivers, 1)
        ),
    ]


def sealed(bench: Bench, transactions: list[bytes]) -> tuple[object, ...]:
    with native_engine(bench, rollup(bench)) as native, native.begin(bench.head, attributes_after(bench)) as block:
        assert all(each.included for each in block.add(transactions))
        return everything(block.seal())


def rollup(bench: Bench) -> Any:
    return bench.engine.rules.rollup  # type: ignore[attr-defined]


@pytest.mark.parametrize("helper", [AtOnce(), Never(), ThreadPoolExecutor(1), ThreadPoolExecutor(3)])
def test_it_makes_no_difference_what_the_helper_gets_done(helper: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, transactions = crowded(), many_transactions()
    monkeypatch.setattr(engine, "helpers", lambda: None)
    alone = sealed(bench, transactions)
    monkeypatch.setattr(engine, "helpers", lambda: helper)
    for _ in range(20):
        assert sealed(bench, transactions) == alone
    with native_engine(bench, rollup(bench)) as native:
        assert everything(run_both(bench, native, attributes_after(bench), transactions).result) == alone


def test_a_node_that_is_missing_stops_it_and_the_next_block_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot is deleted, and the other of two moves up: its node is asked for when the block is sealed."""
    bench = l2({CONTRACT: Funded(nonce=1, code=bytes.fromhex("5f5f5500"), storage={0: 1, 1: 1})})
    transactions = [transaction(nonce=nonce, to=CONTRACT, gas_limit=90_000).raw for nonce in range(MANY)]
    gone = False

    def fetch(kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
        return [None] * len(keys) if gone else serve(bench, kind, keys)

    with ThreadPoolExecutor(1) as pool, NativeEngine(rollup(bench), fetch, cache_bytes=1 << 20) as native:
        monkeypatch.setattr(engine, "helpers", lambda: pool)
        with native.begin(bench.head, attributes_after(bench)) as block:
            assert all(each.included for each in block.add(transactions))
            gone = True
            with pytest.raises(CriticalError, match="is missing"):
                block.seal()
        gone = False
        run_both(bench, native, attributes_after(bench), transactions)
