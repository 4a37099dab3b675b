"""`lamina` commands in processes forked from a server that has loaded everything: as a devnet's roles are, and as cheap."""

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from node.devnet.role_process import become_lamina, begin_warming


async def start_forked(output: Path, arguments: Sequence[str]) -> BaseProcess:
    """Start `lamina` with these arguments; what it writes is appended to the file."""
    begin_warming()
    context = multiprocessing.get_context("forkserver")
    files = [os.open(os.devnull, os.O_RDONLY), *(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for _ in "12")]
    streams = [Connection(number, readable=index == 0, writable=index > 0) for index, number in enumerate(files)]
    process = context.Process(target=become_lamina, args=(streams, arguments, dict(os.environ)), name=arguments[0])
    try:
        await asyncio.to_thread(process.start)
    finally:
        for stream in streams:
            stream.close()
    return process


async def run_forked(output: Path, arguments: Sequence[str]) -> int:
    """Run `lamina` with these arguments to its end; answers its exit code."""
    process = await start_forked(output, arguments)
    await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return process.exitcode
