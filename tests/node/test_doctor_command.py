"""`lamina doctor` against real servers, and stalls that real clients report."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from config.errors import TemporaryError
from l1.beacon import BeaconClient
from l1.kzg import KzgWorker
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from node.cli import doctor as doctor_command
from node.http_listener import HttpListener
from node.rollup.rpc import Rollup, RollupAdmin
from node.rollup.stall import REMEDIES, Cause
from node.rollup.stall_of import stall_of
from node.rollup.why_rpc import Lamina
from node.rpc import Dispatcher, RpcServer, ServerOptions
from tests.conftest import ROOT
from tests.node.rollup_world import RollupWorld, until

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@asynccontextmanager
async def served(world: RollupWorld) -> AsyncIterator[str]:
    """A world's rollup RPC on a real port."""
    namespaces = [
        Rollup(world.rollup, world.chain, world.driver, world.heads, world.safe_db),
        RollupAdmin(world.driver, None),
        Lamina(world.doctor()),
    ]
    server = RpcServer(Dispatcher(namespaces), ServerOptions(host="127.0.0.1", port=0))
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


async def doctor(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code and output of a run of the command in its own process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.cli.main", "doctor", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_healthy_node_gets_exit_code_zero_and_a_stuck_one_its_cause_and_remedy(tmp_path: Path) -> None:
    world = RollupWorld()
    await world.sequence(2)
    world.post([1])
    world.l1.mine(1)
    info = tmp_path / "devnet.json"
    async with world.following(), served(world) as url:
        await world.derive()
        code, out, err = await doctor("--rollup-rpc", url)
        assert (code, err) == (0, "")
        assert out.startswith(f"{url}: healthy\n")
        assert "safe      block 1 (" in out and "is moving" in out and "cause" not in out

        world.endpoint.blob_failure = TemporaryError("http://beacon.example does not answer")
        world.post_blob([2])
        world.l1.mine(1)
        await world.heads.refresh()
        await until(lambda: world.driver.status.stall is not None, world.driver.status)
        info.write_text(json.dumps({"l2": {"rollup": url}, "verifier": {"rollup": NOWHERE}}))
        code, out, err = await doctor("--info", info, "--json")
        assert (code, err) == (1, "")
        answer = json.loads(out)
        assert answer["healthy"] is False
        node, silent = answer["nodes"]
        safe = node["heads"][1]
        assert {key: safe[key] for key in ("head", "state", "stage", "cause", "remedy")} == {
            "head": "safe",
            "state": "stuck",
            "stage": "l1_retrieval",
            "cause": "beacon_down",
            "remedy": REMEDIES[Cause.BEACON_DOWN],
        }
        assert safe["at"] == {"layer": "l1", "number": 2, "hash": "0x" + world.l1.blocks[2].hash.hex()}
        assert (silent["healthy"], silent["heads"]) == (False, [])
        assert NOWHERE in silent["error"]

        code, out, _ = await doctor("--rollup-rpc", url)
        assert code == 1
        assert "cause: beacon_down, at stage l1_retrieval, L1 block 2 (0x" in out
        assert f"what to do: {REMEDIES[Cause.BEACON_DOWN]}" in out


async def test_without_a_name_the_node_of_this_machine_is_asked() -> None:
    assert doctor_command._urls([], None) == ["http://127.0.0.1:9545"]


async def test_an_info_file_that_names_no_node_is_refused(tmp_path: Path) -> None:
    info = tmp_path / "devnet.json"
    info.write_text("{}")
    code, out, err = await doctor("--info", info)
    assert (code, out) == (1, "")
    assert err == f"lamina: {info} names no node's rollup RPC: is it a devnet's info file?\n"


class _EmptyBeacon(HttpListener):
    """A beacon node that works and has no blobs."""

    def __init__(self) -> None:
        routes = [
            web.get("/eth/v1/beacon/genesis", self._genesis),
            web.get("/eth/v1/config/spec", self._spec),
        ]
        super().__init__(routes, "127.0.0.1", 0)

    async def _genesis(self, _: web.Request) -> web.Response:
        return web.json_response({"data": {"genesis_time": "1700000000"}})

    async def _spec(self, _: web.Request) -> web.Response:
        return web.json_response({"data": {"SECONDS_PER_SLOT": "12"}})


@pytest.mark.parametrize(("has_beacon", "cause"), [(True, Cause.BLOB_MISSING), (False, Cause.BEACON_DOWN)])
async def test_a_beacon_node_without_the_blob_is_told_from_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, has_beacon: bool, cause: Cause
) -> None:
    world = RollupWorld()
    await world.sequence(1)
    world.post_blob([1])
    world.l1.mine(1)
    beacon = _EmptyBeacon()
    await beacon.start()
    client = BeaconClient([beacon.url if has_beacon else NOWHERE], KzgWorker(), timeout=5.0)
    monkeypatch.setattr(world.endpoint, "blobs", client.blobs)
    doctor = world.doctor()
    try:
        async with world.following():
            await world.heads.refresh()
            await until(lambda: world.driver.status.stall is not None, world.driver.status)
            report = doctor.report("safe")
    finally:
        await client.close()
        await beacon.stop()
    assert report.stall is not None and report.stall.place is not None
    assert (report.stall.cause, report.stall.stage.value, report.stall.place.number) == (cause, "l1_retrieval", 1)
    assert ("slot 1" if has_beacon else NOWHERE) in report.text


async def test_an_execution_endpoint_that_is_not_there_is_named() -> None:
    async with JsonRpcClient(NOWHERE, timeout=2.0) as rpc:
        with pytest.raises(TemporaryError) as caught:
            await rpc.call("eth_blockNumber")
        assert L1Client(rpc).endpoint == NOWHERE
    stall = stall_of(caught.value)
    assert stall.cause is Cause.L1_DOWN and NOWHERE in stall.text
