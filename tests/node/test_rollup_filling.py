"""How a block is filled from the pool: several transactions in one call of the engine, as if they came one by one."""

from collections.abc import Callable, Sequence

from evm.engine import ExecutedBlock
from evm.types import Transaction
from evm.validity import InvalidReason, InvalidTransaction
from node.rollup.filling import Filling
from tests.node.pool_world import World, transfer

GAS = 21_000


class Block:
    """An `OpenBlock` that refuses what it is told to, and uses half of the gas that transactions ask for."""

    def __init__(self, gas_left: int = 10**9, refused: Sequence[Transaction] = ()) -> None:
        self.gas_left = gas_left
        self.base_fee = 0
        self.number = 1
        self.transactions: list[Transaction] = []
        self.calls: list[int] = []
        self._refused = refused

    def add(self, transaction: Transaction) -> object:
        """See `OpenBlock`."""
        raise AssertionError("filling does not ask for this")

    def add_valid(self, transactions: Sequence[Transaction]) -> InvalidTransaction | None:
        """See `OpenBlock`."""
        self.calls.append(len(transactions))
        for transaction in transactions:
            assert transaction.gas_limit <= self.gas_left, "nothing is offered that might not fit"
            if transaction in self._refused:
                return InvalidTransaction(InvalidReason.INSUFFICIENT_FUNDS)
            self.gas_left -= GAS // 2
            self.transactions.append(transaction)
        return None

    def seal(self) -> ExecutedBlock:
        """See `OpenBlock`."""
        raise AssertionError("filling does not ask for this")

    def abandon(self) -> None:
        """See `OpenBlock`."""


def look(filling: Filling) -> None:
    for _ in filling.look():
        pass


def test_many_transactions_are_executed_a_handful_at_a_time() -> None:
    world, block = World(), Block()
    sent = [transfer(0, nonce) for nonce in range(40)]
    for transaction in sent:
        world.pool.add(transaction)
    filling = Filling(block, world.pool)
    look(filling)
    assert block.transactions == sent
    assert block.calls == [24, 16]
    assert not filling.has_news
    world.pool.add(transfer(0, 40))
    assert filling.has_news
    look(filling)
    assert len(block.transactions) == 41


def clock_of(block: Block, seconds: float) -> Callable[[], float]:
    """A clock that every 24 transactions of the block move on by as much."""
    return lambda: len(block.transactions) * seconds / 24


def test_a_fast_engine_takes_more_at_once_and_a_slow_one_no_fewer() -> None:
    sent = [transfer(0, nonce) for nonce in range(600)]
    for seconds, calls in ((0.0005, [24, 256, 256, 64]), (0.0156, [24, *[30] * 19, 6]), (5.0, [24] * 25)):
        world, block = World(), Block()
        for transaction in sent:
            world.pool.add(transaction)
        look(Filling(block, world.pool, clock_of(block, seconds)))
        assert block.transactions == sent
        assert block.calls == calls


def test_what_might_not_fit_waits_until_it_is_known_how_much_the_others_used() -> None:
    world, roomy, tight = World(), Block(3 * GAS), Block(2 * GAS)
    sent = [transfer(0, nonce) for nonce in range(5)]
    for transaction in sent:
        world.pool.add(transaction)
    look(Filling(roomy, world.pool))
    assert roomy.transactions == sent
    look(Filling(tight, world.pool))
    assert tight.transactions == sent[:3]
    assert tight.gas_left < GAS


def test_after_a_refused_one_the_others_follow_and_its_account_is_passed_over() -> None:
    world = World()
    mine, theirs = ([transfer(sender, nonce) for nonce in range(4)] for sender in (0, 1))
    for pair in zip(mine, theirs, strict=True):
        for transaction in pair:
            world.pool.add(transaction)
    block = Block(refused=[mine[1]])
    filling = Filling(block, world.pool)
    look(filling)
    assert block.transactions == [mine[0], *theirs]
    world.pool.add(transfer(0, 4))
    look(filling)
    assert block.transactions == [mine[0], *theirs]


def test_refused_transactions_take_nothing_of_the_data_limit() -> None:
    world = World()
    sent = [transfer(sender, 0) for sender in range(4)]
    for transaction in sent:
        world.pool.add(transaction)
    world.pool.da_limits.block = 2 * world.rules.size
    block = Block(refused=[sent[0]])
    filling = Filling(block, world.pool)
    look(filling)
    assert block.transactions == [sent[1]]
    world.pool.add(transfer(4, 0))
    look(filling)
    assert block.transactions == sent[1:3]
