"""The dashboard: every number it hands to the page is an RPC answer."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from l1.rpc import JsonRpcClient
from node.dashboard.server import Dashboard, Panel
from node.devnet.command import Devnet
from node.devnet.settings import DevnetSettings, Ports
from node.rollup.rpc import Rollup
from node.rpc import Dispatcher, RpcServer, ServerOptions
from tests.node.rollup_world import RollupWorld
from tests.node.rpc_world import dev_genesis, mine, open_chain, serve


@pytest.fixture
async def rollup_rpc() -> AsyncIterator[tuple[RollupWorld, RpcServer]]:
    """A node with a few blocks and its optimism_ namespace, served."""
    world = RollupWorld()
    await world.sequence(5)
    world.post([1, 2, 3])
    world.l1.mine(1)
    await world.catch_up()
    await world.heads.refresh()
    namespace = Rollup(world.rollup, world.chain, world.driver, world.heads, world.safe_db)
    server = RpcServer(Dispatcher([namespace]), ServerOptions(port=0))
    await server.start()
    yield world, server
    await server.stop()


async def state_of(dashboard: Dashboard) -> Mapping[str, Any]:
    async with ClientSession() as session, session.get(dashboard.url + "/api/state") as answer:
        assert answer.status == 200
        state: Mapping[str, Any] = await answer.json()
        return state


async def test_every_panel_equals_its_rpc_answer(rollup_rpc: tuple[RollupWorld, RpcServer]) -> None:
    world, rollup = rollup_rpc
    chain = open_chain(dev_genesis())
    mine(chain)
    async with serve(chain) as served:
        panels = [
            Panel("sequencer", rollup.url, "optimism_syncStatus"),
            Panel("pool", served.server.url, "txpool_status"),
            Panel("l1", served.server.url, "eth_getBlockByNumber", ("latest", False)),
        ]
        dashboard = Dashboard(panels, port=0)
        await dashboard.start()
        try:
            state = await state_of(dashboard)
            for panel in panels:
                client = JsonRpcClient(panel.url)
                assert state[panel.name]["result"] == await client.call(panel.method, list(panel.params))
                assert state[panel.name]["method"] == panel.method
                await client.close()
        finally:
            await dashboard.stop()
    assert state["sequencer"]["result"]["unsafe_l2"]["number"] == world.chain.head.number == 5
    assert state["sequencer"]["result"]["safe_l2"]["number"] == 3
    assert state["l1"]["result"]["number"] == "0x1"


async def test_the_numbers_are_asked_anew_each_time() -> None:
    chain = open_chain(dev_genesis())
    async with serve(chain) as served:
        dashboard = Dashboard([Panel("l1", served.server.url, "eth_blockNumber")], port=0)
        await dashboard.start()
        try:
            assert (await state_of(dashboard))["l1"]["result"] == "0x0"
            mine(chain)
            assert (await state_of(dashboard))["l1"]["result"] == "0x1"
        finally:
            await dashboard.stop()


async def test_a_part_that_does_not_answer_leaves_the_others_on_the_page() -> None:
    chain = open_chain(dev_genesis())
    async with serve(chain) as served:
        panels = [
            Panel("gone", "http://127.0.0.1:1", "eth_blockNumber"),
            Panel("refused", served.server.url, "optimism_syncStatus"),
            Panel("l1", served.server.url, "eth_blockNumber"),
        ]
        dashboard = Dashboard(panels, port=0)
        await dashboard.start()
        try:
            state = await state_of(dashboard)
        finally:
            await dashboard.stop()
    assert "http://127.0.0.1:1" in state["gone"]["error"]
    assert "optimism_syncStatus does not exist" in state["refused"]["error"]
    assert state["l1"]["result"] == "0x0"


async def test_a_part_that_hangs_does_not_keep_the_others_from_the_page() -> None:
    async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    hanging = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]}"
    chain = open_chain(dev_genesis())
    async with serve(chain) as served:
        panels = [Panel("hangs", url, "eth_blockNumber"), Panel("l1", served.server.url, "eth_blockNumber")]
        dashboard = Dashboard(panels, port=0, patience=0.5)
        await dashboard.start()
        try:
            state = await state_of(dashboard)
        finally:
            await dashboard.stop()
            hanging.close()
    assert url in state["hangs"]["error"]
    assert state["l1"]["result"] == "0x0"


class Ids(HTMLParser):
    """The ids of the elements of a page, and what it loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name in ("src", "href") and value:
                self.loaded.append(value)


async def test_the_page_has_a_place_for_every_panel_of_a_devnet_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    page = resources.files("node.dashboard").joinpath("static/index.html").read_text()
    parser = Ids()
    parser.feed(page)
    assert parser.loaded == []
    any_ports = Ports(**dict.fromkeys((port.name for port in fields(Ports)), 0))
    panels = Devnet(DevnetSettings(tmp_path, ports=any_ports))._panels()
    assert {panel.name for panel in panels} <= parser.ids
    for panel in panels:
        assert panel.method in page
        assert re.search(rf"\bstate\.{panel.name}\b", page)
    dashboard = Dashboard([], port=0)
    await dashboard.start()
    try:
        async with ClientSession() as session, session.get(dashboard.url + "/") as answer:
            assert answer.content_type == "text/html"
            assert await answer.text() == page
    finally:
        await dashboard.stop()


async def test_a_taken_port_is_told_with_what_to_do() -> None:
    first = Dashboard([], port=0)
    await first.start()
    try:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port} .* choose another port"):
            await Dashboard([], port=port).start()
    finally:
        await first.stop()
