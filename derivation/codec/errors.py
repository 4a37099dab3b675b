"""What a decoder says when bytes from L1 are not what they should be. Derivation drops such data by rule."""


class DecodingError(ValueError):
    """Bytes that do not follow their format; the message says what is wrong where."""


class BlobError(DecodingError):
    """A blob that carries no rollup data in the encoding of the spec."""


class FrameError(DecodingError):
    """A batcher transaction whose payload is not a sequence of frames."""


class ChannelError(DecodingError):
    """A channel that cannot be decompressed, or not be read any further."""


class BatchError(DecodingError):
    """A batch of unknown version or with malformed contents."""


class CommitmentError(DecodingError):
    """A commitment of unknown type or wrong length."""
