"""A proxy in front of an L1 node that fails now and then, loses answers, and does not have some blobs for a while."""

import random
from collections import Counter

from aiohttp import ClientSession, web

_BROKEN_PERCENT = 10


class FaultyL1:
    """Passes JSON-RPC and beacon requests on to `url`. While `is_faulty`, about one request in ten fails, in one of the ways
    that nodes and the proxies in front of them have, and blobs of the blocks in `lost` are not there.

    What fails is drawn from `dice`; nothing here waits.
    """

    def __init__(self, url: str, dice: random.Random) -> None:
        self._upstream = url
        self._dice = dice
        self._http: ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self.is_faulty = False
        self.lost: set[int] = set()
        """Numbers of L1 blocks whose blobs are not there."""
        self.requests = 0
        """How many came while it was faulty."""
        self.failures: Counter[str] = Counter()
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port."""
        self._http = ClientSession()
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", self._rpc)
        app.router.add_get("/{path:.*}", self._beacon)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    async def _rpc(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        return self._spoiled(request) or await self._passed_on(request, body)

    async def _beacon(self, request: web.Request) -> web.StreamResponse:
        spoiled = self._spoiled(request)
        if spoiled is not None:
            return spoiled
        block = request.path.rsplit("/", 1)[-1]
        if self.is_faulty and "/blob" in request.path and block.isdecimal() and int(block) in self.lost:
            self.failures["blobs lost"] += 1
            return web.json_response({"code": 404, "message": "blobs not found"}, status=404)
        return await self._passed_on(request, None)

    async def _passed_on(self, request: web.Request, body: bytes | None) -> web.StreamResponse:
        assert self._http is not None
        headers = {"Content-Type": "application/json"}
        async with self._http.request(
            request.method, self._upstream + request.raw_path, data=body, headers=headers
        ) as upstream:
            answer = await upstream.read()
        if self.is_faulty and self._dice.randrange(100) < _BROKEN_PERCENT // 2:
            # It was done, but nobody hears of it: a transaction sent so is in the pool all the same.
            self.failures["answer lost"] += 1
            self._hang_up(request)
        return web.Response(body=answer, status=upstream.status, content_type="application/json")

    def _spoiled(self, request: web.Request) -> web.Response | None:
        """What is answered instead of passing a request on, now and then."""
        if not self.is_faulty:
            return None
        self.requests += 1
        if self._dice.randrange(100) >= _BROKEN_PERCENT // 2:
            return None
        way = self._dice.choice(["HTTP 503", "HTTP 429", "cut short", "internal error", "no JSON", "hang-up"])
        self.failures[way] += 1
        match way:
            case "HTTP 503":
                return web.Response(status=503, text="upstream connect error")
            case "HTTP 429":
                return web.Response(status=429, headers={"Retry-After": "0"})
            case "cut short":
                return web.Response(text='{"jsonrpc": "2.0", "id": 1, "resu', content_type="application/json")
            case "internal error":
                return web.json_response({"id": None, "error": {"code": -32603, "message": "internal error"}})
            case "no JSON":
                return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
        self._hang_up(request)
        return web.Response()

    @staticmethod
    def _hang_up(request: web.Request) -> None:
        if request.transport is not None:
            request.transport.close()
