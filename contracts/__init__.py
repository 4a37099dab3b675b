"""The chain's contracts: Solidity sources (`src/`), the artifacts they compile to, and the Python door to them."""

from contracts.artifacts import Artifact, ArtifactError, ByteRange, StorageVariable, artifact_names, load_artifact

__all__ = ["Artifact", "ArtifactError", "ByteRange", "StorageVariable", "artifact_names", "load_artifact"]
