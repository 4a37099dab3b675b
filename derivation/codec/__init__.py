"""The wire formats of batch data, both directions: blobs, frames, channels, singular and span batches.

Pure functions over bytes. Everything that L1 can carry is possible input: a decoder either returns a value or raises
a `DecodingError` that says what is wrong where, and never takes more memory than the protocol's limits allow.
Spec: op derivation, "Batch Submission Wire Format".
"""

from derivation.codec.batch import BATCH_VERSION_SINGULAR, BATCH_VERSION_SPAN, Batch, decode_batch, encode_batch
from derivation.codec.blob import decode_blob, encode_blob
from derivation.codec.channel import (
    ChannelDecoder,
    Compression,
    batches_to_rlp,
    compress_channel,
    compression_of,
)
from derivation.codec.commitment import Commitment, CommitmentType
from derivation.codec.errors import (
    BatchError,
    BlobError,
    ChannelError,
    CommitmentError,
    DecodingError,
    FrameError,
)
from derivation.codec.frames import (
    FRAME_FIXED_BYTES,
    Frame,
    encode_batcher_transaction,
    parse_batcher_transaction,
    read_frames,
)
from derivation.codec.singular_batch import SingularBatch
from derivation.codec.span_batch import SpanBatch, SpanBlock, decode_span_batch, encode_span_batch, make_span_batch

__all__ = [
    "BATCH_VERSION_SINGULAR",
    "BATCH_VERSION_SPAN",
    "FRAME_FIXED_BYTES",
    "Batch",
    "BatchError",
    "BlobError",
    "ChannelDecoder",
    "ChannelError",
    "Commitment",
    "CommitmentError",
    "CommitmentType",
    "Compression",
    "DecodingError",
    "Frame",
    "FrameError",
    "SingularBatch",
    "SpanBatch",
    "SpanBlock",
    "batches_to_rlp",
    "compress_channel",
    "compression_of",
    "decode_batch",
    "decode_blob",
    "decode_span_batch",
    "encode_batch",
    "encode_batcher_transaction",
    "encode_blob",
    "encode_span_batch",
    "make_span_batch",
    "parse_batcher_transaction",
    "read_frames",
]
