"""Whatever order frames come in, and whatever comes between them: derivation gives a prefix of the sequencer's chain."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from derivation.codec import encode_batcher_transaction, encode_blob
from derivation.types import DerivedAttributes
from evm.types import PayloadAttributes
from tests.actions.chains import user_transactions
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

BLOCKS = 12


def build(world: World, seed: int, disorder: float) -> None:
    """Post all blocks several times over, in channels of random cuts, with frames lost, doubled, swapped and garbage."""
    noise = random.Random(seed)
    world.sequence(BLOCKS, transactions=1)
    for _ in range(4):
        first = noise.randint(1, BLOCKS)
        last = noise.randint(first, BLOCKS)
        if noise.random() < 0.5:
            batches = [world.batcher.span(first, last)]
        else:
            batches = [world.batcher.singular(n) for n in range(first, last + 1)]
        frames = world.batcher.frames(world.batcher.channel(batches), noise.randint(60, 600))
        for index in range(len(frames)):
            if noise.random() < disorder:
                frames[index] = noise.choice(frames)
        while frames:
            count = noise.randint(1, len(frames))
            data = encode_batcher_transaction(frames[:count])
            del frames[:count]
            if noise.random() < disorder:
                data = noise.choice((data[:-1], b"\x00" + noise.randbytes(40), data + data[1:]))
            if noise.random() < 0.5:
                world.l1.send_blobs([encode_blob(data)])
            else:
                world.l1.send_calldata(data)
            if noise.random() < 0.5:
                world.l1.mine()
    world.batcher.post([world.batcher.span(1, noise.randint(1, BLOCKS))])
    world.l1.mine(2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.2, 0.6)))
def test_the_derived_chain_is_a_prefix_of_the_sequencers(seed: int, disorder: float) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    world = World.create(seq_window_size=1000)
    build(world, seed, disorder)
    verifier = world.verifier()
    verifier.run()
    derived = verifier.hashes()
    assert len(derived) > 1
    assert derived == world.l2.hashes()[: len(derived)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, BLOCKS), st.booleans())
def test_fetching_late_and_restarting_anywhere_give_the_same_chain(seed: int, poisoned: int, lazy: bool) -> None:
    """One payload is invalid, the sequencing window is short, and the verifier restarts in the middle.

    Spec: op derivation, "Resetting the Pipeline".
    """
    chains: list[list[DerivedAttributes]] = []
    for restart in (False, True):
        world = World.create(lazy=lazy and restart, seq_window_size=20)
        build(world, seed, 0.2)
        world.l1.mine(25)
        poison = user_transactions(world.l2.blocks[poisoned])[0]

        def is_valid(attributes: PayloadAttributes, poison: bytes = poison) -> bool:
            return poison not in attributes.transactions

        verifier = Verifier(world.rollup, world.l1, is_valid)
        verifier.run()
        if restart:
            processed = random.Random(seed).randrange(len(world.l1.blocks))
            verifier.reset(verifier.safe_at(processed), processed)
            verifier.run()
        chains.append(verifier.derived)
    assert len(chains[0]) > BLOCKS
    assert chains[0] == chains[1]
