"""Code that runs often is compiled; here everything is, at the first jump, and compared with py-evm's own loop."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.forks import EthFork
from evm.engine import EvmState
from evm.engine.message import MessageOutcome, run_message, warm_up
from evm.engine.stateless import execute_stateless
from evm.engine.stateless_file import load_stateless_case
from evm.forks import ForkRules, fork_rules, program
from evm.forks.hot_code import ROUNDS, compile_path
from evm.store.state import StateDiff
from tests.evm.engine_kit import ALICE, CONTRACT, Bench, Funded, l2
from tests.evm.test_engine_interpreter import EDGES, ENVIRONMENT, push, with_py_evms_loop

PRAGUE = fork_rules(EthFork.PRAGUE)
STORAGE = {0: 5, 1: 1 << 255, 7: 3}
PADDING = bytes(33)
SAME_FAILURE = {("invalid jump destination", "invalid opcode"), ("stack underflow", "out of gas")}
"""Ours, geth's, and py-evm's name: of a JUMPDEST inside push data, and of SSTORE without operands and with little gas."""


@pytest.fixture(autouse=True)
def _everything_is_hot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    program.program.cache_clear()
    monkeypatch.setattr(program, "HOT_AFTER", 1)
    yield
    program.program.cache_clear()


def run(bench: Bench, fork: ForkRules, data: bytes, gas: int) -> tuple[MessageOutcome, StateDiff]:
    state = EvmState(bench.reader(), ENVIRONMENT, fork.precompiles)
    warm_up(state, fork, ALICE, CONTRACT, ())
    outcome = run_message(
        state, fork, origin=ALICE, sender=ALICE, to=CONTRACT, value=1, data=data, gas=gas, gas_price=9
    )
    state.end_transaction(outcome.destroyed)
    return outcome, state.diff()


def both(code: bytes, gas: int = 100_000, data: bytes = bytes(range(40)), fork: ForkRules = PRAGUE) -> MessageOutcome:
    bench = l2({CONTRACT: Funded(nonce=1, balance=9, code=code, storage=STORAGE)})
    ours = run(bench, fork, data, gas)
    theirs = run(bench, with_py_evms_loop(fork), data, gas)
    if (ours[0].error, theirs[0].error) in SAME_FAILURE:
        theirs = replace(theirs[0], error=ours[0].error), theirs[1]
    assert ours == theirs
    return ours[0]


def paths(code: bytes, fork: ForkRules = PRAGUE) -> list[int]:
    """Where the compiled parts of the code begin."""
    return sorted(program.program(code, fork.has(EthFork.SHANGHAI)).paths)


def loop(body: bytes, rounds: int) -> bytes:
    """PUSH2 rounds; JUMPDEST; body; PUSH1 1; SWAP1; SUB; DUP1; PUSH1 3; JUMPI; then MSIZE and GAS come back."""
    return (
        b"\x61" + rounds.to_bytes(2, "big") + b"\x5b" + body + bytes.fromhex("6001900380600357595f525a60205260405ff3")
    )


def test_a_loop_is_compiled_and_ends_where_it_should() -> None:
    code = loop(b"", 3 * ROUNDS + 5)
    assert both(code, gas=200_000).succeeded
    assert paths(code) == [3]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "6fabababababababababababababababab6fcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd026fefefefefefefefefefefefefefefefef0150",
        "604060002060005260405150",
        "8054505f5450",
        "80355f5260205f2050",
        "80600a0a50",
        "3033343658013d0101010150",
        "8060081b51505a50",
        "806007165450805f5380602053",
    ],
)
def test_out_of_gas_at_every_point_of_a_loop_is_the_same(body: str) -> None:
    code = loop(bytes.fromhex(body), 3)
    needed = 100_000 - both(code).gas_left
    assert paths(code) == [3]
    for gas in range(0, needed + 2, 1 if needed < 900 else 7):
        both(code, gas=gas)
    assert not both(code, gas=needed - 1).succeeded
    assert both(code, gas=needed).succeeded


@pytest.mark.parametrize("opcode", [*range(0x01, 0x0C), *range(0x10, 0x1E)])
def test_compiled_arithmetic_agrees_on_every_pair_of_edges(opcode: int) -> None:
    """Operands come from the calldata, so that none is a number in the compiled code."""
    operands = 3 if opcode in (0x08, 0x09) else 2
    reads = b"".join(b"\x60" + bytes((32 * index,)) + b"\x35" for index in range(operands))
    code = bytes.fromhex("6003565b") + reads + bytes((opcode,)) + bytes.fromhex("5f5260205ff3")
    for a in EDGES:
        for b in EDGES:
            both(code, data=b"".join(value.to_bytes(32, "big") for value in (11, b, a)[-operands:]))


@pytest.mark.parametrize("code", ["6003565b600160010150600a565b605b00", "6003565b60016001015060016010576001605b00"])
def test_a_jump_into_push_data_fails_from_compiled_code_too(code: str) -> None:
    assert not both(bytes.fromhex(code)).succeeded


def test_a_jump_to_where_the_calldata_says_is_checked() -> None:
    code = bytes.fromhex("6003565b60016001015f3501505f35565b00605b00")
    for target in range(len(code)):
        outcome = both(code, data=target.to_bytes(32, "big"))
        assert outcome.succeeded == (target == 16)


def test_stack_bounds_hold_in_compiled_code() -> None:
    for height in (1019, 1020, 1021, 1022, 1023, 1024):
        prefix = b"\x5f" * height
        target = len(prefix) + 4
        jump = b"\x61" + target.to_bytes(2, "big") + b"\x56"
        both(prefix + jump + b"\x5b" + bytes.fromhex("600160020160030150") + b"\x00")
        both(prefix + jump + b"\x5b" + bytes.fromhex("5f5f5f5f50505050") + b"\x00")
    for height in range(5):
        prefix = b"\x60\x07" * height
        target = len(prefix) + 3
        both(prefix + b"\x60" + bytes((target,)) + b"\x56\x5b" + bytes.fromhex("0102039050") + b"\x00")


def test_a_function_called_from_two_places_returns_to_each() -> None:
    """From 3: PUSH 11, PUSH 5, PUSH f, JUMP; 11: PUSH 19, SWAP1, PUSH f, JUMP; 19: RETURN. f: DUP1, ADD, SWAP1, JUMP."""
    code = bytes.fromhex("600356" + "5b" + "600b" + "6005" + "601b" + "56" + "5b" + "6013" + "90" + "601b" + "56")
    code += b"\x00" * (0x13 - len(code)) + bytes.fromhex("5b5f5260205ff3") + b"\x00" + bytes.fromhex("5b80019056")
    assert int.from_bytes(both(code).output, "big") == 20
    assert paths(code) == [3, 19, 27]


def test_what_is_short_or_begins_with_a_call_is_not_compiled() -> None:
    assert compile_path(b"\x5b\x5a\x00" + PADDING, b"\x01", 0, True) is None
    assert compile_path(b"\x5b\xf1\x01\x01\x01\x01" + PADDING, b"\x01", 0, True) is None
    assert compile_path(b"\x5b\x5f\x5f\x5f\x5f" + PADDING, b"\x01", 0, False) is None
    assert compile_path(b"\x5b\x5f\x5f\x5f\x5f" + PADDING, b"\x01", 0, True) is not None


def test_the_budget_is_looked_at_while_compiled_code_runs() -> None:
    code = bytes.fromhex("5b6001600101505f56")
    bench = l2({CONTRACT: Funded(nonce=1, code=code)})
    state = EvmState(bench.reader(), ENVIRONMENT, PRAGUE.precompiles)

    class Spent(Exception):
        pass

    looks = 0

    def budget() -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            raise Spent

    state.budget = budget
    with pytest.raises(Spent):
        run_message(state, PRAGUE, origin=ALICE, sender=ALICE, to=CONTRACT, value=0, data=b"", gas=10**9, gas_price=0)
    assert paths(code) == [0]


def test_when_too_much_has_been_compiled_all_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_MOST_PATHS", 1)
    monkeypatch.setattr(program.Program, "compiled", 0)
    code = loop(b"", 5)
    assert both(code).succeeded
    assert paths(code) == []
    assert program.Program.compiled == 0


@pytest.mark.parametrize("name", ["130-10211000-holocene", "130-10311000-holocene", "11155420-26207960-holocene"])
def test_real_blocks_have_their_hash_when_all_their_code_is_compiled(vectors: Path, name: str) -> None:
    case = load_stateless_case(vectors / "exec" / f"{name}.json.gz", None)
    assert execute_stateless(case).block.header.hash == case.expected_hash
    assert program.program.cache_info().currsize


SIMPLE = st.sampled_from(
    [
        *(*range(0x01, 0x0C), *range(0x10, 0x1E), 0x20, 0x30, 0x33, 0x34, 0x35, 0x36, 0x3D),
        *(*range(0x50, 0x56), 0x58, 0x59, 0x5A, 0x5B, 0x5F, *range(0x80, 0x8A), *range(0x90, 0x9A)),
    ]
).map(lambda opcode: bytes((opcode,)))
SMALL = st.integers(0, 70).map(lambda value: b"\x60" + bytes((value,)))
JUMPS = st.integers(0, 70).map(lambda value: b"\x60" + bytes((value,)) + b"\x56")
BRANCHES = st.integers(0, 70).map(lambda value: b"\x60" + bytes((value,)) + b"\x57")
PIECES = st.one_of(SIMPLE, SIMPLE, SMALL, st.sampled_from(EDGES).map(push), JUMPS, BRANCHES, BRANCHES, st.just(b"\x5b"))


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map(b"".join), st.integers(0, 3_000), st.integers(0, 9))
def test_random_programs_with_jumps_agree_whatever_gas_they_have(code: bytes, gas: int, height: int) -> None:
    program.program.cache_clear()
    both(b"\x60\x02" * height + b"\x5b" + code, gas)


@settings(max_examples=150, deadline=None)
@example(bytes.fromhex("60000152"), 13, 1)  # MSTORE with one word on the stack and no gas for more memory
@given(st.lists(PIECES, max_size=12).map(b"".join), st.integers(0, 6_000), st.integers(1, 40))
def test_random_loops_agree_whatever_gas_they_have(body: bytes, gas: int, rounds: int) -> None:
    program.program.cache_clear()
    both(loop(body, rounds), gas)
