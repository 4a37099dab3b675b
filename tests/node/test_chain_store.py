"""What the store of blocks keeps at hand."""

from evm.store.kv import MemoryStore
from evm.types import Block, Receipt
from node.chain.store import ChainStore
from tests.node.pool_world import header, transfer

LARGE = transfer(0, 0, data=bytes(5_000_000))
SMALL = transfer(0, 0)


def test_blocks_and_receipts_at_hand_are_bounded_by_their_bytes_not_their_number() -> None:
    store = ChainStore(MemoryStore())
    large = [Block(header(number), (LARGE,)) for number in range(1, 41)]
    for block in large:
        store.cache(block, ())
    # Nothing of this was written, so what is found is at hand.
    kept = [store.block(block.hash) is not None for block in large]
    assert kept[-1] and 1 < sum(kept) < 14
    small = [Block(header(number), (SMALL,)) for number in range(41, 1041)]
    receipt = Receipt(SMALL.type, 1, 21_000, ())
    for block in small:
        store.cache(block, (receipt,))
    assert all(store.block(block.hash) == block and store.receipts(block.hash) == (receipt,) for block in small)
