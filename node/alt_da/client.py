"""The client of a DA server: payloads in, commitments out, and back.

Spec: op alt-da, "DA Server".
"""

import aiohttp

from batcher.ports import RemoteStoreDown
from config.errors import TemporaryError
from config.rollup import RollupConfig
from derivation.codec import Commitment, CommitmentError, CommitmentType
from l1.http import redact_url
from node.alt_da.commitments import fits

MAX_PAYLOAD_BYTES = 128 * 1024 * 1024

_TIMEOUT = 60.0
_PIECE = 1 << 18


class DaInputNotFound(TemporaryError):
    """The server has nothing under a commitment."""


class DaClient:
    """One DA server. Not bound to an event loop until first used; `close` when done."""

    def __init__(self, url: str, commitment_type: CommitmentType, timeout: float = _TIMEOUT) -> None:
        """`timeout` is seconds for a whole request."""
        self._url = url.rstrip("/")
        self._type = commitment_type
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None
        self.name = redact_url(url)

    async def store(self, payload: bytes) -> bytes:
        """Keep a payload; answers its encoded commitment.

        Raises TemporaryError when it was not stored, RemoteStoreDown when it cannot be for a while.
        """
        known = Commitment.of(payload) if self._type is CommitmentType.KECCAK else None
        path = "/put" if known is None else f"/put/0x{known.encode().hex()}"
        status, body = await self._request("POST", path, payload)
        if status == 503:
            raise RemoteStoreDown(f"the DA server {self.name} is out of order ({_excerpt(body)})")
        if status != 200:
            raise TemporaryError(
                f"the DA server {self.name} did not store {len(payload)} bytes: it answered {status} ({_excerpt(body)})"
            )
        return (known or self._read_commitment(body, payload)).encode()

    async def load(self, commitment: Commitment) -> bytes:
        """The payload of a commitment. Raises DaInputNotFound, TemporaryError when the answer cannot be used."""
        status, body = await self._request("GET", f"/get/0x{commitment.encode().hex()}", None)
        if status == 404:
            raise DaInputNotFound(
                f"the DA server {self.name} has nothing for {commitment}: derivation waits until it has. "
                "Ask the chain's operator for the data, or name a server that has it"
            )
        if status != 200:
            raise TemporaryError(
                f"the DA server {self.name} answered {status} for {commitment} ({_excerpt(body)}); it is asked again"
            )
        if not fits(commitment, body):
            raise TemporaryError(
                f"the DA server {self.name} gave {len(body)} bytes that {commitment} does not stand for: "
                "its store is damaged or it lies; use another server"
            )
        return body

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _read_commitment(self, body: bytes, payload: bytes) -> Commitment:
        # The spec says hexadecimal, servers in use answer with the bytes themselves: the first byte tells which.
        try:
            text = body.strip()
            commitment = Commitment.decode(bytes.fromhex(text[2:].decode()) if text[:2] == b"0x" else body)
        except (CommitmentError, ValueError) as error:
            raise TemporaryError(f"the DA server {self.name} answered with no commitment: {error}") from error
        if commitment.type is not self._type or not fits(commitment, payload):
            raise TemporaryError(
                f"the DA server {self.name} answered with {commitment}, which is not a {self._type.name.lower()} "
                "commitment to what it was given: it is set up for another type, or lies"
            )
        return commitment

    async def _request(self, verb: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        headers = {"Content-Type": "application/octet-stream"}
        try:
            async with self._session.request(verb, self._url + path, data=body, headers=headers) as answer:
                content = bytearray()
                async for piece in answer.content.iter_chunked(_PIECE):
                    content += piece
                    if len(content) > MAX_PAYLOAD_BYTES:
                        raise TemporaryError(
                            f"the DA server {self.name} answered with more than {MAX_PAYLOAD_BYTES >> 20} MiB"
                        )
                return answer.status, bytes(content)
        except TimeoutError as error:
            raise TemporaryError(f"the DA server {self.name} did not answer in time; check that it is up") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TemporaryError(
                f"the DA server {self.name} could not be reached ({error}); check --altda.da-server and that it is up"
            ) from error


def da_client(rollup: RollupConfig, url: str | None) -> DaClient | None:
    """The client that a chain needs: None for one that keeps its data on L1.

    Raises ValueError when a chain needs a server and none is named, or the other way round.
    """
    if rollup.alt_da is None:
        if url is not None:
            raise ValueError(
                "--altda.da-server is for chains whose rollup config has `alt_da`; this one keeps its data on L1"
            )
        return None
    if url is None:
        raise ValueError("this chain keeps its data outside L1 (alt_da): name a DA server with --altda.da-server URL")
    return DaClient(url, CommitmentType(rollup.alt_da.commitment_type))


def _excerpt(body: bytes) -> str:
    return " ".join(body[:160].decode("utf-8", "replace").split()) or "no reason given"
