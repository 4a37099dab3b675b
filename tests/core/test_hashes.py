"""The hash functions of the core, against hashlib, pycryptodome, pysha3 and blake2b-py."""

import hashlib

import blake2b
import pytest
from Crypto.Hash import RIPEMD160, keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from evm.native import primitives

pytestmark = pytest.mark.usefixtures("native_library")

_WORD64 = st.integers(0, (1 << 64) - 1)


def _sample(length: int) -> bytes:
    return hashlib.shake_128(length.to_bytes(4, "big")).digest(length)


@pytest.mark.parametrize("length", [*range(300), 1_000, 4_097, 100_000])
def test_hashes_agree_at_every_length_around_the_block_sizes(length: int) -> None:
    data = _sample(length)
    assert primitives.keccak256(data) == keccak.new(digest_bits=256, data=data).digest()
    assert primitives.sha256(data) == hashlib.sha256(data).digest()
    assert primitives.ripemd160(data) == RIPEMD160.new(data).digest()


@settings(max_examples=200, deadline=None)
@given(
    rounds=st.integers(0, 40),
    state=st.lists(_WORD64, min_size=8, max_size=8),
    block=st.lists(_WORD64, min_size=16, max_size=16),
    counter=st.tuples(_WORD64, _WORD64),
    last=st.booleans(),
)
def test_blake2_compression_agrees_for_any_number_of_rounds(
    rounds: int, state: list[int], block: list[int], counter: tuple[int, int], last: bool
) -> None:
    def join(words: list[int]) -> bytes:
        return b"".join(word.to_bytes(8, "little") for word in words)

    expected = blake2b.compress(rounds, state, block, list(counter), last)
    assert primitives.blake2f(rounds, join(state), join(block), counter, last) == expected
