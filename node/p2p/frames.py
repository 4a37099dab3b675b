"""What the node and its libp2p process say to each other, over a pair of pipes.

A frame is its length (4 bytes, big-endian), then kind and code (a byte each), ticket and number (8 bytes each), the length of
the text (2 bytes), the text, and the body. A ticket ties an answer to its question; the side that asks chooses it.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from evm.payload_message import MAX_MESSAGE_BYTES

_HEAD = struct.Struct(">BBQQH")
_LENGTH = struct.Struct(">I")
MAX_TEXT_BYTES = 0xFFFF
MAX_FRAME_BYTES = MAX_MESSAGE_BYTES + MAX_TEXT_BYTES + 64
"""A message of the largest size with everything around it."""


class Kind(IntEnum):
    """What a frame is about, and what its fields mean then; fields that are not named are empty."""

    SETUP = 1
    """To the process, first: `body` is JSON (`node.p2p.settings`)."""
    READY = 2
    """From the process: it listens; `text` is the peer id, `body` the addresses, JSON."""
    PUBLISH = 3
    """To the process: gossip `body` on topic `code` (its place in the settings)."""
    MESSAGE = 4
    """From the process: peer `text` has sent `body` on topic `code`; to be judged under `ticket`."""
    VERDICT = 5
    """To the process: the message of `ticket` is to be treated as `code` (`Judgement`)."""
    WANTED = 6
    """From the process: peer `text` asks for the payload of block `number`."""
    SERVE = 7
    """To the process: the answer to WANTED: result `code`, payload version `number`, `body` as it goes out."""
    ASK = 8
    """To the process: ask peer `text` for the payload of block `number`."""
    ANSWER = 9
    """From the process: what came of ASK: `code`, `number`, `body` as for SERVE; `text` says why there is none."""
    CALL = 10
    """To the process: do `text` (`connect`, `disconnect`, `block`, `unblock`) with the peer or address in `body`, or `peers`."""
    DONE = 11
    """From the process: CALL is done, `body` is the result, JSON; with `code` 1 it failed, and `text` says why."""
    STATUS = 13
    """From the process: the result of CALL `peers`, unasked, every other second."""
    LOG = 12
    """From the process: `text` is for the log, `code` its level."""


NO_ANSWER = 0xFF
"""Result of ANSWER when the peer gave none. Results of peers are below 128."""


class Judgement(IntEnum):
    """What becomes of a message. Spec: op rollup-node-p2p, "Topic validation"."""

    ACCEPT = 0
    IGNORE = 1
    REJECT = 2


@dataclass(frozen=True)
class Frame:
    """One frame; `Kind` says which fields mean what."""

    kind: Kind
    ticket: int = 0
    number: int = 0
    code: int = 0
    text: str = ""
    body: bytes = b""

    def encode(self) -> bytes:
        """The bytes. Raises ValueError when it is larger than a frame may be. Text that is too long is cut."""
        text = self.text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore").encode()
        length = _HEAD.size + len(text) + len(self.body)
        if length > MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {length} bytes is too large: at most {MAX_FRAME_BYTES} may be")
        head = _HEAD.pack(self.kind, self.code, self.ticket, self.number, len(text))
        return b"".join((_LENGTH.pack(length), head, text, self.body))


class FrameReader:
    """Cuts frames out of what comes through a pipe, in pieces of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises ValueError when the bytes are none; the pipe is of no use after that."""
        self._rest += data
        frames: list[Frame] = []
        start = 0
        while len(self._rest) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._rest, start)
            if not _HEAD.size <= length <= MAX_FRAME_BYTES:
                raise ValueError(f"a frame says it has {length} bytes: from {_HEAD.size} to {MAX_FRAME_BYTES} may be")
            end = start + _LENGTH.size + length
            if len(self._rest) < end:
                break
            frames.append(_decode(bytes(self._rest[start + _LENGTH.size : end])))
            start = end
        del self._rest[:start]
        return frames


def _decode(data: bytes) -> Frame:
    kind, code, ticket, number, text_length = _HEAD.unpack_from(data)
    body_at = _HEAD.size + text_length
    if body_at > len(data):
        raise ValueError(f"a frame of {len(data)} bytes says that its text has {text_length}")
    text = data[_HEAD.size : body_at].decode()
    return Frame(Kind(kind), ticket, number, code, text, data[body_at:])
