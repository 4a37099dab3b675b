"""Hashes of a block's ancestors, for BLOCKHASH."""

from typing import Protocol

from config.errors import CriticalError
from evm.types import Hash32, Header, short


class HeaderSource(Protocol):
    """Finds headers, of any branch."""

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """The header, or None when it is not known."""
        ...


class MissingAncestor(CriticalError):
    """A header that BLOCKHASH needs is not there: the result of the block would be a guess."""


class AncestorHashes:
    """Walks back from `parent` as far as is asked for, and remembers the way."""

    def __init__(self, headers: HeaderSource, parent: Header) -> None:
        self._headers = headers
        self._hashes = {parent.number: parent.hash, parent.number - 1: parent.parent_hash}
        self._oldest = parent.number - 1

    @classmethod
    def below(cls, headers: HeaderSource, header: Header) -> "AncestorHashes":
        """The ancestors that code running in `header`'s own block sees."""
        result = cls(headers, header)
        del result._hashes[header.number]
        return result

    def __call__(self, number: int) -> Hash32 | None:
        """The hash of ancestor `number`; None for a number that is no ancestor's. Raises MissingAncestor."""
        if number < 0:
            return None
        while number < self._oldest:
            known = self._hashes[self._oldest]
            header = self._headers.header_by_hash(known)
            if header is None:
                raise MissingAncestor(
                    f"header {self._oldest} ({short(known)}) is missing, so the hash of block {number} is unknown: "
                    "restore the data directory or rebuild the chain from L1"
                )
            self._oldest -= 1
            self._hashes[self._oldest] = header.parent_hash
        return self._hashes.get(number)
