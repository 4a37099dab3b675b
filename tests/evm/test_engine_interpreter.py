"""Our instruction loop against py-evm's own, on the same programs and the same state."""

from dataclasses import replace
from typing import Any

import pytest
from eth.vm.computation import BaseComputation
from hypothesis import given, settings
from hypothesis import strategies as st

from config.forks import EthFork, Fork
from config.types import ZERO_HASH, Address
from evm.engine import BlockEnvironment, EvmState
from evm.engine.message import MessageOutcome, run_message, warm_up
from evm.forks import ForkRules, fork_rules
from tests.evm.engine_kit import ALICE, BOB, CONTRACT, Bench, Funded, l2

CALLEE = Address(b"\xce" * 20)
GAS = 200_000
ENVIRONMENT = BlockEnvironment(
    chain_id=901, number=5, timestamp=10, coinbase=BOB, gas_limit=GAS, base_fee=7, prev_randao=ZERO_HASH
)


def with_py_evms_loop(fork: ForkRules) -> ForkRules:
    """The same rules with the instruction loop that py-evm has."""
    stock: type[Any] = type(
        "Stock",
        (fork.computation,),
        {"apply_computation": classmethod(BaseComputation.apply_computation.__func__)},
    )
    return replace(fork, computation=stock)


def run(bench: Bench, fork: ForkRules, data: bytes) -> tuple[MessageOutcome, Any]:
    state = EvmState(bench.reader(), ENVIRONMENT, fork.precompiles)
    warm_up(state, fork, ALICE, CONTRACT, ())
    outcome = run_message(
        state, fork, origin=ALICE, sender=ALICE, to=CONTRACT, value=1, data=data, gas=GAS, gas_price=9
    )
    state.end_transaction(outcome.destroyed)
    return outcome, state.diff()


def both(code: bytes, data: bytes = b"", fork: ForkRules | None = None) -> MessageOutcome:
    """Run with either loop; all that can be seen must be equal."""
    fork = fork or fork_rules(EthFork.PRAGUE, Fork.ISTHMUS)
    bench = l2(
        {
            CONTRACT: Funded(nonce=1, balance=9, code=code, storage={0: 5, 1: 1 << 255, 7: 3}),
            CALLEE: Funded(nonce=1, code=bytes.fromhex("5f3560015500")),
        }
    )
    ours, our_diff = run(bench, fork, data)
    theirs, their_diff = run(bench, with_py_evms_loop(fork), data)
    assert ours == theirs
    assert our_diff == their_diff
    return ours


EDGES = [0, 1, 2, 5, 31, 32, 33, 255, 256, (1 << 64) - 1, (1 << 255) - 1, 1 << 255, (1 << 256) - 1]


def push(value: int) -> bytes:
    return b"\x7f" + value.to_bytes(32, "big")


@pytest.mark.parametrize("opcode", [*range(0x01, 0x0C), *range(0x10, 0x1E)])
def test_arithmetic_agrees_on_every_pair_of_edges(opcode: int) -> None:
    operands = 3 if opcode in (0x08, 0x09) else 2
    program = b""
    for a in EDGES:
        for b in EDGES:
            program += push(11) * (operands - 2) + push(b) + push(a) + bytes((opcode,))
            program += b"\x5f\x51\x18\x5f\x52"  # fold the result into the first word of memory
    both(program + bytes.fromhex("60205ff3"))


@pytest.mark.parametrize(
    "code",
    [
        "",
        "01",
        "5b600056",
        "600456005b00",
        "6004565b00",
        "600356605b00",
        "7fff",
        "60",
        "61ff",
        "3d3d3d3d3d3d3e",
        "5f5f5f5f5f73" + CALLEE.hex() + "5af1503d5f5260205ff3",
        "5f5f5f5f73" + CALLEE.hex() + "5afa503d5f5260205ff3",
        "5f5f5f5f73" + CALLEE.hex() + "5af4505f5460015460205ff3",
        "60ff5f5560005f5560055f5500",
        "5f5f55600160075560036007555a00",
        "600160205260205ffd",
        "69602a60005260206000f35f52600a6016" + "f0805f5260205ff3",
        "7f" + "ff" * 32 + "51",
        "60015f53585960805260a05ff3",
        "5f35602035604035306000333436384748",
        "5e5f5f5f5e00",
        "60055f5d5f5c5f5260205ff3",
        "33ff",
        "1e00",
        "600160025f1e00",
        "60016002600360045f5f5fa460015fa0",
    ],
)
def test_programs_of_all_kinds_agree(code: str) -> None:
    both(bytes.fromhex(code), bytes(range(64)))


@pytest.mark.parametrize(
    "fork",
    [fork_rules(EthFork.PARIS), fork_rules(EthFork.SHANGHAI), fork_rules(EthFork.CANCUN), fork_rules(EthFork.OSAKA)],
)
def test_opcodes_that_came_with_forks_are_unknown_before(fork: ForkRules) -> None:
    for opcode, since in ((0x5F, EthFork.SHANGHAI), (0x5C, EthFork.CANCUN), (0x1E, EthFork.OSAKA)):
        outcome = both(b"\x60\x01" + bytes((opcode,)) + b"\x00", fork=fork)
        assert outcome.succeeded == fork.has(since)


def test_the_stack_holds_1024_words_and_no_more() -> None:
    assert both(b"\x5f" * 1024).succeeded
    assert not both(b"\x5f" * 1025).succeeded
    assert not both(b"\x5f" * 1024 + b"\x80").succeeded
    assert not both(b"\x5f" * 1024 + b"\x5a").succeeded
    assert not both(b"\x5f" * 1024 + b"\x33").succeeded


@pytest.mark.parametrize(
    "opcode", [0x01, 0x15, 0x20, 0x35, 0x50, 0x51, 0x52, 0x54, 0x55, 0x56, 0x57, 0x80, 0x8F, 0x90, 0x9F]
)
def test_missing_operands_fail(opcode: int) -> None:
    assert not both(bytes((opcode,))).succeeded
    assert not both(bytes((opcode,)), fork=fork_rules(EthFork.CANCUN)).succeeded


def test_call_depth_ends_at_1024() -> None:
    recursive = bytes.fromhex("5f54600101805f555f5f5f5f5f305af1505000")
    bench = l2({CONTRACT: Funded(nonce=1, code=recursive)})
    fork = fork_rules(EthFork.PRAGUE, Fork.ISTHMUS)
    state = EvmState(bench.reader(), ENVIRONMENT, fork.precompiles)
    outcome = run_message(
        state, fork, origin=ALICE, sender=ALICE, to=CONTRACT, value=0, data=b"", gas=10**13, gas_price=0
    )
    assert outcome.succeeded
    assert state.get_storage(CONTRACT, 0) == 1025


OPCODES = st.sampled_from(
    [
        *range(0x0C),
        *range(0x10, 0x1F),
        0x20,
        *range(0x30, 0x4B),
        *range(0x50, 0x60),
        *range(0x80, 0xA5),
        0xF3,
        0xFD,
    ]
)
PIECES = st.one_of(
    st.integers(0, 255).map(lambda value: b"\x60" + bytes((value,))),
    st.sampled_from(EDGES).map(push),
    OPCODES.map(lambda opcode: bytes((opcode,))),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=60).map(b"".join), st.binary(max_size=64))
def test_random_programs_agree(code: bytes, data: bytes) -> None:
    both(b"\x60\x01\x60\x02\x60\x03" + code, data)
