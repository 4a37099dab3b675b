"""Unsafe blocks over RPC: posting one as op-node's users do, and what the node says of those that came."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from config.types import Address, Hash32, to_hex
from evm.execution_payload import ExecutionPayload
from evm.types import Block
from node.rollup.rpc import Rollup
from node.rollup.stall import Cause, Place, Stage, Stall
from node.rpc import Dispatcher, RpcError
from node.unsafe.following import Following
from node.unsafe.intake import UnsafeIntake
from node.unsafe.rpc import UnsafeAdmin, UnsafeStatus
from node.unsafe.signer import UnsafeBlockSigner
from node.unsafe.validation import check_payload
from tests.evm.engine_kit import ALICE
from tests.node.asking_why import why
from tests.node.test_unsafe_feed import NoStorage
from tests.node.unsafe_worlds import Worlds, unsafe


def envelope(block: Block, **changes: Any) -> dict[str, Any]:
    payload = replace(ExecutionPayload.of(block), **changes)
    root = payload.parent_beacon_block_root
    return {"executionPayload": payload.to_json(), "parentBeaconBlockRoot": None if root is None else to_hex(root)}


def served(worlds: Worlds, intake: UnsafeIntake | None = None) -> Dispatcher:
    world, intake = worlds.world, intake or worlds.intake
    signer = UnsafeBlockSigner(NoStorage(), world.heads, Address(bytes(20)), ALICE)
    return Dispatcher(
        [
            UnsafeAdmin(world.rollup, intake),
            UnsafeStatus(intake, signer, []),
            Rollup(world.rollup, world.chain, world.driver, world.heads, world.safe_db, intake),
        ]
    )


async def test_posted_payloads_become_the_unsafe_head() -> None:
    worlds = Worlds()
    blocks = await worlds.made(2)
    dispatcher = served(worlds)
    async with worlds.following():
        for block in blocks:
            assert await dispatcher.call("admin_postUnsafePayload", [envelope(block.block)]) is None
        await worlds.settled()
    assert worlds.head == blocks[1].block.hash


async def test_a_posted_payload_that_does_not_hold_is_refused_with_the_reason() -> None:
    worlds = Worlds()
    (block,) = await worlds.made(1)
    dispatcher = served(worlds)
    good = envelope(block.block)
    for wrong, code, words in (
        (envelope(block.block, gas_used=1), -32000, "but it says"),
        ({**good, "parentBeaconBlockRoot": None}, -32000, "do not belong together"),
        ({"executionPayload": {}}, -32602, "'parentHash' is missing"),
        ({}, -32602, "'parentHash' is missing"),
        ({**good, "executionPayload": 5}, -32602, "expected an object"),
        ({**good, "parentBeaconBlockRoot": "0x01"}, -32602, "parentBeaconBlockRoot"),
    ):
        with pytest.raises(RpcError, match=words) as caught:
            await dispatcher.call("admin_postUnsafePayload", [wrong])
        assert caught.value.code == code
    assert worlds.intake.status.received == 0


async def test_a_sequencing_node_takes_no_posted_payload() -> None:
    worlds = Worlds()
    (block,) = await worlds.made(1)
    world = worlds.world
    intake = UnsafeIntake(world.rollup, world.chain, world.driver, world.heads, world.endpoint, world.sequencer())
    with pytest.raises(RpcError, match="it makes blocks itself"):
        await served(worlds, intake).call("admin_postUnsafePayload", [envelope(block.block)])


async def test_the_status_says_what_waits() -> None:
    worlds = Worlds()
    blocks = await worlds.made(4)
    dispatcher = served(worlds)
    async with worlds.following():
        await worlds.take(blocks[0], blocks[2], blocks[3])
        status = await dispatcher.call("optimism_syncStatus", [])
        assert status["unsafe_l2"]["hash"] == to_hex(blocks[0].block.hash)
        assert status["queued_unsafe_l2"]["hash"] == to_hex(blocks[2].block.hash)
        shown = await dispatcher.call("lamina_unsafeBlocks", [])
        assert shown["firstQueued"] == {"hash": to_hex(blocks[2].block.hash), "number": 3}
        assert (shown["received"], shown["applied"], shown["queued"], shown["gap"]) == (3, 1, 2, True)
        assert shown["signer"] == to_hex(ALICE)
        await worlds.take(blocks[1])
        status = await dispatcher.call("optimism_syncStatus", [])
        assert status["unsafe_l2"]["number"] == 4 and status["queued_unsafe_l2"]["number"] == 0


# --- why the unsafe head stands ---


class Source:
    """A source of unsafe blocks as it may be."""

    name = "ws://sequencer"

    def __init__(self, connected: bool = True, error: str | None = None, refusing: str | None = None) -> None:
        self.connected = connected
        self.error = error
        self.refusing = refusing


def doctor_of(worlds: Worlds, *sources: Source, late: float = 0) -> Any:
    world = worlds.world
    doctor = world.doctor()
    now = world.chain.head.timestamp + late
    doctor.follow(Following(world.chain, worlds.intake, sources, world.rollup.block_time, lambda: now))
    return doctor


async def test_a_followers_unsafe_head_moves_with_its_feed() -> None:
    worlds = Worlds()
    blocks = await worlds.made(1)
    async with worlds.following():
        await worlds.take(*blocks)
        asked = await why(doctor_of(worlds, Source()), "unsafe")
        assert asked.state == "moving" and "it follows ws://sequencer" in asked.text
        # Without any source it is the safe head's matter.
        assert "this node makes no blocks" in (await why(doctor_of(worlds), "unsafe")).text


@pytest.mark.parametrize(("late", "state"), [(0, "waiting"), (100, "stuck")])
async def test_a_feed_that_is_gone_a_gap_and_a_wrong_signature_are_named(late: float, state: str) -> None:
    worlds = Worlds()
    blocks = await worlds.made(3)
    async with worlds.following():
        await worlds.take(blocks[0])
        asked = await why(doctor_of(worlds, Source(False, "refused"), late=late), "unsafe")
        assert asked.names(Cause.FEED_DOWN, "unsafe", ("l2", 2)) and asked.state == state
        assert "ws://sequencer: refused" in asked.text
        asked = await why(doctor_of(worlds, Source(refusing="signed by a stranger"), late=late), "unsafe")
        assert asked.names(Cause.FEED_REFUSED, "unsafe", ("l2", 2)) and asked.state == state
        await worlds.take(blocks[2])
        asked = await why(doctor_of(worlds, Source(), late=late), "unsafe")
        assert asked.names(Cause.UNSAFE_GAP, "unsafe", ("l2", 2)) and asked.state == state
        assert "block 2 is missing" in asked.text
    connecting = await why(doctor_of(Worlds(), Source(False)), "unsafe")
    assert connecting.state == "waiting"


async def test_a_feed_that_sends_nothing_is_named_but_not_while_the_head_moves() -> None:
    worlds = Worlds()
    blocks = await worlds.made(2)
    world = worlds.world
    now = [world.chain.head.timestamp + 1000.0]
    doctor = world.doctor()
    doctor.follow(Following(world.chain, worlds.intake, [Source()], 2, lambda: now[0]))
    async with worlds.following():
        await worlds.take(blocks[0])
        # An old head that has just moved catches up.
        assert (await why(doctor, "unsafe")).state == "moving"
        now[0] += 60
        asked = await why(doctor, "unsafe")
        assert asked.names(Cause.FEED_SILENT, "unsafe", ("l2", 2)) and asked.state == "stuck"
        assert "no block has come for 60 s" in asked.text
        await worlds.take(blocks[1])
        assert (await why(doctor, "unsafe")).state == "moving"


async def test_an_invalid_next_block_is_named_until_another_takes_its_place() -> None:
    worlds = Worlds()
    (block,) = await worlds.made(1)
    payload = replace(ExecutionPayload.of(block.block), gas_used=1)
    payload = replace(payload, block_hash=payload.block().hash)
    async with worlds.following():
        await worlds.take(unsafe(check_payload(payload, worlds.world.rollup)))
        asked = await why(doctor_of(worlds, Source()), "unsafe")
        assert asked.names(Cause.UNSAFE_INVALID, "unsafe", ("l2", 1)) and asked.state == "stuck"
        await worlds.take(block)
        assert (await why(doctor_of(worlds, Source()), "unsafe")).state == "moving"


async def test_a_block_on_another_l1_fork_is_named() -> None:
    worlds = Worlds()
    worlds.maker.l1.mine(2)
    blocks = await worlds.made(8)
    worlds.world.l1.reorg(0)
    worlds.world.l1.mine(3)
    async with worlds.following():
        await worlds.take(*blocks)
        number = worlds.world.chain.head.number
        asked = await why(doctor_of(worlds, Source()), "unsafe")
        assert asked.names(Cause.UNSAFE_ORIGIN, "unsafe", ("l2", number + 1)) and asked.state == "waiting"


async def test_after_the_engines_disagree_no_block_is_taken_and_the_node_says_so() -> None:
    worlds = Worlds()
    blocks = await worlds.made(1)
    stall = Stall(Cause.ENGINES_DISAGREE, Stage.ENGINE, "they differ", Place("l2", 1, Hash32(bytes(32))))
    async with worlds.following():
        await worlds.settled()
        worlds.intake.halt(stall)
        assert await worlds.take(*blocks) == [False]
        asked = await why(doctor_of(worlds, Source()), "unsafe")
        assert asked.state == "halted" and asked.text == "they differ"
        with pytest.raises(RpcError, match="they differ"):
            await served(worlds).call("admin_postUnsafePayload", [envelope(blocks[0].block)])
        await asyncio.sleep(0)
    assert worlds.world.chain.head.number == 0
