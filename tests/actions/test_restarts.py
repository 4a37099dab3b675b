"""Crashes in the middle of a span batch: what is safe afterwards is what it would be without them."""

from dataclasses import replace

import pytest

from config.forks import Fork
from derivation.codec import SpanBatch, make_span_batch
from evm.types import Header
from tests.actions.chains import user_transactions
from tests.node.rollup_world import RollupWorld


class Crash(Exception):
    """The process ends here."""


def span(world: RollupWorld, last: int, impossible: int | None) -> SpanBatch:
    """The span batch of blocks 1 to `last`, one of them with a transaction whose nonce is too high."""
    refs = [world.ref(number) for number in range(last + 1)]
    blocks = [(ref.timestamp, ref.l1_origin, user_transactions(world.block(ref.number))) for ref in refs[1:]]
    made = make_span_batch(world.rollup, refs[0].hash, refs[0].l1_origin.number, blocks)
    orphan = world.transfer(nonce=77).raw
    changed = (
        replace(block, transactions=(orphan,)) if number == impossible else block
        for number, block in enumerate(made.blocks, 1)
    )
    return replace(made, blocks=tuple(changed))


async def derived(
    fork: Fork, impossible: int | None, crash_at: int | None, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[bytes]]:
    """The safe head's number and the hashes up to it."""
    world = RollupWorld(fork)
    await world.sequence(6)
    world.post_batches([span(world, 6, impossible)])
    world.l1.mine(2)
    if crash_at is not None:
        set_safe = world.chain.set_safe

        def crash(header: Header) -> None:
            set_safe(header)
            if header.number == crash_at:
                raise Crash

        monkeypatch.setattr(world.chain, "set_safe", crash)
        await world.heads.refresh()
        with pytest.raises(Crash):
            await world.driver.run()
        world.restart()
    await world.catch_up()
    assert world.driver.status.halted_by is None
    safe = world.chain.safe.number
    return safe, [bytes(world.header(number).hash) for number in range(safe + 1)]


@pytest.mark.parametrize(("fork", "safe"), [(Fork.GRANITE, 0), (Fork.HOLOCENE, 5), (Fork.ISTHMUS, 5)])
@pytest.mark.parametrize("crash_at", [1, 3, 4])
async def test_a_crash_inside_a_span_does_not_save_what_an_impossible_block_undoes(
    fork: Fork, safe: int, crash_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec: op holocene derivation, "Span Batches" and "Engine Queue"; op derivation, "Resetting the Pipeline"."""
    undisturbed = await derived(fork, 5, None, monkeypatch)
    assert undisturbed[0] == safe
    assert await derived(fork, 5, crash_at, monkeypatch) == undisturbed


@pytest.mark.parametrize("fork", [Fork.GRANITE, Fork.HOLOCENE])
@pytest.mark.parametrize("crash_at", range(1, 7))
async def test_a_crash_inside_a_good_span_costs_nothing(
    fork: Fork, crash_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    assert (await derived(fork, None, crash_at, monkeypatch))[0] == 6
