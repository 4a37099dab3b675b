"""Checking Merkle proofs that somebody else made."""

from collections.abc import Sequence

from config.types import Hash32, short, to_hex
from evm.trie.nodes import BRANCH_WIDTH, NIBBLE, Node
from evm.types.hashing import keccak256
from evm.types.rlp import Rlp, decode, encode


def verify_proof(root: Hash32, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """What the trie with this root holds under `key`, shown by `proof` (nodes from the root on): the value, or None.

    Raises ValueError when the proof does not show it: a node with another hash, a malformed or missing node, or nodes
    left over. Spec: EIP-1186.
    """
    walk = _Walk(key, proof)
    if not proof:
        if root != keccak256(b"\x80"):
            raise ValueError(f"proof of key {to_hex(key)}: no nodes, but the root {short(root)} is not that of nothing")
        return None
    value = walk.descend(decode(walk.take(root)), 0)
    if walk.taken != len(proof):
        raise ValueError(f"proof of key {to_hex(key)}: {len(proof) - walk.taken} nodes more than the way to it needs")
    return value


class _Walk:
    def __init__(self, key: bytes, proof: Sequence[bytes]) -> None:
        self._path = key.hex()
        self._proof = proof
        self.taken = 0

    def take(self, expected: bytes) -> bytes:
        """The next node, which must have this hash."""
        if self.taken == len(self._proof):
            raise self._error(f"ends before node {to_hex(expected)}")
        raw = self._proof[self.taken]
        if keccak256(raw) != expected:
            raise self._error(f"node {self.taken} has hash {to_hex(keccak256(raw))}, expected {to_hex(expected)}")
        self.taken += 1
        return raw

    def descend(self, node: Rlp, depth: int) -> bytes | None:
        """The value below `node`, which lies at this depth (nibbles) of the path."""
        while node:
            fields = self._checked(node)
            if len(fields) == BRANCH_WIDTH:
                if depth == len(self._path):
                    return self._bytes(fields[16]) or None
                child = fields[NIBBLE[self._path[depth]]]
                depth += 1
            else:
                part, ends = self._part(fields[0])
                if ends:
                    return self._bytes(fields[1]) if self._path[depth:] == part else None
                if not self._path.startswith(part, depth):
                    return None
                depth += len(part)
                child = fields[1]
                if not child:
                    raise self._error("an extension leads nowhere")
            node = self._resolve(child)
        return None

    def _resolve(self, child: Rlp) -> Rlp:
        if isinstance(child, bytes):
            if not child:
                return child
            if len(child) != 32:
                raise self._error(f"a child reference has {len(child)} bytes")
            return decode(self.take(child))
        if len(encode(child)) >= 32:
            raise self._error("a node of 32 bytes or more is embedded")
        return child

    def _checked(self, node: Rlp) -> Node:
        if not isinstance(node, list) or len(node) not in (2, BRANCH_WIDTH):
            raise self._error("contains something that is no trie node")
        return node

    def _part(self, packed: Rlp) -> tuple[str, bool]:
        digits = self._bytes(packed).hex()
        flag = digits[:1]
        if flag in ("1", "3"):
            part = digits[1:]
        elif digits[:2] in ("00", "20"):
            part = digits[2:]
        else:
            raise self._error("a node has a malformed path")
        if not part and flag == "0":
            raise self._error("an extension has no path")
        return part, flag in ("2", "3")

    def _bytes(self, item: Rlp) -> bytes:
        if not isinstance(item, bytes):
            raise self._error("a node holds a list where bytes belong")
        return item

    def _error(self, what: str) -> ValueError:
        return ValueError(f"proof of key 0x{self._path}: {what}")
