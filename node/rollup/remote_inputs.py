"""Inputs kept outside L1, as derivation reads them: look-ups in what has been fetched, and the fetching."""

from typing import Protocol

from config.errors import TemporaryError
from config.types import Hash32
from derivation.codec.commitment import Commitment
from derivation.providers import DataKind, Missing, NotYetAvailable
from derivation.types import L1BlockRef
from l1.cache import LruCache


class InputSource(Protocol):
    """Whoever has the inputs: `node.alt_da.DaClient`."""

    async def load(self, commitment: Commitment) -> bytes: ...


class FetchedInputs:
    """derivation's source of inputs over a DA client."""

    def __init__(self, source: InputSource) -> None:
        self._source = source
        self._inputs: LruCache[tuple[Hash32, bytes], bytes] = LruCache(64)

    def remote_input(self, commitment: Commitment, origin: L1BlockRef) -> bytes:
        """See derivation.providers.RemoteInputs."""
        found = self._inputs.get((origin.hash, commitment.encode()))
        if found is None:
            raise NotYetAvailable(Missing(DataKind.REMOTE_INPUT, origin.number, origin.hash, commitment=commitment))
        return found

    async def fetch(self, missing: Missing) -> None:
        """Get what derivation asked for. Raises TemporaryError, naming the L1 block that holds the commitment."""
        if missing.commitment is None or missing.hash is None:
            raise ValueError(f"{missing} is no input kept outside L1")
        try:
            content = await self._source.load(missing.commitment)
        except TemporaryError as error:
            raise TemporaryError(f"L1 block {missing.number} holds a commitment: {error}") from error
        self._inputs.put((missing.hash, missing.commitment.encode()), content)
