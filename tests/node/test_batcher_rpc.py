"""The batcher's admin_ methods: what they do, and what they answer when they cannot."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from batcher.service import BatcherConfig, BatcherService
from batcher.settings import DriverSettings, ThrottleSettings
from l1.txmgr import LocalSigner
from node.batcher_rpc import BatcherAdmin
from node.rpc import Dispatcher
from tests.actions.chains import BATCHER_KEY, L1_CONFIG
from tests.actions.conftest import World
from tests.batcher.node_rpc import NodeRpc, served

PID = {"kp": 0.5, "ki": 0, "kd": 0.1, "integral_max": 10, "output_max": 0.9, "sample_time": 3_000_000_000}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    world = World.create()
    async with served(NodeRpc(world)) as address:
        yield address


class Admin:
    """Calls over the dispatcher, as a client sees them."""

    def __init__(self, url: str, throttle: ThrottleSettings | None) -> None:
        self.service = BatcherService(
            BatcherConfig(
                l1_rpcs=(url,),
                l2_rpc=url,
                rollup_rpc=url,
                signer=LocalSigner(BATCHER_KEY),
                rollup=World.create().rollup,
                l1_chain=L1_CONFIG,
                driver=DriverSettings(poll_seconds=0.01),
                throttle=throttle,
                stopped=True,
            )
        )
        self._dispatcher = Dispatcher([BatcherAdmin(self.service)])

    async def __call__(self, method: str, *params: Any) -> Any:
        """The result. Raises ValueError with the error's text."""
        request = {"jsonrpc": "2.0", "id": 1, "method": f"admin_{method}", "params": list(params)}
        answer = orjson.loads(await self._dispatcher.handle(orjson.dumps(request)))
        if "error" in answer:
            raise ValueError(answer["error"]["message"])
        return answer["result"]


async def test_starting_stopping_and_flushing(url: str) -> None:
    admin = Admin(url, ThrottleSettings())
    for method in ("stopBatcher", "flushBatcher"):
        with pytest.raises(ValueError, match="the batcher is not running"):
            await admin(method)
    assert await admin("startBatcher") is None
    assert (await admin("status"))["running"] is True
    with pytest.raises(ValueError, match="already running"):
        await admin("startBatcher")
    assert await admin("flushBatcher") is None
    assert await admin("stopBatcher") is None
    assert (await admin("getBatcherStatus"))["running"] is False
    assert await admin("startBatcher") is None
    await admin.service.stop()


async def test_the_throttle_controller_is_shown_changed_and_reset(url: str) -> None:
    admin = Admin(url, ThrottleSettings())
    assert await admin("getThrottleController") == {
        "type": "quadratic",
        "threshold": 3_200_000,
        "current_load": 0,
        "intensity": 0.0,
        "max_tx_size": 0,
        "max_block_size": 130_000,
    }
    await admin("setThrottleController", "linear", None)
    assert (await admin("getThrottleController"))["type"] == "linear"
    await admin("setThrottleController", "pid", PID)
    assert (await admin("getThrottleController"))["type"] == "pid"
    assert await admin("resetThrottleController") is None
    await admin.service.stop()


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (("cubic",), "unknown throttle controller 'cubic', known are step, linear, quadratic, pid"),
        (("pid", {"kp": 1}), "the PID settings lack 'ki'"),
        (("pid", {**PID, "kp": -1}), "cannot be negative"),
        (("pid", [1, 2]), "unusable PID settings"),
    ],
)
async def test_a_controller_that_makes_no_sense_is_refused(url: str, params: tuple[Any, ...], why: str) -> None:
    admin = Admin(url, ThrottleSettings())
    with pytest.raises(ValueError, match=why):
        await admin("setThrottleController", *params)
    assert (await admin("getThrottleController"))["type"] == "quadratic"
    await admin.service.stop()


async def test_without_throttling_there_is_no_controller(url: str) -> None:
    admin = Admin(url, None)
    with pytest.raises(ValueError, match="throttling is off"):
        await admin("getThrottleController")
    await admin.service.stop()
