"""Serves the dashboard: a static page, and `/api/state` with the raw answers of the RPC calls that the page shows.

No number is computed here, so every number on the page equals an RPC value (the page only formats).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from aiohttp import web

from config.errors import TemporaryError
from l1.rpc import JsonRpcClient, RpcError
from node.http_listener import HttpListener


@dataclass(frozen=True)
class Panel:
    """One RPC call whose answer the page shows under `name`."""

    name: str
    url: str
    method: str
    params: tuple[Any, ...] = ()


class Dashboard:
    """The page's server; `panels` are asked anew for every request of `/api/state`.

    A part that has not answered after `patience` seconds is told as silent: the others are not kept waiting for it.
    """

    def __init__(
        self, panels: Sequence[Panel], host: str = "127.0.0.1", port: int = 8080, patience: float = 2.0
    ) -> None:
        self._panels = tuple(panels)
        self._clients = {panel.url: JsonRpcClient(panel.url, timeout=patience) for panel in panels}
        self._listener = HttpListener([web.get("/", self._page), web.get("/api/state", self._state)], host, port)

    @property
    def url(self) -> str:
        """Where to point a browser."""
        return self._listener.url

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._listener.start()

    async def stop(self) -> None:
        """Stop listening and close connections."""
        await self._listener.stop()
        for client in self._clients.values():
            await client.close()

    async def _page(self, _request: web.Request) -> web.Response:
        page = resources.files("node.dashboard").joinpath("static/index.html").read_text()
        return web.Response(text=page, content_type="text/html")

    async def _state(self, _request: web.Request) -> web.Response:
        answers = await asyncio.gather(*(self._ask(panel) for panel in self._panels))
        return web.json_response(dict(zip((panel.name for panel in self._panels), answers, strict=True)))

    async def _ask(self, panel: Panel) -> dict[str, Any]:
        source = {"method": panel.method, "params": list(panel.params), "url": panel.url}
        try:
            return {**source, "result": await self._clients[panel.url].call(panel.method, list(panel.params))}
        except (RpcError, TemporaryError) as error:
            return {**source, "error": str(error)}
