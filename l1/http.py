"""One HTTP endpoint over keep-alive connections, with every failure turned into a sentence that names it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from config.errors import TemporaryError
from l1.rate_limit import RateLimit

DEFAULT_TIMEOUT = 30.0
MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""More than the largest honest answer (receipts of a full L1 block, or 21 blobs in hex: about 6 MB)."""


@dataclass(frozen=True)
class RequestRecord:
    """One request as metrics count it: which endpoint and operation, how long it took (seconds), how it ended.

    `outcome` is "ok", "error" (the endpoint answered with an error) or "unreachable".
    """

    endpoint: str
    operation: str
    seconds: float
    outcome: str


RequestObserver = Callable[[RequestRecord], None]


@dataclass(frozen=True)
class HttpAnswer:
    """Status code, body and the value of `Retry-After` (seconds) when the endpoint sent one."""

    status: int
    body: bytes
    retry_after: float | None = None

    def excerpt(self) -> str:
        """The start of the body as one printable line, for error messages."""
        text = self.body[:160].decode("utf-8", "replace")
        return " ".join(text.split()) or "(empty)"

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is something else."""
        return orjson.loads(self.body)


def redact_url(url: str) -> str:
    """The URL as it may stand in logs: no user name, password or query, and path parts that look like keys shortened.

    Providers put API keys into the path or the query, so only short path parts are kept.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None:
        host = f"{host}:{parts.port}"
    path = "/".join(part if len(part) < 16 else f"{part[:3]}***" for part in parts.path.split("/"))
    return urlunsplit((parts.scheme, host, path.rstrip("/"), "", ""))


class HttpEndpoint:
    """Requests to one base URL. Not bound to an event loop until first used; `close` when done."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        max_connections: int = 16,
        observer: RequestObserver | None = None,
        limit: RateLimit | None = None,
    ) -> None:
        """`timeout` is seconds for a whole request, waiting for `limit` not included.

        Raises ValueError when `url` is not an http(s) URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{redact_url(url) or 'an empty string'} is not an http:// or https:// URL")
        self._url = url.rstrip("/")
        self.name = redact_url(url)
        self._timeout = timeout
        self._max_connections = max_connections
        self._observer = observer
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, query: str = "", *, operation: str) -> HttpAnswer:
        """GET `path` below the base URL. Raises TemporaryError when there is no whole answer in time."""
        base, _, own_query = self._url.partition("?")
        joined = "&".join(part for part in (query, own_query) if part)
        return await self._request("GET", f"{base}{path}" + (f"?{joined}" if joined else ""), None, operation, None)

    async def post(self, body: bytes, *, operation: str, timeout: float | None = None, calls: int = 1) -> HttpAnswer:
        """POST JSON to the base URL; it counts as `calls` for the rate limit.

        Raises TemporaryError when there is no whole answer in time.
        """
        return await self._request("POST", self._url, body, operation, timeout, calls)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._max_connections, keepalive_timeout=60),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                auto_decompress=True,
            )
        return self._session

    async def _request(
        self, verb: str, url: str, body: bytes | None, operation: str, timeout: float | None, calls: int = 1
    ) -> HttpAnswer:
        if self._limit is not None:
            await self._limit.take(calls)
        seconds = self._timeout if timeout is None else timeout
        started = time.perf_counter()
        outcome = "unreachable"
        try:
            async with self._open().request(
                verb, url, data=body, timeout=aiohttp.ClientTimeout(total=seconds)
            ) as response:
                answer = HttpAnswer(response.status, await self._read(response, operation), _retry_after(response))
            outcome = "ok" if answer.status < 400 else "error"
            return answer
        except TimeoutError as error:
            raise TemporaryError(
                f"{self.name} did not answer {operation} within {seconds:g} s; "
                "check that the endpoint is up and not overloaded"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error).replace(url, self.name) or type(error).__name__
            raise TemporaryError(
                f"{self.name} could not be reached for {operation} ({reason}); check the URL and that it is up"
            ) from error
        finally:
            if self._observer is not None:
                self._observer(RequestRecord(self.name, operation, time.perf_counter() - started, outcome))

    async def _read(self, response: aiohttp.ClientResponse, operation: str) -> bytes:
        chunks = bytearray()
        async for chunk in response.content.iter_chunked(1 << 18):
            chunks += chunk
            if len(chunks) > MAX_ANSWER_BYTES:
                raise TemporaryError(
                    f"{self.name} answered {operation} with more than {MAX_ANSWER_BYTES >> 20} MiB; "
                    "no honest answer is that large, use another endpoint"
                )
        return bytes(chunks)


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone is one of GMT. Spec: RFC 9110, "Retry-After".
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
