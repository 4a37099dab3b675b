"""A JSON-RPC client over HTTP: single calls and batches, errors told apart by who caused them."""

import itertools
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import orjson

from config.errors import TemporaryError
from l1.batch_size import BatchSize
from l1.http import DEFAULT_TIMEOUT, HttpAnswer, HttpEndpoint, RequestObserver
from l1.rate_limit import RateLimit

_log = logging.getLogger("lamina.l1")

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3


class RpcError(Exception):
    """The endpoint understood the request and refused it: a JSON-RPC error with its `code`, `message` and `data`."""

    def __init__(self, code: int, message: str, data: Any = None, *, method: str = "", endpoint: str = "") -> None:
        where = f"{endpoint or 'the endpoint'} refused {method or 'the call'}"
        super().__init__(f"{where}: {message} (JSON-RPC error {code})")
        self.code = code
        self.message = message
        self.data = data
        self.method = method
        self.endpoint = endpoint

    @property
    def is_unsupported(self) -> bool:
        """Whether the endpoint does not offer the method at all, as far as codes and usual wordings tell."""
        text = self.message.lower()
        return self.code == METHOD_NOT_FOUND or any(
            words in text
            for words in (
                "method not found",
                "does not exist/is not available",
                "not supported",
                "unsupported method",
                "not available",
                "method not allowed",
                "not whitelisted",
                "unknown method",
            )
        )


class EndpointBusy(TemporaryError):
    """The endpoint limits the request rate; `retry_after` (seconds) is what it asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BatchRefused(TemporaryError):
    """The endpoint did not take a batch as a whole, or answered only some of it."""


class RpcCaller(Protocol):
    """What the parts of this room need of a JSON-RPC client."""

    @property
    def endpoint(self) -> str:
        """The endpoint's name for messages, without credentials."""
        ...

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call. Raises RpcError or TemporaryError."""
        ...

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls in order; a call that failed has its RpcError in place of a result."""
        ...


class JsonRpcClient:
    """Calls to one JSON-RPC endpoint over keep-alive HTTP connections."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        batch_limit: int = 100,
        max_connections: int = 16,
        observer: RequestObserver | None = None,
        limit: RateLimit | None = None,
    ) -> None:
        """`timeout` (seconds) and `batch_limit` (calls) are per HTTP request; `observer` sees every request.

        An endpoint that refuses a batch gets smaller ones, until those have gone well for a while.
        """
        self._http = HttpEndpoint(url, timeout=timeout, max_connections=max_connections, observer=observer, limit=limit)
        self._batch_size = BatchSize(batch_limit)
        self._ids = itertools.count(1)

    @property
    def endpoint(self) -> str:
        """The endpoint's name for messages, without credentials."""
        return self._http.name

    async def call(self, method: str, params: Sequence[Any] = (), *, timeout: float | None = None) -> Any:
        """The result of one call.

        Raises RpcError when the endpoint answers with an error, TemporaryError when there is no usable answer.
        """
        request_id = next(self._ids)
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
        answer = await self._http.post(orjson.dumps(request), operation=method, timeout=timeout)
        parsed = self._parse(answer, method)
        if isinstance(parsed, list) and len(parsed) == 1:
            parsed = parsed[0]
        if not isinstance(parsed, dict):
            raise self._unusable(answer, method)
        result = self._result(parsed, method, answer)
        if isinstance(result, RpcError):
            raise result
        if parsed.get("id") != request_id:
            raise self._unusable(answer, method)
        return result

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls in order, in as few HTTP requests as `batch_limit` allows.

        A call that the endpoint refused has its RpcError in place of a result. Raises TemporaryError when the
        endpoint gives no usable answer to all of them.
        """
        results: list[Any] = []
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + self._batch_size.limit]
            try:
                results += await self._batch(part) if len(part) > 1 else [await self._single(*part[0])]
                self._batch_size.answered(len(part))
            except BatchRefused as error:
                self._batch_size.refused(len(part))
                _log.warning("%s; asking for %d at a time for a while", error, self._batch_size.limit)
        return results

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _single(self, method: str, params: Sequence[Any]) -> Any:
        try:
            return await self.call(method, params)
        except RpcError as error:
            return error

    async def _batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        methods = {method for method, _ in calls}
        operation = methods.pop() if len(methods) == 1 else "batch"
        ids = [next(self._ids) for _ in calls]
        requests = [
            {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
            for request_id, (method, params) in zip(ids, calls, strict=True)
        ]
        answer = await self._http.post(orjson.dumps(requests), operation=operation, calls=len(calls))
        if answer.status == 413:
            raise BatchRefused(f"{self.endpoint} refused a batch of {len(calls)} calls as too large (HTTP 413)")
        parsed = self._parse(answer, operation)
        if isinstance(parsed, dict):
            refusal = self._result(parsed, operation, answer)
            if isinstance(refusal, RpcError):
                if refusal.code == INTERNAL_ERROR and not self._batch_size.failed():
                    raise TemporaryError(str(refusal)) from refusal
                raise BatchRefused(f"{self.endpoint} refused a batch of {len(calls)} calls: {refusal.message}")
            raise self._unusable(answer, operation)
        by_id = {item.get("id"): item for item in parsed if isinstance(item, dict)}
        results = []
        for request_id, (method, _) in zip(ids, calls, strict=True):
            if request_id not in by_id:
                raise BatchRefused(f"{self.endpoint} left {method} out of its answer to a batch of {len(calls)} calls")
            results.append(self._result(by_id[request_id], method, answer))
        return results

    def _parse(self, answer: HttpAnswer, operation: str) -> Any:
        if answer.status == 429:
            raise EndpointBusy(
                f"{self.endpoint} limits the request rate (HTTP 429 for {operation}); use another endpoint or plan",
                answer.retry_after,
            )
        try:
            parsed = answer.json()
        except ValueError:
            parsed = None
        # Some endpoints send JSON-RPC errors with HTTP status 4xx or 5xx: the JSON-RPC error says more.
        if isinstance(parsed, list) or (isinstance(parsed, dict) and ("result" in parsed or "error" in parsed)):
            return parsed
        raise self._unusable(answer, operation)

    def _unusable(self, answer: HttpAnswer, operation: str) -> TemporaryError:
        if answer.status in (401, 403):
            return TemporaryError(
                f"{self.endpoint} does not let us in (HTTP {answer.status} for {operation}); check its access key"
            )
        if answer.status >= 400:
            return TemporaryError(f"{self.endpoint} answered {operation} with HTTP {answer.status}: {answer.excerpt()}")
        return TemporaryError(
            f"{self.endpoint} answered {operation} with something that is no JSON-RPC answer: {answer.excerpt()}; "
            "check that the URL is one of an execution node's JSON-RPC"
        )

    def _result(self, response: dict[str, Any], method: str, answer: HttpAnswer) -> Any:
        error = response.get("error")
        if error is None:
            if "result" not in response:
                raise self._unusable(answer, method)
            return response["result"]
        if not isinstance(error, dict):
            return RpcError(0, str(error), method=method, endpoint=self.endpoint)
        code = error.get("code")
        refusal = RpcError(
            code if isinstance(code, int) else 0,
            str(error.get("message", "no message")),
            error.get("data"),
            method=method,
            endpoint=self.endpoint,
        )
        if refusal.code == LIMIT_EXCEEDED and "rate" in refusal.message.lower():
            raise EndpointBusy(f"{self.endpoint} limits the request rate ({refusal.message})", answer.retry_after)
        return refusal
