"""Starts every role as a process of its own, waits until each answers, and stops them all together."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from config.errors import CriticalError
from node.devnet.role_process import ForkedCommand, RoleProcess, start_program

log = logging.getLogger("lamina.devnet")

SUPERVISED = "LAMINA_SUPERVISED"
"""Environment variable: "1" tells a process to stop when its standard input is closed, as the supervisor's end does."""

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Role:
    """A process: the arguments of `lamina` (or of another `program`), and how to tell that it is up.

    `environment` is for what should not be read off a list of processes.
    """

    name: str
    arguments: Sequence[str]
    is_up: Callable[[], Awaitable[bool]]
    program: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """The processes of a devnet."""

    def __init__(self, common: Sequence[str], environment: Mapping[str, str]) -> None:
        """`common`: options in front of every command, such as the log level."""
        self._common = list(common)
        self._environment = {**os.environ, **environment}
        self._processes: dict[str, RoleProcess] = {}
        self._roles: dict[str, Role] = {}

    async def start(self, role: Role) -> None:
        """Start a role without waiting for it."""
        self._roles[role.name] = role
        environment = {**self._environment, **role.environment, "LAMINA_ROLE": role.name, SUPERVISED: "1"}
        if role.program is None:
            arguments = [*self._common, *role.arguments]
            self._processes[role.name] = await ForkedCommand.start(role.name, arguments, environment)
        else:
            self._processes[role.name] = await start_program([role.program, *role.arguments], environment)

    async def wait_up(self, role: Role) -> None:
        """Wait until a started role answers. Raises CriticalError when it ends or stays silent."""
        process = self._processes[role.name]
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not await role.is_up():
            if process.returncode is not None:
                raise CriticalError(
                    f"the {role.name} ended with code {process.returncode} while starting: its log above says why"
                )
            if asyncio.get_running_loop().time() > deadline:
                raise CriticalError(
                    f"the {role.name} does not answer after {_START_SECONDS:.0f} s: look at its log above"
                )
            await asyncio.sleep(0.05)

    async def restart(self, name: str) -> None:
        """Start a role whose process has ended once more, with the same arguments, and wait until it answers.

        Raises ValueError while the process still runs, CriticalError when the new one ends or stays silent.
        """
        if self._processes[name].returncode is None:
            raise ValueError(f"the {name} still runs: end it before starting it again")
        await self.start(self._roles[name])
        await self.wait_up(self._roles[name])

    async def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Send a role's process a signal that ends it, and wait until it has ended."""
        self._processes[name].send_signal(how)
        await self.wait_ended(name)

    async def wait_ended(self, name: str) -> int:
        """Wait until a role's process has ended; answers its exit code."""
        return await self._processes[name].wait()

    def process_ids(self) -> dict[str, int]:
        """The process of each role."""
        return {name: process.pid for name, process in self._processes.items()}

    async def wait_for_end(self) -> str:
        """Wait until a role ends without having been asked; answers which, and how."""
        waits = {asyncio.ensure_future(process.wait()): name for name, process in self._processes.items()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            ended = next(iter(done))
            return _end_of(waits[ended], ended.result())
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self) -> None:
        """Ask every role to end, last started first; kill what does not end."""
        for name, process in reversed(self._processes.items()):
            if process.returncode is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                log.warning("%s does not stop and is killed", name)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        self._processes.clear()


def _end_of(name: str, code: int) -> str:
    """What became of a role that nobody asked to end; a code below 0 is the signal that killed it."""
    if code < 0:
        return f"the {name} was ended by {signal.Signals(-code).name}"
    return f"the {name} ended by itself with code {code}: its log above says why"
