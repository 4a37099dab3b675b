"""The id under which a gossiped message is known."""

import hashlib

from evm.payload_message import decompress

_VALID_SNAPPY = b"\x01\x00\x00\x00"
_INVALID_SNAPPY = b"\x00\x00\x00\x00"
ID_BYTES = 20


def message_id(topic: str, data: bytes) -> bytes:
    """20 bytes: the hash of topic and decompressed contents, or of the data as it is when it is not valid snappy.

    The topic counts, as on L1 since Altair and in op-node. Spec: op rollup-node-p2p, "Message ID computation"; consensus specs,
    altair p2p-interface, "Topics and messages".
    """
    try:
        domain, contents = _VALID_SNAPPY, decompress(data)
    except ValueError:
        domain, contents = _INVALID_SNAPPY, data
    name = topic.encode()
    return hashlib.sha256(domain + len(name).to_bytes(8, "little") + name + contents).digest()[:ID_BYTES]
