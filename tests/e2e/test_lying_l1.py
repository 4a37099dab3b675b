"""A fresh verifier whose L1 endpoint lies: it takes nothing that does not hold, says so, and goes on with the truth."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from config.types import Gas, Wei, from_hex, to_address
from l1.contracts import PortalContract
from l1.rpc import JsonRpcClient
from node.bridge.account import BridgeAccount
from tests.e2e.forked import run_forked, start_forked
from tests.e2e.parts import eventually, hashes, number_of
from tests.e2e.running_devnet import RunningDevnet, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Lie = Callable[[str, Any], Any]
"""Given a JSON-RPC method or a beacon path and the true answer: what is answered instead."""


def _other_digit(text: str, at: int) -> str:
    return text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]


def _is_block(method: str, answer: Any) -> bool:
    return method.startswith("eth_getBlockBy") and isinstance(answer, dict)


def _another_state_root(method: str, answer: Any) -> Any:
    return answer | {"stateRoot": _other_digit(answer["stateRoot"], 20)} if _is_block(method, answer) else answer


def _another_hash(method: str, answer: Any) -> Any:
    return answer | {"hash": _other_digit(answer["hash"], 20)} if _is_block(method, answer) else answer


def _no_transactions(method: str, answer: Any) -> Any:
    return answer | {"transactions": answer["transactions"][:-1]} if _is_block(method, answer) else answer


def _another_batch_inbox(method: str, answer: Any) -> Any:
    if _is_block(method, answer):
        for transaction in answer["transactions"]:
            if isinstance(transaction, dict) and transaction["to"] is not None:
                transaction["to"] = _other_digit(transaction["to"], 10)
    return answer


def _receipts_changed(method: str, answer: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """By whatever method receipts are asked for; in their raw form the last one is left out."""
    if method == "eth_getBlockReceipts" and answer:
        for receipt in answer:
            change(receipt)
    elif method == "eth_getTransactionReceipt" and answer:
        change(answer)
    elif method == "debug_getRawReceipts" and answer:
        return answer[:-1]
    return answer


def _no_deposits(method: str, answer: Any) -> Any:
    return _receipts_changed(method, answer, lambda receipt: receipt.update(logs=[]))


def _another_deposit(method: str, answer: Any) -> Any:
    def longer(receipt: dict[str, Any]) -> None:
        for log in receipt["logs"]:
            log["data"] = log["data"] + "00"

    return _receipts_changed(method, answer, longer)


def _another_blob(method: str, answer: Any) -> Any:
    if "/blob_sidecars/" in method:
        for sidecar in answer["data"]:
            sidecar["blob"] = _other_digit(sidecar["blob"], 200)
    if "/blobs/" in method:
        answer["data"] = [_other_digit(blob, 200) for blob in answer["data"]]
    return answer


def _no_blobs(method: str, answer: Any) -> Any:
    return answer | {"data": []} if "/blob" in method else answer


LIES: list[tuple[str, Lie, str]] = [
    ("a state root", _another_state_root, "its fields hash to the block hash"),
    ("a block hash", _another_hash, "its fields hash to the block hash"),
    ("transactions left out", _no_transactions, "transactions hash to the transactions root"),
    ("transactions changed", _another_batch_inbox, "transactions hash to the transactions root"),
    ("logs left out", _no_deposits, "receipts hash to the receipts root"),
    ("logs changed", _another_deposit, "receipts hash to the receipts root"),
    ("blobs changed", _another_blob, "served a wrong blob"),
    ("blobs left out", _no_blobs, "blob"),
]


class LyingProxy:
    """Passes requests on to the true L1 and its beacon node; `lie`, when set, changes the answers."""

    def __init__(self, l1: str, beacon: str) -> None:
        self._l1 = l1
        self._beacon = beacon
        self._http = ClientSession()
        self._runner: web.AppRunner | None = None
        self.lie: Lie | None = None
        self.lies_told = 0
        self.url = ""

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/", self._rpc)
        app.router.add_get("/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._http.close()

    async def _rpc(self, request: web.Request) -> web.Response:
        asked = await request.json()
        async with self._http.post(self._l1, json=asked) as response:
            answered = await response.json()
        calls = asked if isinstance(asked, list) else [asked]
        method_of = {call["id"]: call["method"] for call in calls}
        for answer in answered if isinstance(answered, list) else [answered]:
            if "result" in answer:
                answer["result"] = self._changed(method_of[answer["id"]], answer["result"])
        return web.json_response(answered)

    async def _rest(self, request: web.Request) -> web.Response:
        async with self._http.get(self._beacon + request.raw_path) as response:
            if response.status != 200:
                return web.Response(status=response.status, body=await response.read())
            return web.json_response(self._changed(request.path, await response.json()))

    def _changed(self, method: str, answer: Any) -> Any:
        if self.lie is None:
            return answer
        changed = self.lie(method, copy.deepcopy(answer))
        self.lies_told += changed != answer
        return changed


@asynccontextmanager
async def _verifier(devnet: RunningDevnet, directory: Path, *l1: str) -> AsyncIterator[tuple[JsonRpcClient, str, Path]]:
    """A verifier with an empty data directory that follows `l1`: its RPC, the URL of its health, its log."""
    endpoints = [argument for url in l1 for argument in ("--l1", url, "--l1.beacon", url)]
    chain = ("--rollup.config", devnet.info["rollupConfig"], "--datadir", str(directory / "data"))
    log = directory / "verifier.log"
    assert await run_forked(log, ["init", "--genesis", devnet.info["genesis"], *chain]) == 0, log.read_text()
    flags = ("--l1.chain-config", devnet.info["l1"]["chainConfig"], "--l1.poll-interval", "0.3")
    ports = ("--http.port", "0", "--ws.port", "-1", "--rpc.port", "0")
    node = await start_forked(log, ["node", *chain, *endpoints, *flags, *ports])
    try:

        async def serves() -> bool:
            assert node.exitcode is None, log.read_text()
            return "node serves" in log.read_text()

        await eventually("the verifier serves", serves, 60)
        (line,) = [line for line in log.read_text().splitlines() if "node serves" in line]
        url = line.split("rollup=")[1].split()[0]
        async with JsonRpcClient(url) as client:
            yield client, f"{url}/healthz", log
    finally:
        node.terminate()
        await asyncio.to_thread(node.join)


@pytest.fixture(scope="module")
def history(devnet: RunningDevnet) -> int:
    """A devnet whose L1 holds deposits and batches; answers the L2 block that all of it is in by now."""

    async def deposit() -> None:
        key = from_hex(devnet.key(0))
        async with await BridgeAccount.open(devnet.l1_url, key, "L1", poll_interval=0.2) as account:
            portal = PortalContract(account.rpc, to_address(devnet.contract("OptimismPortalProxy")))
            await account.send(portal.deposit(account.address, Wei(1), Gas(100_000), mint=Wei(1)), "deposited")

    asyncio.run(deposit())
    head = int(devnet.l2("eth_blockNumber"), 16) + 10

    def derived() -> bool:
        return int(devnet.verifier("eth_getBlockByNumber", "safe", False)["number"], 16) >= head

    wait_until("the deposit is derived", derived)
    return head


async def _last_error(health: str) -> str:
    async with ClientSession() as http, http.get(health) as response:
        return str(json.loads(await response.text())["lastError"] or "")


@pytest.mark.parametrize(("lie", "words"), [case[1:] for case in LIES], ids=[case[0] for case in LIES])
async def test_a_lie_is_refused_and_named_and_the_truth_taken_afterwards(
    devnet: RunningDevnet, history: int, tmp_path: Path, lie: Lie, words: str
) -> None:
    proxy = LyingProxy(devnet.l1_url, devnet.info["l1"]["beacon"])
    await proxy.start()
    truth = JsonRpcClient(devnet.info["verifier"]["http"])
    proxy.lie = lie
    try:
        async with _verifier(devnet, tmp_path, proxy.url) as (verifier, health, log):

            async def named() -> bool:
                return words in await _last_error(health)

            await eventually(f"the verifier says: {words}", named, 60)
            assert proxy.lies_told > 0
            lines = [line for line in log.read_text().splitlines() if words in line]
            assert any("127.0.0.1" in line for line in lines), "no log line names the endpoint"
            # What it has derived up to the lie, if anything, is true.
            derived = await number_of(verifier, "latest")
            assert derived < history
            assert await hashes(verifier, range(derived + 1)) == await hashes(truth, range(derived + 1))

            proxy.lie = None

            async def caught_up() -> bool:
                return await number_of(verifier, "safe") >= history

            await eventually("the verifier derives everything once L1 tells the truth", caught_up, 90)
            assert await hashes(verifier, range(history + 1)) == await hashes(truth, range(history + 1))
            async with ClientSession() as http, http.get(health) as response:
                assert response.status == 200
    finally:
        await truth.close()
        await proxy.stop()


async def test_a_minority_of_liars_among_several_endpoints_is_named_and_does_no_harm(
    devnet: RunningDevnet, history: int, tmp_path: Path
) -> None:
    proxies = [LyingProxy(devnet.l1_url, devnet.info["l1"]["beacon"]) for _ in range(3)]
    for proxy in proxies:
        await proxy.start()
    liar = proxies[0]
    liar.lie = _another_deposit
    truth = JsonRpcClient(devnet.info["verifier"]["http"])
    try:
        async with _verifier(devnet, tmp_path, *(proxy.url for proxy in proxies)) as (verifier, health, log):

            async def caught_up() -> bool:
                return await number_of(verifier, "safe") >= history

            await eventually("the verifier derives everything although the first endpoint lies", caught_up, 90)
            assert await hashes(verifier, range(history + 1)) == await hashes(truth, range(history + 1))
            assert liar.lies_told > 0
            statuses = await verifier.call("admin_l1Endpoints")
            endpoints = {status["name"]: status for status in statuses if status["kind"] == "execution"}
            assert endpoints[liar.url]["lies"] > 0 and "receipts root" in log.read_text()
            assert all(endpoints[proxy.url]["lies"] == 0 for proxy in proxies[1:])
            async with ClientSession() as http, http.get(health) as response:
                assert response.status == 200
                assert (await response.json())["l1Endpoints"][f"execution {proxies[1].url}"] == "healthy"
    finally:
        await truth.close()
        for proxy in proxies:
            await proxy.stop()
