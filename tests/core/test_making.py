"""Blocks that are made while the caller does something else: the same, whoever makes them, and nothing is left behind."""

import os
from collections.abc import Sequence
from threading import Event, Thread

import pytest

from config.errors import CriticalError
from config.rollup import RollupConfig
from config.types import Hash32
from evm.engine.errors import InvalidPayload
from evm.native.engine import MANY, NativeEngine
from evm.native.fetch import Kind
from evm.native.library import load_library
from evm.native.maker import BlockMaker
from evm.native.making import start_making
from tests.core.block_kit import attributes_after, everything, native_engine, serve
from tests.core.test_sealing import crowded, rollup
from tests.evm.engine_kit import Bench, transaction

pytestmark = pytest.mark.usefixtures("native_library")


@pytest.fixture(autouse=True, params=["signals as Linux has them", "pipes"])
def maker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> BlockMaker:
    """A waiting thread, also on a machine with one processor."""
    if request.param == "pipes":
        monkeypatch.delattr(os, "eventfd", raising=False)
    made = BlockMaker(load_library())
    monkeypatch.setattr("evm.native.making.block_maker", lambda: made)
    return made


def transfers(count: int) -> list[bytes]:
    return [transaction(nonce=nonce).raw for nonce in range(count)]


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, 2 * MANY])
def test_it_is_the_block_that_one_call_makes(count: int) -> None:
    bench = crowded()
    raws = transfers(count)
    with native_engine(bench, rollup(bench)) as native:
        block, done, last = native.make(bench.head, attributes_after(bench), raws)
        with block:
            assert block.result is not None
            expected = everything(block.result)
        making = start_making(native, bench.head, attributes_after(bench), raws)
        other, *rest = making.finish()
        assert other.result is not None and everything(other.result) == expected and rest == [done, last]
        making.close()


@pytest.mark.parametrize("count", [3, MANY])
def test_a_block_that_nobody_asks_for_gives_its_memory_back(count: int) -> None:
    bench = crowded()
    with native_engine(bench, rollup(bench)) as native:
        for _ in range(20):
            start_making(native, bench.head, attributes_after(bench), transfers(count)).close()
        # Closing the engine asserts that no block is open.


@pytest.mark.parametrize("count", [3, MANY])
def test_what_goes_wrong_elsewhere_is_raised_where_the_block_is_asked_for(count: int) -> None:
    bench = crowded()
    good = attributes_after(bench)

    def nothing(kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
        return [None] * len(keys)

    def broken(kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
        raise CriticalError("the disk is on fire")

    for fetch, attributes, error, why in (
        (nothing, good, CriticalError, "is missing"),
        (broken, good, CriticalError, "on fire"),
        (None, attributes_after(bench, eip1559_params=None), InvalidPayload, "do not fit"),
    ):
        with NativeEngine(rollup(bench), fetch or (lambda kind, keys: serve(bench, kind, keys))) as native:
            making = start_making(native, bench.head, attributes, transfers(count))
            with pytest.raises(error, match=why):
                making.finish()
            making.close()
            start_making(native, bench.head, attributes, transfers(count)).close()
    assert hash_of_a_block(bench, rollup(bench)), "and the thread waits for orders again"


def test_a_second_engine_works_itself_while_the_thread_is_at_the_order_of_another() -> None:
    bench = crowded()
    asked, go_on = Event(), Event()

    def slow(kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
        asked.set()
        assert go_on.wait(60)
        return serve(bench, kind, keys)

    with NativeEngine(rollup(bench), slow) as first, native_engine(bench, rollup(bench)) as second:
        slowly = start_making(first, bench.head, attributes_after(bench), transfers(3))
        assert asked.wait(60)
        making = start_making(second, bench.head, attributes_after(bench), transfers(3))
        block, *_ = making.finish()
        assert block.result is not None
        expected = everything(block.result)
        making.close()
        go_on.set()
        block, *_ = slowly.finish()
        assert block.result is not None and everything(block.result) == expected
        slowly.close()


def hash_of_a_block(bench: Bench, config: RollupConfig) -> bytes:
    with native_engine(bench, config) as native:
        making = start_making(native, bench.head, attributes_after(bench), transfers(2))
        block, *_ = making.finish()
        assert block.result is not None
        found = block.result.hash
        making.close()
        return found


def test_any_number_of_threads_make_blocks_at_the_same_time() -> None:
    bench = crowded()
    config = rollup(bench)
    expected = hash_of_a_block(bench, config)
    found: list[bytes] = []

    def work() -> None:
        found.extend(hash_of_a_block(bench, config) for _ in range(30))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 120


def test_a_forked_process_has_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("evm.native.maker.processors", lambda: 2)
    bench = crowded()
    expected = hash_of_a_block(bench, rollup(bench))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, hash_of_a_block(bench, rollup(bench)))
        os._exit(0)
    os.close(write)
    assert os.read(read, 32) == expected
    os.waitpid(child, 0)
    os.close(read)
