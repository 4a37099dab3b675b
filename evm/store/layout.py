"""Where the state lies in the key-value store: the keys that begin with `s`.

    sn<hash>                 trie node (RLP)
    sc<hash>                 contract code
    sr<hash>                 how many references hold a trie node, where it is more than one (see `evm.store.history`)
    sa<keccak(address)>      account of the head state (RLP, as in the state trie)
    ss<keccak(address)><keccak(slot)>   storage slot of the head state (big-endian, no leading zeros; never empty)
    sj<number><block hash>   journal of a block whose state can be read: nodes that it added, nodes that it replaced
    sx<sequence>             nodes, some hashes one after another, each of which loses one reference
    sm<name>                 markers: `flat` (root of the state in sa and ss), `base` (the oldest block with a state)

Numbers are eight bytes, big-endian.
"""

from config.types import Hash32

NODE_PREFIX = b"sn"
CODE_PREFIX = b"sc"
COUNT_PREFIX = b"sr"
ACCOUNT_PREFIX = b"sa"
SLOT_PREFIX = b"ss"
JOURNAL_PREFIX = b"sj"
RELEASE_PREFIX = b"sx"
MARKER_PREFIX = b"sm"

FLAT_ROOT_KEY = MARKER_PREFIX + b"flat"
BASE_KEY = MARKER_PREFIX + b"base"


def number_key(number: int) -> bytes:
    """A number as keys hold it, so that key order is number order."""
    return number.to_bytes(8, "big")


def journal_key(number: int, block_hash: Hash32) -> bytes:
    """The key of a block's journal."""
    return JOURNAL_PREFIX + number_key(number) + block_hash
