"""JSON-RPC on a Unix socket: a stream of values, geth's framing, who may connect, and what stands in the way."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import AsyncWeb3, IPCProvider, Web3
from web3.providers.persistent import AsyncIPCProvider

from node.cli.node import _ipc_path
from node.l1_sources import L1Options
from node.rollup.service import NodeSettings, RollupNode
from node.rpc import Dispatcher, IpcServer
from node.rpc.ipc import LONGEST_PATH
from node.rpc.json_stream import JsonStream, JsonStreamError
from tests.actions.chains import L1_CONFIG
from tests.node.data_directories import write_directory
from tests.node.rollup_world import RollupWorld
from tests.node.rpc_world import DEV_ADDRESSES, dev_genesis, mine, open_chain, serve
from tests.node.test_rpc_server import Sample, call, post


@pytest.fixture
def path(tmp_path: Path) -> Path:
    short = tmp_path / "n.ipc"
    if len(str(short)) > LONGEST_PATH:
        pytest.skip("the temporary directory's path is too long for a socket")
    return short


@asynccontextmanager
async def listening(path: Path, sample: Sample | None = None, limit: int = 10_000) -> AsyncIterator[IpcServer]:
    server = IpcServer(Dispatcher([sample or Sample()]), path, limit)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def answer(reader: asyncio.StreamReader) -> Any:
    return json.loads(await asyncio.wait_for(reader.readline(), 10))


async def test_messages_may_follow_each_other_without_anything_between(path: Path) -> None:
    async with listening(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        first = call("sample_echo", 'a "quoted" } brace \\', identifier=1)
        writer.write(
            (first + call("sample_echo", "b", identifier=2) + "\n  [" + call("sample_echo", "c") + "]").encode()
        )
        answers = [await answer(reader) for _ in range(3)]
        assert {"jsonrpc": "2.0", "id": 1, "result": 'a "quoted" } brace \\'} in answers
        assert {"jsonrpc": "2.0", "id": 2, "result": "b"} in answers
        assert [{"jsonrpc": "2.0", "id": 1, "result": "c"}] in answers
        writer.close()


async def test_a_message_may_come_in_pieces_and_the_last_answers_after_the_caller_has_finished_writing(
    path: Path,
) -> None:
    sample = Sample()
    async with listening(path, sample):
        reader, writer = await asyncio.open_unix_connection(str(path))
        for byte in call("sample_wait").encode():
            writer.write(bytes([byte]))
            await writer.drain()
        writer.write_eof()
        sample.gate.set()
        assert (await answer(reader))["result"] == "open"
        assert await reader.read() == b""
        writer.close()


async def test_a_long_call_holds_up_nobody(path: Path) -> None:
    sample = Sample()
    async with listening(path, sample):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write((call("sample_wait", identifier=1) + call("sample_echo", "x", identifier=2)).encode())
        assert (await answer(reader))["id"] == 2
        sample.gate.set()
        assert (await answer(reader))["id"] == 1
        writer.close()


async def test_subscriptions_come_over_it_and_end_with_the_connection(path: Path) -> None:
    sample = Sample()
    async with listening(path, sample):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(call("sample_subscribe").encode())
        identifier = (await answer(reader))["result"]
        connection, _ = sample.connections[0]
        connection.notify(identifier, {"news": 1})
        assert (await answer(reader))["params"] == {"subscription": identifier, "result": {"news": 1}}
        writer.close()
        async with asyncio.timeout(10):
            while not sample.cancelled:
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\n", "no JSON object or array begins with"),
        (b'{"a": "' + b"x" * 20_000, "larger than 10000 bytes"),
    ],
)
async def test_what_is_no_stream_of_json_is_told_so_and_disconnected(path: Path, sent: bytes, said: str) -> None:
    async with listening(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(sent)
        error = (await answer(reader))["error"]
        assert error["code"] == -32700 and said in error["message"]
        assert await reader.read() == b""
        writer.close()


async def test_the_socket_is_the_owners_alone_and_goes_with_the_server(path: Path) -> None:
    async with listening(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(call("sample_echo", "x").encode())
        await answer(reader)
    assert not path.exists()
    assert await reader.read() == b""
    writer.close()


async def test_the_socket_of_a_process_that_ended_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with listening(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(call("sample_echo", "x").encode())
        assert (await answer(reader))["result"] == "x"
        writer.close()


async def test_a_live_socket_a_file_and_a_long_path_are_refused_with_words(path: Path) -> None:
    async with listening(path):
        with pytest.raises(OSError, match=r"another process serves JSON-RPC on .*--ipcpath"):
            await IpcServer(Dispatcher(), path).start()
    path.write_text("precious")
    with pytest.raises(OSError, match="is no socket"):
        await IpcServer(Dispatcher(), path).start()
    assert path.read_text() == "precious"
    with pytest.raises(OSError, match="too long a path for a socket"):
        await IpcServer(Dispatcher(), path.parent / ("x" * 108)).start()


def test_a_name_is_in_the_data_directory_and_a_path_is_where_it_says(tmp_path: Path) -> None:
    data = Path("data")
    assert _ipc_path(data, None, False) == data / "lamina.ipc"
    assert _ipc_path(data, Path("other.ipc"), False) == data / "other.ipc"
    assert _ipc_path(data, Path("/run/l.ipc"), False) == Path("/run/l.ipc")
    assert _ipc_path(data, None, True) is None
    assert _ipc_path(Path("x" * 108), None, False) is None


async def test_web3_works_over_it(path: Path) -> None:
    chain = open_chain(dev_genesis())
    async with serve(chain) as served:
        server = IpcServer(served.dispatcher, path)
        await server.start()
        web3 = Web3(IPCProvider(path))

        def ask() -> tuple[int, int]:
            return web3.eth.chain_id, web3.eth.get_balance(Web3.to_checksum_address(DEV_ADDRESSES[0]))

        assert await asyncio.to_thread(ask) == (31_337, 1_000 * 10**18)
        async with AsyncWeb3(AsyncIPCProvider(path)) as later:
            await later.eth.subscribe("newHeads")
            block = mine(chain).block
            async for message in later.socket.process_subscriptions():
                assert message["result"]["number"] == block.number
                break
        await server.stop()


async def test_a_nodes_socket_offers_everything_and_its_public_port_nothing_that_moves_the_head(
    path: Path, tmp_path: Path
) -> None:
    world = RollupWorld()
    settings = NodeSettings(
        datadir=write_directory(world.kv, tmp_path / "data"),
        rollup=world.rollup,
        l1_chain=L1_CONFIG,
        l1=L1Options(("http://127.0.0.1:1",), ("http://127.0.0.1:1",)),
        http_port=0,
        ws_port=None,
        rollup_port=0,
        ipc_path=path,
    )
    node = RollupNode(settings)
    await node.start()
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
        for method, said in (("admin_sequencerActive", "false"), ("debug_setHead", "there is no block 9")):
            writer.write(call(method, *(["0x9"] if method.startswith("debug") else [])).encode())
            assert said in json.dumps(await answer(reader))
        writer.close()
        for method in ("admin_sequencerActive", "debug_setHead"):
            _, text, _ = await post(node.http.url, call(method, "0x9"))
            assert f"the method {method} does not exist" in text
    finally:
        await node.stop()
    assert not path.exists()


# --- the stream ---

JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
MESSAGES = st.lists(st.lists(JSON, max_size=4) | st.dictionaries(st.text(), JSON, max_size=4), max_size=4)


@settings(max_examples=50)
@given(MESSAGES, st.lists(st.integers(1, 30), max_size=10), st.booleans(), st.sampled_from(["", "\n", " \t\r\n"]))
def test_values_come_out_as_they_went_in_however_they_are_cut(
    messages: list[Any], cuts: list[int], is_ascii: bool, between: str
) -> None:
    data = between.join(json.dumps(message, ensure_ascii=is_ascii) for message in messages).encode(
        "utf8", "surrogatepass"
    )
    stream = JsonStream(1 << 20)
    found: list[bytes] = []
    for cut in [*cuts, len(data)]:
        found += stream.feed(data[:cut])
        data = data[cut:]
    assert [json.loads(value) for value in found] == messages


@given(st.binary(max_size=100), st.integers(1, 40))
def test_garbage_is_refused_or_waited_for_and_nothing_is_lost(data: bytes, limit: int) -> None:
    stream = JsonStream(limit)
    found: list[bytes] = []
    try:
        for index in range(len(data)):
            found += stream.feed(data[index : index + 1])
    except JsonStreamError:
        pass
    for value in found:
        assert len(value) <= limit
        assert value[:1] in (b"{", b"[") and value[-1:] in (b"}", b"]")
    position = 0
    for value in found:
        position = data.index(value, position) + len(value)
