"""Which confirmed transactions are remembered, and for how long."""

from config.rollup import BlockId
from config.types import ZERO_HASH, Gas, to_address
from l1.candidate import TxCandidate
from l1.fees import Fees
from l1.flight import Flight
from l1.settled import SettledFlights
from tests.l1.fake_l1 import GWEI


def flight(nonce: int, block: int) -> Flight:
    candidate = TxCandidate(to_address("0x" + "11" * 20))
    fees = Fees(GWEI, GWEI, GWEI)
    return Flight(candidate, nonce, Gas(21_000), fees, None, 0.0, 0.0, included=BlockId(ZERO_HASH, block))


def nonces(flights: list[Flight]) -> list[int]:
    return [each.nonce for each in flights]


def test_all_from_a_nonce_on_are_given_up_once_and_in_order() -> None:
    settled = SettledFlights()
    for nonce in (3, 5, 4, 2):
        settled.keep(flight(nonce, 10))
    assert nonces(settled.take_from(4)) == [4, 5]
    assert settled.take_from(4) == []
    settled.forget(3)
    assert nonces(settled.take_from(0)) == [2]


def test_those_that_no_reorg_reaches_and_more_than_the_most_are_let_go() -> None:
    settled = SettledFlights(depth=10, most=3)
    settled.keep(flight(1, 100))
    settled.keep(flight(2, 105))
    settled.keep(flight(3, 110))
    assert nonces(settled.take_from(0)) == [2, 3]
    for nonce in range(10, 15):
        settled.keep(flight(nonce, 120))
    assert nonces(settled.take_from(0)) == [12, 13, 14]
