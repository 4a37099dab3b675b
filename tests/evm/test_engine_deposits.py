"""Deposits: what they mint, what they cost, and what is left of one that fails."""

import pytest

from config.constants import BASE_FEE_VAULT, L1_FEE_VAULT, SEQUENCER_FEE_VAULT
from config.forks import Fork
from config.types import Address
from evm.engine.message import contract_address
from evm.validity import InvalidReason, InvalidTransaction
from tests.evm.engine_kit import ALICE, BOB, CONTRACT, ETHER, Funded, deposit, l2

REVERTS = bytes.fromhex("5f5ffd")
STORES_SEVEN = bytes.fromhex("60075f5500")
LOGS_ONCE = bytes.fromhex("5f5fa000")
CREATES_STOP = bytes.fromhex("60015ff3")
"""Initcode that returns one byte of memory: a contract that stops at once."""
POOR = Address(b"\x0d" * 20)


def test_a_deposit_mints_transfers_and_pays_no_fee() -> None:
    bench = l2()
    builder = bench.start()
    receipt = builder.add(deposit(sender=POOR, mint=5 * ETHER, value=2 * ETHER))
    bench.accept(builder.seal())
    assert receipt.succeeded
    assert receipt.cumulative_gas_used == 21_000
    assert bench.balance(POOR) == 3 * ETHER
    assert bench.balance(BOB) == 102 * ETHER
    assert [bench.balance(vault) for vault in (BASE_FEE_VAULT, L1_FEE_VAULT, SEQUENCER_FEE_VAULT)] == [0, 0, 0]


def test_the_receipt_carries_nonce_and_version() -> None:
    builder = l2({POOR: Funded(nonce=7)}).start()
    receipt = builder.add(deposit(sender=POOR))
    assert (receipt.type, receipt.deposit_nonce, receipt.deposit_receipt_version) == (0x7E, 7, 1)
    assert builder.state.get_nonce(POOR) == 8


@pytest.mark.parametrize(
    ("fork", "nonce", "version"),
    [(Fork.BEDROCK, None, None), (Fork.REGOLITH, 7, None), (Fork.CANYON, 7, 1), (Fork.JOVIAN, 7, 1)],
)
def test_the_receipts_extra_fields_come_with_their_forks(fork: Fork, nonce: int | None, version: int | None) -> None:
    receipt = l2({POOR: Funded(nonce=7)}, fork).start().add(deposit(sender=POOR))
    assert (receipt.deposit_nonce, receipt.deposit_receipt_version) == (nonce, version)


def test_a_reverting_deposit_keeps_mint_and_nonce_and_reports_the_gas_it_used() -> None:
    bench = l2({CONTRACT: Funded(code=REVERTS)})
    builder = bench.start()
    receipt = builder.add(deposit(sender=POOR, mint=5, value=3, to=CONTRACT))
    assert not receipt.succeeded
    assert receipt.cumulative_gas_used == 21_000 + 2 + 2
    assert builder.state.get_balance(POOR) == 5
    assert builder.state.get_balance(CONTRACT) == 0
    assert builder.state.get_nonce(POOR) == 1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"value": 6}, "more value than the sender has"),
        ({"gas_limit": 20_999}, "too little gas"),
        ({"is_system_transaction": True}, "system flag"),
    ],
)
def test_a_deposit_that_cannot_start_keeps_mint_and_nonce_and_uses_all_its_gas(
    change: dict[str, object], what: str
) -> None:
    builder = l2().start()
    transaction = deposit(sender=POOR, mint=5, **change)
    receipt = builder.add(transaction)
    assert not receipt.succeeded, what
    assert receipt.cumulative_gas_used == transaction.gas_limit
    assert receipt.deposit_nonce == 0
    assert builder.state.get_balance(POOR) == 5
    assert builder.state.get_nonce(POOR) == 1


def test_a_deposit_under_the_data_floor_does_not_start() -> None:
    data = b"\x01" * 1000
    receipt = l2().start().add(deposit(data=data, gas_limit=21_000 + 16_000))
    assert not receipt.succeeded
    assert receipt.cumulative_gas_used == 37_000


def test_before_regolith_a_deposit_reports_its_gas_limit_and_a_system_one_nothing() -> None:
    builder = l2(fork=Fork.BEDROCK).start()
    assert builder.add(deposit(gas_limit=90_000)).cumulative_gas_used == 90_000
    assert builder.add(deposit(gas_limit=150_000_000, is_system_transaction=True)).cumulative_gas_used == 90_000


def test_a_contract_can_deposit() -> None:
    builder = l2({CONTRACT: Funded(balance=9, code=LOGS_ONCE)}).start()
    assert builder.add(deposit(sender=CONTRACT, to=BOB, value=9)).succeeded
    assert builder.state.get_balance(BOB) == 100 * ETHER + 9


def test_a_deposit_creates_a_contract_at_the_senders_next_address() -> None:
    bench = l2({POOR: Funded(nonce=3)})
    builder = bench.start()
    receipt = builder.add(deposit(sender=POOR, to=None, data=CREATES_STOP, mint=4, value=4))
    assert receipt.succeeded
    created = contract_address(POOR, 3)
    assert builder.state.get_code(created) == b"\x00"
    assert builder.state.get_balance(created) == 4
    assert builder.state.get_nonce(POOR) == 4
    bench.accept(builder.seal())
    assert bench.reader().code_at(created) == b"\x00"


def test_a_failed_creation_raises_the_nonce_once() -> None:
    builder = l2().start()
    assert not builder.add(deposit(sender=POOR, to=None, data=REVERTS)).succeeded
    assert builder.state.get_nonce(POOR) == 1
    assert builder.state.get_nonce(contract_address(POOR, 0)) == 0


def test_a_deposit_runs_code_and_its_logs_are_in_the_receipt() -> None:
    bench = l2({CONTRACT: Funded(code=STORES_SEVEN), BOB: Funded(code=LOGS_ONCE)})
    builder = bench.start()
    builder.add(deposit(to=CONTRACT))
    receipt = builder.add(deposit(to=BOB))
    assert [log.address for log in receipt.logs] == [BOB]
    bench.accept(builder.seal())
    assert bench.reader().storage(CONTRACT, 0) == 7


def test_a_deposit_that_asks_for_more_gas_than_the_block_has_makes_the_block_impossible() -> None:
    builder = l2().start(gas_limit=99_999)
    with pytest.raises(InvalidTransaction) as caught:
        builder.add(deposit(gas_limit=100_000, mint=5, sender=POOR))
    assert caught.value.reason == InvalidReason.BLOCK_GAS_EXCEEDED
    assert builder.state.get_balance(POOR) == 0


def test_unused_deposit_gas_goes_back_to_the_block() -> None:
    builder = l2().start(gas_limit=1_000_000)
    builder.add(deposit(gas_limit=900_000))
    assert builder.gas_left == 1_000_000 - 21_000


def test_the_sender_of_a_deposit_needs_no_balance() -> None:
    builder = l2().start()
    assert builder.add(deposit(sender=POOR, to=ALICE)).succeeded
