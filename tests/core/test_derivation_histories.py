"""Random L1 histories of all eras: the core derives what `derivation/` does. `LAMINA_HISTORIES` says how many."""

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.actions.histories import History, derived_at_once
from tests.core.preimages import Preimages
from tests.core.test_derivation_scenarios import as_rlp, derive_natively

pytestmark = pytest.mark.usefixtures("native_library")

HISTORIES = int(os.environ.get("LAMINA_HISTORIES", "500"))
MOST = 2_000
"""Of one test: many are shared out among several."""
SHARES = -(-HISTORIES // MOST)


@pytest.mark.parametrize("share", range(SHARES))
def test_both_derivations_agree(share: int) -> None:
    @settings(max_examples=HISTORIES // SHARES + (share < HISTORIES % SHARES), deadline=None)
    @given(st.integers(0, 2**64 - 1), st.integers(3, 16))
    def agree(seed: int, length: int) -> None:
        history = History(Random(seed)).grow(length)
        verifier = derived_at_once(history)
        derived = derive_natively(verifier, 0, Preimages())
        assert derived == [as_rlp(derived) for derived in verifier.derived]

    agree()
