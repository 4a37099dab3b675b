"""The fork table and the schedules of chains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.forks import FORK_TABLE, EthFork, Fork, ForkSchedule
from config.types import Timestamp

increasing = st.lists(st.integers(0, 10_000), max_size=len(Fork) - 1).map(sorted)


def schedule(times: list[int]) -> ForkSchedule:
    return ForkSchedule({fork: Timestamp(time) for fork, time in zip(list(Fork)[1:], times, strict=False)})


def test_a_fork_before_its_predecessor_is_refused() -> None:
    with pytest.raises(ValueError, match="canyon activates at 5, before its predecessor regolith"):
        schedule([6, 5])


def test_a_fork_whose_predecessor_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="leave out none in between"):
        ForkSchedule({Fork.REGOLITH: Timestamp(0), Fork.DELTA: Timestamp(0)})


@given(increasing, st.integers(0, 11_000))
def test_the_active_fork_is_the_last_whose_time_has_come(times: list[int], now: int) -> None:
    forks = schedule(times)
    expected = list(Fork)[sum(1 for time in times if time <= now)]
    assert forks.active(now) == expected
    assert [fork for fork in Fork if forks.is_active(fork, now)] == [fork for fork in Fork if fork <= expected]
    assert forks.facts(now) is FORK_TABLE[expected]


@given(increasing, st.integers(1, 20))
def test_each_fork_after_genesis_has_exactly_one_first_block(times: list[int], block_time: int) -> None:
    forks = schedule(times)
    activated = [
        fork for timestamp in range(0, 11_000, block_time) for fork in forks.activated_by(timestamp, block_time)
    ]
    assert activated == [fork for fork, time in forks.times.items() if time > 0]


def test_a_new_chain_has_all_forks_at_genesis_and_no_activation_block() -> None:
    forks = ForkSchedule.all_at_genesis(Fork.ISTHMUS)
    assert forks.active(0) == Fork.ISTHMUS
    assert forks.activated_by(0, 2) == forks.activated_by(2, 2) == []
    assert not forks.is_active(Fork.JOVIAN, 1 << 60)


@pytest.mark.parametrize(
    ("fork", "ethereum"),
    [
        (Fork.BEDROCK, EthFork.PARIS),
        (Fork.REGOLITH, EthFork.PARIS),
        (Fork.CANYON, EthFork.SHANGHAI),
        (Fork.DELTA, EthFork.SHANGHAI),
        (Fork.ECOTONE, EthFork.CANCUN),
        (Fork.HOLOCENE, EthFork.CANCUN),
        (Fork.ISTHMUS, EthFork.PRAGUE),
        (Fork.JOVIAN, EthFork.PRAGUE),
        (Fork.KARST, EthFork.OSAKA),
    ],
)
def test_each_fork_follows_its_ethereum_rules(fork: Fork, ethereum: EthFork) -> None:
    assert FORK_TABLE[fork].eth_fork == ethereum


def test_the_table_says_when_batch_formats_came() -> None:
    assert [fork for fork in Fork if not FORK_TABLE[fork].span_batches] == [Fork.BEDROCK, Fork.REGOLITH, Fork.CANYON]
    assert min(fork for fork in Fork if FORK_TABLE[fork].brotli) == Fork.FJORD
    assert min(fork for fork in Fork if FORK_TABLE[fork].strict_batch_ordering) == Fork.HOLOCENE
    assert FORK_TABLE[Fork.ECOTONE].max_rlp_bytes_per_channel == 10_000_000
    assert FORK_TABLE[Fork.FJORD].max_rlp_bytes_per_channel == 100_000_000
