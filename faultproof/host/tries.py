"""Lists as their tries' nodes: what a program walks to read the transactions or receipts of a block."""

from collections.abc import Sequence

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.trie import Trie
from evm.types.rlp import encode, int_to_rlp


class _Nothing:
    """A store without nodes."""

    def get(self, node_hash: Hash32) -> bytes | None:
        return None


def list_trie(items: Sequence[bytes]) -> tuple[Hash32, dict[Hash32, bytes]]:
    """Root and nodes, by hash, of the trie that maps RLP(index) to each item. Spec: yellow paper, 4.4 ("Block header")."""
    trie = Trie(EMPTY_TRIE_ROOT, _Nothing())
    trie.update({encode(int_to_rlp(index)): item for index, item in enumerate(items)})
    return trie.commit()
