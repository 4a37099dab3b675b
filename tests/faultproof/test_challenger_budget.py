"""What a budget allows, and in which order."""

from typing import Any, cast

import pytest

from config.errors import CriticalError
from config.types import ZERO_ADDRESS, Wei
from faultproof.challenger.budget import within_budget
from faultproof.challenger.due import Due
from faultproof.challenger.settings import ChallengerSettings
from l1.candidate import TxCandidate

NOTHING = Wei(0)
CALL = TxCandidate(ZERO_ADDRESS)


def due(name: str, bond: int = 0, seconds_left: int = 1000, transactions: int = 1) -> Due:
    return Due(cast(Any, None), name, (CALL,) * transactions, Wei(bond), seconds_left)


def settings(budget: int | None, ceiling: int | None = 10) -> ChallengerSettings:
    return ChallengerSettings(
        ZERO_ADDRESS,
        budget=None if budget is None else Wei(budget),
        max_transaction_cost=None if ceiling is None else Wei(ceiling),
    )


def names(dues: tuple[Due, ...]) -> list[str]:
    return [each.purpose for each in dues]


def test_without_a_budget_everything_is_done_most_urgent_first() -> None:
    choice = within_budget([due("later", 500, 90), due("now", 10**30, 5)], settings(None), NOTHING, NOTHING)
    assert (names(choice.affordable), choice.refused) == (["now", "later"], ())


def test_bonds_and_fees_must_fit_together_with_what_is_in_games() -> None:
    moves = [due("first", 500, 5), due("second", 500, 6), due("third", 100, 7)]
    choice = within_budget(moves, settings(1_000), Wei(50), Wei(200))
    # 50 are spent and 200 in games: 750 are left, 510 for the first and then 110 for the third.
    assert names(choice.affordable) == ["first", "third"]
    assert names(choice.refused) == ["second"]


def test_what_brings_bonds_back_needs_fees_only() -> None:
    choice = within_budget([due("settle"), due("a move", 1)], settings(100), Wei(20), Wei(500))
    assert names(choice.affordable) == ["settle"]
    assert names(choice.refused) == ["a move"]


def test_a_step_counts_with_everything_it_has_to_load() -> None:
    choice = within_budget([due("step", transactions=4), due("settle")], settings(45), NOTHING, NOTHING)
    assert names(choice.affordable) == ["step"]
    assert names(choice.refused) == ["settle"]


def test_without_room_for_one_fee_it_is_over() -> None:
    with pytest.raises(CriticalError, match="budget of 100 wei is used up"):
        within_budget([due("settle")], settings(100), Wei(95), NOTHING)
    assert within_budget([], settings(100), Wei(95), NOTHING).affordable == ()


def test_a_transactions_ceiling_is_a_hundredth_of_the_budget_unless_it_is_said() -> None:
    assert settings(10_000, None).transaction_ceiling == 100
    assert settings(10_000, 7).transaction_ceiling == 7
    assert settings(None, None).transaction_ceiling is None
    with pytest.raises(ValueError, match="at least one type"):
        ChallengerSettings(ZERO_ADDRESS, game_types=())


def test_the_bonds_of_a_game_to_its_last_level_leave_room_for_a_large_preimage() -> None:
    ether = 10**18
    chosen = settings(500 * ether, None)
    bring = due("bring a preimage of two megabytes", ether // 4, transactions=23)
    assert within_budget([bring], chosen, Wei(ether), Wei(362 * ether)).affordable == (bring,)
