"""The process of one role: forked from a server that has loaded everything, or a program of its own."""

import asyncio
import multiprocessing
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, Self

from config.errors import CriticalError
from config.worker_processes import stay_with_fork_server

_PRELOADED = ["node.devnet.warm"]


def begin_warming() -> None:
    """Start the fork server if this process has none. Returns at once; the first fork waits until all is loaded."""
    forkserver.set_forkserver_preload(_PRELOADED)
    forkserver.ensure_running()


class RoleProcess(Protocol):
    """A running process. Its standard input is a pipe that is closed when this process ends, in whatever way."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that killed it, or None while it runs."""

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal. Raises ProcessLookupError when it has ended."""

    async def wait(self) -> int:
        """Wait until it has ended; answers its exit code."""


async def start_program(program: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Start another program, in a session of its own."""
    return await asyncio.create_subprocess_exec(
        *program, stdin=asyncio.subprocess.PIPE, env=environment, start_new_session=True
    )


class ForkedCommand:
    """A `lamina` command in a process forked from the fork server of this process, which is started when there is none."""

    def __init__(self, process: multiprocessing.process.BaseProcess, stdin: Connection) -> None:
        self._process = process
        self._stdin = stdin
        self._ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(process.sentinel, self._at_end)

    @classmethod
    async def start(cls, role: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Run `lamina` with these arguments and environment, in a session of its own.

        Raises CriticalError when the fork server has ended.
        """
        begin_warming()
        context = multiprocessing.get_context("forkserver")
        theirs, ours = context.Pipe(duplex=False)
        # The fork server keeps the output that it was started with: where this process writes now is sent along.
        streams = (theirs, *(Connection(os.dup(number), readable=False) for number in (1, 2)))
        process = context.Process(target=become_lamina, args=(streams, arguments, environment), name=role)
        starting = asyncio.ensure_future(asyncio.to_thread(process.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on. Nobody else would know of the process, and this one would wait for its end for ever.
            await asyncio.wait((starting,))
            ours.close()
            if starting.exception() is None:
                process.terminate()
            raise
        except (EOFError, OSError) as error:
            raise CriticalError(
                f"the {role} cannot be started: the process that all roles are forked from has ended, "
                f"what it wrote above says why ({error!r})"
            ) from error
        finally:
            for stream in streams:
                stream.close()
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that killed it, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal. Raises ProcessLookupError when it has ended."""
        if self._process.exitcode is not None:
            raise ProcessLookupError(f"the {self._process.name} has ended")
        os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait until it has ended; answers its exit code."""
        code: int = await asyncio.shield(self._ended)
        return code

    def _at_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._stdin.close()
        self._ended.set_result(self._process.exitcode)


def become_lamina(streams: Sequence[Connection], arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """In a forked process: be the `lamina` command, with these as standard input, output and error."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    os.environ.clear()
    os.environ.update(environment)
    # `ps` shows the server's command line for all it forks: only the short name can tell them apart.
    with suppress(FileNotFoundError):
        Path("/proc/self/comm").write_text(f"lamina {multiprocessing.current_process().name}")
    stay_with_fork_server()
    sys.argv = ["lamina", *arguments]
    from node.cli.main import main

    try:
        main()
    except Exception as error:  # noqa: BLE001
        # What the interpreter does at the end of a program: `main` has put its own hook there.
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
