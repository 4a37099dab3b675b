"""Calls through several endpoints: which one is asked, what counts as an answer, and what is said when none gives one."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from config.errors import CriticalError, TemporaryError
from l1.failover import FailoverRpc
from l1.rpc import RpcError
from tests.l1.conftest import Handler, Served

Serve = Callable[[Handler], Awaitable[Served]]
CHAIN = 900


class Endpoint:
    """An endpoint whose condition the test decides; `asked` holds the methods of all calls but those for the chain id."""

    def __init__(self, name: str, chain_id: int = CHAIN) -> None:
        self.name, self.chain_id = name, chain_id
        self.is_up = True
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        answers = [self._answer(call) for call in (body if isinstance(body, list) else [body])]
        if not self.is_up:
            return web.Response(status=503, text="down")
        return web.json_response(answers if isinstance(body, list) else answers[0])

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_chainId":
            return {"id": call["id"], "result": hex(self.chain_id)}
        self.asked.append(call["method"])
        if call["method"] == "refused":
            return {"id": call["id"], "error": {"code": -32000, "message": f"{self.name} says no"}}
        return {"id": call["id"], "result": self.name}


async def two(serve: Serve, first: Endpoint, second: Endpoint) -> FailoverRpc:
    return FailoverRpc(((await serve(first.handle)).url, (await serve(second.handle)).url), CHAIN)


async def test_the_next_endpoint_is_asked_while_the_first_does_not_answer_and_the_first_again_afterwards(
    serve: Serve,
) -> None:
    first, second = Endpoint("first"), Endpoint("second")
    rpc = await two(serve, first, second)
    assert await rpc.call("m") == "first"
    first.is_up = False
    assert await rpc.call("m") == "second"
    assert await rpc.batch([("m", []), ("n", [])]) == ["second", "second"]
    first.asked.clear()
    assert await rpc.call("m") == "second"
    assert not first.asked, "after two failures in a row it rests"
    first.is_up = True
    for direct in rpc._endpoints:
        direct.endpoint.health._clock = lambda: float("inf")
    assert await rpc.call("m") == "first"
    await rpc.close()


async def test_a_refusal_is_an_answer(serve: Serve) -> None:
    first, second = Endpoint("first"), Endpoint("second")
    rpc = await two(serve, first, second)
    with pytest.raises(RpcError, match="first says no"):
        await rpc.call("refused")
    assert not second.asked
    await rpc.close()


async def test_none_of_them_is_a_temporary_error_that_says_what_each_did(serve: Serve) -> None:
    first, second = Endpoint("first"), Endpoint("second")
    rpc = await two(serve, first, second)
    first.is_up = second.is_up = False
    with pytest.raises(TemporaryError, match="2 of 2 L1 endpoints gave no usable answer") as caught:
        await rpc.call("m")
    assert str(caught.value).count("HTTP 503") == 2
    await rpc.close()


async def test_an_endpoint_of_another_chain_is_passed_over_and_nothing_but_such_is_critical(serve: Serve) -> None:
    stranger, right = Endpoint("stranger", CHAIN + 1), Endpoint("right")
    rpc = await two(serve, stranger, right)
    assert await rpc.call("m") == "right"
    assert not stranger.asked
    await rpc.close()
    strangers = await two(serve, stranger, Endpoint("another", 1))
    with pytest.raises(CriticalError, match=r"no L1 endpoint is of the right chain.*chain 901.*chain 1,"):
        await strangers.call("m")
    await strangers.close()


def test_no_endpoint_and_one_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="no L1 endpoint"):
        FailoverRpc((), CHAIN)
    with pytest.raises(ValueError, match="twice"):
        FailoverRpc(("http://127.0.0.1:1", "http://127.0.0.1:1"), CHAIN)
