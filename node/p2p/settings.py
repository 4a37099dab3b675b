"""How a node takes part in the peer-to-peer network, and its network identity on disk."""

import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import coincurve
import orjson

from config.errors import CriticalError
from config.rollup import RollupConfig
from evm.payload_ssz import PayloadVersion

DEFAULT_PORT = 9222
"""op-node's."""
KEY_BYTES = 32
KEY_FILE = "p2p_priv.txt"


@dataclass(frozen=True)
class P2pSettings:
    """`port` 0 picks a free one. `advertise_ip`: the address that peers are told, where it is not the one listened on.

    `static` are multiaddresses with a peer id at their end (`/ip4/10.0.0.1/tcp/9222/p2p/16Uiu2...`), which are dialled until
    they answer, and again when they are lost. There is no discovery.
    """

    key: Path
    listen_ip: str = "0.0.0.0"
    port: int = DEFAULT_PORT
    advertise_ip: str | None = None
    static: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for address in self.static:
            if "/p2p/" not in address:
                raise ValueError(
                    f"the static peer {address} has no peer id: write it as /ip4/10.0.0.1/tcp/{DEFAULT_PORT}/p2p/16Uiu2..."
                )


@dataclass(frozen=True)
class Setup:
    """All that the libp2p process is told at its start."""

    key: str
    """32 bytes, hex."""
    listen_ip: str
    port: int
    advertise_ip: str | None
    static: list[str]
    topics: list[str]
    request_protocol: str
    block_time: int
    """Seconds."""
    blocked: list[str] = field(default_factory=list)

    @staticmethod
    def of(settings: P2pSettings, key: bytes, rollup: RollupConfig) -> "Setup":
        """The set-up of a node of a chain."""
        return Setup(
            key=key.hex(),
            listen_ip=settings.listen_ip,
            port=settings.port,
            advertise_ip=settings.advertise_ip,
            static=list(settings.static),
            topics=[version.topic(rollup.l2_chain_id) for version in PayloadVersion],
            request_protocol=request_protocol(rollup.l2_chain_id),
            block_time=rollup.block_time,
        )

    def encode(self) -> bytes:
        """As JSON."""
        return orjson.dumps(asdict(self))

    @staticmethod
    def decode(data: bytes) -> "Setup":
        """From JSON."""
        fields: dict[str, Any] = orjson.loads(data)
        return Setup(**fields)


def request_protocol(chain_id: int) -> str:
    """The protocol by which payloads are asked for. Without the slash at the end that the spec has: so do all its
    implementations, and protocols are the same only if their names are.

    Spec: op rollup-node-p2p, "payload_by_number".
    """
    return f"/opstack/req/payload_by_number/{chain_id}/0"


def network_key(path: Path) -> bytes:
    """The secp256k1 key of the network identity, hex in a file as op-node has it; made when there is none.

    Raises CriticalError when the file holds no key.
    """
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return _make_key(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CriticalError(f"the p2p key in {path} cannot be read: {error}") from error
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
        if len(key) != KEY_BYTES:  # coincurve fills up what is shorter.
            raise ValueError(f"{len(key)} bytes")
        return bytes(coincurve.PrivateKey(key).secret)
    except ValueError as error:
        raise CriticalError(
            f"{path} holds no secp256k1 key (32 bytes in hex): put one there, or remove the file to have one made"
        ) from error


def _make_key(path: Path) -> bytes:
    key = bytes(coincurve.PrivateKey(secrets.token_bytes(KEY_BYTES)).secret)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(key.hex() + "\n")
    return key
