"""Calls on a block's state: results, overrides, budgets, estimates, access lists."""

import pytest

from config.constants import SEQUENCER_FEE_VAULT
from config.types import Address, Hash32
from evm.engine import BlockOverrides, CallError, CallFailed, CallMessage, StateOverride
from tests.evm.engine_kit import ALICE, BOB, CONTRACT, ETHER, GWEI, Bench, Funded, deposit, l2

RETURN_SLOT_ZERO = bytes.fromhex("5f545f5260205ff3")
RETURN_SENDERS_BALANCE = bytes.fromhex("33315f5260205ff3")
RETURN_BASE_FEE = bytes.fromhex("485f5260205ff3")
RETURN_NUMBER_AND_TIME = bytes.fromhex("435f524260205260405ff3")
RETURN_GAS_PRICE = bytes.fromhex("3a5f5260205ff3")
LOOP_FOREVER = bytes.fromhex("5b5f56")
REVERT_WITH_WORD = bytes.fromhex("602a5f5260205ffd")
INVALID = bytes.fromhex("fe")
CALL_BOB = bytes.fromhex("5f5f5f5f5f73") + BOB + bytes.fromhex("62100000f15000")
"""Calls Bob with up to a million gas and ignores what comes of it."""
NEEDS_200K = bytes.fromhex("62030d405a10600a57005bfe")
"""Fails when less than 200,000 gas is left, though it uses hardly any."""


def bench(code: bytes, **storage: int) -> Bench:
    return l2({CONTRACT: Funded(nonce=1, balance=5, code=code, storage={0: 7})})


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_a_call_reads_state_and_changes_none() -> None:
    chain = bench(RETURN_SLOT_ZERO)
    result = chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT, value=3))
    assert (result.succeeded, result.output) == (True, word(7))
    assert chain.balance(CONTRACT) == 5


def test_a_call_pays_nothing_when_no_price_is_given() -> None:
    chain = bench(RETURN_SENDERS_BALANCE)
    poor = Address(b"\x0d" * 20)
    assert chain.engine.call(chain.head, CallMessage(poor, CONTRACT)).output == word(0)
    assert chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT)).output == word(100 * ETHER)


def test_a_call_with_a_price_buys_its_gas_first() -> None:
    chain = bench(RETURN_SENDERS_BALANCE)
    message = CallMessage(ALICE, CONTRACT, gas=100_000, max_fee_per_gas=2 * GWEI, max_priority_fee_per_gas=1)
    assert chain.engine.call(chain.head, message).output == word(100 * ETHER - 100_000 * (GWEI + 1))


def test_basefee_reads_zero_without_a_price() -> None:
    chain = bench(RETURN_BASE_FEE)
    assert chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT)).output == word(0)
    priced = CallMessage(ALICE, CONTRACT, gas=50_000, max_fee_per_gas=2 * GWEI)
    assert chain.engine.call(chain.head, priced).output == word(GWEI)


def test_gasprice_reads_base_fee_and_tip() -> None:
    chain = bench(RETURN_GAS_PRICE)
    message = CallMessage(ALICE, CONTRACT, gas=50_000, max_fee_per_gas=2 * GWEI, max_priority_fee_per_gas=3)
    assert chain.engine.call(chain.head, message).output == word(GWEI + 3)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (CallMessage(Address(b"\x0d" * 20), BOB, value=1), "insufficient funds for gas"),
        (CallMessage(ALICE, BOB, gas=20_000), "intrinsic gas too low: have 20000, want 21000"),
        (CallMessage(ALICE, BOB, gas=21_000, max_fee_per_gas=1), "max fee per gas less than block base fee"),
        (CallMessage(ALICE, BOB, max_priority_fee_per_gas=5, max_fee_per_gas=1), "max priority fee per gas higher"),
        (CallMessage(ALICE, BOB, data=b"\x01" * 1000, gas=38_000), "insufficient gas for floor data gas cost"),
        (CallMessage(ALICE, None, data=bytes(49_153)), "max initcode size exceeded"),
    ],
)
def test_calls_that_cannot_start_say_why(message: CallMessage, complaint: str) -> None:
    chain = l2()
    with pytest.raises(CallError, match=complaint):
        chain.engine.call(chain.head, message)


def test_a_revert_keeps_its_data() -> None:
    chain = bench(REVERT_WITH_WORD)
    result = chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT))
    assert (result.succeeded, result.reverted, result.error, result.output) == (
        False,
        True,
        "execution reverted",
        word(42),
    )


def test_other_failures_use_all_gas_and_have_no_output() -> None:
    chain = bench(INVALID)
    result = chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT, gas=50_000))
    assert (result.succeeded, result.reverted, result.output, result.gas_used) == (False, False, b"", 50_000)
    assert result.error == "invalid opcode"


def test_state_overrides_hold_for_the_call_alone() -> None:
    chain = bench(RETURN_SLOT_ZERO)

    def call(override: StateOverride) -> bytes:
        return chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT), {CONTRACT: override}).output

    assert call(StateOverride(state_diff={0: 9})) == word(9)
    assert call(StateOverride(state={1: 1})) == word(0)
    assert call(StateOverride(state={0: 3}, state_diff={0: 4})) == word(4)
    assert call(StateOverride(code=RETURN_NUMBER_AND_TIME)) == word(0) + word(0)
    assert chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT)).output == word(7)
    rich = {Address(b"\x0d" * 20): StateOverride(balance=10)}
    assert chain.engine.call(chain.head, CallMessage(Address(b"\x0d" * 20), BOB, value=10), rich).succeeded


def test_block_overrides_are_what_code_sees() -> None:
    chain = bench(RETURN_NUMBER_AND_TIME)
    overrides = BlockOverrides(number=77, timestamp=88, prev_randao=Hash32(b"\x01" * 32), fee_recipient=BOB)
    result = chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT), block_overrides=overrides)
    assert result.output == word(77) + word(88)


def test_the_gas_cap_bounds_calls() -> None:
    chain = bench(LOOP_FOREVER)
    result = chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT), gas_cap=100_000)
    assert (result.error, result.gas_used) == ("out of gas", 100_000)


def test_a_budget_stops_a_call_that_would_take_too_long() -> None:
    chain = bench(LOOP_FOREVER)

    class Stopped(Exception):
        pass

    looks = []

    def budget() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT), budget=budget)
    assert len(looks) == 3


def test_a_transfer_is_estimated_at_21000() -> None:
    chain = l2()
    assert chain.engine.estimate_gas(chain.head, CallMessage(ALICE, BOB, value=1)) == 21_000


def test_an_estimate_is_enough_and_close_even_where_gas_is_asked_for_but_not_used() -> None:
    chain = bench(NEEDS_200K)
    estimate = chain.engine.estimate_gas(chain.head, CallMessage(ALICE, CONTRACT))
    assert chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT, gas=estimate)).succeeded
    assert 221_000 <= estimate <= 221_000 * 1.02


def test_an_estimate_fails_with_what_the_call_reverts_with() -> None:
    chain = bench(REVERT_WITH_WORD)
    with pytest.raises(CallFailed, match="execution reverted") as caught:
        chain.engine.estimate_gas(chain.head, CallMessage(ALICE, CONTRACT))
    assert (caught.value.reverted, caught.value.output) == (True, word(42))


def test_an_estimate_says_when_no_gas_would_do() -> None:
    chain = bench(LOOP_FOREVER)
    with pytest.raises(CallFailed, match=r"gas required exceeds allowance \(100000\)"):
        chain.engine.estimate_gas(chain.head, CallMessage(ALICE, CONTRACT), gas_cap=100_000)


def test_an_estimate_stays_within_what_the_sender_can_pay() -> None:
    chain = bench(NEEDS_200K)
    overrides = {ALICE: StateOverride(balance=100_000 * GWEI)}
    message = CallMessage(ALICE, CONTRACT, max_fee_per_gas=GWEI)
    with pytest.raises(CallFailed):
        chain.engine.estimate_gas(chain.head, message, overrides)


def test_an_access_list_names_what_is_touched_even_in_a_call_that_failed() -> None:
    chain = l2(
        {CONTRACT: Funded(nonce=1, code=CALL_BOB), BOB: Funded(nonce=1, code=bytes.fromhex("6003545ffd"))},
    )
    result = chain.engine.create_access_list(chain.head, CallMessage(ALICE, CONTRACT))
    assert result.access_list == ((BOB, (Hash32(word(3)),)),)
    assert result.error == ""


def test_the_access_list_lowers_the_gas_of_the_call_it_was_made_for() -> None:
    chain = l2(
        {CONTRACT: Funded(nonce=1, code=CALL_BOB), BOB: Funded(nonce=1, code=bytes.fromhex("600354600454600554"))}
    )
    plain = CallMessage(ALICE, CONTRACT)
    found = chain.engine.create_access_list(chain.head, plain)
    listed = CallMessage(ALICE, CONTRACT, access_list=found.access_list)
    assert chain.engine.call(chain.head, listed).gas_used == found.gas_used


def test_blockhash_in_a_call_knows_the_parent_but_not_the_block_itself() -> None:
    code = bytes.fromhex("5f35405f5260205ff3")
    chain = l2({CONTRACT: Funded(nonce=1, code=code)})
    first = chain.head.hash
    chain.accept(chain.start().seal())
    assert chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT, word(0))).output == first
    assert chain.engine.call(chain.head, CallMessage(ALICE, CONTRACT, word(1))).output == word(0)


def test_calls_see_the_block_they_follow() -> None:
    chain = bench(RETURN_SLOT_ZERO)
    builder = chain.start()
    builder.add(deposit(to=SEQUENCER_FEE_VAULT, mint=4, value=4))
    chain.accept(builder.seal())
    result = chain.engine.call(
        chain.head, CallMessage(ALICE, CONTRACT), {CONTRACT: StateOverride(code=RETURN_NUMBER_AND_TIME)}
    )
    assert result.output == word(1) + word(2)
