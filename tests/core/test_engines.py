"""The two engines behind one interface: agreement is silent, disagreement stops, says why and can be run again."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth.exceptions import OutOfGas

from config.constants import L2_TO_L1_MESSAGE_PASSER
from config.engine_mode import EngineMode
from config.errors import CriticalError
from config.forks import Fork
from config.types import Address, Gas, Hash32
from evm.engine import Engine, EvmState, InvalidBlock, InvalidPayload
from evm.engine.checked import CheckedEngine
from evm.engine.choice import make_engine
from evm.engine.disagreement import EngineDisagreement
from evm.engine.native_led import NativeLedEngine
from evm.engine.stateless import execute_stateless
from evm.engine.stateless_file import load_stateless_case
from evm.fees import L1FeeParameters
from evm.native import library
from evm.native.steps import native_steps
from evm.rules import L2Rules
from evm.tracing.opcodes import name_of
from evm.tracing.parting import TooManySteps, find_parting
from evm.types import PayloadAttributes
from evm.validity import InvalidReason, InvalidTransaction
from tests.evm.engine_kit import (
    ALICE,
    BOB,
    BOB_KEY,
    CONTRACT,
    GWEI,
    HOLOCENE_EXTRA,
    Bench,
    Funded,
    deposit,
    l2,
    transaction,
)

pytestmark = pytest.mark.usefixtures("native_library")


@pytest.fixture(autouse=True, params=["by the waiting thread", "by a helper", "after py-evm"])
def _when_the_native_engine_works(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where `both` lets the native engine work: as for small blocks, as for large ones, and with one processor."""
    with ThreadPoolExecutor(1) as helper:
        one = request.param == "after py-evm"
        monkeypatch.setattr("evm.native.making.helpers", lambda: None if one else helper)
        if one:
            monkeypatch.setattr("evm.native.making.block_maker", lambda: None)
        elif request.param == "by a helper":
            monkeypatch.setattr("evm.native.making.MANY", 0)
        yield


COUNTER = bytes.fromhex("5f54600101805f5560005260206000a000")
"""Adds one to slot 0 and logs the new value."""


def attributes(bench: Bench, *raws: bytes) -> PayloadAttributes:
    inputs = bench.inputs()
    return PayloadAttributes(
        timestamp=inputs.timestamp,  # type: ignore[arg-type]
        prev_randao=inputs.prev_randao,
        suggested_fee_recipient=inputs.fee_recipient,
        parent_beacon_block_root=inputs.parent_beacon_block_root,
        transactions=raws,
        no_tx_pool=True,
        gas_limit=Gas(inputs.gas_limit),
        eip1559_params=bytes(8),
    )


def bench() -> Bench:
    return l2({CONTRACT: Funded(nonce=1, code=COUNTER)})


def engine(bench: Bench, mode: EngineMode, place: Path) -> Engine:
    rules = bench.engine.rules
    assert isinstance(rules, L2Rules)
    return make_engine(mode, rules, bench.state, bench, place)


def some_transactions() -> tuple[bytes, ...]:
    return (
        deposit(mint=3).encode(),
        transaction(nonce=1).raw,
        transaction(BOB_KEY, to=CONTRACT, gas_limit=90_000).raw,
        transaction(BOB_KEY, nonce=1, to=None, data=bytes.fromhex("600a600c600039600a6000f3"), gas_limit=200_000).raw,
    )


@pytest.mark.parametrize("mode", list(EngineMode))
def test_every_mode_makes_the_same_block(mode: EngineMode, tmp_path: Path) -> None:
    world = bench()
    expected = world.engine.derive(world.head, attributes(world, *some_transactions()))
    chosen = engine(world, mode, tmp_path)
    executed = chosen.derive(world.head, attributes(world, *some_transactions()))
    assert executed.block.hash == expected.block.hash
    assert executed.receipts == expected.receipts
    assert executed.update == expected.update
    assert executed.update.changes == expected.update.changes
    assert chosen.import_block(world.head, expected.block).block.hash == expected.block.hash


@pytest.mark.parametrize("place", [0, 40, 41, 199])
def test_the_first_invalid_transaction_of_many_is_named_wherever_it_stands(place: int, tmp_path: Path) -> None:
    world = bench()
    raws = [transaction(nonce=nonce).raw for nonce in range(200)]
    chosen = engine(world, EngineMode.NATIVE, tmp_path)
    whole = attributes(world, *raws)
    assert chosen.derive(world.head, whole).block.hash == world.engine.derive(world.head, whole).block.hash
    raws[place] = transaction(nonce=place + 1).raw
    with pytest.raises(InvalidPayload, match=f"transaction {place} "):
        chosen.derive(world.head, attributes(world, *raws))


@pytest.mark.parametrize("mode", list(EngineMode))
def test_every_mode_fills_a_block_transaction_by_transaction(mode: EngineMode, tmp_path: Path) -> None:
    world = bench()
    builder = engine(world, mode, tmp_path).start_payload(world.head, attributes(world, deposit().encode()))
    assert builder.number == 1
    before = builder.gas_left
    builder.add(transaction(nonce=1))
    assert builder.gas_left == before - 21_000
    with pytest.raises(InvalidTransaction) as refused:
        builder.add(transaction(nonce=7))
    assert refused.value.reason is InvalidReason.NONCE_TOO_HIGH
    builder.add(transaction(BOB_KEY, max_fee=3 * GWEI))
    executed = builder.seal()
    builder.abandon()
    assert len(executed.block.transactions) == len(executed.receipts) == 3
    world.accept(executed)
    plain = world.engine.derive(world.head, attributes(world))
    assert engine(world, mode, tmp_path).derive(world.head, attributes(world)).block.hash == plain.block.hash


@pytest.mark.parametrize("mode", list(EngineMode))
def test_every_mode_refuses_what_cannot_be_in_a_block(mode: EngineMode, tmp_path: Path) -> None:
    world = bench()
    chosen = engine(world, mode, tmp_path)
    with pytest.raises(InvalidPayload, match=r"transaction 1 .*nonce too high"):
        chosen.derive(world.head, attributes(world, deposit().encode(), transaction(nonce=9).raw))
    with pytest.raises(InvalidPayload, match="transaction 0"):
        chosen.derive(world.head, attributes(world, b"\x05\x01"))
    with pytest.raises(InvalidPayload, match="eip1559Params"):
        chosen.derive(world.head, replace(attributes(world), eip1559_params=None))
    good = world.engine.derive(world.head, attributes(world, *some_transactions())).block
    header = replace(good.header, state_root=Hash32(b"\x01" * 32))
    with pytest.raises(InvalidBlock, match="state_root"):
        chosen.import_block(world.head, replace(good, header=header))
    assert not list(tmp_path.iterdir())


def _one_more_wei(method: Callable[..., int]) -> Callable[..., int]:
    return lambda *arguments: method(*arguments) + 1


SEEDED_BUGS = {
    "operator fee": ("evm.fees.L1FeeParameters.operator_fee", _one_more_wei(L1FeeParameters.operator_fee)),
    "L1 fee": ("evm.fees.L1FeeParameters.l1_fee", _one_more_wei(L1FeeParameters.l1_fee)),
    "ordered roots": ("evm.engine.builder.ordered_root", lambda items: Hash32(bytes([len(items)]) * 32)),
    "bloom": ("evm.engine.builder._bloom", lambda receipts: bytes(255) + b"\x01"),
    "gas after the call": ("evm.engine.transaction.settled_gas", lambda limit, *others: limit),
}


@pytest.mark.parametrize("bug", list(SEEDED_BUGS))
def test_a_bug_in_one_engine_stops_the_block(bug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = bench()
    chosen = engine(world, EngineMode.BOTH, tmp_path)
    assert isinstance(chosen, CheckedEngine)
    place, replacement = SEEDED_BUGS[bug]
    with monkeypatch.context() as patch:
        patch.setattr(place, replacement)
        with pytest.raises(EngineDisagreement, match="py-evm and the native engine disagree"):
            chosen.derive(world.head, attributes(world, *some_transactions()))
    (directory,) = tmp_path.iterdir()
    difference = json.loads((directory / "difference.json").read_text())
    assert difference["pyevm"]["hash"] != difference["native"]["hash"]
    # With the bug gone, what was written executes to what the native engine said.
    case = load_stateless_case(directory / "block.json.gz")
    assert execute_stateless(case).block.hash.hex() == difference["native"]["hash"][2:]


def test_the_first_transaction_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = bench()
    chosen = engine(world, EngineMode.BOTH, tmp_path)
    monkeypatch.setattr("evm.engine.transaction.settled_gas", lambda limit, *others: limit)
    with pytest.raises(EngineDisagreement, match="transaction 0 is the first to differ"):
        chosen.derive(world.head, attributes(world, *some_transactions()))


def reported(world: Bench, place: Path, *raws: bytes) -> dict[str, Any]:
    """What is written about a block that the engines disagree about."""
    with pytest.raises(EngineDisagreement):
        engine(world, EngineMode.BOTH, place).derive(world.head, attributes(world, *raws))
    (directory,) = place.iterdir()
    found: dict[str, Any] = json.loads((directory / "difference.json").read_text())
    return found


def test_the_first_opcode_whose_result_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = EvmState.get_storage

    def one_more(state: EvmState, address: Address, slot: int, *others: bool) -> int:
        return read(state, address, slot, *others) + (address == CONTRACT)

    monkeypatch.setattr(EvmState, "get_storage", one_more)
    found = reported(bench(), tmp_path, *some_transactions())
    assert found["firstDifferentTransaction"] == 2
    opcode = found["firstDifferentOpcode"]
    assert (opcode["step"], opcode["pc"], opcode["opcode"], opcode["differs"]) == (1, 1, "SLOAD", ["stack"])
    assert (opcode["pyevm"]["stack"], opcode["native"]["stack"]) == (["0x1"], ["0x0"])


def test_the_first_opcode_whose_gas_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EvmState, "mark_storage_warm", lambda state, address, slot: None)
    found = reported(bench(), tmp_path, *some_transactions())["firstDifferentOpcode"]
    assert (found["opcode"], found["differs"]) == ("SSTORE", ["gas"])
    assert found["native"]["gas"] - found["pyevm"]["gas"] == 2100


def test_a_transaction_that_ends_earlier_in_one_engine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(state: EvmState, address: Address, slot: int, value: int) -> None:
        raise OutOfGas

    monkeypatch.setattr(EvmState, "set_storage", broken)
    found = reported(bench(), tmp_path, transaction(to=CONTRACT, gas_limit=90_000).raw)["firstDifferentOpcode"]
    assert (found["opcode"], found["differs"], found["pyevm"]) == ("SSTORE", ["end"], None)


def test_a_difference_beside_all_opcodes_is_said_to_be_none_of_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evm.engine.builder._bloom", lambda receipts: b"\x01" * 256)
    found = reported(bench(), tmp_path, *some_transactions())
    assert (found["firstDifferentTransaction"], found["firstDifferentOpcode"]) == (None, None)
    assert found["opcodes"] == "step by step both run the same opcodes in transactions 2, 3"


def test_looking_for_the_opcode_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evm.engine.builder._bloom", lambda receipts: b"\x01" * 256)
    reported(bench(), tmp_path, *some_transactions())
    (directory,) = tmp_path.iterdir()
    case = load_stateless_case(directory)
    with pytest.raises(TooManySteps, match="the first 5 are the same"):
        find_parting(case, [2], most_steps=5)
    assert find_parting(case, range(4)) is None


def test_steps_are_read_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = bench()
    monkeypatch.setattr("evm.engine.builder._bloom", lambda receipts: b"\x01" * 256)
    reported(world, tmp_path, *some_transactions())
    (directory,) = tmp_path.iterdir()
    case = load_stateless_case(directory)
    whole = list(native_steps(case, 2))
    assert [name_of(step.opcode) for step in whole] == (
        [
            "PUSH0",
            "SLOAD",
            "PUSH1",
            "ADD",
            "DUP1",
            "PUSH0",
            "SSTORE",
            "PUSH1",
            "MSTORE",
            "PUSH1",
            "PUSH1",
            "LOG0",
            "STOP",
        ]
    )
    assert list(native_steps(case, 2, window_bytes=50)) == whole
    assert list(native_steps(case, 1)) == []


@pytest.mark.parametrize("mode", list(EngineMode))
def test_a_balance_wraps_like_a_word(mode: EngineMode, tmp_path: Path) -> None:
    world = l2({BOB: Funded(balance=(1 << 256) - 2)})
    executed = engine(world, mode, tmp_path).derive(
        world.head, attributes(world, deposit(mint=5, value=0, sender=BOB, to=ALICE).encode())
    )
    world.accept(executed)
    account = world.reader().account(BOB)
    assert account is not None
    assert account.balance == 3


def test_a_payload_that_only_one_engine_refuses_stops_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = bench()
    chosen = engine(world, EngineMode.BOTH, tmp_path)

    def refuse(*arguments: object) -> None:
        raise InvalidTransaction(InvalidReason.NONCE_TOO_LOW)

    monkeypatch.setattr("evm.engine.builder.validate_against_state", refuse)
    with pytest.raises(EngineDisagreement, match="refused"):
        chosen.derive(world.head, attributes(world, *some_transactions()))


def test_a_sealed_block_is_checked_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = bench()
    builder = engine(world, EngineMode.BOTH, tmp_path).start_payload(world.head, attributes(world))
    builder.add(transaction())
    monkeypatch.setattr("evm.engine.builder._bloom", lambda receipts: b"\x01" * 256)
    with pytest.raises(EngineDisagreement):
        builder.seal()


def test_a_block_that_py_evm_could_not_finish_leaves_the_native_engine_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = bench()
    chosen = engine(world, EngineMode.BOTH, tmp_path)
    wanted = attributes(world, *some_transactions())
    with monkeypatch.context() as patch:
        patch.setattr("evm.engine.builder._bloom", lambda receipts: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            chosen.derive(world.head, wanted)
    executed = chosen.derive(world.head, wanted)
    assert executed.block.hash == engine(world, EngineMode.NATIVE, tmp_path).derive(world.head, wanted).block.hash


def test_what_stops_the_native_engine_is_raised_where_the_block_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = bench()
    chosen = engine(world, EngineMode.BOTH, tmp_path)
    monkeypatch.setattr(world.state, "get", lambda node_hash: None)
    with pytest.raises(CriticalError, match="missing"):
        chosen.derive(world.head, attributes(world, transaction().raw))


def test_state_that_is_missing_is_an_error_and_not_an_empty_account(tmp_path: Path) -> None:
    world = bench()
    chosen = engine(world, EngineMode.NATIVE, tmp_path)
    assert isinstance(chosen, NativeLedEngine)
    world.kv._tables.clear()
    with pytest.raises(CriticalError, match="missing"):
        chosen.derive(world.head, attributes(world, transaction().raw))


def test_without_the_library_py_evm_executes_alone_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> None:
        raise library.NativeLibraryMissing("the native library is not there: build it")

    monkeypatch.setattr("evm.native.engine._door", lambda name: missing())
    world = bench()
    with caplog.at_level("WARNING", "lamina.engine"):
        chosen = engine(world, EngineMode.BOTH, tmp_path)
    assert type(chosen) is Engine
    assert "build it" in caplog.text
    with pytest.raises(library.NativeLibraryMissing):
        engine(world, EngineMode.NATIVE, tmp_path)


@pytest.mark.parametrize("fork", [fork for fork in Fork if fork >= Fork.REGOLITH])
def test_the_engines_agree_on_every_fork(fork: Fork, tmp_path: Path) -> None:
    world = l2({CONTRACT: Funded(nonce=1, code=COUNTER)}, fork)
    rules = world.engine.rules
    assert isinstance(rules, L2Rules)
    if fork >= Fork.JOVIAN:
        world.head = replace(world.head, extra_data=b"\x01" + HOLOCENE_EXTRA[1:] + bytes(8))
        world.headers[world.head.hash] = world.head
    chosen = make_engine(EngineMode.BOTH, rules, world.state, world, tmp_path)
    for nonce in range(3):
        builder = world.engine.start(world.head, world.inputs())
        builder.add(deposit(mint=nonce, sender=BOB, to=ALICE))
        builder.add(transaction(nonce=nonce))
        builder.add(transaction(BOB_KEY, nonce=2 * nonce + 1, to=CONTRACT, gas_limit=90_000))
        block = builder.seal().block
        world.accept(chosen.import_block(world.head, block))


@pytest.mark.parametrize("mode", list(EngineMode))
def test_the_withdrawals_root_is_the_message_passers_after_the_block(mode: EngineMode, tmp_path: Path) -> None:
    world = l2({L2_TO_L1_MESSAGE_PASSER: Funded(nonce=1, code=COUNTER)})
    call = deposit(to=L2_TO_L1_MESSAGE_PASSER).encode()
    for _ in range(2):
        executed = engine(world, mode, tmp_path).derive(world.head, attributes(world, call))
        world.accept(executed)
        account = world.reader().account(L2_TO_L1_MESSAGE_PASSER)
        assert account is not None
        assert executed.block.header.withdrawals_root == account.storage_root
