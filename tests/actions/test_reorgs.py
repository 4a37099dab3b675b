"""L1 reorgs at every depth around every event: what was derived before leaves no trace in what is derived after."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from config.errors import ResetError
from config.forks import Fork
from config.types import Address
from derivation.codec import Frame, encode_batcher_transaction
from derivation.l2_block_info import l1_block_info
from evm.types.signature import address_of
from tests.actions.chains import BATCHER_KEY, L1_GENESIS_TIME, OTHER_BATCHER_KEY, fork_times
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

EVENT_AT = 6
"""The L1 block that the event is in."""

GROWN_TO = EVENT_AT + 3
ERAS = [(Fork.ECOTONE, Fork.FJORD), (Fork.GRANITE, Fork.HOLOCENE), (Fork.ISTHMUS, Fork.JOVIAN)]
SENDER = Address(b"\x22" * 20)


@dataclass
class Story:
    """A sequencer and a batcher at work: in each L1 block lies the batch of the L2 blocks made since the one before."""

    world: World
    event: "Callable[[Story], None] | None"
    posted: int = 0
    key: bytes = BATCHER_KEY
    held_back: list[Frame] = field(default_factory=list)
    halves: bool = False

    def advance(self, missed_slots: int = 0) -> None:
        """One L1 block more, and the L2 blocks up to its time."""
        world = self.world
        if missed_slots:
            world.l1.skip_slots(world.l1.head.header.timestamp + 12 * (missed_slots + 1))
        if world.l1.head.number + 1 == EVENT_AT and self.event is not None:
            self.event(self)
        self._post()
        world.l1.mine()
        while (following := world.l2.head.timestamp + world.rollup.block_time) <= world.l1.head.header.timestamp:
            activates = following - world.rollup.block_time < _upgrade_time() <= following
            world.l2.sequence([] if activates else [world.l2.user_transaction()])

    def _post(self) -> None:
        world = self.world
        self._send(self.held_back)
        self.held_back = []
        first, last = self.posted + 1, world.l2.head.number
        if first <= last:
            frames = world.batcher.frames(world.batcher.channel([world.batcher.span(first, last)]), 100)
            middle = len(frames) // 2 if self.halves else len(frames)
            self._send(frames[:middle])
            self.held_back, self.halves = frames[middle:], False
            self.posted = last

    def _send(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.world.l1.send_calldata(encode_batcher_transaction([frame]), self.key)

    def go_on_after(self, kept: int, safe: int) -> None:
        """L1 dropped all above block `kept`: keep what L2 blocks can stay, and post anew what is not safe."""
        world = self.world
        world.l1.reorg(kept)
        world.l2.rewind(max(n for n, ref in enumerate(world.l2.refs()) if ref.l1_origin.number <= kept))
        self.posted = safe
        if kept < EVENT_AT:
            self.key, self.held_back = BATCHER_KEY, []


def _upgrade_time() -> int:
    return L1_GENESIS_TIME + 12 * EVENT_AT


def post_in_halves(story: Story) -> None:
    story.halves = True


def post_twice(story: Story) -> None:
    story.posted = max(0, story.posted - 2)


def deposit(story: Story) -> None:
    story.world.l1.deposit(SENDER, SENDER, 5, 7, 100_000, b"found by this")


def change_the_gas_limit(story: Story) -> None:
    story.world.l1.update_system_config(2, (44_000_000).to_bytes(32, "big"))


def rotate_the_key(story: Story) -> None:
    story.key = OTHER_BATCHER_KEY
    story.world.l1.update_system_config(0, bytes(12) + address_of(OTHER_BATCHER_KEY))


def only_the_upgrade(story: Story) -> None:
    """The upgrade comes by its time alone."""


EVENTS = {
    "a batch that repeats safe blocks": post_twice,
    "a channel half posted": post_in_halves,
    "a deposit": deposit,
    "a config update": change_the_gas_limit,
    "a new batcher key": rotate_the_key,
    "an upgrade": only_the_upgrade,
}


def grown(event: Callable[[Story], None], eras: tuple[Fork, Fork]) -> Story:
    forks = fork_times(_upgrade_time(), *eras, 0)
    story = Story(World.create(forks=forks, block_time=4, seq_window_size=40), event)
    for _ in range(GROWN_TO):
        story.advance()
    return story


def fresh(world: World) -> Verifier:
    verifier = world.verifier()
    verifier.run()
    return verifier


@pytest.mark.parametrize("eras", ERAS, ids=lambda eras: eras[1].name)
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("again", [True, False], ids=["that happens again", "that does not happen again"])
def test_a_reorg_of_any_depth_around(event: str, again: bool, eras: tuple[Fork, Fork]) -> None:
    """Every depth from before the event to after it.

    Spec: op derivation, "Resetting the Pipeline"; op derivation, "L1 Traversal".
    """
    for kept in range(EVENT_AT - 3, GROWN_TO):
        story = grown(EVENTS[event], eras)
        world = story.world
        verifier = world.verifier()
        verifier.run_alone()
        assert verifier.safe.number > 15

        safe = verifier.safe_at(kept)
        story.go_on_after(kept, safe.number)
        if not again:
            story.event = None
        for number in range(kept + 1, GROWN_TO + 2):
            # An upgrade cannot fail to come, but later L1 blocks can be the first ones of it.
            story.advance(missed_slots=2 if not again and number == kept + 1 else 0)
        with pytest.raises(ResetError, match="reorganised"):
            verifier.run_alone()
        verifier.reset(safe, kept)
        verifier.run_alone()

        anew = fresh(world)
        assert verifier.derived == anew.derived, f"reorg down to L1 block {kept}"
        assert anew.hashes() == world.l2.hashes()[: len(anew.derived) + 1]
        assert anew.safe.number >= len(world.l2.blocks) - 8
        assert all(world.l1.blocks[d.l1_origin.number].hash == d.l1_origin.hash for d in anew.derived)


@pytest.mark.parametrize("eras", ERAS, ids=lambda eras: eras[1].name)
def test_a_deposit_and_a_config_update_go_with_the_l1_block_that_held_them(eras: tuple[Fork, Fork]) -> None:
    """Spec: op deposits, "Deposit Contract"; op system-config, "System Config Updates"."""

    def both(story: Story) -> None:
        deposit(story)
        change_the_gas_limit(story)

    story = grown(both, eras)
    before = fresh(story.world)
    assert sum(b"found by this" in tx.data for block in before.l2.blocks for tx in block.transactions) == 1
    assert before.derived[-1].attributes.gas_limit == 44_000_000
    story.go_on_after(EVENT_AT - 1, before.safe_at(EVENT_AT - 1).number)
    story.event = None
    for _ in range(5):
        story.advance()
    after = fresh(story.world)
    assert l1_block_info(after.l2.blocks[-1]).number > EVENT_AT
    assert not any(b"found by this" in tx.data for block in after.l2.blocks for tx in block.transactions)
    assert after.derived[-1].attributes.gas_limit == 30_000_000


@pytest.mark.parametrize("eras", ERAS, ids=lambda eras: eras[1].name)
def test_the_first_half_of_a_channel_does_not_outlive_a_reorg(eras: tuple[Fork, Fork]) -> None:
    """Spec: op derivation, "Resetting derivation stages" (the channel bank is emptied)."""
    story = grown(post_in_halves, eras)
    world = story.world
    halves = [tx for tx in world.l1.blocks[EVENT_AT + 1].transactions if tx.to == world.rollup.batch_inbox_address]
    verifier = fresh(world)
    kept = EVENT_AT - 1
    safe = verifier.safe_at(kept)
    world.l1.reorg(kept)
    world.l1.mine()
    # The second half alone comes again.
    for tx in halves[:2]:
        world.l1.send_calldata(tx.data)
    world.l1.mine(GROWN_TO - kept)
    with pytest.raises(ResetError):
        verifier.run_alone()
    verifier.reset(safe, kept)
    verifier.run_alone()
    assert verifier.safe == safe
    assert fresh(world).safe == safe


def test_two_reorgs_back_to_the_first_chain_lead_back_to_its_blocks() -> None:
    """Derivation remembers nothing of the chain in between. Spec: op derivation, "Resetting the Pipeline"."""
    story = grown(deposit, ERAS[2])
    world = story.world
    verifier = fresh(world)
    before, first_chain = list(verifier.derived), list(world.l1.blocks)
    for kept in range(EVENT_AT - 3, GROWN_TO - 1):
        safe = verifier.safe_at(kept)
        world.l1.reorg(kept)
        world.l1.mine(GROWN_TO - kept + 1)
        with pytest.raises(ResetError):
            verifier.run_alone()
        verifier.reset(safe, kept)
        verifier.run_alone()
        world.l1.blocks = list(first_chain)
        verifier.reset(verifier.safe_at(kept), kept)
        verifier.run_alone()
        assert verifier.derived == before


def test_an_l1_that_only_gets_shorter_is_waited_for() -> None:
    """No block contradicts what was read, so nothing is undone. Spec: op derivation, "L1 Traversal"."""
    story = grown(deposit, ERAS[2])
    verifier = fresh(story.world)
    before = list(verifier.derived)
    dropped = story.world.l1.blocks[-2:]
    del story.world.l1.blocks[-2:]
    waiting = verifier.run_alone()
    assert waiting.l1_number == GROWN_TO + 1
    assert verifier.derived == before
    story.world.l1.blocks += dropped
    verifier.run_alone()
    assert verifier.derived == before
