"""Gossiped messages: signature and payload, compressed as one snappy block.

Spec: op rollup-node-p2p, "Block encoding", "Message compression and limits".
"""

from dataclasses import dataclass
from functools import cached_property

import cramjam

from config.types import Address
from evm.execution_payload import ExecutionPayload
from evm.payload_signature import SIGNATURE_BYTES, payload_signer, sign_payload
from evm.payload_ssz import PayloadVersion, decode_payload, encode_payload

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
"""Of a message, compressed as well as decompressed."""


@dataclass(frozen=True)
class SignedPayload:
    """A payload as it was signed: the signature (65 bytes) and the bytes that it is over."""

    signature: bytes
    encoded: bytes
    version: PayloadVersion

    @cached_property
    def payload(self) -> ExecutionPayload:
        """The payload. Raises ValueError when the bytes are none of the version; `decode_message` has looked already."""
        return decode_payload(self.encoded, self.version)

    def signer(self, chain_id: int) -> Address:
        """Who signed it. Raises InvalidSignature when nobody can have."""
        return payload_signer(self.signature, self.encoded, chain_id)

    @staticmethod
    def sign(payload: ExecutionPayload, private_key: bytes, chain_id: int) -> "SignedPayload":
        """Sign a payload with a 32-byte key."""
        encoded = encode_payload(payload)
        return SignedPayload(sign_payload(private_key, encoded, chain_id), encoded, PayloadVersion.of(payload))

    def message(self) -> bytes:
        """The bytes that go over the wire. Raises ValueError when the payload is larger than gossip takes."""
        raw = self.signature + self.encoded
        if len(raw) > MAX_MESSAGE_BYTES:
            raise ValueError(
                f"block {self.payload.number} is {len(raw)} bytes long, gossip takes {MAX_MESSAGE_BYTES}: others learn of it "
                "from L1"
            )
        return bytes(cramjam.snappy.compress_raw(raw))


def decompress(data: bytes, limit: int = MAX_MESSAGE_BYTES) -> bytes:
    """A snappy block's contents, at most `limit` bytes: that is known before anything is decompressed.

    Raises ValueError when it is none, or larger.
    """
    if len(data) > limit:
        raise ValueError(f"the message has {len(data)} bytes, at most {limit} may be")
    length = _announced_length(data)
    if length > limit:
        raise ValueError(f"the message says that it decompresses to {length} bytes, at most {limit} may be")
    contents = bytearray(length)
    try:
        written = cramjam.snappy.decompress_raw_into(data, contents)
    except cramjam.DecompressionError as error:
        raise ValueError(f"the message is no snappy block: {error}") from error
    if written != length:
        raise ValueError(f"the message says that it decompresses to {length} bytes, but has {written}")
    return bytes(contents)


def _announced_length(data: bytes) -> int:
    """The length in front of a snappy block, a varint of at most 32 bits."""
    length = 0
    for index, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if length >= 1 << 32:
                break
            return length
    raise ValueError("the message is no snappy block: it does not start with a length")


def decode_message(data: bytes, version: PayloadVersion) -> SignedPayload:
    """Take a message of a topic apart. Raises ValueError when compression or encoding are not valid."""
    return split_message(decompress(data), version)


def split_message(raw: bytes, version: PayloadVersion) -> SignedPayload:
    """The same for a message that is decompressed already."""
    if len(raw) <= SIGNATURE_BYTES:
        raise ValueError(f"the message has {len(raw)} bytes: too few for a signature and a payload")
    signed = SignedPayload(raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:], version)
    # A payload that cannot be read is an error here, not where it is first looked at.
    _ = signed.payload
    return signed
