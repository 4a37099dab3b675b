"""The struct logger: a line per instruction, with the gas that instructions are known to cost."""

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.forks import EthFork, Fork
from evm.engine import EvmState
from evm.engine.message import MessageOutcome, run_message, warm_up
from evm.forks import fork_rules
from evm.tracing.computation import traced
from evm.tracing.opcodes import STACK_EFFECTS, name_of
from evm.tracing.room import Room
from evm.tracing.struct_logger import StructLogger
from evm.tracing.tracer import InvalidTracerConfig, NoopTracer, Tracer, TraceTooLarge
from evm.tracing.tracers import make_tracer
from tests.evm.engine_kit import ALICE, CONTRACT, Bench, Funded, l2, transaction
from tests.evm.test_engine_interpreter import ENVIRONMENT, PIECES
from tests.evm.tracing_kit import (
    ADDITION,
    GAS,
    INNER,
    MISSING,
    STOP,
    as_sent,
    call,
    create,
    push,
    store_in_memory,
    trace,
    trace_code,
    world,
)

FORK = fork_rules(EthFork.PRAGUE, Fork.ISTHMUS)
START = GAS - 21_000


def lines(result: Any, *names: str) -> list[Any]:
    """These members of each line; of one name the bare values."""
    found = [tuple(line.get(name) for name in names) for line in result["structLogs"]]
    return [values[0] for values in found] if len(names) == 1 else found


def test_every_instruction_has_a_line_with_its_place_gas_and_stack() -> None:
    result = trace_code(ADDITION + STOP)
    assert lines(result, "pc", "op", "gas", "gasCost", "depth", "stack") == [
        (0, "PUSH1", START, 3, 1, []),
        (2, "PUSH1", START - 3, 3, 1, ["0x1"]),
        (4, "ADD", START - 6, 3, 1, ["0x1", "0x2"]),
        (5, "POP", START - 9, 2, 1, ["0x3"]),
        (6, "STOP", START - 11, 0, 1, []),
    ]
    assert (result["gas"], result["failed"], result["returnValue"]) == (21_011, False, "0x")


def test_the_end_of_the_code_is_a_stop() -> None:
    assert lines(trace_code(b"\x60\x01"), "pc", "op") == [(0, "PUSH1"), (2, "STOP")]
    assert lines(trace_code(b"\x61\x01"), "pc", "op", "stack") == [(0, "PUSH2", []), (3, "STOP", ["0x100"])]


def test_no_line_tells_of_an_account_without_code() -> None:
    result = trace(l2(), None, None, transaction())
    assert result == {"gas": 21_000, "failed": False, "returnValue": "0x", "structLogs": []}


@pytest.mark.parametrize(
    ("code", "costs"),
    [
        (push(1) + push(0) + b"\x55", [22_100]),  # cold slot, from zero to one
        (push(0) + b"\x54" + push(0) + b"\x54", [2_100, 100]),  # cold, then warm
        (push(1) + push(0) + b"\x55" + push(0) + push(0) + b"\x55", [22_100, 100]),  # set and cleared again
        (push(1) + push(0x3E0) + b"\x52", [3 + 3 * 32 + 2]),  # memory of 32 words
        (push(33) + push(0) + b"\x20", [30 + 2 * 6 + 2 * 3]),
        (push(256) + push(2) + b"\x0a", [10 + 2 * 50]),
        (b"\x73" + MISSING + b"\x31" + b"\x73" + MISSING + b"\x31", [2_600, 100]),
        (push(0) * 2 + push(7) + push(32) + push(0) + b"\xa3", [375 + 3 * 375 + 8 * 32 + 3]),
        (b"\x73" + MISSING + b"\xff", [5_000 + 2_600]),  # nothing to pass on, so no new account
    ],
)
def test_gas_costs_are_those_of_the_specification(code: bytes, costs: list[int]) -> None:
    result = trace_code(code)
    shown = [cost for op, cost in lines(result, "op", "gasCost") if not op.startswith("PUSH") and op != "STOP"]
    assert shown == costs


def test_gas_of_a_call_includes_what_is_passed_on_and_the_lines_of_the_callee_come_between() -> None:
    result = trace(world(call(INNER, gas=5_000) + STOP, ADDITION))
    shown = lines(result, "op", "depth", "gas", "gasCost")
    position = next(index for index, line in enumerate(shown) if line[0] == "CALL")
    _, _, gas, cost = shown[position]
    assert cost == 2_600 + 5_000
    assert shown[position + 1] == ("PUSH1", 2, 5_000, 3)
    assert shown[position + 5] == ("STOP", 2, 5_000 - 11, 0)
    assert shown[position + 6] == ("STOP", 1, gas - 2_600 - 11, 0)


def test_a_call_with_value_passes_the_stipend_on_for_free() -> None:
    result = trace(world(call(INNER, gas=5_000, value=1), ADDITION, balance=1))
    shown = lines(result, "op", "depth", "gas", "gasCost")
    position = next(index for index, line in enumerate(shown) if line[0] == "CALL")
    assert shown[position][3] == 2_600 + 9_000 + 5_000
    assert shown[position + 1][2] == 5_000 + 2_300


def test_gas_of_a_call_that_lacks_the_value_is_given_back() -> None:
    result = trace(world(call(INNER, gas=5_000, value=1), ADDITION))
    shown = lines(result, "op", "gas", "gasCost", "stack")
    position = next(index for index, line in enumerate(shown) if line[0] == "CALL")
    assert shown[position][2] == 2_600 + 9_000 + 5_000
    assert shown[position + 1] == ("STOP", shown[position][1] - 2_600 - 9_000 + 2_300, 0, ["0x0"])


def test_gas_of_a_creation_is_without_what_the_initcode_gets() -> None:
    result = trace_code(create(ADDITION + STOP))
    shown = lines(result, "op", "depth", "gas", "gasCost")
    position = next(index for index, line in enumerate(shown) if line[0] == "CREATE")
    left = shown[position][2] - 32_000 - 2
    assert shown[position][3] == 32_000 + 2
    assert shown[position + 1] == ("PUSH1", 2, left - left // 64, 3)
    assert shown[-1] == ("STOP", 1, left - 11, 0)


def test_what_cannot_be_paid_for_or_lacks_operands_says_so() -> None:
    short = trace(world(push(1) + push(0) + b"\x55"), None, None, transaction(to=CONTRACT, gas_limit=21_000 + 2_500))
    assert lines(short, "op", "error")[-1] == ("SSTORE", "out of gas")
    assert short["failed"] and short["gas"] == 23_500
    assert lines(trace_code(b"\x5f\x01"), "op", "error")[-1] == ("ADD", "stack underflow (1 <=> 2)")
    full = trace_code(b"\x5f" * 1025, None, {"disableStack": True})
    assert lines(full, "op", "error")[-1] == ("PUSH0", "stack limit reached 1024 (1023)")


def test_memory_beyond_all_price_shows_what_comes_before_it() -> None:
    shown = trace_code(push(1 << 150) + b"\x51")["structLogs"][-1]
    assert (shown["op"], shown["gasCost"], shown["error"]) == ("MLOAD", 3, "out of gas")


def test_what_fails_in_the_middle_only_ends_the_trace() -> None:
    for code in (b"\x5f\x56", b"\xfe", b"\x0c", b"\x5f\x5f\xfd"):
        result = trace_code(code)
        assert result["failed"] and "error" not in result["structLogs"][-1]
    assert lines(trace_code(b"\xfe"), "op") == ["INVALID"]
    assert lines(trace_code(b"\x0c"), "op") == ["opcode 0xc not defined"]


def test_a_revert_shows_what_was_reverted_with_and_other_failures_nothing() -> None:
    assert trace_code(store_in_memory(b"\xab") + push(1) + push(0) + b"\xfd")["returnValue"] == "0xab"
    assert trace_code(store_in_memory(b"\xab") + push(1) + push(0) + b"\xf3")["returnValue"] == "0xab"
    assert trace_code(store_in_memory(b"\xab") + b"\xfe")["returnValue"] == "0x"


def test_storage_shows_the_slots_that_were_named_so_far() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=bytes.fromhex("600754506001600255"), storage={7: 9})})
    word = "0x{:064x}".format
    assert [storage for storage in lines(trace(bench), "storage") if storage] == [
        {word(7): word(9)},
        {word(7): word(9), word(2): word(1)},
    ]
    assert not any(lines(trace(bench, None, {"disableStorage": True}), "storage"))


def test_stack_memory_and_return_data_can_be_switched() -> None:
    inner = store_in_memory(b"\x11") + push(32) + push(0) + b"\xf3"
    bench = world(store_in_memory(b"\x22") + call(INNER) + STOP, inner)
    plain = trace(bench)["structLogs"][-1]
    assert "memory" not in plain and "returnData" not in plain and plain["stack"] == ["0x1"]
    full = trace(bench, None, {"enableMemory": True, "EnableReturnData": True, "disableStack": True})["structLogs"][-1]
    assert full["memory"] == ["0x22" + "00" * 31]
    assert full["returnData"] == "0x11" + "00" * 31
    assert "stack" not in full


def test_memory_is_shown_as_it_was_before_the_instruction() -> None:
    shown = lines(trace_code(store_in_memory(b"\x22") + STOP, None, {"enableMemory": True}), "op", "memory")
    assert shown[-2:] == [("MSTORE", None), ("STOP", ["0x22" + "00" * 31])]


def test_the_refund_counter_shows_and_callees_see_the_callers() -> None:
    clear = push(0) + push(1) + b"\x55"
    bench = l2(
        {
            CONTRACT: Funded(nonce=1, code=clear + call(INNER) + STOP, storage={1: 1}),
            INNER: Funded(nonce=1, code=clear + STOP, storage={1: 1}),
        }
    )
    shown = lines(trace(bench), "op", "depth", "refund")
    assert shown[0] == ("PUSH0", 1, None)
    assert ("PUSH0", 2, 4_800) in shown
    assert shown[-1] == ("STOP", 1, 9_600)


def test_a_limit_ends_the_lines_and_not_the_run() -> None:
    result = trace_code(ADDITION + STOP, None, {"limit": 2})
    assert len(result["structLogs"]) == 2 and result["gas"] == 21_011


def test_settings_of_the_wrong_kind_are_refused() -> None:
    for config in ({"disableStack": "yes"}, {"limit": "2"}, {"limit": True}, {"limit": -1}, [1]):
        with pytest.raises(InvalidTracerConfig):
            make_tracer(None, config)
    with pytest.raises(InvalidTracerConfig, match="'nothingTracer' is not known"):
        make_tracer("nothingTracer")


def test_a_trace_without_end_is_stopped_before_it_fills_the_memory() -> None:
    bench = world(bytes.fromhex("5b5f56"))
    with pytest.raises(TraceTooLarge, match="takes more than 1 MiB"):
        run(bench, StructLogger(None, Room(1 << 20)), b"")


def test_names_and_stack_effects_agree_with_py_evms_opcodes() -> None:
    for opcode, function in fork_rules(EthFork.OSAKA).computation.opcodes.items():
        ours, theirs = name_of(opcode), getattr(function, "mnemonic", None)
        renamed = {"SHA3": "KECCAK256", "PREVRANDAO": "DIFFICULTY"}
        assert theirs is None or ours == renamed.get(theirs, theirs)
        assert opcode in STACK_EFFECTS


@pytest.mark.parametrize("opcode", sorted(STACK_EFFECTS))
def test_every_opcode_runs_with_exactly_the_operands_that_the_table_says(opcode: int) -> None:
    taken, put = STACK_EFFECTS[opcode]
    fork = fork_rules(EthFork.OSAKA)
    enough = run(world(b"\x5f" * taken + bytes((opcode,))), Steps(), b"", fork)[0]
    assert not enough.error.startswith("stack")
    if taken:
        with_less = Steps()
        run(world(b"\x5f" * (taken - 1) + bytes((opcode,))), with_less, b"", fork)
        assert with_less.errors[-1] == f"stack underflow ({taken - 1} <=> {taken})"
    steps = Steps()
    run(world(b"\x5f" * taken + bytes((opcode,)) + STOP), steps, b"", fork)
    if steps.opcodes[-1] == 0 and opcode:
        assert steps.sizes[-1] == put


class Steps(Tracer):
    """Keeps opcodes, stack sizes and errors."""

    wants_steps = True

    def __init__(self) -> None:
        self.opcodes: list[int] = []
        self.sizes: list[int] = []
        self.errors: list[str] = []

    def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
        self.opcodes.append(opcode)
        self.sizes.append(len(computation._stack.values))

    def stepped(self, token: Any, cost: int, error: str) -> None:
        self.errors.append(error)


def run(bench: Bench, tracer: Tracer | None, data: bytes, fork: Any = FORK) -> tuple[MessageOutcome, Any]:
    state = EvmState(bench.reader(), ENVIRONMENT, fork.precompiles)
    warm_up(state, fork, ALICE, CONTRACT, ())
    state.tracer = tracer
    rules = fork if tracer is None else traced(fork, tracer.wants_steps)
    outcome = run_message(
        state, rules, origin=ALICE, sender=ALICE, to=CONTRACT, value=1, data=data, gas=200_000, gas_price=9
    )
    state.end_transaction(outcome.destroyed)
    return outcome, state.diff()


MESSAGES = st.sampled_from(
    [
        *(call(INNER, opcode=opcode) for opcode in (0xF1, 0xF2, 0xF4, 0xFA)),
        call(CONTRACT, gas=30_000),
        call(MISSING, value=1),
        call(INNER, value=10**30),
        create(bytes.fromhex("5f5ff3")),
        create(bytes.fromhex("60ff5ff3"), salt=1),
        create(bytes.fromhex("5ffd"), value=10**30),
        b"\x33\xff",
    ]
)


@settings(max_examples=120, deadline=None)
@example(push(1 << 150) + b"\x51", b"")
@given(st.lists(st.one_of(PIECES, MESSAGES), max_size=40).map(b"".join), st.binary(max_size=40))
def test_traced_or_not_random_programs_do_the_same(code: bytes, data: bytes) -> None:
    bench = l2(
        {
            CONTRACT: Funded(nonce=1, balance=9, code=b"\x60\x01\x60\x02" + code, storage={0: 5, 7: 3}),
            INNER: Funded(nonce=1, code=bytes.fromhex("5f3560015560015f5260205fa060205ffd")),
        }
    )
    plain, diff = run(bench, None, data)
    logger = StructLogger()
    for tracer in (NoopTracer(), make_tracer("callTracer", {"withLog": True}), logger):
        outcome, changes = run(bench, tracer, data)
        assert (outcome, changes) == (plain, diff)
    check_gas(as_sent(logger.result())["structLogs"])


def check_gas(shown: list[dict[str, Any]]) -> None:
    """Along one depth, gas falls by the cost of each instruction that begins no message."""
    for line, following in itertools.pairwise(shown):
        if line["depth"] == following["depth"] and following["pc"] and line["op"] not in MESSAGE_OPCODES:
            assert line["gas"] - line["gasCost"] == following["gas"], (line, following)


MESSAGE_OPCODES = {"CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "CREATE", "CREATE2", "SELFDESTRUCT"}


def test_what_stops_a_run_from_outside_stops_a_traced_one() -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    bench = world(bytes.fromhex("5b5f56"))
    for tracer in (NoopTracer(), Steps()):
        state = EvmState(bench.reader(), ENVIRONMENT, FORK.precompiles)
        state.budget, state.tracer = stop, tracer
        rules = traced(FORK, tracer.wants_steps)
        with pytest.raises(Enough):
            run_message(
                state, rules, origin=ALICE, sender=ALICE, to=CONTRACT, value=0, data=b"", gas=10**12, gas_price=0
            )


def test_failures_of_the_machine_itself_are_not_taken_for_failures_of_the_code() -> None:
    class Broken(Tracer):
        wants_steps = True

        def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
            raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        run(world(ADDITION), Broken(), b"")
