"""The callTracer, and the small tracers beside it."""

import json
from typing import Any

import orjson
import pytest

from config.forks import Fork
from evm.engine.message import contract_address
from evm.tracing.room import Room
from evm.tracing.trace import trace_block
from evm.tracing.tracer import InvalidTracerConfig, TraceTooLarge
from evm.tracing.tracers import make_tracer
from evm.types import Address, keccak256, to_hex
from evm.types.transaction import Authorization
from tests.evm.engine_kit import (
    ALICE,
    BOB,
    BOB_KEY,
    CHAIN_ID,
    CONTRACT,
    ETHER,
    Funded,
    deposit,
    l2,
    transaction,
)
from tests.evm.tracing_kit import (
    ADDITION,
    GAS,
    INNER,
    MISSING,
    STOP,
    as_sent,
    block_of,
    call,
    create,
    delegating,
    push,
    store_in_memory,
    trace,
    trace_code,
    world,
)

RETURN_WORD = push(32) + push(0) + b"\xf3"
REVERT_NO = bytes.fromhex(
    "7f08c379a0000000000000000000000000000000000000000000000000000000005f52"
    "602060045260026024527f6e6f00000000000000000000000000000000000000000000000000000000000060445260645ffd"
)
REVERT_NO_OUTPUT = "0x08c379a0" + f"{32:064x}" + f"{2:064x}" + "6e6f" + "00" * 30


def inner(code: bytes, callee: bytes = ADDITION, balance: int = 0) -> dict[str, Any]:
    """The one inner frame of a call of this code, where INNER has the callee's."""
    (frame,) = trace(world(code, callee, balance=balance), "callTracer")["calls"]
    return dict(frame)


def test_a_transfer_is_one_frame() -> None:
    assert trace(l2(), "callTracer", None, transaction(value=7, gas_limit=30_000)) == {
        "from": to_hex(ALICE),
        "gas": hex(30_000),
        "gasUsed": hex(21_000),
        "to": to_hex(BOB),
        "input": "0x",
        "value": "0x7",
        "type": "CALL",
    }


def test_the_outermost_frame_shows_what_was_paid_for_refunds_included() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=bytes.fromhex("5f600155"), storage={1: 1})})
    frame = trace(bench, "callTracer", None, transaction(to=CONTRACT, gas_limit=GAS, value=0, data=b"\x01\x02"))
    used = 21_000 + 2 * 16 + 2 + 3 + 5_000
    assert frame["gas"] == hex(GAS) and frame["gasUsed"] == hex(used - 4_800)
    assert frame["input"] == "0x0102"


@pytest.mark.parametrize(
    ("opcode", "name", "value"), [(0xF1, "CALL", "0x5"), (0xF2, "CALLCODE", "0x5"), (0xFA, "STATICCALL", None)]
)
def test_calls_of_each_kind_say_who_called_whom(opcode: int, name: str, value: str | None) -> None:
    code = store_in_memory(b"\xab\xcd") + call(INNER, opcode=opcode, gas=9_000, value=5, data_bytes=2)
    frame = inner(code, store_in_memory(b"\x11") + RETURN_WORD, balance=5)
    stipend = 2_300 if value else 0
    assert frame["type"] == name and frame.get("value") == value
    assert (frame["from"], frame["to"]) == (to_hex(CONTRACT), to_hex(INNER))
    assert frame["input"] == "0xabcd" and frame["output"] == "0x11" + "00" * 31
    assert frame["gas"] == hex(9_000 + stipend) and frame["gasUsed"] == hex(3 + 2 + 6 + 2 + 3)


def test_a_delegatecall_runs_in_the_callers_name_with_the_callers_value() -> None:
    bench = world(call(INNER, opcode=0xF4), call(MISSING))
    (frame,) = trace(bench, "callTracer", None, transaction(to=CONTRACT, gas_limit=GAS, value=3))["calls"]
    assert (frame["type"], frame["from"], frame["to"]) == ("DELEGATECALL", to_hex(CONTRACT), to_hex(INNER))
    assert frame["value"] == "0x3"
    # What the lent code calls is called by the contract that lent it.
    assert frame["calls"][0]["from"] == to_hex(CONTRACT)


def test_precompiles_have_frames() -> None:
    frame = inner(store_in_memory(b"\x07") + call(Address(bytes(19) + b"\x04"), data_bytes=3))
    assert frame["input"] == frame["output"] == "0x070000" and frame["gasUsed"] == hex(18)


def test_a_creation_shows_initcode_and_deployed_code() -> None:
    initcode = bytes.fromhex("60015f5360015ff3")
    frame = inner(create(initcode, value=2), balance=2)
    assert frame["type"] == "CREATE" and frame["value"] == "0x2"
    assert frame["to"] == to_hex(contract_address(CONTRACT, 1))
    assert frame["input"] == to_hex(initcode) and frame["output"] == "0x01"
    assert frame["gasUsed"] == hex(3 + 2 + 6 + 3 + 2 + 200)


def test_create2_shows_its_address() -> None:
    frame = inner(create(STOP, salt=9))
    expected = keccak256(b"\xff" + CONTRACT + (9).to_bytes(32, "big") + keccak256(STOP))[12:]
    assert frame["type"] == "CREATE2" and frame["to"] == to_hex(expected)


def test_a_transaction_that_creates_is_a_creation() -> None:
    frame = trace(l2(), "callTracer", None, transaction(to=None, gas_limit=GAS, data=bytes.fromhex("60015f5360015ff3")))
    assert frame["type"] == "CREATE" and frame["to"] == to_hex(contract_address(ALICE, 0))
    assert frame["output"] == "0x01" and frame["value"] == "0x1"


def test_self_destruction_is_a_frame_with_the_balance_that_went() -> None:
    frame = inner(b"\x73" + MISSING + b"\xff", balance=8)
    assert frame == {
        "from": to_hex(CONTRACT),
        "gas": "0x0",
        "gasUsed": "0x0",
        "to": to_hex(MISSING),
        "input": "0x",
        "value": "0x8",
        "type": "SELFDESTRUCT",
    }


def test_a_revert_shows_its_output_and_reason() -> None:
    frame = inner(call(INNER), REVERT_NO)
    assert frame["error"] == "execution reverted" and frame["revertReason"] == "no"
    assert frame["output"] == REVERT_NO_OUTPUT
    assert int(frame["gasUsed"], 16) < 200
    top = trace(world(REVERT_NO), "callTracer")
    assert (top["error"], top["revertReason"], top["output"]) == ("execution reverted", "no", REVERT_NO_OUTPUT)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (b"\xfe", "invalid opcode: INVALID"),
        (b"\x0c", "invalid opcode: opcode 0xc not defined"),
        (b"\x5f\x56", "invalid jump destination"),
        (b"\x5f\x01", "stack underflow"),
        (push(1 << 40) + b"\x51", "out of gas"),
        (push(1) + b"\x5f\x5f\x3e", "return data out of bounds"),
    ],
)
def test_failures_are_told_in_geths_words_and_take_all_gas(code: bytes, error: str) -> None:
    frame = inner(call(INNER, gas=40_000), code)
    assert frame["error"] == error and frame["gas"] == frame["gasUsed"] == hex(40_000)
    assert "output" not in frame


def test_writing_inside_a_static_call_fails() -> None:
    assert inner(call(INNER, opcode=0xFA), push(1) + push(0) + b"\x55")["error"] == "write protection"


def test_calls_that_cannot_begin_have_frames_all_the_same() -> None:
    frame = inner(store_in_memory(b"\x01") + call(INNER, gas=4_000, value=1, data_bytes=1))
    assert frame["error"] == "insufficient balance for transfer"
    assert (frame["gas"], frame["gasUsed"], frame["value"], frame["input"]) == (hex(6_300), "0x0", "0x1", "0x01")
    refused = inner(create(STOP, value=1))
    assert refused["error"] == "insufficient balance for transfer" and refused["gasUsed"] == "0x0"
    assert "to" not in refused and refused["input"] == "0x00"


def test_a_creation_on_a_used_address_takes_its_gas_and_says_why() -> None:
    taken = contract_address(CONTRACT, 1)
    bench = l2({CONTRACT: Funded(nonce=1, code=create(STOP)), taken: Funded(nonce=1)})
    (frame,) = trace(bench, "callTracer")["calls"]
    assert frame["error"] == "contract address collision" and frame["gas"] == frame["gasUsed"] != "0x0"
    top = trace(
        l2({contract_address(ALICE, 0): Funded(nonce=1)}), "callTracer", None, transaction(to=None, gas_limit=GAS)
    )
    assert top["error"] == "contract address collision" and top["gasUsed"] == hex(GAS)


def test_code_that_cannot_be_stored_fails_the_creation() -> None:
    too_long = push(24_577) + push(0) + b"\xf3"
    assert inner(create(too_long))["error"] == "max code size exceeded"
    reserved = bytes.fromhex("60ef5f5360015ff3")
    assert inner(create(reserved))["error"] == "invalid code: must not begin with 0xef"
    bench = world(create(push(24_000) + push(0) + b"\xf3"))
    (frame,) = trace(bench, "callTracer", None, transaction(to=CONTRACT, gas_limit=200_000, value=0))["calls"]
    assert frame["error"] == "contract creation code storage out of gas"


def test_the_call_depth_has_an_end() -> None:
    recursive = b"\x5f" * 5 + b"\x30\x5a\xf1" + STOP
    bench = l2({CONTRACT: Funded(nonce=1, code=recursive), ALICE: Funded(10**9 * ETHER)})
    builder = bench.start(gas_limit=10**15)
    call_it = transaction(to=CONTRACT, gas_limit=10**13, value=0)
    builder.add(call_it)
    (found,) = trace_block(bench.engine, bench.head, builder.seal().block, lambda: make_tracer("callTracer"))
    frame, depth = json.loads(orjson.dumps(found.result)), 0
    while "calls" in frame:
        (frame,) = frame["calls"]
        depth += 1
    assert depth == 1025 and frame["error"] == "max call depth exceeded" and frame["gasUsed"] == "0x0"


LOG = bytes.fromhex("5f5fa0")


def test_logs_say_after_which_calls_they_came_and_where_they_stand_in_the_block() -> None:
    bench = world(
        LOG + call(INNER) + LOG + call(INNER) + LOG + STOP,
        push(7) + store_in_memory(b"\x22") + bytes.fromhex("60205fa1"),
    )
    first = transaction(to=INNER, gas_limit=GAS, value=0)
    frame = trace(
        bench, "callTracer", {"withLog": True}, first, transaction(to=CONTRACT, gas_limit=GAS, value=0, nonce=1)
    )
    assert [(log["position"], log["index"]) for log in frame["logs"]] == [
        ("0x0", "0x1"),
        ("0x1", "0x3"),
        ("0x2", "0x5"),
    ]
    assert frame["calls"][1]["logs"] == [
        {
            "address": to_hex(INNER),
            "topics": ["0x" + f"{7:064x}"],
            "data": "0x22" + "00" * 31,
            "position": "0x0",
            "index": "0x4",
        }
    ]
    assert "logs" not in trace(bench, "callTracer")


def test_logs_of_failed_calls_are_left_out_with_those_of_their_own_calls() -> None:
    failing = LOG + call(MISSING) + b"\xfe"
    frame = trace(world(LOG + call(INNER) + LOG, failing), "callTracer", {"withLog": True})
    assert "logs" not in frame["calls"][0]
    assert [log["index"] for log in frame["logs"]] == ["0x0", "0x1"]
    outer = trace(world(call(INNER) + b"\xfe", LOG), "callTracer", {"withLog": True})
    assert "logs" not in outer and "logs" not in outer["calls"][0]


def test_only_the_top_call_can_be_asked_for() -> None:
    bench = world(LOG + call(INNER) + LOG, LOG + call(MISSING))
    frame = trace(bench, "callTracer", {"onlyTopCall": True, "withLog": True})
    assert "calls" not in frame and len(frame["logs"]) == 2


def test_a_delegated_account_is_shown_as_itself() -> None:
    bench = l2(
        {
            BOB: Funded(code=b"\xef\x01\x00" + INNER),
            INNER: Funded(nonce=1, code=call(MISSING)),
            CONTRACT: Funded(nonce=1, code=call(BOB)),
        }
    )
    top = trace(bench, "callTracer", None, transaction(gas_limit=GAS))
    assert top["to"] == to_hex(BOB) and top["calls"][0]["from"] == to_hex(BOB)
    (within,) = trace(bench, "callTracer")["calls"]
    assert within["to"] == to_hex(BOB) and within["calls"][0]["from"] == to_hex(BOB)


def test_delegations_are_applied_before_the_call() -> None:
    bench = l2({INNER: Funded(nonce=1, code=call(MISSING))})
    authorization = Authorization.sign(BOB_KEY, CHAIN_ID, INNER, 0)
    frame = trace(bench, "callTracer", None, delegating(authorization))
    assert len(frame["calls"]) == 1 and frame["calls"][0]["from"] == to_hex(BOB)


def test_a_deposit_is_traced_as_any_transaction() -> None:
    frame = trace(world(call(INNER), ADDITION), "callTracer", None, deposit(to=CONTRACT, mint=5, value=5))
    assert frame["from"] == to_hex(ALICE) and frame["value"] == "0x5" and len(frame["calls"]) == 1


def test_a_deposit_that_cannot_start_is_a_frame_of_nothing() -> None:
    frame = trace(l2(), "callTracer", None, deposit(value=10**40, gas_limit=50_000))
    assert frame == {
        "from": "0x" + "00" * 20,
        "gas": "0x0",
        "gasUsed": hex(50_000),
        "input": "0x",
        "type": "STOP",
        "error": "failed deposit transaction",
    }
    logged = trace(l2(), None, None, deposit(value=10**40, gas_limit=50_000))
    assert logged == {"gas": 50_000, "failed": True, "returnValue": "0x", "structLogs": []}


def test_opcodes_of_older_forks_are_traced() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=b"\x60\x00" * 5 + b"\x73" + INNER + b"\x61\xff\xff\xf1")}, Fork.REGOLITH)
    (frame,) = trace(bench, "callTracer", None, deposit(to=CONTRACT, gas_limit=GAS))["calls"]
    assert frame["type"] == "CALL" and frame["to"] == to_hex(INNER)


def test_traces_of_a_block_are_those_of_its_transactions() -> None:
    bench = world(push(1) + push(0) + b"\x54\x01" + push(0) + b"\x55" + call(INNER), ADDITION)
    block = block_of(bench, [transaction(to=CONTRACT, gas_limit=GAS, value=0, nonce=nonce) for nonce in range(3)])
    found = list(trace_block(bench.engine, bench.head, block, lambda: make_tracer("callTracer")))
    assert [item.transaction_hash for item in found] == [item.hash for item in block.transactions]
    results = [as_sent(item.result) for item in found]
    assert int(results[1]["gasUsed"], 16) < int(results[0]["gasUsed"], 16)
    alone = trace(bench, "callTracer", None, *block.transactions)
    assert alone == results[2]


def test_calls_are_counted_by_selector_and_size() -> None:
    word = store_in_memory(bytes.fromhex("a9059cbb") + b"\x01" * 28)
    code = word + call(INNER, data_bytes=32) * 2 + call(INNER, opcode=0xFA, data_bytes=4) + call(INNER, data_bytes=3)
    code += call(Address(bytes(19) + b"\x02"), data_bytes=32)
    frame = trace(
        world(code, ADDITION),
        "4byteTracer",
        None,
        transaction(to=CONTRACT, gas_limit=GAS, value=0, data=b"\x01\x02\x03\x04\x05"),
    )
    assert frame == {"0x01020304-1": 1, "0xa9059cbb-28": 2, "0xa9059cbb-0": 1}
    created = trace(l2(), "4byteTracer", None, transaction(to=None, gas_limit=GAS, data=ADDITION))
    assert created == {}


def test_several_tracers_run_at_once() -> None:
    bench = world(LOG + call(INNER), ADDITION)
    config = {
        "callTracer": {"withLog": True},
        "4byteTracer": None,
        "prestateTracer": {"diffMode": True},
        "noopTracer": {},
    }
    together = trace(bench, "muxTracer", config)
    assert together == {name: trace(bench, name, own) for name, own in config.items()}
    assert trace(bench, "muxTracer", None) == {} == trace(bench, "noopTracer", None)
    assert not make_tracer("muxTracer", {"callTracer": None}).wants_steps
    with pytest.raises(InvalidTracerConfig):
        make_tracer("muxTracer", {"muxTracer": {"unknown": {}}})


def test_input_that_is_passed_on_again_and_again_does_not_fill_the_memory() -> None:
    # Each call passes 100,000 bytes on for about a hundred gas.
    code = b"\x5b" + call(INNER, data_bytes=100_000) + b"\x50\x5f\x56"
    bench = world(code, STOP)
    block = block_of(bench, [transaction(to=CONTRACT, gas_limit=GAS, value=0)])
    with pytest.raises(TraceTooLarge, match="takes more than 8 MiB"):
        list(trace_block(bench.engine, bench.head, block, lambda: make_tracer("callTracer", None, Room(8 << 20))))


def test_settings_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(InvalidTracerConfig, match="tracer setting withLog must be true or false"):
        trace_code(ADDITION, "callTracer", {"withLog": 1})
