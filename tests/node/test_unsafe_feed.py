"""The feed of signed blocks: a real server, a real follower, and a chain behind each."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from config.types import Address, to_hex
from evm.execution_payload import ExecutionPayload
from evm.payload_message import SignedPayload, decode_message
from evm.payload_ssz import PayloadVersion
from evm.types import Block
from node.rollup.stall import Cause
from node.rpc import Connection, Dispatcher, RpcServer, ServerOptions
from node.unsafe.feed import MAX_PAYLOADS_PER_ANSWER, Feed
from node.unsafe.follower import FeedFollower
from node.unsafe.following import Following
from node.unsafe.signer import UnsafeBlockSigner
from tests.evm.engine_kit import ALICE, ALICE_KEY, BOB, BOB_KEY
from tests.node.asking_why import why
from tests.node.rollup_world import RollupWorld, until
from tests.node.unsafe_worlds import Worlds


class NoStorage:
    """Nothing is asked of L1 about the signer here."""

    async def storage(self, header: object, address: object, slot: object) -> Any:
        raise AssertionError("L1 was asked who signs")


def signing(world: RollupWorld, key: bytes) -> Callable[[Block], SignedPayload]:
    return lambda block: SignedPayload.sign(ExecutionPayload.of(block), key, world.rollup.l2_chain_id)


class Feeds:
    """The sequencer's feed with its server, and a follower of it."""

    def __init__(self, key: bytes = ALICE_KEY, signer: Address = ALICE) -> None:
        self.worlds = Worlds()
        maker = self.worlds.maker
        self.sign = signing(maker, key)
        self.feed = Feed(maker.rollup, maker.chain, self.sign)
        self.signer = UnsafeBlockSigner(NoStorage(), maker.heads, Address(bytes(20)), signer)
        self.server = RpcServer(Dispatcher([self.feed]), ServerOptions(port=0))

    async def make(self, count: int) -> list[Block]:
        """The sequencer makes blocks and publishes them."""
        blocks = [block.block for block in await self.worlds.made(count)]
        for block in blocks:
            self.feed.publish(self.sign(block))
        return blocks

    def follower(self, url: str | None = None) -> FeedFollower:
        worlds = self.worlds
        return FeedFollower(
            url or self.server.ws_url,
            worlds.world.rollup,
            worlds.world.chain,
            worlds.intake,
            self.signer,
            sleep=worlds.world.clock.sleep,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        await self.server.start()
        try:
            yield
        finally:
            await self.server.stop()

    @asynccontextmanager
    async def following(self, *followers: FeedFollower) -> AsyncIterator[None]:
        async with self.worlds.following():
            tasks = [asyncio.create_task(follower.run()) for follower in followers]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_followers_unsafe_head_is_the_sequencers_and_runs_ahead_of_its_safe_head() -> None:
    feeds = Feeds()
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            await until(lambda: follower.connected)
            for _ in range(3):
                await feeds.make(1)
                await until(lambda: feeds.worlds.head == feeds.worlds.maker.chain.head.hash, feeds.worlds.intake.status)
    assert feeds.worlds.world.chain.safe.number == 0
    assert follower.received == 3 and follower.refused == 0


async def test_blocks_from_before_the_connection_are_asked_for() -> None:
    feeds = Feeds()
    count = MAX_PAYLOADS_PER_ANSWER + 3
    blocks = await feeds.make(count)
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            await until(lambda: feeds.worlds.head == blocks[-1].hash, feeds.worlds.intake.status)
    assert feeds.worlds.intake.status.applied == count


async def test_a_gap_is_filled_by_asking_for_the_blocks_in_it() -> None:
    feeds = Feeds()
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            await until(lambda: follower.connected)
            blocks = [block.block for block in await feeds.worlds.made(4)]
            # The first three are never told.
            feeds.feed.publish(feeds.sign(blocks[3]))
            await until(lambda: feeds.worlds.head == blocks[3].hash, feeds.worlds.intake.status)


async def test_after_a_lost_connection_it_is_made_again_and_what_was_missed_is_asked_for() -> None:
    feeds = Feeds()
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            await until(lambda: follower.connected)
            await feeds.make(1)
            port = feeds.server.port
            await feeds.server.stop()
            await until(lambda: not follower.connected)
            blocks = await feeds.make(2)
            await until(lambda: follower.error is not None)
            feeds.server = RpcServer(Dispatcher([feeds.feed]), ServerOptions(port=port))
            await feeds.server.start()
            await until(lambda: feeds.worlds.head == blocks[-1].hash, follower.error)
            assert follower.error is None


async def test_pauses_between_attempts_grow_up_to_half_a_minute() -> None:
    feeds = Feeds()
    clock = feeds.worlds.world.clock
    follower = feeds.follower("ws://127.0.0.1:9")
    async with feeds.following(follower):
        await until(lambda: len(clock.slept) >= 9)
    assert clock.slept[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert follower.error is not None and not follower.connected


async def test_a_wrongly_signed_feed_changes_nothing_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    feeds = Feeds(key=BOB_KEY)
    caplog.set_level(logging.WARNING, "lamina.unsafe")
    world = feeds.worlds.world
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            await until(lambda: follower.connected)
            await feeds.make(2)
            await until(lambda: follower.refused >= 2)
            doctor = world.doctor()
            doctor.follow(Following(world.chain, feeds.worlds.intake, [follower], 2, lambda: world.clock.now + 1000))
            asked = await why(doctor, "unsafe")
    assert world.chain.head.number == 0 and feeds.worlds.intake.status.received == 0
    assert f"is signed by {to_hex(BOB)}, but unsafe blocks are signed by {to_hex(ALICE)}" in (
        follower.last_refused or ""
    )
    assert follower.name in caplog.text and to_hex(BOB) in caplog.text
    assert asked.names(Cause.FEED_REFUSED, "unsafe", ("l2", 1))


@pytest.mark.parametrize(
    "item",
    [
        None,
        7,
        {},
        {"topic": "/optimism/902/3/blocks", "data": "0x00"},
        {"topic": "/optimism/901/3/blocks", "data": "0xzz"},
        {"topic": "/optimism/901/3/blocks", "data": "0x" + "ff" * 50},
    ],
)
async def test_what_is_no_message_is_refused_and_the_connection_goes_on(item: Any) -> None:
    feeds = Feeds()
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            await until(lambda: follower.connected)
            for connection, identifier in list(feeds.feed._subscribers):
                connection.notify_encoded(identifier, orjson.dumps(item))
            await until(lambda: follower.refused == 1)
            (block,) = await feeds.make(1)
            await until(lambda: feeds.worlds.head == block.hash)
            assert follower.refusing is None and follower.last_refused is not None


async def test_of_several_feeds_one_is_enough() -> None:
    feeds = Feeds()
    async with feeds.serving():
        good, bad = feeds.follower(), feeds.follower("ws://127.0.0.1:9")
        async with feeds.following(bad, good):
            await until(lambda: good.connected)
            (block,) = await feeds.make(1)
            await until(lambda: feeds.worlds.head == block.hash)
    assert bad.error is not None


async def test_nothing_is_asked_for_before_it_is_known_who_signs() -> None:
    feeds = Feeds()
    feeds.signer = UnsafeBlockSigner(NoStorage(), feeds.worlds.maker.heads, Address(bytes(20)))
    async with feeds.serving():
        follower = feeds.follower()
        async with feeds.following(follower):
            for _ in range(50):
                await asyncio.sleep(0)
            assert not follower.connected and follower.error is None
            feeds.signer.error = "L1 proves nothing"
            assert follower.error == "who signs unsafe blocks is not known yet (L1 proves nothing)"
            feeds.signer.address = ALICE
            feeds.signer.known.set()
            await until(lambda: follower.connected)


# --- the server's side ---


async def test_a_node_without_the_key_passes_on_what_it_has_heard_and_no_more() -> None:
    feeds = Feeds()
    blocks = [block.block for block in await feeds.worlds.made(4)]
    relay = Feed(feeds.worlds.maker.rollup, feeds.worlds.maker.chain, None)
    for block in blocks[1:3]:
        relay.publish(feeds.sign(block))
    dispatcher = Dispatcher([relay])
    assert await dispatcher.call("feed_payloads", ["0x1"]) == []
    told = await dispatcher.call("feed_payloads", ["0x2", "0x20"])
    version = PayloadVersion.of_topic(told[0]["topic"], feeds.worlds.maker.rollup.l2_chain_id)
    payloads = [decode_message(bytes.fromhex(item["data"][2:]), version) for item in told]
    assert [payload.payload.block() for payload in payloads] == blocks[1:3]
    assert await dispatcher.call("feed_payloads", ["0x0"]) == []
    assert await dispatcher.call("feed_payloads", ["0x5"]) == []


async def test_what_a_relay_keeps_is_bounded() -> None:
    feeds = Feeds()
    blocks = [block.block for block in await feeds.worlds.made(4)]
    size = len(feeds.sign(blocks[3]).message())
    relay = Feed(feeds.worlds.maker.rollup, feeds.worlds.maker.chain, None, kept_bytes=2 * size + size // 2)
    for block in (*blocks, blocks[3]):
        relay.publish(feeds.sign(block))
    dispatcher = Dispatcher([relay])
    assert await dispatcher.call("feed_payloads", ["0x1"]) == [] == await dispatcher.call("feed_payloads", ["0x2"])
    assert len(await dispatcher.call("feed_payloads", ["0x3"])) == 2


async def test_a_subscriber_that_does_not_read_is_cut_off() -> None:
    feeds = Feeds()
    connection = Connection(capacity_bytes=3000)
    feeds.feed.subscribe(connection, "unsafePayloads")
    (block,) = await feeds.make(1)
    published = 1
    while not connection.overflowed:
        assert published < 100
        feeds.feed.publish(feeds.sign(block))
        published += 1
    assert published > 2
    assert connection.outgoing.qsize() == published - 1
    connection.close()
    assert feeds.feed.subscribers == 0


async def test_answers_to_a_callers_own_questions_do_not_cut_it_off() -> None:
    feeds = Feeds()
    connection = Connection(capacity_bytes=3000)
    feeds.feed.subscribe(connection, "unsafePayloads")
    connection.send(bytes(100_000))
    (block,) = await feeds.make(1)
    assert not connection.overflowed
    assert await connection.next_message() == bytes(100_000)
    assert block.hash == feeds.worlds.maker.chain.head.hash and b"feed_subscription" in (await connection.next_message() or b"")
