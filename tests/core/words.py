"""256-bit words for tests, near the places where carries, signs and quotient digits go wrong."""

from hypothesis import strategies as st

MODULUS = 1 << 256

_LIMBS = st.one_of(
    st.sampled_from([0, 1, 2, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1, (1 << 32) - 1, 1 << 32]),
    st.integers(0, (1 << 64) - 1),
)


def _join(limbs: list[int]) -> int:
    return sum(limb << 64 * index for index, limb in enumerate(limbs))


WORDS = st.one_of(
    st.integers(0, MODULUS - 1),
    st.lists(_LIMBS, min_size=1, max_size=4).map(_join),
    st.builds(lambda bit, offset: ((1 << bit) + offset) % MODULUS, st.integers(0, 256), st.integers(-3, 3)),
)
"""Uniform words, words of extreme limbs, and neighbours of powers of two (those of 2^256 included, which wrap)."""
