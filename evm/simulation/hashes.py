"""Hashes of the ancestors of simulated blocks: simulated ones, and below them those of the chain."""

from evm.engine.block_hashes import AncestorHashes, HeaderSource
from evm.types import Hash32, Header


class SimulatedHashes:
    """Answers BLOCKHASH."""

    def __init__(self, headers: HeaderSource, base: Header) -> None:
        self._below = AncestorHashes(headers, base)
        self._base = base.number
        self._simulated: dict[int, Hash32] = {}

    def add(self, header: Header) -> None:
        """A simulated block is done."""
        self._simulated[header.number] = header.hash

    def __call__(self, number: int) -> Hash32 | None:
        """The hash of ancestor `number`; None for a number that is no ancestor's. Raises MissingAncestor."""
        return self._below(number) if number <= self._base else self._simulated.get(number)
