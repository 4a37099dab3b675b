"""The preimage oracle's data: keys, and where preimages come from. Spec: op-stack fault proof, "Pre-image oracle"."""

from faultproof.preimage.keys import (
    InvalidPreimage,
    KeyType,
    blob_key,
    check_preimage,
    keccak256_key,
    key_type,
    local_key,
    precompile_key,
    sha256_key,
)
from faultproof.preimage.sources import (
    DirectorySource,
    MemorySource,
    MissingPreimage,
    PreimageSource,
    RecordingSource,
)

__all__ = [
    "DirectorySource",
    "InvalidPreimage",
    "KeyType",
    "MemorySource",
    "MissingPreimage",
    "PreimageSource",
    "RecordingSource",
    "blob_key",
    "check_preimage",
    "keccak256_key",
    "key_type",
    "local_key",
    "precompile_key",
    "sha256_key",
]
