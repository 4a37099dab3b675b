"""A small HTTP server: what the beacon API, the dashboard and the metrics page have in common."""

from collections.abc import Sequence

from aiohttp import web

_MAX_BODY_BYTES = 1 << 20


class HttpListener:
    """Serves `routes` on one port (0: any free one, known after `start`)."""

    def __init__(
        self, routes: Sequence[web.RouteDef], host: str, port: int, max_body_bytes: int = _MAX_BODY_BYTES
    ) -> None:
        self._routes = routes
        self._host = host
        self._port = port
        self._max_body_bytes = max_body_bytes
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError saying on what, and what to do, when the port is taken."""
        app = web.Application(client_max_size=self._max_body_bytes)
        app.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise OSError(
                f"cannot listen on {self._host}:{self._port} ({error.strerror or error}): "
                "choose another port or stop what uses it"
            ) from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
