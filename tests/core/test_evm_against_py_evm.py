"""The native EVM against py-evm: the same transactions on the same state must leave the same state root and logs.

The sender's balance is part of the root, so that gas must be equal to the last unit.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.forks import EthFork, Fork
from config.genesis.account import Alloc, GenesisAccount
from config.types import ZERO_HASH, Address, Hash32
from evm.engine import BlockEnvironment, EvmState
from evm.engine.message import run_message
from evm.forks import fork_rules
from evm.native.evm import BlockFacts, CallToRun, run_call
from evm.statetest.state_case import Environment, StateCase
from evm.statetest.state_runner import execute_natively, execute_with_pyevm
from evm.types.transaction import (
    AccessListTransaction,
    Authorization,
    DynamicFeeTransaction,
    SetCodeTransaction,
    SignedTransaction,
    sign_transaction,
)
from tests.evm.engine_kit import ALICE, ALICE_KEY, BOB, BOB_KEY, ETHER, l2
from tests.evm.nested_calls import calls_may_nest

CONTRACT = Address(b"\xc0" * 20)
CALLEE = Address(b"\xce" * 20)
REVERTING = Address(b"\xcf" * 20)
DELEGATED = Address(b"\xd0" * 20)
GONE = Address(b"\xd1" * 20)
pytestmark = pytest.mark.usefixtures("native_library")

FORKS = [EthFork.PARIS, EthFork.SHANGHAI, EthFork.CANCUN, EthFork.PRAGUE, EthFork.OSAKA]
EDGES = [0, 1, 2, 5, 31, 32, 33, 64, 255, 256, (1 << 64) - 1, 1 << 128, (1 << 255) - 1, 1 << 255, (1 << 256) - 1]


def word(value: int) -> Hash32:
    return Hash32(value.to_bytes(32, "big"))


def state_with(code: bytes) -> Alloc:
    return {
        ALICE: GenesisAccount(balance=ETHER),
        CONTRACT: GenesisAccount(balance=9, nonce=1, code=code, storage={word(0): word(5), word(1): word(1 << 255)}),
        # Adds the first word of its input to slot 1, and returns the sum.
        CALLEE: GenesisAccount(
            nonce=1, code=bytes.fromhex("5f3560015401806001555f5260205ff3"), storage={word(1): word(7)}
        ),
        REVERTING: GenesisAccount(nonce=1, code=bytes.fromhex("60ff60025560205f5ffd")),
        DELEGATED: GenesisAccount(balance=3, nonce=1, code=b"\xef\x01\x00" + CALLEE),
        # Gives its balance to whoever called, and goes.
        GONE: GenesisAccount(balance=4, nonce=1, code=bytes.fromhex("33ff"), storage={word(9): word(9)}),
    }


def case(code: bytes, data: bytes, fork: EthFork, gas: int, value: int, to: Address | None = CONTRACT) -> StateCase:
    transaction = DynamicFeeTransaction(
        nonce=0, gas_limit=gas, to=to, value=value, data=data, chain_id=1,
        y_parity=0, r=0, s=0, max_priority_fee=3, max_fee=20,
    )  # fmt: skip
    return case_of(transaction, code, fork)


def case_of(transaction: SignedTransaction, code: bytes, fork: EthFork) -> StateCase:
    return StateCase(
        name="made up",
        fork_name=fork.name,
        rules=fork_rules(fork),
        indexes=(0, 0, 0),
        environment=Environment(
            coinbase=BOB, number=5, timestamp=10, gas_limit=30_000_000, base_fee=7, prev_randao=word(77),
            excess_blob_gas=0, chain_id=1, max_blobs=6, blob_update_fraction=3_338_477, difficulty=0,
        ),
        pre=state_with(code),
        raw=sign_transaction(transaction, ALICE_KEY).raw,
        post_root=ZERO_HASH,
        logs_hash=ZERO_HASH,
        refusals=(),
    )  # fmt: skip


def agree(made_up: StateCase) -> None:
    with calls_may_nest():
        native, pyevm = execute_natively(made_up), execute_with_pyevm(made_up)
    assert (native.reason, native.state_root, native.logs_hash) == (pyevm.reason, pyevm.state_root, pyevm.logs_hash)


def push(value: int) -> bytes:
    return b"\x7f" + value.to_bytes(32, "big")


def short_push(value: int) -> bytes:
    return b"\x60" + bytes((value,))


TARGETS = st.sampled_from(
    [
        CONTRACT, CALLEE, REVERTING, DELEGATED, GONE, BOB, ALICE, Address(b"\x77" * 20),
        *(Address(number.to_bytes(20, "big")) for number in (1, 2, 3, 4, 5, 6, 7, 9, 0x0B, 0x0E, 0x100)),
    ]
)  # fmt: skip
SMALL = st.sampled_from([0, 1, 4, 31, 32, 33, 96]).map(short_push)


@st.composite
def calls(draw: st.DrawFn) -> bytes:
    opcode = draw(st.sampled_from([0xF1, 0xF2, 0xF4, 0xFA]))
    memory = b"".join(draw(SMALL) for _ in range(4))
    value = draw(st.sampled_from([0, 0, 1, 8, 200])) if opcode in (0xF1, 0xF2) else None
    gas = draw(st.sampled_from([b"\x5a", push(2300), push(30_000), push((1 << 256) - 1), b"\x5f"]))
    return b"".join(
        [
            memory,
            b"" if value is None else short_push(value),
            b"\x73" + draw(TARGETS),
            gas,
            bytes((opcode,)),
            draw(st.sampled_from([b"", b"\x50", b"\x3d\x5f\x5f\x3e", b"\x3d\x60\x01\x5f\x3e"])),
        ]
    )


INIT_CODES = [
    "", "00", "fe", "5f5ffd", "60205ff3", "60ef5f5360015ff3", "615fff5ff3", "6160015ff3", "60015f5560016001555f5f5260205ff3",
    "33ff", "60aa5f5560205f5ffd", "305f5260205ff3",
]  # fmt: skip


@st.composite
def creations(draw: st.DrawFn) -> bytes:
    code = bytes.fromhex(draw(st.sampled_from(INIT_CODES)))
    salt = draw(st.sampled_from([None, 0, 1]))
    write = b"\x7f" + code.ljust(32, b"\0") + b"\x5f\x52"
    value = short_push(draw(st.sampled_from([0, 1, 100])))
    if salt is None:
        return write + short_push(len(code)) + b"\x5f" + value + b"\xf0"
    return write + short_push(salt) + short_push(len(code)) + b"\x5f" + value + b"\xf5"


PIECES = st.one_of(
    st.integers(0, 255).map(short_push),
    st.sampled_from(EDGES).map(push),
    st.integers(0, 255).map(lambda opcode: bytes((opcode,))),
    st.sampled_from(
        [*range(0x01, 0x0C), *range(0x10, 0x1F), 0x20, *range(0x30, 0x4B), *range(0x50, 0x5F), *range(0x80, 0xA5)]
    ).map(lambda opcode: bytes((opcode,))),
    TARGETS.map(lambda address: b"\x73" + address),
    st.sampled_from([0x31, 0x3B, 0x3F, 0xFF]).flatmap(
        lambda opcode: TARGETS.map(lambda address: b"\x73" + address + bytes((opcode,)))
    ),
    st.tuples(st.sampled_from([0, 1, 5, 1 << 255]), st.sampled_from([0, 1, 9])).map(
        lambda pair: push(pair[0]) + short_push(pair[1]) + b"\x55"
    ),
    calls(),
    creations(),
)
PROGRAMS = st.lists(PIECES, max_size=40).map(lambda pieces: b"\x60\x01\x60\x02\x60\x03" + b"".join(pieces))


@settings(max_examples=150, deadline=None)
@given(
    PROGRAMS,
    st.binary(max_size=64),
    st.sampled_from(FORKS),
    st.sampled_from([60_000, 150_000, 400_000]),
    st.sampled_from([0, 1]),
)
def test_random_programs_leave_the_same_state(code: bytes, data: bytes, fork: EthFork, gas: int, value: int) -> None:
    agree(case(code, data, fork, gas, value))


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(PROGRAMS, st.sampled_from(INIT_CODES).map(bytes.fromhex)), st.sampled_from(FORKS), st.sampled_from([0, 1])
)
@example(bytes.fromhex("60206000f3"), EthFork.SHANGHAI, 1)
def test_creating_transactions_leave_the_same_state(code: bytes, fork: EthFork, value: int) -> None:
    agree(case(b"", code, fork, 300_000, value, to=None))


@pytest.mark.parametrize("write", [b"\x5a\x5a\x5d", b"\x5a\x5a\x55", b"\x5a\x31\x50"])
def test_many_neighbouring_keys_do_not_make_the_tables_slow(write: bytes) -> None:
    # Transient slots, slots, and accounts, by the gas that is left, until there is none.
    agree(case(b"\x5b" + write * 8 + b"\x5f\x56", b"", EthFork.CANCUN, 4_000_000, 0))


SIGNED_PERMISSIONS = st.builds(
    Authorization.sign,
    private_key=st.sampled_from([ALICE_KEY, BOB_KEY, bytes(31) + b"\x03"]),
    chain_id=st.sampled_from([0, 1, 1, 2]),
    address=st.sampled_from([CALLEE, CONTRACT, REVERTING, BOB, Address(bytes(20)), Address(bytes(19) + b"\x02")]),
    nonce=st.sampled_from([0, 1, 2, (1 << 64) - 1]),
)
PERMISSIONS = st.one_of(
    SIGNED_PERMISSIONS,
    st.builds(
        replace,
        SIGNED_PERMISSIONS,
        y_parity=st.sampled_from([0, 1, 2, 27]),
        s=st.sampled_from([0, 1, (1 << 256) - 1]),
    ),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(PERMISSIONS, min_size=1, max_size=4),
    st.sampled_from([BOB, ALICE, CONTRACT, DELEGATED]),
    PROGRAMS,
    st.sampled_from([EthFork.PRAGUE, EthFork.OSAKA]),
)
def test_authorizations_leave_the_same_state(
    permissions: list[Authorization], to: Address, code: bytes, fork: EthFork
) -> None:
    transaction = SetCodeTransaction(
        nonce=0, gas_limit=400_000, to=to, value=1, data=b"\x05", chain_id=1,
        y_parity=0, r=0, s=0, max_priority_fee=3, max_fee=20, authorizations=tuple(permissions),
    )  # fmt: skip
    # So that what was delegated is called as well.
    calls_bob = b"\x5f\x5f\x5f\x5f\x60\x01\x73" + BOB + b"\x5a\xf1\x50"
    agree(case_of(transaction, calls_bob + code, fork))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(TARGETS, st.lists(st.sampled_from([0, 1, 7]).map(word), max_size=2).map(tuple)), max_size=4),
    PROGRAMS,
    st.sampled_from(FORKS),
)
def test_access_lists_leave_the_same_state(
    accesses: list[tuple[Address, tuple[Hash32, ...]]], code: bytes, fork: EthFork
) -> None:
    transaction = AccessListTransaction(
        nonce=0, gas_limit=300_000, to=CONTRACT, value=0, data=b"\0\x01", chain_id=1,
        y_parity=0, r=0, s=0, gas_price=11, accesses=tuple(accesses),
    )  # fmt: skip
    agree(case_of(transaction, code, fork))


@pytest.mark.parametrize("fork", FORKS)
def test_a_chain_of_calls_to_itself_ends_alike(fork: EthFork) -> None:
    # Counts in slot 0 how deep it has come, and calls itself with all that is left.
    agree(case(bytes.fromhex("6000546001018060005560006000600060006000305af15050"), b"", fork, 5_000_000, 0))


@pytest.mark.parametrize("opcode", [*range(0x01, 0x0C), *range(0x10, 0x1F)])
def test_arithmetic_agrees_on_pairs_of_edges(opcode: int) -> None:
    program = b""
    for a in EDGES:
        for b in EDGES:
            program += push(11) + push(b) + push(a) + bytes((opcode,)) + b"\x60\x00\x51\x18\x60\x00\x52"
    agree(case(program + bytes.fromhex("60005160025500"), b"", EthFork.OSAKA, 1_000_000, 0))


def precompile_outcomes(op_fork: Fork, number: int, data: bytes, gas: int) -> tuple[Any, Any]:
    """What a call to a precompile of a rollup gives: success, gas left and output; native and py-evm."""
    rules = fork_rules(EthFork.PARIS, op_fork)
    target = Address(number.to_bytes(20, "big"))
    block = BlockFacts(number=1, timestamp=1, coinbase=BOB, gas_limit=30_000_000, base_fee=7)
    native = run_call(
        CallToRun(
            rules.eth_fork,
            target,
            {},
            gas,
            data,
            caller=ALICE,
            origin=ALICE,
            chain_id=901,
            op_fork=op_fork,
            block=block,
        )
    )
    state = EvmState(l2().reader(), BlockEnvironment(901, 1, 1, BOB, 30_000_000, 7, ZERO_HASH), rules.precompiles)
    pyevm = run_message(state, rules, origin=ALICE, sender=ALICE, to=target, value=0, data=data, gas=gas, gas_price=0)
    return (
        (native.status in ("stopped", "returned"), native.gas_left, native.output),
        (pyevm.succeeded, pyevm.gas_left, pyevm.output),
    )


PAIRING, G1_MSM, G2_MSM, BLS_PAIRING, P256 = 0x08, 0x0C, 0x0E, 0x0F, 0x100
LIMITS = [
    (Fork.GRANITE, PAIRING, 112_687),
    (Fork.ISTHMUS, PAIRING, 112_687),
    (Fork.ISTHMUS, G1_MSM, 513_760),
    (Fork.ISTHMUS, G2_MSM, 488_448),
    (Fork.ISTHMUS, BLS_PAIRING, 235_008),
    (Fork.JOVIAN, PAIRING, 81_984),
    (Fork.JOVIAN, G1_MSM, 288_960),
    (Fork.JOVIAN, G2_MSM, 278_784),
    (Fork.JOVIAN, BLS_PAIRING, 156_672),
    (Fork.KARST, PAIRING, 57_600),
]


@pytest.mark.parametrize(("op_fork", "number", "limit"), LIMITS)
def test_inputs_above_a_rollups_limit_fail(op_fork: Fork, number: int, limit: int) -> None:
    plenty = 10**10
    native, pyevm = precompile_outcomes(op_fork, number, bytes(limit + 1), plenty)
    assert native == pyevm == (False, 0, b"")


@pytest.mark.parametrize(("op_fork", "number", "limit"), LIMITS)
def test_the_longest_input_that_a_rollup_accepts_is_priced_alike(op_fork: Fork, number: int, limit: int) -> None:
    # One unit short of the price: it fails for want of gas, before anything is computed; with the price it would be.
    unit = {PAIRING: 192, G1_MSM: 160, G2_MSM: 288, BLS_PAIRING: 384}[number]
    native, pyevm = precompile_outcomes(op_fork, number, bytes(limit - limit % unit), 20_000)
    assert native == pyevm == (False, 0, b"")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([Fork.BEDROCK, Fork.ECOTONE, Fork.FJORD, Fork.ISTHMUS, Fork.KARST]),
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0A, 0x0B, 0x0D, 0x10, 0x11, 0x12, P256]),
    st.one_of(st.binary(max_size=300), st.integers(0, 400).map(bytes)),
    st.sampled_from([0, 100, 3_000, 1_000_000]),
)
def test_precompiles_of_rollups_agree_on_any_input(op_fork: Fork, number: int, data: bytes, gas: int) -> None:
    native, pyevm = precompile_outcomes(op_fork, number, data, gas)
    assert native == pyevm


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([Fork.ECOTONE, Fork.KARST]),
    st.sampled_from([0, 1, 31, 32, 33, 64, 100, 1023, 1024, 1025, 1 << 70, (1 << 256) - 1]),
    st.sampled_from([0, 1, 31, 32, 33, 64, 1024, 1025, 1 << 70]),
    st.sampled_from([0, 1, 32, 33, 1024, 1025, 1 << 70]),
    st.binary(max_size=200),
    st.sampled_from([100, 500, 20_000, 200_000]),
)
def test_modular_exponentiation_is_priced_alike(
    op_fork: Fork, base: int, exponent: int, modulus: int, data: bytes, gas: int
) -> None:
    lengths = b"".join(length.to_bytes(32, "big") for length in (base, exponent, modulus))
    native, pyevm = precompile_outcomes(op_fork, 5, lengths + data, gas)
    assert native == pyevm


def test_a_traced_call_shows_every_opcode_before_it_runs() -> None:
    code = (
        bytes.fromhex("600260030150")
        + bytes.fromhex("60006000600060006000")
        + b"\x73"
        + CALLEE
        + bytes.fromhex("5af100")
    )
    pre = state_with(code)
    plain = run_call(CallToRun(EthFork.CANCUN, CONTRACT, pre, 100_000))
    traced = run_call(CallToRun(EthFork.CANCUN, CONTRACT, pre, 100_000, is_traced=True))
    assert plain == replace(traced, steps=())
    opcodes = [(step.depth, step.opcode) for step in traced.steps]
    assert opcodes[:4] == [(0, 0x60), (0, 0x60), (0, 0x01), (0, 0x50)]
    assert opcodes[11][0] == 0
    assert opcodes[11][1] == 0xF1
    assert opcodes[12] == (1, 0x5F)
    assert opcodes[-1] == (0, 0x00)
    addition, after = traced.steps[2], traced.steps[3]
    assert (addition.pc, addition.stack, addition.gas_left) == (4, (2, 3), 99_994)
    assert (after.stack, after.gas_left) == ((5,), 99_991)
