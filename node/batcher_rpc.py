"""The batcher's `admin_` RPC."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from batcher.service import BatcherService
from batcher.throttle_controllers import ControllerType, PidSettings
from node.rpc import Namespace, rpc_method
from node.rpc.errors import server_error

_NANOSECONDS = 10**9


def _parse_controller(name: Any) -> ControllerType:
    try:
        return ControllerType(name)
    except ValueError as error:
        known = ", ".join(kind.value for kind in ControllerType)
        raise ValueError(f"unknown throttle controller {name!r}, known are {known}") from error


def _parse_pid(data: Any) -> PidSettings:
    """op-batcher's JSON: gains, bounds, and the sample time in nanoseconds."""
    try:
        return PidSettings(
            kp=float(data["kp"]),
            ki=float(data["ki"]),
            kd=float(data["kd"]),
            integral_max=float(data["integral_max"]),
            output_max=float(data["output_max"]),
            sample_seconds=float(data["sample_time"]) / _NANOSECONDS,
        )
    except KeyError as error:
        raise ValueError(f"the PID settings lack {error}") from error
    except TypeError as error:
        raise ValueError(f"unusable PID settings: {error}") from error


ControllerParam = Annotated[ControllerType, _parse_controller]
PidParam = Annotated[PidSettings, _parse_pid]


class BatcherAdmin(Namespace):
    """Starting, stopping, flushing the batcher, how it slows the sequencer down, and what it is doing.

    Spec: op-batcher RPC.
    """

    name = "admin"

    def __init__(self, service: BatcherService) -> None:
        self._service = service

    @rpc_method("startBatcher")
    async def start_batcher(self) -> None:
        """Start posting. An error when it runs already."""
        with _told():
            await self._service.start_batcher()

    @rpc_method("stopBatcher")
    async def stop_batcher(self) -> None:
        """Stop posting; the next start goes on from the safe head. An error when it does not run."""
        with _told():
            await self._service.stop_batcher()

    @rpc_method("flushBatcher")
    async def flush_batcher(self) -> None:
        """Close and post the open channel now. An error when it does not run."""
        with _told():
            await self._service.flush_batcher()

    @rpc_method("getBatcherStatus")
    async def batcher_status(self) -> dict[str, Any]:
        """Heads, backlog, channels, costs."""
        return await self._service.batcher_status()

    @rpc_method("status")
    async def status(self) -> dict[str, Any]:
        """The same as admin_getBatcherStatus."""
        return await self._service.batcher_status()

    @rpc_method("getThrottleController")
    def throttle_controller(self) -> dict[str, Any]:
        """The controller, its threshold and backlog in bytes, its intensity, and the limits that follow from it."""
        with _told():
            status = self._service.throttle_status()
        return {
            "type": status.controller.value,
            "threshold": status.threshold,
            "current_load": status.backlog_bytes,
            "intensity": status.intensity,
            "max_tx_size": status.tx_bytes,
            "max_block_size": status.block_bytes,
        }

    @rpc_method("setThrottleController")
    def set_throttle_controller(self, controller: ControllerParam, pid: PidParam | None = None) -> None:
        """Change to step, linear, quadratic or pid, the last with its gains if they are to change."""
        with _told():
            self._service.set_throttle_controller(controller, pid)

    @rpc_method("resetThrottleController")
    def reset_throttle_controller(self) -> None:
        """Put the controller back into its first state."""
        with _told():
            self._service.reset_throttle_controller()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise server_error(str(error)) from error
