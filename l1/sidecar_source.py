"""Sidecars for the transaction manager: of the version that L1 accepts at its head."""

from config.l1_chain import L1ChainConfig
from l1.candidate import TxCandidate
from l1.kzg import KzgError, KzgWorker
from l1.send_error import SendErrorKind, send_error
from l1.sidecar import BlobSidecar, SidecarVersion


class SidecarSource:
    """Builds sidecars in the KZG worker."""

    def __init__(self, kzg: KzgWorker | None, version: SidecarVersion | None, l1_chain: L1ChainConfig | None) -> None:
        """`version`, where given, holds always; else the L1 chain's fork schedule decides."""
        self._kzg = kzg
        self._version = version
        self._l1_chain = l1_chain

    @property
    def can_build(self) -> bool:
        """Whether blobs can be sent at all."""
        return self._kzg is not None

    def version_at(self, timestamp: int) -> SidecarVersion:
        """What nodes accept at an L1 timestamp. Raises ValueError when neither version nor fork schedule is known."""
        if self._version is not None:
            return self._version
        if self._l1_chain is None:
            raise ValueError("sending blobs needs the L1 chain's fork schedule or a sidecar version")
        return SidecarVersion.at(self._l1_chain.fork_at(timestamp))

    async def build(self, candidate: TxCandidate, version: SidecarVersion) -> BlobSidecar:
        """The candidate's sidecar. Raises SendError for a malformed blob, ValueError without a KZG worker."""
        if self._kzg is None:
            raise ValueError("sending blobs needs a KZG worker")
        try:
            return await self._kzg.build_sidecar(candidate.blobs, version)
        except KzgError as error:
            raise send_error(SendErrorKind.REJECTED, candidate, str(error)) from error

    async def for_candidate(self, candidate: TxCandidate, timestamp: int) -> BlobSidecar | None:
        """The candidate's sidecar at an L1 timestamp; None without blobs. Raises like `build` and `version_at`."""
        return await self.build(candidate, self.version_at(timestamp)) if candidate.blobs else None

    async def refreshed(
        self, candidate: TxCandidate, sidecar: BlobSidecar | None, timestamp: int
    ) -> BlobSidecar | None:
        """The same sidecar, or one of another version when a fork has changed what nodes accept."""
        if sidecar is None or sidecar.version is self.version_at(timestamp):
            return sidecar
        return await self.for_candidate(candidate, timestamp)
