"""A DA server: keeps payloads on this machine. Batcher and nodes that use it trust it to be there, for nothing else.

Spec: op alt-da, "DA Server".
"""

import asyncio
import logging

from aiohttp import web

from config.types import from_hex
from derivation.codec import Commitment, CommitmentError, CommitmentType
from node.alt_da.client import MAX_PAYLOAD_BYTES
from node.alt_da.commitments import can_be_checked, own_commitment
from node.alt_da.store import InputStore
from node.http_listener import HttpListener

log = logging.getLogger("lamina.da")

_BINARY = "application/octet-stream"


class DaServer(HttpListener):
    """Serves `/put`, `/put/<commitment>` and `/get/<commitment>`; commitments in hexadecimal with 0x."""

    def __init__(self, store: InputStore, commitment_type: CommitmentType, host: str, port: int) -> None:
        """`commitment_type` is what `/put` without a commitment answers."""
        super().__init__(
            [
                web.post("/put", self._put),
                web.post("/put/", self._put),
                web.post("/put/{commitment}", self._put),
                web.get("/get/{commitment}", self._get),
                web.get("/healthz", self._health),
            ],
            host,
            port,
            max_body_bytes=MAX_PAYLOAD_BYTES,
        )
        self._store = store
        self._type = commitment_type

    async def _put(self, request: web.Request) -> web.Response:
        payload = await request.read()
        if not payload:
            return _refusal(400, "nothing to store: the body is empty")
        name = request.match_info.get("commitment")
        try:
            commitment = self._commit(payload) if name is None else _parse(name)
            if name is not None and not can_be_checked(commitment):
                return _refusal(400, f"{commitment} is of another DA layer: this server cannot check it")
            await asyncio.to_thread(self._store.put, commitment, payload)
        except ValueError as error:
            return _refusal(400, str(error))
        except OSError as error:
            log.error("%d bytes could not be stored: %s", len(payload), error)
            return _refusal(500, f"the payload could not be stored: {error.strerror}")
        log.info("stored %d bytes as %s", len(payload), commitment)
        if name is not None:
            return web.Response()
        # As op-batcher's client reads it; the spec's hexadecimal for whoever asks for text.
        if "text/plain" in request.headers.get("Accept", ""):
            return web.Response(text="0x" + commitment.encode().hex())
        return web.Response(body=commitment.encode(), content_type=_BINARY)

    async def _get(self, request: web.Request) -> web.Response:
        try:
            commitment = _parse(request.match_info["commitment"])
        except ValueError as error:
            return _refusal(400, str(error))
        try:
            payload = await asyncio.to_thread(self._store.get, commitment)
        except (ValueError, OSError) as error:
            log.error("%s cannot be served: %s", commitment, error)
            return _refusal(500, str(error))
        if payload is None:
            return _refusal(404, f"there is nothing for {commitment}")
        return web.Response(body=payload, content_type=_BINARY)

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    def _commit(self, payload: bytes) -> Commitment:
        return Commitment.of(payload) if self._type is CommitmentType.KECCAK else own_commitment(payload)


def _parse(name: str) -> Commitment:
    """Raises ValueError saying what is wrong."""
    try:
        return Commitment.decode(from_hex(name))
    except CommitmentError:
        raise
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name[:20]!r} is no commitment in hexadecimal with 0x") from error


def _refusal(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=why + "\n")
