"""Where derivation starts again after a reset."""

import pytest

from config.forks import Fork
from derivation.types import L2BlockRef
from tests.actions.conftest import World


def blocks_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[list[L2BlockRef], list[int]]:
    """The derived blocks, and the numbers of those that a reset to the last one asks for."""
    verifier = world.verifier()
    verifier.run()
    asked: list[int] = []
    ask = verifier.l2.block_ref_by_number

    def record(number: int) -> L2BlockRef | None:
        asked.append(number)
        return ask(number)

    monkeypatch.setattr(verifier.l2, "block_ref_by_number", record)
    verifier.reset(verifier.safe)
    monkeypatch.undo()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    return verifier.l2.refs(), asked


@pytest.mark.parametrize("channel_timeout", [2, 300])
def test_blocks_are_read_back_to_the_newest_that_is_old_enough(
    channel_timeout: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel timeout before the safe head's L1 origin, or the L1 block that the rollup began with.

    Spec: op derivation, "Resetting derivation stages".
    """
    world = World.create(fork=Fork.FJORD, channel_timeout=channel_timeout)
    world.sequence(40)
    world.batcher.post([world.batcher.span(1, 40)])
    world.l1.mine(2)
    refs, asked = blocks_asked_for(world, monkeypatch)
    earliest = max(refs[-1].l1_origin.number - channel_timeout, refs[0].l1_origin.number)
    newest = max(ref.number for ref in refs if ref.l1_origin.number == earliest)
    assert 0 < newest == min(asked)
