"""An L1 that does not answer, answers late, or answers with another chain: derivation neither changes nor breaks."""

from collections.abc import Sequence

import pytest

from config.errors import CriticalError, ResetError, TemporaryError
from config.forks import Fork
from config.types import Address, Hash32
from derivation.pipeline import DerivationPipeline
from derivation.types import Attributes, DerivedAttributes, NeedMoreData
from evm.types import Block, Header, Receipt
from tests.actions.chains import L1_CONFIG, FakeL1, FakeL2
from tests.actions.conftest import World

SENDER = Address(b"\x22" * 20)


class TroubledL1:
    """A FakeL1 behind a provider whose requests number `failing` fail with a TemporaryError."""

    def __init__(self, l1: FakeL1, failing: Sequence[int] = ()) -> None:
        self._l1 = l1
        self._failing = set(failing)
        self.requests = 0
        self.missing: set[Hash32] = set()
        self.short_of_blobs = False

    def _ask(self, what: str) -> None:
        self.requests += 1
        if self.requests in self._failing:
            raise TemporaryError(f"no answer to request {self.requests}, {what}")

    def header_by_number(self, number: int) -> Header | None:
        self._ask(f"header {number}")
        return self._l1.header_by_number(number)

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        self._ask("a header by hash")
        return self._l1.header_by_hash(block_hash)

    def block(self, block_hash: Hash32) -> Block:
        self._ask("a block")
        return self._l1.block(block_hash)

    def receipts(self, block_hash: Hash32) -> tuple[Receipt, ...]:
        self._ask("receipts")
        return self._l1.receipts(block_hash)

    def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        self._ask("blobs")
        for value in hashes:
            if value in self.missing:
                raise TemporaryError(f"blob 0x{value.hex()} of L1 block {header.number} is nowhere to be had")
        found = self._l1.blobs(header, hashes)
        return found[:-1] if self.short_of_blobs else found


def busy_world(fork: Fork = Fork.JOVIAN) -> World:
    """An L1 with deposits, updates, calldata, blobs, garbage and an expired window."""
    world = World.create(fork=fork, seq_window_size=7)
    world.sequence(9)
    world.batcher.post_blobs([world.batcher.span(1, 5)], size=200)
    world.l1.deposit(SENDER, SENDER, 1, 1, 50_000, b"one")
    world.l1.mine()
    world.l1.update_system_config(2, (40_000_000).to_bytes(32, "big"))
    world.batcher.post([world.batcher.span(4, 9)], size=300)
    world.l1.send_calldata(b"\x00garbage")
    world.l1.mine(8)
    return world


class Follower:
    """Steps a pipeline over a provider; TemporaryErrors go to the caller, who may call `run` again."""

    def __init__(self, world: World, l1: TroubledL1) -> None:
        self.l2 = FakeL2(world.rollup, world.l1)
        self.pipeline = DerivationPipeline(world.rollup, L1_CONFIG, l1, self.l2)
        self.derived: list[DerivedAttributes] = []
        self.ready = False

    def run(self) -> None:
        if not self.ready:
            self.pipeline.reset(self.l2.head)
            self.ready = True
        while True:
            result = self.pipeline.step(self.l2.head)
            if isinstance(result, Attributes):
                self.derived.append(result.derived)
                self.l2.apply(result.derived.attributes)
            elif isinstance(result, NeedMoreData):
                return


@pytest.mark.parametrize("fork", [Fork.GRANITE, Fork.JOVIAN])
def test_whichever_request_fails_the_next_step_goes_on_as_if_it_had_not(fork: Fork) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline" (the same inputs give the same outputs)."""
    world = busy_world(fork)
    undisturbed = TroubledL1(world.l1)
    expected = Follower(world, undisturbed)
    expected.run()
    assert len(expected.derived) > 9
    for request in range(1, undisturbed.requests + 1):
        follower = Follower(world, TroubledL1(world.l1, [request]))
        with pytest.raises(TemporaryError):
            follower.run()
        follower.run()
        assert follower.derived == expected.derived, f"request {request}"


def test_every_other_request_may_fail() -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    world = busy_world()
    expected = Follower(world, TroubledL1(world.l1))
    expected.run()
    follower = Follower(world, TroubledL1(world.l1, range(1, 2000, 2)))
    errors = 0
    while True:
        try:
            follower.run()
            break
        except TemporaryError:
            errors += 1
    assert errors > 30
    assert follower.derived == expected.derived


def test_a_missing_blob_holds_derivation_up_until_it_is_found() -> None:
    """Nothing is derived past it, and nothing is lost. Spec: op ecotone derivation, "Blob Retrieval"."""
    world = World.create()
    world.sequence(12)
    world.batcher.post_blobs([world.batcher.span(1, 6)], size=200)
    world.l1.mine()
    world.batcher.post_blobs([world.batcher.span(7, 12)], size=200)
    held_up = world.l1.mine().number
    world.l1.mine(3)
    l1 = TroubledL1(world.l1)
    l1.missing = {world.l1.blocks[held_up].transactions[0].blob_versioned_hashes[1]}
    follower = Follower(world, l1)
    for _ in range(5):
        with pytest.raises(TemporaryError, match="nowhere to be had"):
            follower.run()
        assert follower.l2.head.number == 6
        assert follower.pipeline.origin.number == held_up
    l1.missing.clear()
    follower.run()
    assert follower.l2.hashes() == world.l2.hashes()


def test_a_reorg_may_take_the_block_with_the_missing_blob_away() -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    world = World.create()
    world.sequence(12)
    world.batcher.post_blobs([world.batcher.span(1, 6)])
    kept = world.l1.mine().number
    world.batcher.post_blobs([world.batcher.span(7, 12)])
    world.l1.mine(2)
    l1 = TroubledL1(world.l1)
    l1.missing = {world.l1.blocks[kept + 1].transactions[0].blob_versioned_hashes[0]}
    follower = Follower(world, l1)
    with pytest.raises(TemporaryError):
        follower.run()
    world.l1.reorg(kept)
    world.batcher.post([world.batcher.span(7, 10)])
    world.l1.mine(3)
    follower.pipeline.reset(follower.l2.head)
    follower.run()
    assert follower.l2.hashes() == world.l2.hashes()[:11]


def test_a_source_that_gives_too_few_blobs_stops_derivation() -> None:
    """To go on would be to derive another chain. Spec: op ecotone derivation, "Blob Retrieval"."""
    world = World.create()
    world.sequence(6)
    world.batcher.post_blobs([world.batcher.span(1, 6)], size=200)
    world.l1.mine(2)
    l1 = TroubledL1(world.l1)
    l1.short_of_blobs = True
    follower = Follower(world, l1)
    with pytest.raises(CriticalError, match="the blob source is broken"):
        follower.run()
    assert follower.l2.head.number == 0


def test_an_l1_endpoint_that_flips_between_two_forks_never_gets_a_mixed_chain_derived() -> None:
    """Each flip is a reorg: a reset, and the blocks of one fork. Spec: op derivation, "L1 Traversal"."""
    world = World.create()
    world.sequence(24)
    world.batcher.post([world.batcher.span(1, 8)])
    fork_point = world.l1.mine().number
    world.batcher.post([world.batcher.span(9, 16)])
    world.l1.mine(4)
    first = list(world.l1.blocks)
    world.l1.reorg(fork_point)
    world.batcher.post([world.batcher.span(9, 20)])
    world.l1.mine(4)
    second = list(world.l1.blocks)

    verifier = world.verifier()
    outcomes = {}
    for name, blocks in (("first", first), ("second", second)):
        world.l1.blocks = list(blocks)
        fresh = world.verifier()
        fresh.run_alone()
        outcomes[name] = fresh.derived
    assert [len(derived) for derived in outcomes.values()] == [16, 20]

    # The head of each fork is shown a block further each time.
    for length in range(fork_point + 1, len(first) + 1):
        for blocks in (first, second):
            world.l1.blocks = blocks[:length]
            try:
                verifier.run_alone()
            except ResetError:
                verifier.reset(verifier.safe_at(fork_point), fork_point)
                verifier.run_alone()
    for name, blocks in (("first", first), ("second", second)):
        world.l1.blocks = list(blocks)
        verifier.reset(verifier.safe_at(fork_point), fork_point)
        verifier.run_alone()
        assert verifier.derived == outcomes[name]


def test_an_l1_block_whose_parent_is_not_the_one_before_is_never_read() -> None:
    """Spec: op derivation, "L1 Traversal"."""
    world = busy_world()
    alien = FakeL1()
    alien.reorg(-1)
    alien.mine(len(world.l1.blocks) + 1)
    follower = Follower(world, TroubledL1(world.l1))
    follower.run()
    before = list(follower.derived)
    lie = alien.blocks[len(world.l1.blocks)]
    world.l1.blocks.append(lie)
    for _ in range(3):
        with pytest.raises(ResetError, match="reorganised"):
            follower.run()
    assert follower.pipeline.origin.number == lie.number - 1
    world.l1.blocks.pop()
    world.l1.mine()
    follower.run()
    assert follower.derived[: len(before)] == before
