"""The answer to a request for the payload of a block: a result, a version, and the payload in snappy's framing.

Spec: op rollup-node-p2p, "payload_by_number".
"""

from dataclasses import dataclass

import cramjam

from config.rollup import RollupConfig
from evm.execution_payload import ExecutionPayload
from evm.payload_message import MAX_MESSAGE_BYTES
from evm.payload_ssz import PayloadVersion, decode_payload, encode_payload
from evm.types import Block
from node.unsafe.validation import UnsafeBlock, check_payload

SUCCESS, UNAVAILABLE, INVALID = 0, 1, 2


@dataclass(frozen=True)
class PayloadAnswer:
    """`body` is compressed, and empty unless `result` is SUCCESS."""

    result: int
    version: int = 0
    body: bytes = b""


def answer_with(block: Block) -> PayloadAnswer:
    """A block as an answer.

    From Isthmus on the spec has version 2; op-node writes and reads 1 for these, so that is what others understand.
    """
    payload = ExecutionPayload.of(block)
    version = int(PayloadVersion.of(payload).has_root_in_front)
    return PayloadAnswer(SUCCESS, version, bytes(cramjam.snappy.compress(encode_payload(payload))))


def read_answer(answer: PayloadAnswer, number: int, rollup: RollupConfig) -> UnsafeBlock | None:
    """The block of an answer, its hash checked, without a signature; None when the peer does not have it.

    Raises ValueError when it is not what was asked for.
    """
    if answer.result == UNAVAILABLE:
        return None
    if answer.result != SUCCESS:
        raise ValueError(f"the request for block {number} was answered with the error {answer.result}")
    expected = PayloadVersion.at(rollup.forks, rollup.timestamp_of(number))
    if answer.version not in ((1, 2) if expected.has_root_in_front else (0,)):
        raise ValueError(f"block {number} came in version {answer.version}, which blocks of its time are not of")
    encoded = _decompress(answer.body)
    payload = decode_payload(encoded, expected)
    if payload.number != number:
        raise ValueError(f"block {number} was asked for, block {payload.number} came")
    return UnsafeBlock(check_payload(payload, rollup), None, len(encoded))


def _decompress(body: bytes) -> bytes:
    contents = bytearray(MAX_MESSAGE_BYTES)
    try:
        length = cramjam.snappy.decompress_into(body, contents)
    except cramjam.DecompressionError as error:
        raise ValueError(
            f"the payload is not in snappy's framing, or larger than {MAX_MESSAGE_BYTES} bytes: {error}"
        ) from error
    return bytes(contents[:length])
