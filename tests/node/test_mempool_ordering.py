"""The order in which blocks take transactions, and invariants that hold whatever comes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from evm.types import Address, DynamicFeeTransaction
from node.mempool import PooledTransaction, PoolLimits, PoolRejection, TransactionPool
from tests.node.pool_world import GWEI, World, account, transfer

# Signing is what costs here; the same few transactions serve all examples.
_SIGNED: dict[tuple[int, int, int], DynamicFeeTransaction] = {}


def signed(sender: int, nonce: int, tip: int) -> DynamicFeeTransaction:
    """A transfer with this tip in wei per gas, and twice its tip above the base fee as cap."""
    wanted = (sender, nonce, tip)
    if wanted not in _SIGNED:
        _SIGNED[wanted] = transfer(sender, nonce, tip=tip, max_fee=GWEI + 2 * tip)
    return _SIGNED[wanted]


def test_the_best_paid_account_goes_first_and_equal_tips_by_arrival() -> None:
    world = World()
    late, early, best = transfer(2, 0, tip=5), transfer(1, 0, tip=5), transfer(3, 0, tip=9)
    for transaction in (early, best, late):
        world.pool.add(transaction)
    assert [entry.hash for entry in world.pool.best(GWEI)] == [best.hash, early.hash, late.hash]


def test_a_high_tip_behind_a_low_nonce_waits_for_it() -> None:
    world = World()
    first, second, other = transfer(0, 0, tip=1), transfer(0, 1, tip=100), transfer(1, 0, tip=50)
    for transaction in (first, second, other):
        world.pool.add(transaction)
    assert [entry.hash for entry in world.pool.best(GWEI)] == [other.hash, first.hash, second.hash]


def test_the_tip_that_counts_is_what_the_fee_cap_leaves_above_the_base_fee() -> None:
    world = World()
    capped, free = transfer(0, 0, tip=100, max_fee=GWEI + 10), transfer(1, 0, tip=20)
    world.pool.add(capped)
    world.pool.add(free)
    assert [entry.hash for entry in world.pool.best(GWEI)] == [free.hash, capped.hash]
    assert [entry.hash for entry in world.pool.best(GWEI + 11)] == [free.hash]


def test_after_pop_account_later_nonces_of_that_account_are_passed_over() -> None:
    world = World()
    for nonce in range(3):
        world.pool.add(transfer(0, nonce, tip=9))
    other = transfer(1, 0, tip=1)
    world.pool.add(other)
    best = world.pool.best(GWEI)
    next(best)
    best.pop_account()
    assert [entry.hash for entry in best] == [other.hash]


def test_the_iterator_starts_after_what_the_block_already_has() -> None:
    world = World()
    for nonce in range(3):
        world.pool.add(transfer(0, nonce))
    assert [entry.nonce for entry in world.pool.best(GWEI, {account(0): 2})] == [2]


def test_a_replacement_during_iteration_is_yielded_in_place_of_what_it_replaced() -> None:
    world = World()
    world.pool.add(transfer(0, 0, tip=5))
    world.pool.add(transfer(1, 0, tip=9))
    best = world.pool.best(GWEI)
    next(best)
    replacement = transfer(0, 0, tip=8, max_fee=20 * GWEI)
    world.pool.add(replacement)
    assert [entry.hash for entry in best] == [replacement.hash]


def test_transactions_above_the_data_limit_are_passed_over_with_what_follows() -> None:
    world = World()
    world.pool.add(transfer(0, 0, data=bytes(1_000)))
    world.pool.add(transfer(0, 1))
    small = transfer(1, 0)
    world.pool.add(small)
    world.pool.da_limits.transaction = 500
    assert [entry.hash for entry in world.pool.best(GWEI)] == [small.hash]
    world.pool.da_limits.transaction = None
    assert len(list(world.pool.best(GWEI))) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from([1, 10, 100])), max_size=25),
    st.sampled_from([GWEI, GWEI + 15, GWEI + 150]),
)
def test_yielded_tips_never_rise_except_behind_an_earlier_nonce(
    offers: list[tuple[int, int, int]], base_fee: int
) -> None:
    world = World()
    for offer in offers:
        try:
            world.pool.add(signed(*offer))
        except PoolRejection as rejection:
            assert rejection.message
    order = list(world.pool.best(base_fee))
    nonces: dict[Address, int] = {}
    for position, entry in enumerate(order):
        assert entry.nonce == nonces.get(entry.sender, 0)
        nonces[entry.sender] = entry.nonce + 1
        assert entry.tip(base_fee) >= 0
        # Whoever was ready at this point offered no more.
        ready: dict[Address, PooledTransaction] = {}
        for later in order[position:]:
            ready.setdefault(later.sender, later)
        assert all(entry.tip(base_fee) >= other.tip(base_fee) for other in ready.values())


class PoolMachine(RuleBasedStateMachine):
    """Anything may happen to the pool; its tables stay true."""

    @initialize()
    def open(self) -> None:
        self.world = World(PoolLimits(global_slots=8, global_queue=4, account_slots=2, account_queue=3))

    @property
    def pool(self) -> TransactionPool:
        return self.world.pool

    @rule(sender=st.integers(0, 3), nonce=st.integers(0, 5), tip=st.sampled_from([1, 10, 100]))
    def send(self, sender: int, nonce: int, tip: int) -> None:
        try:
            self.pool.add(signed(sender, nonce, tip))
        except PoolRejection as rejection:
            assert rejection.message

    @rule(count=st.integers(0, 3))
    def make_block(self, count: int) -> None:
        taken = [entry.transaction for entry, _ in zip(self.pool.best(GWEI), range(count), strict=False)]
        self.last = tuple(taken)
        self.world.advance(*taken)

    @rule()
    def reorg(self) -> None:
        self.world.advance(removed=getattr(self, "last", ()))
        self.last = ()

    @rule(seconds=st.sampled_from([10, 20_000]))
    def wait(self, seconds: int) -> None:
        self.world.now += seconds
        self.pool.expire()

    @rule(index=st.integers(0, 20))
    def drop(self, index: int) -> None:
        entries = list(self.pool.entries())
        if index < len(entries):
            self.pool.remove(entries[index].hash)

    @invariant()
    def tables_agree(self) -> None:
        pool = self.pool
        entries = list(pool.entries())
        pending = [entry for sender in pool.senders() for entry in pool.pending(sender)]
        queued = [entry for sender in pool.senders() for entry in pool.queued(sender)]
        assert {entry.hash for entry in entries} == {entry.hash for entry in pending + queued}
        assert (pool.pending_count, pool.queued_count) == (len(pending), len(queued))
        assert all(pool.pending(sender) or pool.queued(sender) for sender in pool.senders())
        assert pool._slots == sum(entry.slots for entry in entries) <= 12
        for sender in pool.senders():
            state = self.world.account(self.world.head, sender)
            nonces = [entry.nonce for entry in pool.pending(sender)]
            assert nonces == list(range(state.nonce, state.nonce + len(nonces)))
            assert state.nonce + len(nonces) not in {entry.nonce for entry in pool.queued(sender)}
            assert pool._accounts[sender].pending_cost == sum(entry.cost for entry in pool.pending(sender))


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
