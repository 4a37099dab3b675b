"""Merkle-Patricia tries: the structure behind state, storage, transactions, receipts and withdrawals roots.

Doors: `Trie` (read, change, commit, prove), `verify_proof`, `ordered_root`, `root_of`, `MissingTrieNode`.
Nodes are content-addressed: whoever holds the nodes only has to answer "which bytes have this hash".
"""

from evm.trie.nodes import CorruptTrieNode, DecodedReader, MissingTrieNode, Node, NodeReader, decode_node
from evm.trie.ordered import ordered_root, root_of
from evm.trie.proof import verify_proof
from evm.trie.trie import Trie

__all__ = [
    "CorruptTrieNode",
    "DecodedReader",
    "MissingTrieNode",
    "Node",
    "NodeReader",
    "Trie",
    "decode_node",
    "ordered_root",
    "root_of",
    "verify_proof",
]
