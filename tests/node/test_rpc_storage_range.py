"""debug_storageRangeAt over a real chain: what lies in the trie, and what the block has changed before."""

from typing import Any

from evm.types import Address, keccak256, to_hex
from tests.node.rpc_world import DEV_ADDRESSES, dev_genesis, dev_transaction, mine
from tests.node.test_rpc_chain import Node, word

# Stores the second word of its input at the slot that the first word names.
WRITER = Address(b"\xe6" * 20)
WRITER_CODE = "0x6020355f3555"
FIRST = {1: 11, 2: 22, 3: 33, 4: 44}


def writer_node() -> Node:
    """A node whose first block sets slot 2 to 0, slot 3 to 99 and slot 5 to 55, one after the other."""
    genesis = dev_genesis()
    storage = {to_hex(word(slot)): to_hex(word(value)) for slot, value in FIRST.items()}
    genesis["alloc"][to_hex(WRITER)] = {"balance": "0x0", "code": WRITER_CODE, "storage": storage}
    node = Node(genesis)
    writes = ((2, 0), (3, 99), (5, 55))
    mine(node.chain, *[dev_transaction(0, n, to=WRITER, data=word(s) + word(v)) for n, (s, v) in enumerate(writes)])
    mine(node.chain, dev_transaction(1, 0))
    return node


def hashed(slot: int) -> str:
    return to_hex(keccak256(word(slot)))


async def slots(node: Node, block: str, index: int, start: str = "0x", count: int = 100) -> tuple[dict[str, int], Any]:
    answer = await node.call("debug_storageRangeAt", block, index, to_hex(WRITER), start, count)
    return {key: int(item["value"], 16) for key, item in answer["storage"].items()}, answer["nextKey"]


async def test_storage_is_as_the_transaction_finds_it() -> None:
    node = writer_node()
    for index, expected in (
        (0, FIRST),
        (1, {1: 11, 3: 33, 4: 44}),
        (2, {1: 11, 3: 99, 4: 44}),
    ):
        assert await slots(node, "0x1", index) == ({hashed(slot): value for slot, value in expected.items()}, None)
    after = {1: 11, 3: 99, 4: 44, 5: 55}
    assert await slots(node, "0x2", 0) == ({hashed(slot): value for slot, value in after.items()}, None)
    answer = await node.call("debug_storageRangeAt", "0x1", 2, to_hex(WRITER), "0x", 100)
    keys = {key: item["key"] for key, item in answer["storage"].items()}
    assert keys[hashed(3)] == to_hex(word(3)) and keys[hashed(1)] is None


async def test_pages_follow_each_other_in_the_order_of_the_keys() -> None:
    node = writer_node()
    expected = sorted(hashed(slot) for slot in (1, 3, 4))
    seen, start = [], "0x"
    while start is not None:
        page, start = await slots(node, "0x1", 2, start, 1)
        seen += list(page)
    assert seen == expected
    assert await slots(node, "0x1", 2, "0x", 0) == ({}, expected[0])
    assert await slots(node, "0x1", 2, "0x" + "ff" * 32, 5) == ({}, None)


async def test_what_is_not_there_is_said() -> None:
    node = writer_node()
    other = to_hex(DEV_ADDRESSES[0])
    assert await node.call("debug_storageRangeAt", "0x1", 0, other, "0x", 5) == {"storage": {}, "nextKey": None}
    for params, text in (
        (["0x9", 0, other, "0x", 5], "block not found"),
        (["0x1", 3, other, "0x", 5], "transaction index 3 out of range"),
        (["0x0", 0, other, "0x", 5], "genesis is not traceable"),
        (["0x1", 0, other, "0x" + "00" * 33, 5], "invalid argument 3"),
    ):
        assert (await node.error("debug_storageRangeAt", *params)).message.startswith(text)
