"""Finds the method of a JSON-RPC request, parses its parameters, runs it, and answers.

Spec: JSON-RPC 2.0; error codes and texts as geth's `rpc` package gives them.
"""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import orjson

from config.errors import StateUnavailable
from node.rpc.connection import Connection
from node.rpc.errors import ErrorCode, RpcError, invalid_params, method_not_found, server_error

log = logging.getLogger("lamina.rpc")

Parser = Callable[[Any], Any]
Observer = Callable[[str, float, bool], None]
"""Called after each request with the method's name, its duration in seconds, and whether it failed."""

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Limits:
    """What one message may ask for: calls per batch, and bytes of all answers of a batch together."""

    batch_requests: int = 1_000
    batch_response_bytes: int = 25_000_000


def rpc_method(name: str, *, connection: bool = False, foresee: str = "") -> Callable[[_F], _F]:
    """Mark a method of a Namespace, plain or async, as callable under `<namespace>_<name>`.

    `connection`: it gets the Connection as first argument, and is not available over HTTP. `foresee` names an async
    method of the namespace that is given the parameters of all of a batch's calls, unchecked, before the first one runs.
    """

    def mark(function: _F) -> _F:
        function.__dict__["rpc"] = (name, connection, foresee)
        return function

    return mark


class Namespace:
    """A group of methods with a common prefix. Several classes may share one prefix."""

    name: ClassVar[str]


@dataclass(frozen=True)
class _Parameter:
    parser: Parser
    default: Any


@dataclass(frozen=True)
class _Method:
    function: Callable[..., Any]
    parameters: tuple[_Parameter, ...]
    connection: bool
    foresee: Callable[[list[Any]], Awaitable[None]] | None = None

    def arguments(self, params: Any) -> list[Any]:
        """Values for the function. Raises RpcError -32602."""
        if params is None:
            params = []
        elif not isinstance(params, list):
            raise invalid_params("non-array args")
        if len(params) > len(self.parameters):
            raise invalid_params(f"too many arguments, want at most {len(self.parameters)}")
        arguments = []
        for index, parameter in enumerate(self.parameters):
            value = params[index] if index < len(params) else None
            if value is None:
                if parameter.default is inspect.Parameter.empty:
                    raise invalid_params(f"missing value for required argument {index}")
                arguments.append(parameter.default)
                continue
            try:
                arguments.append(parameter.parser(value))
            except ValueError as error:
                raise invalid_params(f"invalid argument {index}: {error}") from error
        return arguments


class Dispatcher:
    """All methods that a server offers.

    `enabled`: the namespaces that callers may use (None: all added ones), as `--http.api` names them. Two dispatchers
    may share namespaces: a public one and an internal one, say. `observe` is called after every request.
    """

    def __init__(
        self,
        namespaces: Sequence[Namespace] = (),
        *,
        enabled: Collection[str] | None = None,
        limits: Limits | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._enabled = None if enabled is None else frozenset(enabled) | {"rpc"}
        self._observe = observe
        self._methods: dict[str, _Method] = {}
        self._modules: set[str] = set()
        self.add(_Rpc(self))
        for namespace in namespaces:
            self.add(namespace)
        unknown = sorted(set(enabled or ()) - {namespace.name for namespace in namespaces} - {"rpc"})
        if unknown:
            known = ", ".join(sorted({namespace.name for namespace in namespaces}))
            # As geth does: command lines are copied from nodes that have other namespaces.
            log.warning("--http.api: there is no namespace %s here; there are %s", ", ".join(unknown), known)

    @property
    def modules(self) -> list[str]:
        """Enabled namespaces, sorted."""
        return sorted(self._modules)

    @property
    def methods(self) -> list[str]:
        """Names of all available methods, sorted."""
        return sorted(self._methods)

    def add(self, namespace: Namespace) -> None:
        """Offer a namespace's methods, if its prefix is enabled.

        Raises ValueError when a method of the same name is there already.
        """
        if self._enabled is not None and namespace.name not in self._enabled:
            return
        self._modules.add(namespace.name)
        for attribute, marked in inspect.getmembers(type(namespace), inspect.isfunction):
            if "rpc" not in marked.__dict__:
                continue
            name, connection, foresee = marked.__dict__["rpc"]
            function = getattr(namespace, attribute)
            full = f"{namespace.name}_{name}"
            if full in self._methods:
                raise ValueError(f"JSON-RPC method {full} is defined twice")
            self._methods[full] = _Method(
                function,
                _parameters(function, connection),
                connection,
                getattr(namespace, foresee) if foresee else None,
            )

    async def handle(self, body: bytes | str, connection: Connection | None = None) -> bytes:
        """Answer one message: a request or a batch. Empty when there is nothing to answer (notifications)."""
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _encode(_failure(None, RpcError(ErrorCode.PARSE_ERROR, "parse error")))
        if isinstance(message, list):
            return await self._batch(message, connection)
        answer = await self._single(message, connection)
        return b"" if answer is None else answer

    async def call(self, method: str, params: Sequence[Any] = (), connection: Connection | None = None) -> Any:
        """Run one method from inside the process with JSON-form parameters. Raises RpcError."""
        return await self._run(method, list(params), connection)

    async def _batch(self, messages: list[Any], connection: Connection | None) -> bytes:
        if not messages:
            return _encode(_failure(None, RpcError(ErrorCode.INVALID_REQUEST, "empty batch")))
        if len(messages) > self.limits.batch_requests:
            first = next((_identifier(item) for item in messages if isinstance(item, dict) and "id" in item), None)
            return _encode([_failure(first, RpcError(ErrorCode.INVALID_REQUEST, "batch too large"))])
        await self._foresee(messages)
        answers: list[bytes] = []
        size = 0
        too_large = RpcError(ErrorCode.RESPONSE_TOO_LARGE, "response too large")
        for index, message in enumerate(messages):
            if size > self.limits.batch_response_bytes:
                answers.extend(
                    _encode(_failure(_identifier(rest), too_large))
                    for rest in messages[index:]
                    if isinstance(rest, dict) and "id" in rest
                )
                break
            answer = await self._single(message, connection)
            if answer is None:
                continue
            size += len(answer)
            if size > self.limits.batch_response_bytes:
                answer = _encode(_failure(_identifier(message), too_large))
            answers.append(answer)
        return b"[" + b",".join(answers) + b"]" if answers else b""

    async def _foresee(self, messages: list[Any]) -> None:
        calls: dict[str, list[Any]] = {}
        for message in messages:
            if isinstance(message, dict) and isinstance(message.get("method"), str):
                calls.setdefault(message["method"], []).append(message.get("params"))
        for name, parameters in calls.items():
            method = self._methods.get(name)
            if method is not None and method.foresee is not None and len(parameters) > 1:
                await method.foresee(parameters)

    async def _single(self, message: Any, connection: Connection | None) -> bytes | None:
        method = message.get("method") if isinstance(message, dict) else None
        has_id = isinstance(message, dict) and "id" in message
        identifier = _identifier(message)
        if not isinstance(method, str) or not method or isinstance(message.get("id"), dict | list | bool):
            return _encode(_failure(identifier, RpcError(ErrorCode.INVALID_REQUEST, "invalid request")))
        try:
            result = await self._run(method, message.get("params"), connection)
            answer = _encode({"jsonrpc": "2.0", "id": identifier, "result": result})
        except RpcError as error:
            answer = _encode(_failure(identifier, error))
        except orjson.JSONEncodeError:
            log.exception("the answer of JSON-RPC method %s is no JSON; the caller was told of an internal error", method)
            answer = _encode(_failure(identifier, RpcError(ErrorCode.INTERNAL_ERROR, "internal error")))
        return answer if has_id else None

    async def _run(self, name: str, params: Any, connection: Connection | None) -> Any:
        method = self._methods.get(name)
        if method is None:
            raise method_not_found(name)
        started = time.perf_counter()
        failed = True
        try:
            if method.connection:
                if connection is None:
                    raise RpcError(ErrorCode.METHOD_NOT_FOUND, "notifications not supported")
                arguments = [connection, *method.arguments(params)]
            else:
                arguments = method.arguments(params)
            result = method.function(*arguments)
            if inspect.isawaitable(result):
                result = await result
            failed = False
            return result
        except RpcError:
            raise
        except StateUnavailable as error:
            # A state can be pruned between the look whether it is kept and the read.
            log.warning("JSON-RPC method %s needs a state that is not there: %s", name, error)
            raise server_error(str(error)) from error
        except Exception as error:
            log.exception("JSON-RPC method %s failed; the caller was told of an internal error", name)
            raise RpcError(ErrorCode.INTERNAL_ERROR, "internal error") from error
        finally:
            if self._observe is not None:
                self._observe(name, time.perf_counter() - started, failed)


class _Rpc(Namespace):
    """`rpc_modules`: what this server offers."""

    name = "rpc"

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @rpc_method("modules")
    def modules(self) -> dict[str, str]:
        """Enabled namespaces with their version."""
        return dict.fromkeys(self._dispatcher.modules, "1.0")


def _parameters(function: Callable[..., Any], skip_first: bool) -> tuple[_Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1 if skip_first else 0 :]
    result = []
    for parameter in parameters:
        parser = _parser(hints.get(parameter.name))
        if parser is None:
            raise TypeError(f"{function!r}: parameter {parameter.name} needs an annotation from node.rpc.params")
        result.append(_Parameter(parser, parameter.default))
    return tuple(result)


def _parser(hint: Any) -> Parser | None:
    if get_origin(hint) is Annotated:
        parser: Parser = get_args(hint)[1]
        return parser
    for part in get_args(hint):
        found = _parser(part)
        if found is not None:
            return found
    return None


def _identifier(message: Any) -> Any:
    identifier = message.get("id") if isinstance(message, dict) else None
    return identifier if isinstance(identifier, str | int | float) and not isinstance(identifier, bool) else None


def _failure(identifier: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": error.to_json()}


def _encode(value: Any) -> bytes:
    return orjson.dumps(value)
