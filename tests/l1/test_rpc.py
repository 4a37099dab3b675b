"""The JSON-RPC client and retries: which failure becomes which error, and what the messages say."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from config.errors import TemporaryError
from l1.batch_size import BatchSize
from l1.http import RequestRecord, redact_url
from l1.rate_limit import RateLimit
from l1.retry import NO_RETRY, RetryPolicy, with_retries
from l1.rpc import EndpointBusy, JsonRpcClient, RpcError
from l1.source import L1Client
from tests.l1.conftest import Handler, RpcFailure, Served, ServeRpc
from tests.l1.fake_l1 import VirtualClock

Serve = Callable[[Handler], Awaitable[Served]]
Connect = Callable[[Served], JsonRpcClient]


async def test_calls_and_batches_give_results_in_order(serve_rpc: ServeRpc) -> None:
    rpc = await serve_rpc({"double": lambda value: 2 * value})
    assert await rpc.call("double", [21]) == 42
    assert await rpc.batch([("double", [value]) for value in range(250)]) == [2 * value for value in range(250)]
    assert await rpc.batch([]) == []


async def test_a_batch_s_answers_are_matched_by_id_and_not_by_place(serve: Serve, connect: Connect) -> None:
    async def reversed_answers(request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response([{"id": item["id"], "result": item["params"][0]} for item in reversed(body)])

    rpc = connect(await serve(reversed_answers))
    assert await rpc.batch([("echo", [value]) for value in "abc"]) == ["a", "b", "c"]


async def test_a_refusal_keeps_code_message_and_data(serve_rpc: ServeRpc) -> None:
    def refuse() -> Any:
        raise RpcFailure(3, "execution reverted", "0x08c379a0")

    rpc = await serve_rpc({"refuse": refuse})
    with pytest.raises(RpcError, match="refused refuse: execution reverted") as caught:
        await rpc.call("refuse")
    assert (caught.value.code, caught.value.data) == (3, "0x08c379a0")
    good, bad = await rpc.batch([("missing", []), ("refuse", [])])
    assert isinstance(good, RpcError) and good.is_unsupported
    assert isinstance(bad, RpcError) and not bad.is_unsupported


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, b"internal error", "HTTP 500: internal error"),
        (403, b"", "check its access key"),
        (200, b"<html>hello</html>", "no JSON-RPC answer: <html>hello"),
        (200, b"{}", "no JSON-RPC answer"),
        (200, b"[]", "no JSON-RPC answer"),
        (200, b'{"id": 999, "result": 1}', "no JSON-RPC answer"),
        (200, b"", r"\(empty\)"),
    ],
)
async def test_answers_that_are_none_are_temporary_errors_naming_endpoint_and_method(
    status: int, body: bytes, reason: str, serve: Serve, connect: Connect
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    served = await serve(answer)
    with pytest.raises(TemporaryError, match=reason) as caught:
        await connect(served).call("eth_chainId")
    assert served.url in str(caught.value)


async def test_an_error_object_counts_whatever_the_http_status(serve: Serve, connect: Connect) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"id": 1, "error": {"code": -32000, "message": "nope"}}, status=400)

    with pytest.raises(RpcError, match="nope"):
        await connect(await serve(answer)).call("eth_chainId")


async def test_a_rate_limit_tells_how_long_to_wait(serve: Serve, connect: Connect) -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "3"})

    with pytest.raises(EndpointBusy) as caught:
        await connect(await serve(busy)).call("eth_chainId")
    assert caught.value.retry_after == 3.0


@pytest.mark.parametrize(
    ("header", "seconds"), [("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None), ("-1", None)]
)
async def test_a_retry_time_is_read_as_a_date_too_and_nonsense_is_none(
    header: str, seconds: float | None, serve: Serve, connect: Connect
) -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": header})

    with pytest.raises(EndpointBusy) as caught:
        await connect(await serve(busy)).call("eth_chainId")
    assert caught.value.retry_after == seconds


async def test_a_rate_limit_lets_a_second_s_worth_through_at_once_and_spaces_the_rest() -> None:
    clock = VirtualClock()
    limit = RateLimit(4, clock=clock, sleep=clock.sleep)
    for _ in range(5):
        await limit.take()
    assert clock.now == 0.0
    await limit.take(8)
    assert clock.now == 0.25
    await limit.take()
    assert clock.now == 2.25, "a batch goes out at once and is paid for afterwards"
    with pytest.raises(ValueError, match="must be positive"):
        RateLimit(0)


async def test_an_endpoint_that_leaves_calls_out_or_refuses_batches_gets_smaller_ones_for_a_while(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    for refusal in ("leaves out", "error", "HTTP 413"):
        sizes: list[int] = []

        async def two_at_most(request: web.Request, refusal: str = refusal, sizes: list[int] = sizes) -> web.Response:
            body = await request.json()
            calls = body if isinstance(body, list) else [body]
            sizes.append(len(calls))
            answers = [{"id": call["id"], "result": call["params"][0]} for call in calls]
            if len(calls) <= 2:
                return web.json_response(answers if isinstance(body, list) else answers[0])
            if refusal == "HTTP 413":
                return web.Response(status=413)
            error = {"id": None, "error": {"code": -32600, "message": "batch too large"}}
            return web.json_response(answers[:2] if refusal == "leaves out" else error)

        rpc = connect(await serve(two_at_most))
        assert await rpc.batch([("echo", [value]) for value in range(5)]) == list(range(5))
        assert sizes == [5, 2, 2, 1]
        assert await rpc.batch([("echo", [value]) for value in range(3)]) == list(range(3))
        assert sizes == [5, 2, 2, 1, 2, 1]
    assert "asking for 2 at a time for a while" in caplog.text


async def test_an_endpoint_that_fails_once_keeps_its_batches_and_one_that_fails_at_every_batch_gets_smaller_ones(
    serve: Serve, connect: Connect
) -> None:
    sizes: list[int] = []
    failing_from = [2]

    async def failing(request: web.Request) -> web.Response:
        body = await request.json()
        calls = body if isinstance(body, list) else [body]
        sizes.append(len(calls))
        if len(calls) >= failing_from[0]:
            return web.json_response({"id": None, "error": {"code": -32603, "message": "internal error"}})
        answers = [{"id": call["id"], "result": call["params"][0]} for call in calls]
        return web.json_response(answers if isinstance(body, list) else answers[0])

    rpc = connect(await serve(failing))
    calls = [("echo", [value]) for value in range(4)]
    with pytest.raises(TemporaryError, match="internal error"):
        await rpc.batch(calls)
    failing_from[0] = 5
    assert await rpc.batch(calls) == list(range(4))
    failing_from[0] = 3
    with pytest.raises(TemporaryError, match="internal error"):
        await rpc.batch(calls)
    assert await rpc.batch(calls) == list(range(4))
    assert sizes == [4, 4, 4, 4, 2, 2]


def test_a_batch_size_comes_back_after_as_many_good_batches_as_its_history_asks_for() -> None:
    size = BatchSize(8)

    def good_until_larger() -> int:
        before, count = size.limit, 0
        while size.limit == before:
            size.answered(before)
            count += 1
        return count

    size.refused(8)
    assert size.limit == 4
    for _ in range(1_000):
        size.answered(3)
    assert size.limit == 4, "smaller batches say nothing about larger ones"
    first = good_until_larger()
    assert size.limit == 8
    size.refused(8)
    assert (size.limit, good_until_larger()) == (4, 2 * first), "eight are too many, as it seems"
    for _ in range(2 * first):
        size.answered(8)
    size.refused(8)
    assert good_until_larger() == first, "they were not"
    for _ in range(20):
        size.refused(size.limit)
    assert size.limit == 1, "single calls are always allowed"
    assert good_until_larger() <= 4_096, "and it never waits for ever"


async def test_an_endpoint_that_takes_no_batches_at_all_is_asked_one_by_one(serve_rpc: ServeRpc) -> None:
    rpc = await serve_rpc({"echo": lambda value: value})
    single = JsonRpcClient(rpc.endpoint, batch_limit=1)
    good, bad = await single.batch([("echo", ["a"]), ("missing", [])])
    await single.close()
    assert good == "a" and isinstance(bad, RpcError)


async def test_silence_and_closed_ports_are_temporary_errors(serve: Serve) -> None:
    gate = asyncio.Event()

    async def silent(request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    served = await serve(silent)
    async with JsonRpcClient(served.url, timeout=0.05) as rpc:
        with pytest.raises(TemporaryError, match=r"did not answer eth_chainId within 0\.05 s"):
            await rpc.call("eth_chainId")
    gate.set()
    async with JsonRpcClient("http://127.0.0.1:1/", timeout=5) as rpc:
        with pytest.raises(TemporaryError, match="could not be reached for eth_chainId"):
            await rpc.call("eth_chainId")


async def test_every_request_is_reported_to_the_observer(serve_rpc: ServeRpc) -> None:
    records: list[RequestRecord] = []
    endpoint = (await serve_rpc({"ping": lambda: "pong"})).endpoint
    async with JsonRpcClient(endpoint, observer=records.append) as rpc:
        await rpc.call("ping")
        await rpc.batch([("ping", []), ("ping", [])])
    async with JsonRpcClient("http://127.0.0.1:1", observer=records.append) as rpc:
        with pytest.raises(TemporaryError):
            await rpc.call("ping")
    assert [(record.operation, record.outcome) for record in records] == [
        ("ping", "ok"),
        ("ping", "ok"),
        ("ping", "unreachable"),
    ]
    assert all(record.seconds >= 0 for record in records)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@node.example:8545/", "https://node.example:8545"),
        ("https://node.example/v3/0123456789abcdef0123456789abcdef", "https://node.example/v3/012***"),
        ("http://node.example/rpc?key=secret", "http://node.example/rpc"),
        ("http://[::1]:8545", "http://[::1]:8545"),
    ],
)
def test_credentials_in_urls_are_not_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown


async def test_credentials_do_not_show_in_errors() -> None:
    async with JsonRpcClient("http://user:hunter2@127.0.0.1:1/secretsecretsecretsecret") as rpc:
        with pytest.raises(TemporaryError) as caught:
            await rpc.call("eth_chainId")
    assert "hunter2" not in str(caught.value) and "secretsecret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "node.example:8545", "ftp://node.example", "ws://node.example"])
def test_urls_that_are_no_http_urls_are_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is not an http"):
        JsonRpcClient(url)


async def test_a_flaky_endpoint_is_asked_again_with_growing_pauses_and_a_log_line_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pauses: list[float] = []
    failures = iter([TemporaryError("one"), TemporaryError("two")])

    async def operation() -> str:
        error = next(failures, None)
        if error is not None:
            raise error
        return "done"

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    policy = RetryPolicy(attempts=3, first_pause=1, factor=2, jitter=0)
    with caplog.at_level(logging.WARNING):
        assert await with_retries("reading", operation, policy, sleep=sleep) == "done"
    assert pauses == [1, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "reading failed (attempt 1 of 3), trying again in 1.00 s: one",
        "reading failed (attempt 2 of 3), trying again in 2.00 s: two",
    ]


async def test_retries_are_bounded_and_spare_other_errors() -> None:
    count = 0

    async def fail() -> None:
        nonlocal count
        count += 1
        raise TemporaryError("down") if count < 10 else ValueError("wrong")

    async def sleep(seconds: float) -> None:
        pass

    with pytest.raises(TemporaryError, match="down"):
        await with_retries("reading", fail, RetryPolicy(attempts=4), sleep=sleep)
    assert count == 4
    count = 9
    with pytest.raises(ValueError, match="wrong"):
        await with_retries("reading", fail, RetryPolicy(attempts=4), sleep=sleep)
    assert count == 10


async def test_the_pause_that_an_endpoint_asks_for_is_kept() -> None:
    pauses: list[float] = []
    failures = iter([EndpointBusy("slow down", 3.0), EndpointBusy("slow down", 3600.0)])

    async def operation() -> int:
        error = next(failures, None)
        if error is not None:
            raise error
        return 1

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    await with_retries("reading", operation, RetryPolicy(jitter=0, max_pause=8), sleep=sleep)
    assert pauses == [3.0, 8]


def test_jitter_stays_within_its_bounds() -> None:
    low = list(RetryPolicy(attempts=6, first_pause=1, max_pause=4, jitter=0.5).pauses(lambda a, b: a))
    high = list(RetryPolicy(attempts=6, first_pause=1, max_pause=4, jitter=0.5).pauses(lambda a, b: b))
    assert low == [0.5, 1, 2, 2, 2] and high == [1.5, 3, 6, 6, 6]


async def test_the_l1_client_gets_over_a_flaky_endpoint(serve: Serve, connect: Connect) -> None:
    answers = iter([429, 500, 200])

    async def flaky(request: web.Request) -> web.Response:
        status = next(answers)
        body = await request.json()
        return web.json_response({"id": body["id"], "result": "0x1"} if status == 200 else {}, status=status)

    rpc = connect(await serve(flaky))
    assert await L1Client(rpc, retry=RetryPolicy(attempts=3, first_pause=0.001)).chain_id() == 1
    with pytest.raises(TemporaryError):
        await L1Client(rpc, retry=NO_RETRY).chain_id()
