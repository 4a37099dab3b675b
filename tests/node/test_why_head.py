"""Why a head stands: ten stalls are brought about, each is named with stage, block, cause and remedy, and goes away again.

The driver, pipeline and engine are real; L1 is in memory and no time passes but on the world's own clock.
"""

import asyncio
from typing import Any

import pytest

from config.errors import TemporaryError
from config.types import to_hex
from derivation.codec import SingularBatch
from derivation.providers import DataKind, Missing
from evm.engine import InvalidPayload
from evm.types.signature import address_of
from l1.beacon import BlobsUnavailable
from node.rollup.sequencer import SequencerSettings
from node.rollup.stall import REMEDIES, Cause, Place
from node.rollup.stall_of import stall_of
from node.rpc import RpcError
from tests.actions.chains import BATCHER_KEY, OTHER_BATCHER_KEY
from tests.node.asking_why import all_of, is_cured, why
from tests.node.rollup_world import RollupWorld, until

PATIENCE = 10
"""L1 blocks without a safe block that are a stall, with the world's sequencing window of 30."""


@pytest.fixture
def world() -> RollupWorld:
    return RollupWorld()


def hash_of(world: RollupWorld, number: int) -> str:
    return to_hex(world.l1.blocks[number].hash)


# --- nothing is wrong ---


async def test_a_healthy_node_says_so_of_all_three_heads(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(2)
    world.endpoint.finalized = 1
    async with world.following():
        await world.derive()
        answer = await all_of(doctor)
    assert answer["healthy"] is True and answer["notes"] == []
    assert [(head["head"], head["block"]["number"], head["state"]) for head in answer["heads"]] == [
        ("unsafe", 4, "moving"),
        ("safe", 2, "moving"),
        ("finalized", 2, "moving"),
    ]
    assert await is_cured(doctor)
    assert "L2 block 3 can still be batched up to L1 block 30" in answer["heads"][1]["explanation"]


async def test_a_sequencer_that_makes_blocks_is_healthy(world: RollupWorld) -> None:
    sequencer = world.sequencer()
    doctor = world.doctor(sequencer)
    await world.sequence(3, sequencer)
    sequencer.start(world.chain.head.hash)
    async with world.following():
        await world.derive()
        unsafe = await why(doctor, "unsafe")
    assert (unsafe.state, unsafe.answer["cause"]) == ("moving", None)
    assert unsafe.text == "a block is made every 2 s"


async def test_a_node_that_starts_says_that_it_checks_the_heads(world: RollupWorld) -> None:
    safe = await why(world.doctor(), "safe")
    assert (safe.state, safe.answer["cause"]) == ("waiting", None)
    assert "the heads are being checked against L1" in safe.text


async def test_a_node_far_behind_l1_says_how_far(world: RollupWorld) -> None:
    doctor = world.doctor()
    async with world.following():
        await world.derive()
        world.l1.mine(60)
        await world.heads.refresh()
        safe = await why(doctor, "safe")
        assert (safe.state, safe.text) == ("moving", "L1 is derived up to block 0, its head is 60")


async def test_a_finalized_head_says_which_l1_block_it_waits_for(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(2)
    world.post([3])
    world.l1.mine(1)
    world.endpoint.finalized = 1
    async with world.following():
        await world.derive()
        finalized = await why(doctor, "finalized")
    assert finalized.state == "moving"
    assert finalized.text == "the next to be final is L2 block 3, derived from L1 block 3; L1 is final up to 1"


async def test_a_head_that_is_not_one_is_refused(world: RollupWorld) -> None:
    with pytest.raises(RpcError, match="unknown head 'latest', want unsafe, safe or finalized"):
        await why(world.doctor(), "latest")


# --- blob missing, beacon down ---


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (
            BlobsUnavailable("blob 0x01ab of slot 77 is nowhere: b.example has 0 of 1", answered=True),
            Cause.BLOB_MISSING,
        ),
        (BlobsUnavailable("b.example is not reachable", answered=False), Cause.BEACON_DOWN),
        (TemporaryError("b.example does not answer"), Cause.BEACON_DOWN),
    ],
)
async def test_blobs_that_are_not_to_be_had(world: RollupWorld, failure: TemporaryError, cause: Cause) -> None:
    doctor = world.doctor()
    await world.sequence(4)
    world.post([1])
    world.l1.mine(1)
    world.post_blob([2, 3])
    world.l1.mine(1)
    world.endpoint.blob_failure = failure
    async with world.following():
        await world.heads.refresh()
        await until(lambda: world.driver.status.stall is not None, world.driver.status)
        for head in ("unsafe", "safe", "finalized"):
            asked = await why(doctor, head)
            if head == "finalized":
                # It can still follow L1 up to what is derived.
                assert asked.state == "moving"
                continue
            assert asked.state == "stuck"
            assert asked.names(cause, "l1_retrieval", ("l1", 2))
            assert asked.answer["at"]["hash"] == hash_of(world, 2)
            assert str(failure) in asked.text
        # Blocks that are derived become final all the same.
        world.endpoint.finalized = 1
        world.l1.mine(1)
        await world.heads.refresh()
        await until(lambda: world.chain.finalized.number == 1, world.driver.status)
        assert (await why(doctor, "finalized")).names(cause, "l1_retrieval", ("l1", 2))
        world.endpoint.blob_failure = None
        world.l1.mine(1)
        await world.derive()
        assert world.chain.safe.number == 3
        assert await is_cured(doctor)


# --- L1 ---


async def test_an_l1_that_does_not_answer(world: RollupWorld) -> None:
    doctor = world.doctor()
    world.endpoint.down = "http://l1.example does not answer"
    async with world.following():
        await until(lambda: world.driver.status.stall is not None, world.driver.status)
        for head in ("unsafe", "safe", "finalized"):
            asked = await why(doctor, head)
            assert asked.state == "stuck" and "http://l1.example does not answer" in asked.text
            assert asked.names(Cause.L1_DOWN, "l1_heads", None)
        world.endpoint.down = None
        await world.derive()
        assert await is_cured(doctor)


async def test_an_l1_block_that_the_endpoint_does_not_give(world: RollupWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = world.doctor()

    async def fails(_: object) -> Any:
        raise TemporaryError("http://l1.example answered HTTP 502")

    world.l1.mine(1)
    with monkeypatch.context() as patch:
        patch.setattr(world.endpoint, "receipts", fails)
        async with world.following():
            await world.heads.refresh()
            await until(lambda: world.driver.status.stall is not None, world.driver.status)
            asked = await why(doctor, "safe")
            assert asked.state == "stuck" and "HTTP 502" in asked.text
            assert asked.answer["cause"] == Cause.L1_DOWN.value and asked.answer["stage"] == "l1_traversal"
    await world.catch_up()
    assert await is_cured(doctor)


async def test_an_l1_that_is_behind_what_was_derived_from_it(world: RollupWorld) -> None:
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(3)
    await world.catch_up()
    kept = list(world.l1.blocks)
    del world.l1.blocks[1:]
    world.restart()
    doctor = world.doctor()
    async with world.following():
        await until(lambda: world.driver.status.stall is not None, world.driver.status)
        for head in ("unsafe", "safe"):
            asked = await why(doctor, head)
            assert asked.state == "stuck" and "L1 does not have block 1" in asked.text
            assert asked.names(Cause.L1_BEHIND, "sync_start", ("l1", 1))
        assert world.chain.safe.number == 2
        world.l1.blocks[:] = kept
        await world.derive()
        assert await is_cured(doctor)
    assert world.chain.safe.number == 2


async def test_an_l1_head_that_goes_back_while_running(world: RollupWorld) -> None:
    doctor = world.doctor()
    world.l1.mine(4)
    async with world.following():
        await world.derive()
        kept = list(world.l1.blocks)
        del world.l1.blocks[3:]
        await world.heads.refresh()
        asked = await why(doctor, "safe")
        assert asked.text == "L1's head is block 2 now, but L1 was derived up to block 4 already"
        assert asked.names(Cause.L1_BEHIND, "l1_heads", ("l1", 2))
        world.l1.blocks[:] = kept
        await world.derive()
        assert await is_cured(doctor)


async def test_an_l1_that_contradicts_itself(world: RollupWorld) -> None:
    doctor = world.doctor()
    world.l1.mine(2)
    before = list(world.l1.blocks)
    world.l1.reorg(1)
    world.l1.mine(4)
    after = list(world.l1.blocks)
    # Block 2 of one fork, and what follows on block 2 of the other.
    world.l1.blocks[2] = before[2]
    async with world.following():
        await world.heads.refresh()
        await until(lambda: world.driver.status.stall is not None, world.driver.status)
        asked = await why(doctor, "safe")
        assert asked.state == "stuck" and "L1 was reorganised: block 3" in asked.text
        assert asked.names(Cause.L1_INCONSISTENT, "l1_traversal", ("l1", 3))
        assert world.driver.status.resets == 2
        world.l1.blocks[:] = after
        world.l1.mine(1)
        await world.derive()
        assert await is_cured(doctor)


async def test_an_l1_that_gets_no_new_blocks(world: RollupWorld) -> None:
    doctor = world.doctor()
    world.l1.mine(2)
    async with world.following():
        await world.derive()
        world.clock.now = world.l1.head.header.timestamp + 119
        assert await is_cured(doctor)
        world.clock.now += 2
        asked = await why(doctor, "safe")
        assert asked.state == "stuck" and "121 s old" in asked.text
        assert asked.names(Cause.L1_BEHIND, "l1_heads", ("l1", 2))
        world.l1.mine(1)
        await world.derive()
        assert await is_cured(doctor)


async def test_an_l1_that_does_not_finalize(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(1)
    world.l1.skip_slots(world.l1.head.header.timestamp + 1800)
    world.l1.mine(1)
    async with world.following():
        await world.derive()
        asked = await why(doctor, "finalized")
        assert asked.state == "stuck"
        assert asked.names(Cause.L1_NOT_FINALIZING, "finality", ("l1", 0))
        assert (await why(doctor, "safe")).state == "moving"
        world.endpoint.finalized = 2
        world.l1.mine(1)
        await world.derive()
        assert await is_cured(doctor)


# --- the batcher ---


async def test_a_batcher_that_is_silent(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(4)
    world.post([1])
    world.l1.mine(PATIENCE)
    async with world.following():
        await world.derive()
        assert await is_cured(doctor)
        world.l1.mine(1)
        await world.derive()
        asked = await why(doctor, "safe")
        assert asked.state == "stuck"
        assert asked.names(Cause.BATCHER_SILENT, "l1_retrieval", ("l1", PATIENCE + 1))
        assert to_hex(address_of(BATCHER_KEY)) in asked.text
        assert "since L1 block 1, where L2 block 1 came from (10 blocks); 3 unsafe blocks wait for it" in asked.text
        assert "L2 block 2 can still be batched up to L1 block 30" in asked.text
        world.post([2, 3])
        world.l1.mine(1)
        await world.derive()
        assert world.chain.safe.number == 3
        assert await is_cured(doctor)


async def test_a_batcher_that_always_takes_its_time_is_given_it() -> None:
    world = RollupWorld(seq_window_size=90)
    doctor = world.doctor()
    await world.sequence(4)
    for number in (1, 2, 3):
        world.post([number])
        world.l1.mine(1 if number == 3 else 20)
    world.l1.mine(39)
    async with world.following():
        await world.derive()
        assert await is_cured(doctor)
        world.l1.mine(1)
        await world.derive()
        assert (await why(doctor, "safe")).names(Cause.BATCHER_SILENT, "l1_retrieval", ("l1", 81))


async def test_a_sequencer_that_makes_nothing_to_batch(world: RollupWorld) -> None:
    sequencer = world.sequencer()
    doctor = world.doctor(sequencer)
    await world.sequence(1, sequencer)
    world.post([1])
    world.l1.mine(PATIENCE + 1)
    world.clock.now = world.l1.head.header.timestamp
    async with world.following():
        await world.derive()
        asked = await why(doctor, "safe")
        assert asked.text == "there is nothing to batch: sequencing is stopped on this node"
        assert asked.names(Cause.SEQUENCER_STOPPED, "sequencer", None)


async def test_a_batcher_with_the_wrong_key(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(2)
    world.post_batches([world.batch_of(1), world.batch_of(2)], key=OTHER_BATCHER_KEY)
    world.l1.mine(2)
    async with world.following():
        await world.derive()
        assert (await why(doctor, "safe")).state == "moving"
        world.l1.mine(PATIENCE - 2)
        await world.derive()
        asked = await why(doctor, "safe")
        assert asked.state == "stuck"
        assert asked.names(Cause.WRONG_BATCHER_KEY, "l1_retrieval", ("l1", 1))
        assert f"batches come from {to_hex(address_of(OTHER_BATCHER_KEY))}" in asked.text
        assert f"by SystemConfig the batcher is {to_hex(address_of(BATCHER_KEY))}" in asked.text
        world.post([1, 2])
        world.l1.mine(1)
        await world.derive()
        assert await is_cured(doctor)


async def test_a_key_that_was_rotated_away_is_the_wrong_one(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(2)
    new = address_of(OTHER_BATCHER_KEY)
    world.l1.update_system_config(0, bytes(12) + new)
    world.l1.mine(1)
    world.post([1, 2])
    world.l1.mine(PATIENCE)
    async with world.following():
        await world.derive()
        asked = await why(doctor, "safe")
        assert asked.names(Cause.WRONG_BATCHER_KEY, "l1_retrieval", ("l1", 2))
        assert f"by SystemConfig the batcher is {to_hex(new)}" in asked.text
        world.post_batches([world.batch_of(1), world.batch_of(2)], key=OTHER_BATCHER_KEY)
        world.l1.mine(1)
        await world.derive()
        assert world.chain.safe.number == 2
        assert await is_cured(doctor)


async def test_what_anybody_else_writes_to_the_inbox_is_no_wrong_key(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(2)
    world.l1.send_calldata(b"\x00hello", key=OTHER_BATCHER_KEY)
    world.l1.mine(PATIENCE)
    await world.catch_up()
    assert (await why(doctor, "safe")).names(Cause.BATCHER_SILENT, "l1_retrieval", ("l1", PATIENCE))


async def test_a_channel_that_is_not_complete(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(2)
    world.post_frames([1, 2], parts=2, only=1)
    world.l1.mine(PATIENCE)
    await world.catch_up()
    asked = await why(doctor, "safe")
    assert asked.state == "stuck" and "has 1 frames and is not complete; it times out after L1 block 51" in asked.text
    assert asked.names(Cause.CHANNEL_INCOMPLETE, "channel", ("l1", 1))


async def test_an_invalid_batch(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(3)
    good = world.batch_of(1)
    bad = SingularBatch(world.header(2).hash, good.epoch_number, good.epoch_hash, good.timestamp, ())
    world.post_batches([bad])
    world.l1.mine(2)
    async with world.following():
        await world.derive()
        # It is told at once, though it may be put right any moment.
        asked = await why(doctor, "safe")
        assert asked.state == "waiting"
        assert asked.names(Cause.INVALID_BATCH, "batches", ("l1", 1))
        assert "its parent is" in asked.text
        world.l1.mine(PATIENCE)
        await world.derive()
        asked = await why(doctor, "safe")
        assert asked.state == "stuck"
        assert asked.names(Cause.INVALID_BATCH, "batches", ("l1", 1))
        assert asked.answer["at"]["hash"] == hash_of(world, 1)
        world.post([1, 2])
        world.l1.mine(1)
        await world.derive()
        assert await is_cured(doctor)


async def test_a_reset_does_not_forget_what_was_dropped(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(3)
    good = world.batch_of(1)
    world.post_batches([SingularBatch(world.header(2).hash, good.epoch_number, good.epoch_hash, good.timestamp, ())])
    world.l1.mine(2)
    async with world.following():
        await world.derive()
        before = await why(doctor, "safe")
        world.driver.request_reset("an operator asks")
        await world.derive()
        assert (await why(doctor, "safe")).answer == before.answer
        assert before.names(Cause.INVALID_BATCH, "batches", ("l1", 1))


async def test_what_was_dropped_before_a_restart_is_still_pointed_at(world: RollupWorld) -> None:
    await world.sequence(3)
    good = world.batch_of(1)
    world.post_batches([SingularBatch(world.header(2).hash, good.epoch_number, good.epoch_hash, good.timestamp, ())])
    world.l1.mine(PATIENCE)
    await world.catch_up()
    world.restart()
    doctor = world.doctor()
    await world.catch_up()
    async with world.following():
        await world.derive()
        asked = await why(doctor, "safe")
    assert asked.state == "stuck" and "was dropped before this node was started" in asked.text
    assert asked.names(Cause.INVALID_BATCH, "batches", ("l1", 1))


async def test_garbage_from_the_batcher(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(1)
    world.l1.send_calldata(b"\x00garbage")
    world.l1.mine(PATIENCE)
    await world.catch_up()
    assert (await why(doctor, "safe")).names(Cause.INVALID_BATCH, "frame_queue", ("l1", 1))


async def test_a_sequencing_window_that_has_passed(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(3)
    world.l1.mine(31)
    async with world.following():
        await world.derive()
        made = world.chain.safe.number
        assert made > 0
        asked = await why(doctor, "safe")
        assert asked.state == "stuck"
        assert asked.names(Cause.WINDOW_EXPIRED, "batches", ("l1", 31))
        assert "the sequencing window of epoch 1 has passed" in asked.text
        # A block that comes from a batch again ends it.
        world.clock.now += 600
        sequencer = world.sequencer(SequencerSettings(recover=True))
        running = asyncio.create_task(sequencer.run())
        await until(lambda: world.chain.head.number >= made + 40, world.driver.status)
        await sequencer.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        world.post(range(made + 1, made + 31))
        world.l1.mine(1)
        world.clock.now = float(world.l1.head.header.timestamp)
        await world.derive()
        assert world.chain.safe.number >= made + 30
        assert await is_cured(doctor)


# --- the engine ---


async def test_a_batch_that_the_engine_refuses(world: RollupWorld) -> None:
    doctor = world.doctor()
    await world.sequence(3)
    honest, impossible = world.batch_of(2), world.transfer(1, nonce=17)
    world.post_batches(
        [
            world.batch_of(1),
            SingularBatch(
                honest.parent_hash, honest.epoch_number, honest.epoch_hash, honest.timestamp, (impossible.raw,)
            ),
            world.batch_of(3),
        ]
    )
    world.l1.mine(1)
    async with world.following():
        await world.derive()
        assert len(world.block(2).transactions) == 1
        asked = await why(doctor, "safe")
        assert asked.state == "waiting"
        assert asked.names(Cause.ENGINE_REFUSED, "engine", ("l2", 2))
        assert "the engine refused L2 block 2 as batched in L1 block 1" in asked.text and "nonce" in asked.text
        world.l1.mine(PATIENCE)
        await world.derive()
        asked = await why(doctor, "safe")
        assert asked.state == "stuck" and asked.names(Cause.ENGINE_REFUSED, "engine", ("l2", 2))
        again = world.batch_of(2)
        world.post_batches(
            [SingularBatch(world.header(2).hash, again.epoch_number, again.epoch_hash, again.timestamp + 2, ())]
        )
        world.l1.mine(1)
        await world.derive()
        assert world.chain.safe.number == 3
        assert await is_cured(doctor)


async def test_an_engine_that_refuses_even_deposits(world: RollupWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.sequence(2)
    world.post([1])
    other = world.batch_of(2)
    world.post_batches(
        [
            SingularBatch(
                other.parent_hash, other.epoch_number, other.epoch_hash, other.timestamp, (world.transfer().raw,)
            )
        ]
    )
    world.l1.mine(1)
    # With an empty block in its place there would be nothing to make.
    world.chain.set_head(world.header(1))
    doctor = world.doctor()

    def refuses(*_: object) -> None:
        raise InvalidPayload("out of gas in the L1 attributes deposit")

    with monkeypatch.context() as patch:
        patch.setattr(world.chain.engine, "derive", refuses)
        await world.catch_up()
    for head in ("unsafe", "safe", "finalized"):
        asked = await why(doctor, head)
        assert asked.state == "halted" and "out of gas in the L1 attributes deposit" in asked.text
        assert asked.names(Cause.ENGINE_REFUSED, "engine", ("l2", 2))
    assert not world.driver.ready.is_set()
    assert world.chain.safe.number == 1
    world.restart()
    doctor = world.doctor()
    async with world.following():
        await world.derive()
        assert world.chain.safe.number == 2
        assert await is_cured(doctor)


async def test_an_engine_that_refuses_the_sequencers_deposits(
    world: RollupWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequencer = world.sequencer()
    doctor = world.doctor(sequencer)

    def refuses(*_: object) -> None:
        raise InvalidPayload("out of gas in the L1 attributes deposit")

    monkeypatch.setattr(world.chain.engine, "start_payload", refuses)
    async with world.following():
        await world.heads.refresh()
        await asyncio.wait_for(sequencer.run(), 5)
        asked = await why(doctor, "unsafe")
        assert asked.state == "halted" and "L2 block 1 cannot be made of its deposits" in asked.text
        assert asked.names(Cause.ENGINE_REFUSED, "engine", ("l2", 1))


# --- an L1 reorg below the finalized block ---


@pytest.mark.parametrize("running", [True, False])
async def test_an_l1_reorg_below_the_finalized_block(world: RollupWorld, running: bool) -> None:
    await world.sequence(3)
    world.post([1, 2])
    world.l1.mine(2)
    world.endpoint.finalized = 1
    await world.catch_up()
    assert world.chain.finalized.number == 2
    true_chain = list(world.l1.blocks)
    world.l1.reorg(0)
    world.l1.mine(5)
    if not running:
        world.restart()
    doctor = world.doctor()
    before = dict(world.kv.scan(b""))
    async with world.following():
        await world.heads.refresh()
        await until(lambda: world.driver.status.halted_by is not None, world.driver.status)
        for head in ("unsafe", "safe", "finalized"):
            asked = await why(doctor, head)
            assert asked.state == "halted"
            assert asked.names(Cause.L1_REORG_BELOW_FINALIZED, "sync_start", ("l1", 1))
            assert asked.answer["at"]["hash"] == to_hex(true_chain[1].hash)
            assert "no longer holds the data of the finalized L2 block 2" in asked.text
    # Nothing was changed, and nobody may build on it.
    assert dict(world.kv.scan(b"")) == before
    assert not world.driver.ready.is_set()
    assert [world.chain.head.number, world.chain.safe.number, world.chain.finalized.number] == [3, 2, 2]
    world.l1.blocks[:] = true_chain
    world.restart()
    doctor = world.doctor()
    async with world.following():
        await world.derive()
        assert await is_cured(doctor)


async def test_an_l1_of_another_chain(world: RollupWorld) -> None:
    doctor = world.doctor()
    world.l1.reorg(-1)
    world.l1.mine(2)
    await asyncio.wait_for(world.driver.run(), 5)
    assert (await why(doctor, "safe")).names(Cause.WRONG_L1, "sync_start", ("l1", 0))


@pytest.mark.parametrize("kind", DataKind)
def test_data_of_any_kind_that_cannot_be_fetched_is_a_stall_at_its_block(kind: DataKind) -> None:
    stall = stall_of(TemporaryError("nobody has it"), Missing(kind, 7))
    assert (stall.text, stall.place) == ("nobody has it", Place("l1", 7))
    assert (stall.cause is Cause.DA_DOWN) == (kind is DataKind.REMOTE_INPUT)


def test_every_cause_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Cause)
