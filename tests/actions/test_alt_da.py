"""A chain whose batch data is kept outside L1: commitments in the inbox."""

from dataclasses import dataclass, field

import pytest

from config.errors import CriticalError
from config.rollup import AltDaConfig
from config.types import Address
from derivation.codec import Commitment, CommitmentType, encode_batcher_transaction
from derivation.codec.commitment import MAX_KECCAK_INPUT_BYTES
from derivation.events import EventKind
from derivation.pipeline import DerivationPipeline
from derivation.providers import DataKind, Missing, NotYetAvailable
from derivation.types import L1BlockRef
from tests.actions.chains import L1_CONFIG
from tests.actions.conftest import World
from tests.actions.verifier import Verifier


@dataclass
class Store:
    """Inputs by commitment; with `lazy` each is there only when it is asked for the second time."""

    lazy: bool = False
    inputs: dict[bytes, bytes] = field(default_factory=dict)
    asked: set[bytes] = field(default_factory=set)

    def keep(self, payload: bytes, kind: CommitmentType) -> bytes:
        """What goes into the inbox for a payload."""
        commitment = Commitment.of(payload)
        if kind is CommitmentType.GENERIC:
            commitment = Commitment(kind, b"\x7e" + len(self.inputs).to_bytes(4, "big"))
        self.inputs[commitment.encode()] = payload
        return b"\x01" + commitment.encode()

    def remote_input(self, commitment: Commitment, origin: L1BlockRef) -> bytes:
        key = commitment.encode()
        if key not in self.inputs or (self.lazy and key not in self.asked):
            self.asked.add(key)
            raise NotYetAvailable(Missing(DataKind.REMOTE_INPUT, origin.number, origin.hash, commitment=commitment))
        return self.inputs[key]


def alt_da_world(kind: CommitmentType = CommitmentType.GENERIC) -> World:
    return World.create(alt_da=AltDaConfig(kind))


def payload(world: World, first: int, last: int) -> bytes:
    (frame,) = world.batcher.frames(world.batcher.channel([world.batcher.span(first, last)]))
    return encode_batcher_transaction([frame])


@pytest.mark.parametrize("kind", list(CommitmentType))
@pytest.mark.parametrize("lazy", [False, True])
def test_blocks_are_derived_from_what_commitments_stand_for(kind: CommitmentType, lazy: bool) -> None:
    world, store = alt_da_world(kind), Store(lazy)
    world.sequence(10)
    world.l1.send_calldata(store.keep(payload(world, 1, 5), kind))
    world.l1.send_calldata(store.keep(payload(world, 6, 10), kind))
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, remote=store)
    verifier.run()
    assert verifier.l2.hashes() == world.l2.hashes()
    assert verifier.fetches == (2 if lazy else 0)


def test_frames_on_l1_itself_count_as_ever_and_order_holds_across_both() -> None:
    world, store = alt_da_world(), Store()
    world.sequence(9)
    world.l1.send_calldata(store.keep(payload(world, 1, 3), CommitmentType.GENERIC))
    world.batcher.post([world.batcher.span(4, 6)])
    world.l1.mine()
    world.batcher.post_blobs([world.batcher.span(7, 9)])
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, remote=store)
    verifier.run()
    assert verifier.l2.hashes() == world.l2.hashes()


def test_malformed_and_foreign_commitments_are_skipped_and_the_rest_counts() -> None:
    world, store = alt_da_world(), Store()
    world.sequence(5)
    for content in (b"", b"\x02abc", b"\x01", b"\x00" + bytes(31), Commitment.of(b"anything").encode()):
        world.l1.send_calldata(b"\x01" + content)
    world.l1.send_calldata(store.keep(payload(world, 1, 5), CommitmentType.GENERIC))
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, remote=store)
    verifier.run()
    assert verifier.l2.hashes() == world.l2.hashes()
    skipped = [event.text for event in verifier.events if event.kind is EventKind.COMMITMENT_INVALID]
    assert len(skipped) == 5 and "not of the chain's type 1" in skipped[-1]


def test_a_keccak_input_that_no_challenge_could_bring_to_l1_is_skipped() -> None:
    world, store = alt_da_world(CommitmentType.KECCAK), Store()
    world.sequence(5)
    good = payload(world, 1, 5)
    world.l1.send_calldata(store.keep(bytes(MAX_KECCAK_INPUT_BYTES + 1), CommitmentType.KECCAK))
    world.l1.send_calldata(store.keep(good, CommitmentType.KECCAK))
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, remote=store)
    verifier.run()
    assert verifier.l2.hashes() == world.l2.hashes()
    assert verifier.kinds().count(EventKind.COMMITMENT_INVALID) == 1


def test_derivation_waits_at_an_input_that_is_missing_and_goes_on_where_it_was() -> None:
    world, store = alt_da_world(), Store()
    world.sequence(10)
    first = store.keep(payload(world, 1, 5), CommitmentType.GENERIC)
    second = store.keep(payload(world, 6, 10), CommitmentType.GENERIC)
    world.l1.send_calldata(first)
    world.l1.send_calldata(second)
    world.l1.mine()
    lost = store.inputs.pop(second[1:])
    verifier = Verifier(world.rollup, world.l1, remote=store)
    with pytest.raises(NotYetAvailable, match=r"input kept outside L1, commitment 0x017e00000001 in L1 block"):
        while True:
            result = verifier.pipeline.step(verifier.safe)
            if hasattr(result, "derived"):
                verifier.l2.apply(result.derived.attributes)
    assert verifier.safe.number == 5
    store.inputs[second[1:]] = lost
    verifier.run()
    assert verifier.l2.hashes() == world.l2.hashes()


def test_without_alt_da_a_commitment_is_an_unknown_version() -> None:
    world = World.create()
    world.sequence(3)
    world.l1.send_calldata(b"\x01" + Commitment.of(b"x").encode())
    world.batcher.post([world.batcher.span(1, 3)])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.l2.hashes() == world.l2.hashes()
    assert EventKind.FRAMES_INVALID in verifier.kinds()


def test_a_chain_with_data_outside_l1_is_not_followed_without_a_source_or_with_challenges() -> None:
    world = alt_da_world()
    with pytest.raises(CriticalError, match=r"--altda\.da-server"):
        DerivationPipeline(world.rollup, L1_CONFIG, world.l1, world.l2)
    challenged = World.create(alt_da=AltDaConfig(CommitmentType.KECCAK, Address(b"\x11" * 20), 100, 100))
    with pytest.raises(CriticalError, match="challenges are not followed"):
        DerivationPipeline(challenged.rollup, L1_CONFIG, world.l1, world.l2, remote=Store())
