"""JSON-RPC on a Unix socket, for the programs of whoever runs the node: a stream of JSON values each way, as in geth."""

import asyncio
import logging
import os
import socket
import stat
from pathlib import Path

import orjson

from node.rpc.connection import Connection
from node.rpc.conversation import Conversation
from node.rpc.dispatcher import Dispatcher
from node.rpc.errors import ErrorCode, RpcError
from node.rpc.json_stream import JsonStream, JsonStreamError
from node.rpc.server import DEFAULT_BODY_LIMIT

log = logging.getLogger("lamina.rpc")

LONGEST_PATH = 107
"""Bytes of a path that the operating system takes for a socket."""

_READ_BYTES = 1 << 16
_BACKLOG = 100


class IpcServer:
    """Serves one dispatcher on a socket file that nobody but its owner can open."""

    def __init__(self, dispatcher: Dispatcher, path: Path, message_limit: int = DEFAULT_BODY_LIMIT) -> None:
        """`message_limit`: bytes of the largest message, as over HTTP."""
        self._dispatcher = dispatcher
        self.path = path
        self._message_limit = message_limit
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[None]] = set()
        self._inode = 0

    async def start(self) -> None:
        """Listen. Raises OSError saying what to do when the path cannot be used, or another process listens there."""
        listening = self._bind()
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, backlog=_BACKLOG)
        self._inode = self.path.stat().st_ino

    def _bind(self) -> socket.socket:
        if len(os.fsencode(self.path)) > LONGEST_PATH:
            raise OSError(
                f"{self.path} is too long a path for a socket ({LONGEST_PATH} bytes at most): give a shorter --ipcpath, or "
                "--ipcdisable"
            )
        self._clear_the_way()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self.path))
            # Nobody can connect before it listens, so nobody slips in before this.
            self.path.chmod(0o600)
        except OSError as error:
            listening.close()
            raise OSError(
                f"cannot listen on {self.path} for JSON-RPC ({error.strerror or error}): give another --ipcpath"
            ) from error
        return listening

    def _clear_the_way(self) -> None:
        """Remove the socket of a process that has ended. Raises OSError when it is of one that runs, or something else."""
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise OSError(f"{self.path} is there and is no socket: give another --ipcpath, or remove it")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self.path))
            except ConnectionRefusedError:
                self.path.unlink()
                return
            except OSError as error:
                raise OSError(
                    f"{self.path} cannot be looked at ({error.strerror or error}): give another --ipcpath"
                ) from error
        raise OSError(f"another process serves JSON-RPC on {self.path}: stop it, or give another --ipcpath")

    async def stop(self) -> None:
        """Close the socket and all connections, and remove the file."""
        if self._server is None:
            return
        self._server.close()
        callers = list(self._callers)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        # Not one that somebody has put in its place.
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            self.path.unlink()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer), name="IPC caller")
        self._callers.add(task)
        task.add_done_callback(self._callers.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation(self._dispatcher)
        connection = conversation.connection
        writing = asyncio.create_task(_write(writer, connection))
        reading = asyncio.create_task(self._read(reader, conversation))
        try:
            # Writing ends first when the caller has gone or reads too slowly.
            await asyncio.wait((writing, reading), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
                await conversation.answered()
                connection.hang_up()
                await writing
        finally:
            reading.cancel()
            writing.cancel()
            await conversation.end()
            await asyncio.gather(reading, writing, return_exceptions=True)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, conversation: Conversation) -> None:
        stream = JsonStream(self._message_limit)
        while True:
            try:
                data = await reader.read(_READ_BYTES)
            except ConnectionError:
                return
            if not data:
                return
            try:
                messages = stream.feed(data)
            except JsonStreamError as error:
                failure = RpcError(ErrorCode.PARSE_ERROR, str(error)).to_json()
                conversation.connection.send(orjson.dumps({"jsonrpc": "2.0", "id": None, "error": failure}))
                return
            for message in messages:
                await conversation.take(message)


async def _write(writer: asyncio.StreamWriter, connection: Connection) -> None:
    while not connection.overflowed:
        message = await connection.next_message()
        if message is None:
            return
        writer.write(message + b"\n")
        try:
            await writer.drain()
        except ConnectionError:
            return
