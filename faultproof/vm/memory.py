"""The VM's memory: 2^32 bytes under a Merkle tree of 32-byte leaves, kept as pages or known through proofs only."""

from collections.abc import Iterator
from typing import Protocol

from evm.types import Hash32, keccak256

MEMORY_SIZE = 1 << 32
LEAF_SIZE = 32
DEPTH = 27
PROOF_SIZE = LEAF_SIZE * (DEPTH + 1)

PAGE_SIZE = 4096
PAGE_COUNT = MEMORY_SIZE // PAGE_SIZE
PAGE_DEPTH = 7
LEAVES_PER_PAGE = PAGE_SIZE // LEAF_SIZE


def _zero_nodes() -> list[bytes]:
    nodes = [bytes(LEAF_SIZE)]
    for _ in range(DEPTH):
        nodes.append(keccak256(nodes[-1] * 2))
    return nodes


ZERO_NODES = _zero_nodes()
"""Roots of subtrees of zeros by level."""


class InvalidProof(ValueError):
    """A leaf proof that does not lead to the memory root, or of the wrong length."""


class LeafMemory(Protocol):
    """What a step needs of a memory."""

    def read_leaf(self, index: int) -> bytes:
        """The 32 bytes of a leaf."""

    def write_leaf(self, index: int, leaf: bytes) -> None:
        """Replaces a leaf."""

    def root(self) -> Hash32:
        """The Merkle root. Spec: docs/fpvm.md, section 2"""


def climb(leaf: bytes, index: int, siblings: bytes) -> Hash32:
    """The node over a leaf that its siblings, lowest first, lead to: the root when there are 27 of them."""
    node = leaf
    for level in range(len(siblings) // LEAF_SIZE):
        sibling = siblings[level * LEAF_SIZE : (level + 1) * LEAF_SIZE]
        node = keccak256(sibling + node if index >> level & 1 else node + sibling)
    return Hash32(node)


class SparseMemory:
    """The whole memory; pages that were never written are zero and take no room."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        # Heap order as in the Zig machine: root at 1, page p at PAGE_COUNT + p. A missing node is over zeros only.
        self._nodes: dict[int, bytes] = {}
        self._changed: set[int] = set()

    def read_leaf(self, index: int) -> bytes:
        """The 32 bytes of a leaf."""
        page = self._pages.get(index // LEAVES_PER_PAGE)
        at = index % LEAVES_PER_PAGE * LEAF_SIZE
        return bytes(page[at : at + LEAF_SIZE]) if page else bytes(LEAF_SIZE)

    def write_leaf(self, index: int, leaf: bytes) -> None:
        """Replaces a leaf."""
        self.write(index * LEAF_SIZE, leaf)

    def read(self, address: int, size: int) -> bytes:
        """Bytes of a range within memory. Raises ValueError when it is not."""
        _check_range(address, size)
        out = bytearray()
        while len(out) < size:
            number, at = divmod(address + len(out), PAGE_SIZE)
            count = min(size - len(out), PAGE_SIZE - at)
            page = self._pages.get(number)
            out += page[at : at + count] if page else bytes(count)
        return bytes(out)

    def write(self, address: int, data: bytes) -> None:
        """Writes a range within memory. Raises ValueError when it is not."""
        _check_range(address, len(data))
        done = 0
        while done < len(data):
            number, at = divmod(address + done, PAGE_SIZE)
            count = min(len(data) - done, PAGE_SIZE - at)
            self._pages.setdefault(number, bytearray(PAGE_SIZE))[at : at + count] = data[done : done + count]
            self._changed.add(number)
            done += count

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of every page that is not zero throughout, in order."""
        for number in sorted(self._pages):
            if any(self._pages[number]):
                yield number, bytes(self._pages[number])

    def root(self) -> Hash32:
        """The Merkle root; only pages that were written since the last call are hashed."""
        indices = set()
        for number in self._changed:
            self._nodes[PAGE_COUNT + number] = self._page_tree(number)[1]
            indices.add((PAGE_COUNT + number) // 2)
        self._changed.clear()
        for level in range(PAGE_DEPTH + 1, DEPTH + 1):
            for index in indices:
                pair = self._node(2 * index, level - 1) + self._node(2 * index + 1, level - 1)
                self._nodes[index] = keccak256(pair)
            indices = {index // 2 for index in indices}
        return Hash32(self._node(1, DEPTH))

    def leaf_proof(self, address: int) -> bytes:
        """The proof of the leaf that holds an address, 896 bytes. Spec: docs/fpvm.md, section 2"""
        self.root()
        number = address // PAGE_SIZE
        tree = self._page_tree(number)
        index = LEAVES_PER_PAGE + address % PAGE_SIZE // LEAF_SIZE
        parts = [tree[index]]
        while index > 1:
            parts.append(tree[index ^ 1])
            index //= 2
        index = PAGE_COUNT + number
        while index > 1:
            parts.append(self._node(index ^ 1, len(parts) - 1))
            index //= 2
        return b"".join(parts)

    def _node(self, index: int, level: int) -> bytes:
        return self._nodes.get(index, ZERO_NODES[level])

    def _page_tree(self, number: int) -> list[bytes]:
        first = number * LEAVES_PER_PAGE
        tree = [b""] * LEAVES_PER_PAGE + [self.read_leaf(first + leaf) for leaf in range(LEAVES_PER_PAGE)]
        for index in range(LEAVES_PER_PAGE - 1, 0, -1):
            tree[index] = keccak256(tree[2 * index] + tree[2 * index + 1])
        return tree


def _check_range(address: int, size: int) -> None:
    if not 0 <= address <= MEMORY_SIZE - size:
        raise ValueError(f"{size} bytes at {address:#x} are not within the VM's memory of 2^32 bytes")


class ProvenMemory:
    """A memory of which only a root is known and, proof after proof, the leaves that a step touches, as on L1.

    Leaves must be asked for in the order of their proofs.
    """

    def __init__(self, root: Hash32, proofs: bytes) -> None:
        self._root = root
        self._proofs = proofs
        self._siblings: dict[int, bytes] = {}

    @property
    def unused(self) -> int:
        """Bytes of proofs that no access has asked for."""
        return len(self._proofs)

    def read_leaf(self, index: int) -> bytes:
        """The leaf that the next proof shows. Raises InvalidProof when it does not lead to the root."""
        if len(self._proofs) < PROOF_SIZE:
            raise InvalidProof(f"the step needs a proof of leaf {index:#x}, and {len(self._proofs)} bytes are left")
        proof, self._proofs = self._proofs[:PROOF_SIZE], self._proofs[PROOF_SIZE:]
        leaf, siblings = proof[:LEAF_SIZE], proof[LEAF_SIZE:]
        if climb(leaf, index, siblings) != self._root:
            raise InvalidProof(f"the proof of leaf {index:#x} does not lead to the memory root")
        self._siblings = {index: siblings}
        return leaf

    def write_leaf(self, index: int, leaf: bytes) -> None:
        """Replaces the leaf that was read last."""
        self._root = climb(leaf, index, self._siblings[index])

    def root(self) -> Hash32:
        """The root after what was written."""
        return self._root
