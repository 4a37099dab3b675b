"""The messages of pubsub on the wire: protobuf, each with its length in front.

Of the fields of a message only data and topic are ours to send: the spec's signature policy is StrictNoSign.
Spec: libp2p pubsub, "The RPC", "The Message", "Signature Policy Options"; gossipsub 1.0, "Control Messages"; gossipsub 1.1,
"Protobuf" (back-off of PRUNE).
"""

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STAMPS = frozenset((1, 3, 5, 6))
"""Fields of a message that say who it is from: from, seqno, signature, key."""


@dataclass(frozen=True)
class Message:
    """A published message. `stamped`: it says who it is from, which no message here may."""

    topic: str
    data: bytes
    stamped: bool = False


@dataclass(frozen=True)
class Rpc:
    """What two peers tell each other at once.

    `subscriptions` are (topic, whether it begins), `ihave` (topic, message ids), `prune` (topic, seconds of back-off; 0 when
    nothing is said of it).
    """

    subscriptions: tuple[tuple[str, bool], ...] = ()
    messages: tuple[Message, ...] = ()
    ihave: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    iwant: tuple[bytes, ...] = ()
    graft: tuple[str, ...] = ()
    prune: tuple[tuple[str, int], ...] = ()

    @property
    def is_control(self) -> bool:
        """Whether it is without messages, and so small and worth more than they are when not all can be sent."""
        return not self.messages


def encode(rpc: Rpc) -> bytes:
    """The protobuf bytes, without a length in front."""
    out = bytearray()
    for topic, begins in rpc.subscriptions:
        out += _field(1, _number(1, int(begins)) + _field(2, topic.encode()))
    for message in rpc.messages:
        out += _field(2, _field(2, message.data) + _field(4, message.topic.encode()))
    control = bytearray()
    for topic, ids in rpc.ihave:
        control += _field(1, _field(1, topic.encode()) + b"".join(_field(2, one) for one in ids))
    if rpc.iwant:
        control += _field(2, b"".join(_field(1, one) for one in rpc.iwant))
    for topic in rpc.graft:
        control += _field(3, _field(1, topic.encode()))
    for topic, backoff in rpc.prune:
        control += _field(4, _field(1, topic.encode()) + (_number(3, backoff) if backoff else b""))
    if control:
        out += _field(3, bytes(control))
    return bytes(out)


def decode(data: bytes) -> Rpc:
    """Read an RPC. Fields that are not known here are passed over. Raises ValueError when it is no protobuf of this shape."""
    subscriptions: list[tuple[str, bool]] = []
    messages: list[Message] = []
    ihave: list[tuple[str, tuple[bytes, ...]]] = []
    iwant: list[bytes] = []
    graft: list[str] = []
    prune: list[tuple[str, int]] = []
    for number, value in _fields(data):
        if number == 1:
            begins, topic = False, ""
            for inner, part in _fields(_bytes(value)):
                if inner == 1:
                    begins = bool(_int(part))
                elif inner == 2:
                    topic = _text(part)
            subscriptions.append((topic, begins))
        elif number == 2:
            messages.append(_message(_bytes(value)))
        elif number == 3:
            for kind, part in _fields(_bytes(value)):
                if kind == 1:
                    topic, ids = "", []
                    for inner, item in _fields(_bytes(part)):
                        if inner == 1:
                            topic = _text(item)
                        elif inner == 2:
                            ids.append(_bytes(item))
                    ihave.append((topic, tuple(ids)))
                elif kind == 2:
                    iwant += [_bytes(item) for inner, item in _fields(_bytes(part)) if inner == 1]
                elif kind == 3:
                    graft += [_text(item) for inner, item in _fields(_bytes(part)) if inner == 1]
                elif kind == 4:
                    topic, backoff = "", 0
                    for inner, item in _fields(_bytes(part)):
                        if inner == 1:
                            topic = _text(item)
                        elif inner == 3:
                            backoff = _int(item)
                    prune.append((topic, backoff))
    return Rpc(tuple(subscriptions), tuple(messages), tuple(ihave), tuple(iwant), tuple(graft), tuple(prune))


def varint(value: int) -> bytes:
    """A number as protobuf and libp2p write it: seven bits per byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _message(data: bytes) -> Message:
    topic, content, stamped = "", b"", False
    for number, value in _fields(data):
        if number == 2:
            content = _bytes(value)
        elif number == 4:
            topic = _text(value)
        elif number in _STAMPS:
            stamped = True
    return Message(topic, content, stamped)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | _BYTES) + varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return varint(number << 3 | _VARINT) + varint(value)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("a protobuf field has the number 0")
        if kind == _VARINT:
            value, position = _read_varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"protobuf field {number} is of kind {kind}, which there is not")
        if length > len(data) - position:
            raise ValueError(f"protobuf field {number} says it has {length} bytes, {len(data) - position} are left")
        yield number, data[position : position + length]
        position += length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if position + index >= len(data):
            raise ValueError("the bytes end within a number")
        byte = data[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + index + 1
    raise ValueError("a number has more than ten bytes")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a protobuf field holds a number where bytes belong")
    return value


def _int(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("a protobuf field holds bytes where a number belongs")
    return value


def _text(value: int | bytes) -> str:
    # UnicodeDecodeError is a ValueError.
    return _bytes(value).decode()
