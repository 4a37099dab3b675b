"""The preimages of chains in memory: what a host serves to the program, made from blocks, receipts and blobs."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

from eth_hash.auto import keccak
from rlp import encode
from trie import HexaryTrie

from config.constants import BLOB_BYTES
from evm.types import Block, Receipt

_FIELD_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
_ELEMENTS = BLOB_BYTES // 32


def _points() -> list[bytes]:
    """The evaluation points of a blob's elements, by index. Spec: consensus-specs deneb, polynomial-commitments."""
    root = pow(7, (_FIELD_ORDER - 1) // _ELEMENTS, _FIELD_ORDER)
    bits = _ELEMENTS.bit_length() - 1
    return [
        pow(root, int(f"{index:0{bits}b}"[::-1], 2), _FIELD_ORDER).to_bytes(32, "big") for index in range(_ELEMENTS)
    ]


BLOB_POINTS = _points()


@lru_cache(maxsize=32)
def _element_keys(commitment: bytes) -> list[bytes]:
    """The oracle's keys of a blob's elements, by index."""
    return [b"\x05" + keccak(commitment + point)[1:] for point in BLOB_POINTS]


class Preimages:
    """A store of preimages by the oracle's keys; counts what it was asked for."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.asked: list[bytes] = []
        self.hints: list[str] = []
        self._tries: set[tuple[bytes, ...]] = set()
        self._blobs: set[bytes] = set()

    def __call__(self, key: bytes, hint: str) -> bytes | None:
        """What the library's callback asks."""
        self.asked.append(key)
        if not self.hints or self.hints[-1] != hint:
            self.hints.append(hint)
        return self.values.get(key)

    def add(self, value: bytes) -> bytes:
        """A value by its keccak256, which is returned."""
        digest = keccak(value)
        self.values[b"\x02" + digest[1:]] = value
        return bytes(digest)

    def add_local(self, number: int, value: bytes) -> None:
        """Local data of the game."""
        self.values[b"\x01" + number.to_bytes(31, "big")] = value

    def add_list(self, items: Sequence[bytes]) -> None:
        """The nodes of a list's trie."""
        key = tuple(items)
        if key in self._tries:
            return
        self._tries.add(key)
        trie = HexaryTrie(db={})
        for index, item in enumerate(items):
            trie[encode(index)] = item
        for node in trie.db.values():
            self.add(node)

    def add_block(self, block: Block, receipts: Iterable[Receipt] = ()) -> None:
        """A block's header, transactions and receipts."""
        assert self.add(block.header.encode()) == block.hash
        self.add_list([tx.raw for tx in block.transactions])
        self.add_list([receipt.encode() for receipt in receipts])

    def add_blob(self, versioned_hash: bytes, blob: bytes, commitment: bytes | None = None) -> None:
        """A blob, element by element. Without a commitment it gets one that stands in for it, by its number in the store."""
        if versioned_hash in self._blobs:
            return
        commitment = commitment or hashlib.sha512(b"blob %d" % len(self._blobs)).digest()[:48]
        self._blobs.add(versioned_hash)
        self.values[b"\x04" + versioned_hash[1:]] = commitment
        for index, key in enumerate(_element_keys(commitment)):
            self.values[key] = blob[32 * index : 32 * index + 32]
