"""What a caller is told: results, geth's error codes and words, batches and their caps."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.rpc import Connection, Dispatcher, Limits, Namespace, RpcError, rpc_method
from node.rpc.params import (
    AddressParam,
    BlockParam,
    BlockReference,
    CountParam,
    DataParam,
    HashParam,
    QuantityParam,
    parse_block,
    parse_data,
    parse_quantity,
    parse_storage_key,
)


class Sample(Namespace):
    """Methods that show every way to take parameters and to fail."""

    name = "sample"

    @rpc_method("add")
    def add(self, left: QuantityParam, right: QuantityParam = 1) -> str:
        """Sum."""
        return hex(left + right)

    @rpc_method("later")
    async def later(self, data: DataParam) -> int:
        """Length."""
        return len(data)

    @rpc_method("block")
    def block(self, block: BlockParam, address: AddressParam | None = None, key: HashParam | None = None) -> str:
        """The reference in words."""
        return f"{block.tag or block.number or block.hash!r} {address is not None} {key is not None}"

    @rpc_method("refuse")
    def refuse(self) -> None:
        """Always an error of its own."""
        raise RpcError(3, "execution reverted: no", "0x08c379a0")

    @rpc_method("crash")
    def crash(self) -> None:
        """A bug."""
        raise ZeroDivisionError("a bug")

    @rpc_method("deep")
    def deep(self) -> Any:
        """A result that JSON cannot hold."""
        result: list[Any] = []
        for _ in range(300):
            result = [result]
        return result

    @rpc_method("count")
    def count(self, number: CountParam) -> int:
        """Echo."""
        return number

    @rpc_method("large")
    def large(self) -> str:
        """A kilobyte."""
        return "x" * 1000

    @rpc_method("watch", connection=True)
    def watch(self, connection: Connection) -> str:
        """A subscription that never sends."""
        return connection.subscribe(lambda: None)


async def ask(message: Any, dispatcher: Dispatcher | None = None, connection: Connection | None = None) -> Any:
    body = message if isinstance(message, str | bytes) else json.dumps(message)
    answer = await (dispatcher or Dispatcher([Sample()])).handle(body, connection)
    return json.loads(answer) if answer else None


def request(method: str, *params: Any, identifier: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(params)}


async def error(method: str, *params: Any) -> tuple[int, str]:
    answer = await ask(request(method, *params))
    return answer["error"]["code"], answer["error"]["message"]


async def test_plain_and_async_methods_answer_with_the_id_of_the_request() -> None:
    assert await ask(request("sample_add", "0x2", "0x3")) == {"jsonrpc": "2.0", "id": 1, "result": "0x5"}
    assert await ask(request("sample_later", "0x0102", identifier="a")) == {"jsonrpc": "2.0", "id": "a", "result": 2}


async def test_left_out_and_null_optional_parameters_take_their_default() -> None:
    for params in (["0x2"], ["0x2", None]):
        assert (await ask(request("sample_add", *params)))["result"] == "0x3"


async def test_wrong_parameters_are_named_as_geth_does() -> None:
    assert await error("sample_add") == (-32602, "missing value for required argument 0")
    assert await error("sample_add", "0x1", "0x2", "0x3") == (-32602, "too many arguments, want at most 2")
    assert await error("sample_add", "5") == (-32602, "invalid argument 0: hex string without 0x prefix")
    assert await error("sample_add", "0x1", "0x01") == (
        -32602,
        "invalid argument 1: hex number with leading zero digits",
    )
    assert await error("sample_add", 7) == (-32602, "invalid argument 0: expected a hex string, got a number")
    assert await error("sample_later", "0x123") == (-32602, "invalid argument 0: hex string of odd length")
    assert (await error("sample_block", "0x1", "0x12"))[0] == -32602
    by_name = await ask({"jsonrpc": "2.0", "id": 1, "method": "sample_add", "params": {"left": "0x1"}})
    assert by_name["error"] == {"code": -32602, "message": "non-array args"}


async def test_an_unknown_method_does_not_exist_or_is_not_available() -> None:
    assert await error("sample_nothing") == (-32601, "the method sample_nothing does not exist/is not available")


async def test_methods_of_namespaces_that_are_not_enabled_are_not_available() -> None:
    dispatcher = Dispatcher([Sample()], enabled=["rpc"])
    assert (await ask(request("sample_add", "0x1"), dispatcher))["error"]["code"] == -32601
    assert (await ask(request("rpc_modules"), dispatcher))["result"] == {"rpc": "1.0"}
    assert Dispatcher([Sample()]).modules == ["rpc", "sample"]


async def test_what_is_no_json_is_a_parse_error_and_what_is_no_request_is_invalid() -> None:
    for body in ("{", "", "\x00", b"\xff\xfe"):
        assert (await ask(body))["error"] == {"code": -32700, "message": "parse error"}
    for body in ("1", "null", '"x"', "{}", '{"method": 1, "id": 1}', '{"method": "sample_add", "id": {}}', "[[]]"):
        answer = await ask(body)
        assert (answer[0] if isinstance(answer, list) else answer)["error"]["code"] == -32600


async def test_an_error_of_the_method_keeps_its_code_and_data() -> None:
    answer = await ask(request("sample_refuse"))
    assert answer["error"] == {"code": 3, "message": "execution reverted: no", "data": "0x08c379a0"}


async def test_a_bug_is_logged_with_its_traceback_and_answered_as_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "lamina.rpc"):
        assert await error("sample_crash") == (-32603, "internal error")
    assert "sample_crash" in caplog.text and "ZeroDivisionError" in caplog.text


async def test_a_result_that_is_no_json_is_an_internal_error_of_this_call_alone() -> None:
    assert await error("sample_deep") == (-32603, "internal error")
    answers = json.loads(await Dispatcher([Sample()]).handle(json.dumps([request("sample_deep"), request("sample_add", "0x1")])))
    assert answers[0]["error"]["code"] == -32603 and answers[1]["result"] == "0x2"


async def test_a_notification_is_run_and_not_answered() -> None:
    seen: list[tuple[str, bool]] = []
    dispatcher = Dispatcher([Sample()], observe=lambda method, _, failed: seen.append((method, failed)))
    assert await dispatcher.handle('{"jsonrpc":"2.0","method":"sample_add","params":["0x1"]}') == b""
    assert seen == [("sample_add", False)]


async def test_the_observer_learns_of_failures() -> None:
    seen: list[tuple[str, bool]] = []
    dispatcher = Dispatcher([Sample()], observe=lambda method, seconds, failed: seen.append((method, failed)))
    for method in ("sample_refuse", "sample_crash", "sample_add"):
        await ask(request(method), dispatcher)
    assert seen == [("sample_refuse", True), ("sample_crash", True), ("sample_add", True)]


async def test_a_batch_is_answered_in_order_and_skips_notifications() -> None:
    batch = [request("sample_add", "0x1"), {"method": "sample_add", "params": ["0x1"]}, 5, request("sample_refuse")]
    answers = await ask(batch)
    assert [("result" in answer, answer["id"]) for answer in answers] == [(True, 1), (False, None), (False, 1)]
    assert (await ask([]))["error"] == {"code": -32600, "message": "empty batch"}


async def test_a_batch_with_too_many_calls_is_refused_as_a_whole() -> None:
    dispatcher = Dispatcher([Sample()], limits=Limits(batch_requests=2))
    answer = await ask([request("sample_add", "0x1", identifier=n) for n in (7, 8, 9)], dispatcher)
    assert answer == [{"jsonrpc": "2.0", "id": 7, "error": {"code": -32600, "message": "batch too large"}}]


async def test_a_batch_whose_answers_grow_too_large_stops_running() -> None:
    ran: list[str] = []
    dispatcher = Dispatcher(
        [Sample()], limits=Limits(batch_response_bytes=2500), observe=lambda method, _, __: ran.append(method)
    )
    answers = await ask([request("sample_large", identifier=n) for n in range(5)], dispatcher)
    assert ["result" in answer for answer in answers] == [True, True, False, False, False]
    assert {answer["error"]["code"] for answer in answers[2:]} == {-32003}
    assert len(ran) == 3


async def test_subscriptions_need_a_connection() -> None:
    assert await error("sample_watch") == (-32601, "notifications not supported")
    connection = Connection()
    answer = await ask(request("sample_watch"), connection=connection)
    assert connection.unsubscribe(answer["result"]) and not connection.unsubscribe(answer["result"])


def test_two_methods_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        Dispatcher([Sample(), Sample()])


async def test_a_slow_reader_is_cut_off_instead_of_filling_memory() -> None:
    connection = Connection(capacity=2)
    identifier = connection.subscribe(lambda: None)
    for number in range(5):
        connection.notify(identifier, number)
    assert connection.overflowed and connection.outgoing.qsize() == 2


def test_block_references_are_tags_numbers_hashes_and_objects() -> None:
    block_hash = "0x" + "ab" * 32
    assert parse_block("safe") == BlockReference(tag="safe")
    assert parse_block("0x10") == BlockReference(number=16)
    assert parse_block(block_hash) == BlockReference(hash=bytes.fromhex("ab" * 32))  # type: ignore[arg-type]
    assert parse_block({"blockNumber": "latest"}) == BlockReference(tag="latest")
    assert parse_block({"blockHash": block_hash, "requireCanonical": True}).require_canonical
    both = {"blockHash": block_hash, "blockNumber": "0x1"}
    mistakes: list[Any] = [{}, both, "newest", "0x", "0x8000000000000000", True, []]
    for wrong in mistakes:
        with pytest.raises(ValueError, match=r"."):
            parse_block(wrong)


@given(st.integers(min_value=0, max_value=2**256 - 1), st.binary(max_size=40))
def test_numbers_and_bytes_are_read_as_written(number: int, data: bytes) -> None:
    assert parse_quantity(hex(number)) == number
    assert parse_data("0x" + data.hex()) == data
    if len(data) <= 32:
        assert parse_storage_key("0x" + data.hex()) == int.from_bytes(data, "big")


@given(st.text(max_size=70) | st.integers() | st.none() | st.lists(st.text(max_size=3), max_size=3))
def test_whatever_comes_is_read_or_refused_with_a_value_error(value: Any) -> None:
    for parser in (parse_quantity, parse_data, parse_block, parse_storage_key):
        try:
            parser(value)
        except ValueError as problem:
            assert str(problem)


def test_a_namespace_that_does_not_exist_is_told_and_the_others_are_offered(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher = Dispatcher([Sample()], enabled=["sample", "eht"])
    assert "--http.api: there is no namespace eht here; there are sample" in caplog.text
    assert dispatcher.modules == ["rpc", "sample"]
