"""Random L1 histories of all eras: the core derives what `derivation/` does. `LAMINA_HISTORIES` says how many."""

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.actions.histories import History, derived_at_once
from tests.core.test_derivation_scenarios import as_rlp, derive_natively

pytestmark = pytest.mark.usefixtures("native_library")

HISTORIES = int(os.environ.get("LAMINA_HISTORIES", "500"))


@settings(max_examples=HISTORIES, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(3, 16))
def test_both_derivations_agree(random: Random, length: int) -> None:
    history = History(random).grow(length)
    verifier = derived_at_once(history)
    assert derive_natively(verifier, 0) == [as_rlp(derived) for derived in verifier.derived]
