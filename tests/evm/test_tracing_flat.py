"""The flatCallTracer: one message after the other, each with the way to it."""

from typing import Any

import pytest

from evm.engine.message import contract_address
from evm.tracing.room import Room
from evm.tracing.trace import trace_transaction
from evm.tracing.tracer import TraceTooLarge
from evm.tracing.tracers import make_tracer
from evm.types import Address, to_hex
from tests.evm.engine_kit import ALICE, BOB, CONTRACT, GWEI, Bench, Funded, deposit, l2, transaction
from tests.evm.tracing_kit import ADDITION, GAS, INNER, STOP, block_of, call, create, push, trace, world

IDENTITY = Address(bytes(19) + b"\x04")
REVERT = push(0) * 2 + b"\xfd"


def flat(bench: Bench, *transactions: Any, **config: Any) -> list[dict[str, Any]]:
    return list(trace(bench, "flatCallTracer", config, *transactions))


def test_messages_are_listed_in_order_with_the_way_to_each() -> None:
    bench = world(call(INNER, value=0) + call(BOB, value=3) + STOP, call(BOB) + STOP, balance=10)
    found = flat(bench)
    assert [(entry["traceAddress"], entry["subtraces"]) for entry in found] == [([], 2), ([0], 1), ([0, 0], 0), ([1], 0)]
    assert [entry["action"]["to"] for entry in found] == [to_hex(address) for address in (CONTRACT, INNER, BOB, BOB)]
    assert found[3]["action"] == {
        "callType": "call",
        "from": to_hex(CONTRACT),
        "to": to_hex(BOB),
        "gas": found[3]["action"]["gas"],
        "value": "0x3",
        "input": "0x",
    }
    assert {entry["type"] for entry in found} == {"call"}


def test_each_frame_names_the_place_of_its_transaction() -> None:
    bench = world(call(INNER) + STOP, ADDITION)
    chosen = transaction(), transaction(nonce=1, to=CONTRACT, gas_limit=GAS, value=0)
    block = block_of(bench, chosen)
    found = flat(bench, *chosen)
    assert len(found) == 2
    for entry in found:
        assert (entry["blockHash"], entry["blockNumber"]) == (to_hex(block.hash), block.number)
        assert (entry["transactionHash"], entry["transactionPosition"]) == (to_hex(chosen[1].hash), 1)


def test_calls_of_precompiles_are_left_out_unless_asked_for_and_leave_no_hole() -> None:
    bench = world(call(IDENTITY) + call(INNER) + call(IDENTITY, opcode=0xF4) + STOP, ADDITION)
    assert [(entry["traceAddress"], entry["action"]["to"]) for entry in flat(bench)][1:] == [
        ([0], to_hex(INNER)),
        ([1], to_hex(IDENTITY)),
    ]
    assert flat(bench)[0]["subtraces"] == 2
    assert [entry["traceAddress"] for entry in flat(bench, includePrecompiles=True)] == [[], [0], [1], [2]]


def test_creations_and_destructions_have_forms_of_their_own() -> None:
    initcode = bytes.fromhex("60015f5360015ff3")
    bench = world(create(initcode, salt=5) + b"\x73" + BOB + b"\xff", balance=9)
    _, created, destroyed = flat(bench)
    assert created["type"] == "create" and created["action"]["creationMethod"] == "create2"
    assert created["action"]["init"] == to_hex(initcode)
    assert created["result"]["code"] == "0x01" and len(created["result"]["address"]) == 42
    assert destroyed["action"] == {"address": to_hex(CONTRACT), "balance": "0x9", "refundAddress": to_hex(BOB)}
    assert destroyed["type"] == "suicide" and "result" not in destroyed
    (top,) = flat(l2(), transaction(to=None, gas_limit=GAS, value=3))
    assert (top["action"]["creationMethod"], top["action"]["value"]) == ("create", "0x3")
    assert top["result"]["address"] == to_hex(contract_address(ALICE, 0))


@pytest.mark.parametrize(
    ("inner", "geths", "paritys"),
    [
        (REVERT, "execution reverted", "Reverted"),
        (b"\xfe", "invalid opcode: INVALID", "Bad instruction"),
        (b"\x01", "stack underflow", "Stack underflow"),
        (b"\x5b\x5f\x56", "out of gas", "Out of gas"),
        (push(3) + b"\x56", "invalid jump destination", "Bad jump destination"),
    ],
)
def test_errors_have_geths_words_or_paritys(inner: bytes, geths: str, paritys: str) -> None:
    bench = world(call(INNER) + STOP, inner)
    assert flat(bench)[1]["error"] == geths
    failed = flat(bench, convertParityErrors=True)[1]
    assert failed["error"] == paritys
    # What was reverted with is an answer, too; any other failure has none.
    assert ("result" in failed) == (inner == REVERT)


def test_a_deposit_that_cannot_start_is_a_failed_call_of_its_own() -> None:
    (failed,) = flat(l2(), deposit(value=10**30))
    assert failed["error"] == "failed deposit transaction" and "result" not in failed
    assert (failed["action"]["from"], failed["action"]["to"]) == (to_hex(ALICE), to_hex(BOB))


def test_a_list_takes_bounded_memory() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=call(INNER) * 40 + STOP), INNER: Funded(nonce=1, code=ADDITION)})
    sent = transaction(to=CONTRACT, gas_limit=GAS, value=0, max_fee=2 * GWEI)
    block = block_of(bench, [sent])
    with pytest.raises(TraceTooLarge):
        trace_transaction(bench.engine, bench.head, block, 0, make_tracer("flatCallTracer", {}, Room(70_000)))
