"""Metrics and health: every number comes from where RPC has it, and the status code says whether the role works."""

from types import SimpleNamespace
from typing import Any, cast

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from config.errors import TemporaryError
from l1.health import EndpointHealth, EndpointKind
from l1.http import RequestRecord
from l1.rpc import EndpointBusy
from node.metrics import MetricsServer, NodeMetrics, node_metrics
from node.rollup.service import RollupNode
from node.rpc import Dispatcher, Namespace, rpc_method
from node.rpc.errors import server_error
from node.unsafe.feed import Feed
from node.unsafe.intake import UnsafeIntake
from tests.l1.fake_l1 import VirtualClock
from tests.node.rollup_world import RollupWorld, until
from tests.node.test_unsafe_feed import Feeds


def node_of(world: RollupWorld, **more: Any) -> RollupNode:
    """The parts of a node that metrics read, all real."""
    parts = SimpleNamespace(
        execution=SimpleNamespace(chain=world.chain, pool=world.pool),
        driver=world.driver,
        heads=world.heads,
        sequencer=None,
        l1_sources=SimpleNamespace(status=list),
        intake=UnsafeIntake(world.rollup, world.chain, world.driver, world.heads, world.endpoint, None),
        feed=Feed(world.rollup, world.chain, None),
        followers=[],
        doctor=world.doctor(),
    )
    parts.__dict__.update(more)
    return cast(RollupNode, parts)


async def page(metrics: NodeMetrics, healthy: bool = True) -> tuple[dict[tuple[str, ...], float], int, Any]:
    """Samples by name and label values, and what `/healthz` answers."""

    async def health() -> tuple[bool, dict[str, object]]:
        return healthy, {"waitingFor": "L1 block 3"}

    server = MetricsServer(metrics.registry, health, "127.0.0.1", 0)
    await server.start()
    try:
        async with ClientSession() as session:
            async with session.get(server.url + "/metrics") as answer:
                assert answer.status == 200
                text = await answer.text()
            async with session.get(server.url + "/healthz") as answer:
                status, facts = answer.status, await answer.json()
    finally:
        await server.stop()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return samples, status, facts


async def test_the_heads_are_those_of_chain_and_l1() -> None:
    world = RollupWorld()
    sequencer = world.sequencer()
    world.pool.add(world.transfer())
    await world.sequence(5, sequencer)
    world.post([1, 2, 3])
    world.l1.mine(2)
    await world.catch_up()
    samples, status, facts = await page(node_metrics(node_of(world, sequencer=sequencer)))
    heads = {key[1:]: value for key, value in samples.items() if key[0] == "lamina_refs_number"}
    assert heads == {
        ("l2", "unsafe"): 5,
        ("l2", "oldest_state"): 0,
        ("l2", "safe"): 3,
        ("l2", "finalized"): 0,
        ("l1", "latest"): 2,
        ("l1", "safe"): 0,
        ("l1", "finalized"): 0,
        ("l1", "derived"): 2,
    }
    assert samples["lamina_sequenced_blocks_total",] >= 5
    assert samples["lamina_sequenced_transactions_total",] == 1
    assert samples["lamina_halted",] == 0
    assert (status, facts) == (200, {"healthy": True, "waitingFor": "L1 block 3"})


async def test_what_waits_in_the_pool_is_counted() -> None:
    world = RollupWorld()
    for transaction in (world.transfer(), world.transfer(), world.transfer(nonce=7)):
        world.pool.add(transaction)
    samples, _, _ = await page(node_metrics(node_of(world)))
    assert samples["lamina_pool_pending",] == 2
    assert samples["lamina_pool_queued",] == 1
    assert samples["lamina_sequencer_active",] == 0


async def test_a_role_that_has_stopped_is_not_healthy() -> None:
    world = RollupWorld()
    world.driver.status.halted_by = "L1 lost final blocks"
    samples, status, facts = await page(node_metrics(node_of(world)), healthy=False)
    assert samples["lamina_halted",] == 1
    assert (status, facts["healthy"]) == (503, False)


async def test_unsafe_blocks_are_counted_by_what_became_of_them_and_feeds_by_how_they_fare() -> None:
    feeds = Feeds()
    worlds = feeds.worlds
    async with feeds.serving():
        follower, gone = feeds.follower(), feeds.follower("ws://127.0.0.1:9")
        node = node_of(worlds.world, intake=worlds.intake, feed=feeds.feed, followers=[follower, gone])
        async with feeds.following(follower, gone):
            await until(lambda: follower.connected)
            blocks = await worlds.made(4)
            feeds.feed.publish(feeds.sign(blocks[0].block))
            await until(lambda: worlds.head == blocks[0].block.hash)
            worlds.intake.offer(blocks[3], "test")
            samples, _, _ = await page(node_metrics(node))
    outcomes = {key[1]: value for key, value in samples.items() if key[0] == "lamina_unsafe_blocks_total"}
    assert outcomes == {"received": 2, "applied": 1, "invalid": 0, "conflicting": 0, "ignored": 0}
    assert samples["lamina_unsafe_queued",] == 1 and samples["lamina_unsafe_queued_bytes",] == 1000
    assert samples["lamina_feed_connected", follower.name] == 1 and samples["lamina_feed_connected", gone.name] == 0
    assert samples["lamina_feed_refused_total", follower.name] == 0
    assert samples["lamina_feed_subscribers",] == 1 and samples["lamina_feed_published_total",] == 1


async def test_each_l1_endpoint_is_shown_with_its_state_and_counts() -> None:
    clock = VirtualClock()
    endpoints = [EndpointHealth(f"http://{name}", EndpointKind.EXECUTION, clock) for name in "ab"]
    endpoints[0].observe(RequestRecord("http://a", "eth_call", 0.25, "ok"))
    endpoints[0].succeeded()
    endpoints[0].at_head(100, 0)
    endpoints[1].lied(TemporaryError("http://b served wrong data"))
    endpoints[1].failed(EndpointBusy("http://b limits the request rate", 1.0))
    sources = SimpleNamespace(status=lambda: [endpoint.status() for endpoint in endpoints])
    samples, _, _ = await page(node_metrics(node_of(RollupWorld(), l1_sources=sources)))
    a, b = (("http://a", "execution"), ("http://b", "execution"))
    assert samples["lamina_l1_endpoint_state", *a, "healthy"] == samples["lamina_l1_endpoint_state", *b, "lying"] == 1
    assert samples["lamina_l1_endpoint_state", *a, "lying"] == 0
    assert samples["lamina_l1_endpoint_requests_total", *a] == 1
    assert samples["lamina_l1_endpoint_latency_seconds", *a] == 0.25
    assert samples["lamina_l1_endpoint_head", *a] == 100 and samples["lamina_l1_endpoint_lag", *a] == 0
    assert samples["lamina_l1_endpoint_lies_total", *b] == 1
    assert samples["lamina_l1_endpoint_failures_total", *b] == 2
    assert samples["lamina_l1_endpoint_rate_limited_total", *b] == 1
    assert ("lamina_l1_endpoint_head", *b) not in samples, "not known"


class Sometimes(Namespace):
    """A method that works and one that does not."""

    name = "test"

    @rpc_method("works")
    def works(self) -> int:
        """One."""
        return 1

    @rpc_method("fails")
    def fails(self) -> int:
        """Never."""
        raise server_error("no")


async def test_rpc_is_counted_by_method_and_outcome() -> None:
    metrics = node_metrics(node_of(RollupWorld()))
    dispatcher = Dispatcher([Sometimes()], observe=metrics.observe_rpc)
    for method in ("test_works", "test_works", "test_fails", "test_unknown"):
        await dispatcher.handle(b'{"jsonrpc":"2.0","id":1,"method":"' + method.encode() + b'"}')
    samples, _, _ = await page(metrics)
    counted = {key[1:]: value for key, value in samples.items() if key[0] == "lamina_rpc_requests_total"}
    # A name that is no method makes no label: callers could invent them without end.
    assert counted == {("test_works", "ok"): 2, ("test_fails", "error"): 1}
    assert samples["lamina_rpc_seconds_count", "test_works"] == 2
