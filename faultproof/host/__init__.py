"""The host of a fault-proof run: serves every preimage that the program asks for.

L1 data come from an L1 RPC and a beacon node, L2 data from the own node, local data from the dispute, results of
precompiled contracts are computed. Doors: `RpcHost`, `recorded`.
"""

from pathlib import Path

from faultproof.host.rpc_host import HostEndpoints, RpcHost, RunFacts
from faultproof.preimage import PreimageSource, RecordingSource

__all__ = ["HostEndpoints", "RpcHost", "RunFacts", "recorded"]


def recorded(source: PreimageSource, directory: Path | None) -> PreimageSource:
    """The source, with a directory that is asked first and keeps every answer; without one as it is.

    What a run has left in a directory is all that the same run needs: `DirectorySource` serves it without any endpoint.
    """
    return source if directory is None else RecordingSource(source, directory)
