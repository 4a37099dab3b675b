"""A batch with its version byte, as channels hold them."""

from typing import TypeAlias

from derivation.codec.errors import BatchError
from derivation.codec.singular_batch import SingularBatch
from derivation.codec.span_batch import SpanBatch, decode_span_batch, encode_span_batch

BATCH_VERSION_SINGULAR = 0
BATCH_VERSION_SPAN = 1

Batch: TypeAlias = SingularBatch | SpanBatch


def decode_batch(data: bytes, chain_id: int) -> Batch:
    """The batch in `data` (version byte and content); `chain_id` is the L2's, for span batch transactions.

    Raises BatchError for an unknown version or malformed contents. Spec: op derivation, "Batch Format".
    """
    if not data:
        raise BatchError("batch without a version byte")
    if data[0] == BATCH_VERSION_SINGULAR:
        return SingularBatch.decode(data[1:])
    if data[0] == BATCH_VERSION_SPAN:
        return decode_span_batch(data[1:], chain_id)
    raise BatchError(f"batch of unknown version {data[0]}")


def encode_batch(batch: Batch, chain_id: int) -> bytes:
    """Version byte and content. Raises BatchError when a span batch holds what the format cannot carry."""
    if isinstance(batch, SingularBatch):
        return bytes((BATCH_VERSION_SINGULAR,)) + batch.encode()
    return bytes((BATCH_VERSION_SPAN,)) + encode_span_batch(batch, chain_id)
