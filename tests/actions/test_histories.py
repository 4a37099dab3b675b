"""Random L1 histories: what is derived depends on L1 alone, and only grows with it."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.actions.histories import History, derived_at_once


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(4, 20))
def test_what_is_derived_does_not_depend_on_when_l1_blocks_become_known(random: Random, length: int) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    history = History(random).grow(length)
    assert derived_at_once(history).derived == history.live.derived


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(4, 14))
def test_more_of_l1_only_adds_blocks(random: Random, length: int) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    history = History(random).grow(length)
    before = list(history.live.derived)
    history.grow(3)
    assert history.live.derived[: len(before)] == before
