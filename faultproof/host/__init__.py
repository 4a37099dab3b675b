"""The host of a fault-proof run: serves every preimage that the program asks for.

L1 data come from an L1 RPC and a beacon node, L2 data from the own node, local data from the dispute, results of
precompiled contracts are computed. Doors: `RpcHost`, `run_source`.
"""

from pathlib import Path

from faultproof.game import BlobElement, PrecompileCall
from faultproof.host.rpc_host import HostEndpoints, HostSource, RpcHost, RunFacts
from faultproof.preimage import RecordingSource

__all__ = ["HostEndpoints", "HostSource", "RecordedRun", "RpcHost", "RunFacts", "run_source"]


class RecordedRun(RecordingSource):
    """A run's preimages, with a directory that is asked first and keeps every answer."""

    def __init__(self, source: HostSource, directory: Path) -> None:
        super().__init__(source, directory)
        self._host = source

    def evidence(self, key: bytes) -> BlobElement | PrecompileCall | None:
        """See `HostSource.evidence`."""
        return self._host.evidence(key)


def run_source(host: RpcHost, facts: RunFacts, directory: Path | None) -> HostSource | RecordedRun:
    """The preimages of one run, kept in a directory where there is one.

    What a run has left there is all that the same run needs: `DirectorySource` serves it without any endpoint.
    """
    source = host.source(facts, directory)
    return source if directory is None else RecordedRun(source, directory)
