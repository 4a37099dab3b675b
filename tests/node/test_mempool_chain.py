"""How the pool follows the chain: what leaves with a new head, and what comes back after a reorg."""

import pytest

from evm.types import Hash32
from evm.types.transaction import BlobTransaction
from l1.sidecar import BlobSidecar, SidecarVersion
from node.mempool import PoolLimits, PoolRejection, RejectReason
from tests.node.pool_world import ETHER, GWEI, World, account, blob_transaction, set_code, transfer

DELEGATED = b"\xef\x01\x00" + bytes(20)


def test_what_a_block_includes_leaves_and_what_follows_stays_pending() -> None:
    world = World()
    sent = [transfer(0, nonce) for nonce in range(3)]
    for transaction in sent:
        world.pool.add(transaction)
    world.advance(*sent[:2])
    assert [entry.hash for entry in world.pool.pending(account(0))] == [sent[2].hash]
    assert (world.pool.count, world.pool.pending_count, world.pool.next_nonce(account(0))) == (1, 1, 3)


def test_a_foreign_transaction_of_the_same_nonce_makes_the_pooled_one_stale() -> None:
    world = World()
    world.pool.add(transfer(0, 0))
    world.advance(transfer(0, 0, tip=7))
    assert world.pool.count == 0 and world.pool.senders() == []


def test_a_block_that_fills_the_gap_promotes_what_was_queued() -> None:
    world = World()
    announced: list[int] = []
    world.pool.on_pending(lambda entries: announced.extend(entry.nonce for entry in entries))
    world.pool.add(transfer(0, 1))
    world.advance(transfer(0, 0))
    assert (world.pool.pending_count, world.pool.queued_count) == (1, 0) and announced == [1]


def test_a_sender_who_can_no_longer_pay_loses_that_transaction_and_the_rest_waits() -> None:
    world = World()
    cost = 21_000 * 10 * GWEI + 1
    for nonce in range(4):
        world.pool.add(transfer(0, nonce))
    world.set(0, balance=cost - 1)
    world.advance(transfer(0, 0))
    assert (world.pool.pending_count, world.pool.queued_count) == (0, 2)
    assert world.pool.next_nonce(account(0)) == 1


def test_accounts_that_no_block_touched_are_not_read_again() -> None:
    world = World()
    for index in range(50):
        world.pool.add(transfer(index, 0))
    world.lookups.clear()
    world.advance(transfer(0, 0))
    # The test's own look-up of the sender, and the pool's.
    assert set(world.lookups) == {account(0)}


def test_a_delegated_account_is_read_at_every_head_since_others_can_spend_its_money() -> None:
    world = World()
    world.set(0, code=DELEGATED)
    world.pool.add(transfer(0, 0))
    world.set(0, balance=0, code=DELEGATED)
    world.advance(transfer(1, 0))
    assert world.pool.count == 0


def test_an_authority_is_read_again_when_its_authorization_is_included() -> None:
    world = World()
    delegation = set_code(0, 0, (1,))
    world.pool.add(delegation)
    world.pool.add(transfer(1, 0))
    world.set(1, nonce=1, code=DELEGATED)
    world.advance(delegation)
    assert world.pool.count == 0


def test_after_a_reorg_dropped_transactions_come_back_unless_the_new_chain_has_them() -> None:
    world = World()
    dropped, kept, waiting = transfer(0, 0), transfer(1, 0), transfer(0, 1)
    world.pool.add(dropped)
    world.pool.add(kept)
    world.pool.add(waiting)
    world.advance(dropped, kept)
    assert world.pool.count == 1
    world.advance(kept, removed=(dropped, kept))
    assert [entry.hash for entry in world.pool.pending(account(0))] == [dropped.hash, waiting.hash]
    assert kept.hash not in world.pool and world.pool.pending_count == 2


def test_a_dropped_transaction_that_is_no_longer_valid_does_not_come_back() -> None:
    world = World()
    dropped = transfer(0, 0)
    world.advance(dropped)
    world.advance(transfer(0, 0, tip=9), removed=(dropped,))
    assert world.pool.count == 0


def test_what_waits_behind_a_gap_expires_after_its_lifetime_and_pending_ones_do_not() -> None:
    world = World(PoolLimits(lifetime=100))
    world.pool.add(transfer(0, 5))
    world.pool.add(transfer(1, 0))
    world.now = 100.0
    assert world.pool.expire() == []
    world.now = 101.0
    assert [entry.nonce for entry in world.pool.expire()] == [5]
    assert world.pool.count == 1


def test_the_data_fee_of_the_new_head_counts_for_newcomers() -> None:
    world = World()
    world.set(0, balance=21_000 * 10 * GWEI + 1)
    world.rules.fee = 1
    with pytest.raises(PoolRejection, match="insufficient funds"):
        world.pool.add(transfer(0, 0))
    world.rules.fee = 0
    world.pool.add(transfer(0, 0))


class Sidecars:
    """Remembers whose sidecars are there."""

    def __init__(self) -> None:
        self.kept: set[Hash32] = set()
        self.released: list[Hash32] = []

    async def verify(self, transaction: BlobTransaction, sidecar: BlobSidecar) -> None:
        """Everything holds."""

    def keep(self, transaction_hash: Hash32, sidecar: BlobSidecar) -> None:
        """Remember."""
        self.kept.add(transaction_hash)

    def holds(self, transaction_hash: Hash32) -> bool:
        """Whether remembered."""
        return transaction_hash in self.kept

    def release(self, transaction_hash: Hash32) -> None:
        """Forget."""
        self.released.append(transaction_hash)
        self.kept.discard(transaction_hash)


EMPTY_SIDECAR = BlobSidecar((), (), (), SidecarVersion.BLOB_PROOFS)


def test_a_blob_transaction_needs_a_sidecar_that_belongs_to_it() -> None:
    world = World(sidecars=Sidecars())
    with pytest.raises(PoolRejection, match="missing sidecar"):
        world.pool.add(blob_transaction(0, 0))
    with pytest.raises(PoolRejection, match="invalid blob sidecar") as caught:
        world.pool.add(blob_transaction(0, 0), sidecar=EMPTY_SIDECAR)
    assert caught.value.reason is RejectReason.BAD_SIDECAR and world.pool.count == 0


def test_a_blob_transaction_is_replaced_only_at_twice_the_price_of_everything() -> None:
    sidecars = Sidecars()
    world = World(sidecars=sidecars)
    first = blob_transaction(0, 0, blob_fee=10, tip=10, max_fee=100)
    sidecars.kept.add(first.hash)
    world.pool.add(first)
    for prices in ({"blob_fee": 19}, {"tip": 19}, {"max_fee": 199}):
        worse = blob_transaction(0, 0, **({"blob_fee": 20, "tip": 20, "max_fee": 200} | prices))
        sidecars.kept.add(worse.hash)
        with pytest.raises(PoolRejection, match="replacement transaction underpriced"):
            world.pool.add(worse)
    better = blob_transaction(0, 0, blob_fee=20, tip=20, max_fee=200)
    sidecars.kept.add(better.hash)
    world.pool.add(better)
    assert sidecars.released == [first.hash]
    with pytest.raises(PoolRejection, match="address already reserved"):
        world.pool.add(transfer(0, 0, tip=ETHER // 10**6, max_fee=ETHER // 10**6))


def test_blobs_of_an_included_transaction_are_not_released_and_a_reorg_brings_it_back() -> None:
    sidecars = Sidecars()
    world = World(sidecars=sidecars)
    sent = blob_transaction(0, 0)
    sidecars.kept.add(sent.hash)
    world.pool.add(sent)
    world.advance(sent)
    assert world.pool.count == 0 and sidecars.released == []
    world.advance(removed=(sent,))
    assert sent.hash in world.pool


def test_blob_transactions_leave_no_gap_and_carry_a_bounded_number_of_blobs() -> None:
    sidecars = Sidecars()
    world = World(sidecars=sidecars)
    with pytest.raises(PoolRejection, match="nonce gap"):
        world.pool.add(blob_transaction(0, 1))
    with pytest.raises(PoolRejection, match="too many blobs in transaction: have 7, permitted 6"):
        world.pool.add(blob_transaction(0, 0, hashes=7))
