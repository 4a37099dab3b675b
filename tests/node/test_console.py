"""`lamina attach`: the node's methods as Python objects over every transport, and scripts whose results are JSON."""

import asyncio
import json
import rlcompleter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import TemporaryError
from config.types import to_hex
from l1.rpc import RpcError
from node.chain import Chain
from node.console.link import Link
from node.console.objects import camel, catalogue, names, snake
from node.console.session import ScriptFailed, _Terminal, run_script
from node.console.values import readable, sendable
from node.rpc import IpcServer
from tests.node.data_directories import lamina
from tests.node.rpc_world import DEV_ADDRESSES, dev_genesis, mine, open_chain, serve

T = TypeVar("T")


@asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[tuple[Chain, dict[str, str]]]:
    """A chain of two blocks and where it is served, by transport."""
    chain = open_chain(dev_genesis())
    mine(chain)
    mine(chain)
    async with serve(chain) as there:
        ipc = IpcServer(there.dispatcher, tmp_path / "n.ipc")
        await ipc.start()
        try:
            yield chain, {"http": there.server.url, "ws": there.server.ws_url, "ipc": str(ipc.path)}
        finally:
            await ipc.stop()


async def with_names(target: str, work: Callable[[dict[str, Any]], T]) -> T:
    """What `work` makes of the console's names, in another thread than the server's."""

    def run() -> T:
        link = Link(target)
        try:
            return work(names(link))
        finally:
            link.close()

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("transport", ["http", "ws", "ipc"])
async def test_every_transport_offers_the_nodes_methods_as_objects(transport: str, tmp_path: Path) -> None:
    async with served(tmp_path) as (chain, targets):

        def work(known: dict[str, Any]) -> None:
            eth = known["eth"]
            assert eth.block_number() == eth.blockNumber() == 2
            assert eth.get_balance(DEV_ADDRESSES[0], 0) == 1_000 * 10**18
            assert eth.get_code(to_hex(DEV_ADDRESSES[0])) == "0x"
            block = eth.get_block_by_number(1)
            assert block["number"] == 1 and block["timestamp"] == 12 and len(block["hash"]) == 66
            assert known["chain"].head["hash"] == known["chain"][2]["hash"] == to_hex(chain.head.hash)
            assert known["chain"][chain.head.hash]["number"] == 2
            assert known["chain"].genesis["number"] == known["chain"].safe["number"] == 0
            assert known["chain"][77] is None
            assert known["call"]("eth_chainId") == hex(31_337)
            with pytest.raises(RpcError, match="eth_nonsense does not exist"):
                eth.nonsense()
            assert eth.block_number() == 2

        await with_names(targets[transport], work)


@pytest.mark.parametrize("transport", ["ws", "ipc"])
async def test_a_subscription_is_a_sequence(transport: str, tmp_path: Path) -> None:
    async with served(tmp_path) as (chain, targets):
        loop = asyncio.get_running_loop()

        def work(known: dict[str, Any]) -> list[int]:
            heads = known["subscribe"]("newHeads")
            news = iter(heads)

            def begin() -> Any:
                # The subscription is made with the first look: blocks come while it waits.
                loop.call_soon_threadsafe(keep_mining)
                return next(news)

            return [begin()["number"], next(news)["number"]]

        def keep_mining() -> None:
            mine(chain)
            if chain.head.number < 200:
                loop.call_later(0.01, keep_mining)

        first, second = await with_names(targets[transport], work)
        assert second == first + 1


async def test_over_http_a_subscription_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, targets):
        with pytest.raises(RpcError, match="notifications not supported"):
            await with_names(targets["http"], lambda known: next(known["subscribe"]("newHeads")))


@pytest.mark.parametrize("transport", ["ws", "ipc"])
async def test_a_node_that_stops_is_noticed(transport: str, tmp_path: Path) -> None:
    async with served(tmp_path) as (_, targets):
        link = await asyncio.to_thread(Link, targets[transport])
        assert await asyncio.to_thread(link.call, "eth_blockNumber") == "0x2"
    with pytest.raises(TemporaryError, match=r"is gone .*: attach again"):
        await asyncio.to_thread(link.call, "eth_blockNumber")
    with pytest.raises(TemporaryError, match="is gone"):
        await asyncio.to_thread(link.next_news, "0x1")
    await asyncio.to_thread(link.close)


def test_where_nobody_answers_it_says_so() -> None:
    with pytest.raises(TemporaryError, match="there is no such socket; is the node running"):
        Link("/nowhere/lamina.ipc")
    with pytest.raises(TemporaryError, match=r"cannot attach to ws://127.0.0.1:1"):
        Link("ws://127.0.0.1:1")
    with pytest.raises(ValueError, match="the console speaks http"):
        Link("ftp://127.0.0.1")


def test_every_method_has_one_name_in_python_and_the_way_back(tmp_path: Path) -> None:
    for methods in catalogue().values():
        assert len({snake(name) for name in methods}) == len(methods)
        for name in methods:
            assert snake(name).isidentifier() and snake(name) == snake(name).lower()
            assert camel(snake(name)) == camel(name) == name


async def test_tab_completes_and_a_method_says_what_it_takes(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, targets):

        def work(known: dict[str, Any]) -> None:
            completer = rlcompleter.Completer(known)
            assert str(completer.complete("eth.get_bal", 0)).startswith("eth.get_balance(")
            assert str(completer.complete("debug.trace_t", 0)).startswith("debug.trace_transaction(")
            assert repr(known["eth"].get_balance) == "eth_getBalance(address: address, [block: block])\nWei."
            assert "block_number" in repr(known["eth"])
            assert "2" in repr(known["chain"])

        await with_names(targets["http"], work)


# --- scripts ---


def script(text: str, capsys: pytest.CaptureFixture[str], **known: Any) -> list[Any]:
    run_script(text, known, "the script")
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_value_of_every_expression_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert script("a = 2\na + 1\n{'x': [a, None]}\nNone", capsys) == [3, {"x": [2, None]}, None]
    assert script("for i in range(2):\n    print(i)", capsys) == [0, 1]
    assert script("print(7)", capsys) == [7]
    assert script("f", capsys, f=object) == ["<class 'object'>"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\n2 +", r"the script, line 2: invalid syntax"),
        ("1\nx", r"the script, line 2: NameError: name 'x' is not defined"),
        ("raise_it()", r"the script, line 1: it is down$"),
    ],
)
def test_the_first_error_ends_a_script_with_its_line(text: str, said: str) -> None:
    def raise_it() -> None:
        raise TemporaryError("it is down")

    with pytest.raises(ScriptFailed, match=said):
        run_script(text, {"raise_it": raise_it}, "the script")


def test_at_a_terminal_a_refusal_is_a_line_and_a_slip_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise TemporaryError("it is down")

    terminal = _Terminal({"refuse": refuse})
    terminal.push("refuse()")
    assert capsys.readouterr().err == "it is down\n"
    terminal.push("1 / 0")
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_the_command_runs_scripts_from_its_flag_and_from_a_pipe(tmp_path: Path) -> None:
    async with served(tmp_path) as (chain, targets):
        out = await asyncio.to_thread(lamina, "attach", targets["http"], "--exec", "eth.block_number()")
        assert out == "2\n"
        piped = "n = eth.block_number()\nchain[n]['hash']\nto_wei('1.5')\nfrom_wei(15 * 10**17)\n"
        out = await asyncio.to_thread(lamina, "attach", targets["ipc"], stdin=piped)
        assert [json.loads(line) for line in out.splitlines()] == [to_hex(chain.head.hash), 15 * 10**17, "1.5"]
        with pytest.raises(ValueError, match=r"line 1: .* refused eth_nonsense"):
            await asyncio.to_thread(lamina, "attach", targets["ws"], "--exec", "eth.nonsense()")


# --- values ---


@given(st.integers(0, (1 << 128) - 1))
def test_numbers_go_as_quantities_and_come_back(number: int) -> None:
    assert readable("eth_gasPrice", sendable(number)) == number


def test_what_is_no_quantity_stays_as_it_is() -> None:
    transaction = {"input": "0x10", "value": "0x10", "to": "0x" + "11" * 20, "nonce": "0x0", "flag": True, "none": None}
    assert readable("eth_getTransactionByHash", transaction) == {**transaction, "value": 16, "nonce": 0}
    assert readable("eth_subscribe", "0x1abc") == "0x1abc"
    assert readable("eth_getCode", "0x10") == "0x10"
    assert readable("eth_newBlockFilter", "0x10") == "0x10"
    assert readable("debug_traceCall", {"output": "0x1", "gas": "0x1"}) == {"output": "0x1", "gas": 1}


def test_parameters_take_numbers_and_bytes_where_json_rpc_has_hex() -> None:
    assert sendable(b"\x01\x02") == "0x0102"
    assert sendable(True) is True
    assert sendable({"value": 5, "data": b"\x01", "limit": 5}) == {"value": "0x5", "data": "0x01", "limit": 5}
    assert sendable([25, 50.5]) == [25, 50.5]
