"""Who gets into the pool, who replaces whom, and what each is told."""

from dataclasses import replace

import pytest

from evm.types.transaction import sign_transaction
from node.mempool import PooledTransaction, PoolLimits, PoolRejection, RejectReason
from tests.node.pool_world import (
    CHAIN_ID,
    ETHER,
    GWEI,
    World,
    account,
    blob_transaction,
    key,
    set_code,
    transfer,
)


def rejection(world: World, transaction: object) -> PoolRejection:
    with pytest.raises(PoolRejection) as caught:
        world.pool.add(transaction)  # type: ignore[arg-type]
    return caught.value


def test_a_valid_transaction_becomes_pending_and_is_announced_once() -> None:
    world = World()
    announced: list[PooledTransaction] = []
    world.pool.on_pending(announced.extend)
    sent = transfer(0, 0)
    world.pool.add(sent)
    assert world.pool.pending_count == 1 and world.pool.queued_count == 0
    assert [entry.hash for entry in announced] == [sent.hash]
    assert world.pool.next_nonce(account(0)) == 1


def test_the_same_transaction_twice_is_already_known() -> None:
    world = World()
    world.pool.add(transfer(0, 0))
    error = rejection(world, transfer(0, 0))
    assert error.reason is RejectReason.ALREADY_KNOWN and error.message == "already known"


def test_another_chains_transaction_is_refused_before_its_sender_is_looked_up() -> None:
    world = World()
    foreign = sign_transaction(replace(transfer(0, 0), chain_id=CHAIN_ID + 1), key(0))
    assert rejection(world, foreign).reason is RejectReason.INVALID
    assert world.lookups == []


def test_an_oversized_transaction_is_refused_by_its_encoded_size() -> None:
    world = World()
    assert rejection(world, transfer(0, 0, data=bytes(128 * 1024))).message.startswith("oversized data")
    world.pool.add(transfer(0, 0, data=bytes(127 * 1024)))


def test_a_tip_below_the_price_limit_is_underpriced() -> None:
    world = World(PoolLimits(price_limit=GWEI))
    assert rejection(world, transfer(0, 0, tip=GWEI - 1)).message.startswith("transaction underpriced")
    world.pool.add(transfer(0, 0, tip=GWEI))


def test_a_used_nonce_is_too_low_and_says_which_is_next() -> None:
    world = World()
    world.set(0, nonce=5)
    assert rejection(world, transfer(0, 4)).message == "nonce too low: next nonce 5, tx nonce 4"


def test_a_contract_cannot_send_but_a_delegated_account_can() -> None:
    world = World()
    world.set(0, code=b"\x60\x00")
    world.set(1, code=b"\xef\x01\x00" + bytes(20))
    assert rejection(world, transfer(0, 0)).message.startswith("sender not an eoa")
    world.pool.add(transfer(1, 0))


def test_the_balance_must_cover_gas_value_and_data_fee() -> None:
    world = World()
    cost = 21_000 * 10 * GWEI + 1
    world.rules.fee = 1_000
    world.set(0, balance=cost + 999)
    world.set(1, balance=cost + 1_000)
    error = rejection(world, transfer(0, 0))
    assert error.reason is RejectReason.INSUFFICIENT_FUNDS
    assert error.message.startswith("insufficient funds for gas * price + value") and "overshot 1" in error.message
    world.pool.add(transfer(1, 0))


def test_the_balance_must_cover_everything_the_account_has_pending() -> None:
    world = World()
    cost = 21_000 * 10 * GWEI + 1
    world.set(0, balance=2 * cost)
    world.pool.add(transfer(0, 0))
    world.pool.add(transfer(0, 1))
    assert f"queued cost {2 * cost}" in rejection(world, transfer(0, 2)).message
    # What is replaced no longer counts.
    world.set(1, balance=2 * cost)
    world.pool.add(transfer(1, 0, tip=GWEI))
    world.pool.add(transfer(1, 0, tip=2 * GWEI, max_fee=11 * GWEI))


def test_a_nonce_gap_queues_and_filling_it_promotes_all_behind_it() -> None:
    world = World()
    announced: list[int] = []
    world.pool.on_pending(lambda entries: announced.extend(entry.nonce for entry in entries))
    world.pool.add(transfer(0, 2))
    world.pool.add(transfer(0, 1))
    assert (world.pool.pending_count, world.pool.queued_count) == (0, 2) and announced == []
    assert world.pool.next_nonce(account(0)) == 0
    world.pool.add(transfer(0, 0))
    assert (world.pool.pending_count, world.pool.queued_count) == (3, 0) and announced == [0, 1, 2]


def test_a_replacement_must_raise_fee_and_tip_by_the_bump() -> None:
    world = World()
    first = transfer(0, 0, tip=100, max_fee=1_000)
    world.pool.add(first)
    assert rejection(world, transfer(0, 0, tip=109, max_fee=1_100)).reason is RejectReason.REPLACEMENT_UNDERPRICED
    error = rejection(world, transfer(0, 0, tip=110, max_fee=1_099))
    assert error.message.startswith("replacement transaction underpriced")
    better = transfer(0, 0, tip=110, max_fee=1_100)
    world.pool.add(better)
    assert first.hash not in world.pool and better.hash in world.pool and world.pool.count == 1


def test_an_account_may_not_queue_without_end_behind_a_gap() -> None:
    world = World(PoolLimits(account_queue=2))
    world.pool.add(transfer(0, 5))
    world.pool.add(transfer(0, 6))
    assert rejection(world, transfer(0, 7)).reason is RejectReason.ACCOUNT_LIMIT
    world.pool.add(transfer(0, 0))
    world.pool.add(transfer(0, 1))


def test_a_full_pool_drops_the_cheapest_for_a_better_paid_one() -> None:
    world = World(PoolLimits(global_slots=2, global_queue=0))
    cheap, good = transfer(0, 0, tip=1), transfer(1, 0, tip=5)
    world.pool.add(cheap)
    world.pool.add(good)
    assert rejection(world, transfer(2, 0, tip=1)).reason is RejectReason.UNDERPRICED
    best = transfer(3, 0, tip=9)
    world.pool.add(best)
    assert cheap.hash not in world.pool and good.hash in world.pool and best.hash in world.pool
    assert world.pool.count == 2 and world.pool.senders() == [account(1), account(3)]


def test_an_account_above_its_slots_cannot_drive_out_modest_ones() -> None:
    world = World(PoolLimits(global_slots=4, global_queue=0, account_slots=2))
    modest = transfer(1, 0, tip=1)
    world.pool.add(modest)
    for nonce in range(3):
        world.pool.add(transfer(0, nonce, tip=50))
    assert rejection(world, transfer(0, 3, tip=50)).reason is RejectReason.UNDERPRICED
    world.pool.add(transfer(2, 0, tip=50))
    assert modest.hash not in world.pool


def test_a_delegated_account_has_one_transaction_in_flight_and_no_gap() -> None:
    world = World()
    world.set(0, code=b"\xef\x01\x00" + bytes(20))
    assert "gapped-nonce" in rejection(world, transfer(0, 1)).message
    world.pool.add(transfer(0, 0))
    assert "in-flight transaction limit" in rejection(world, transfer(0, 1)).message
    world.pool.add(transfer(0, 0, tip=2 * GWEI, max_fee=20 * GWEI))


def test_a_pending_authorization_limits_its_authority_like_a_delegation() -> None:
    world = World()
    delegation = set_code(0, 0, (1,))
    world.pool.add(delegation)
    world.pool.add(transfer(1, 0))
    assert "in-flight" in rejection(world, transfer(1, 1)).message
    world.pool.remove(delegation.hash)
    world.pool.add(transfer(1, 1))


def test_an_authority_with_several_transactions_in_flight_cannot_be_delegated() -> None:
    world = World()
    world.pool.add(transfer(1, 0))
    world.pool.add(transfer(1, 1))
    assert rejection(world, set_code(0, 0, (1,))).message == "authority already reserved"


def test_blob_transactions_are_not_supported_without_a_place_for_blobs() -> None:
    assert rejection(World(), blob_transaction(0, 0)).message == "transaction type not supported"


def test_each_account_is_read_once_per_head() -> None:
    world = World()
    for nonce in range(10):
        world.pool.add(transfer(0, nonce))
    assert world.lookups == [account(0)]


def test_a_bad_signature_is_an_invalid_sender() -> None:
    world = World()
    assert rejection(world, replace(transfer(0, 0), r=0)).message.startswith("invalid sender")


def test_nothing_changes_when_a_transaction_is_refused() -> None:
    world = World(PoolLimits(global_slots=1, global_queue=0))
    kept = transfer(0, 0, tip=5)
    world.pool.add(kept)
    rejection(world, transfer(1, 0, tip=9, value=1_000 * ETHER))
    assert kept.hash in world.pool and world.pool.count == 1 and world.pool.senders() == [account(0)]
