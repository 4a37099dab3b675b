"""The heads of a driven node: where the consensus client may put them, and where not."""

from typing import Any

import pytest

from config.forks import Fork
from config.types import ZERO_HASH, to_hex
from evm.store.state import StateStore
from node.chain import Chain
from node.rpc.errors import RpcError
from tests.node.engine_world import EngineWorld, forkchoice, transfer
from tests.node.test_engine_api_payloads import code_of, prune, valid


def heads(world: EngineWorld) -> tuple[int, int, int]:
    """The numbers of unsafe, safe and finalized head."""
    return world.chain.head.number, world.chain.safe.number, world.chain.finalized.number


async def test_the_heads_are_where_the_consensus_client_puts_them() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    for block in blocks:
        await world.push(block)
    answer = await world.choose(blocks[2], blocks[1], blocks[0])
    assert answer == {"payloadStatus": valid(blocks[2]), "payloadId": None}
    assert heads(world) == (3, 2, 1)
    assert world.chain.head == blocks[2].header and world.chain.canonical_hash(2) == blocks[1].hash


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_without_attributes_every_version_moves_the_heads_of_every_fork(version: int) -> None:
    world = EngineWorld(Fork.ISTHMUS)
    block = world.make()
    await world.push(block)
    assert (await world.call(f"forkchoiceUpdatedV{version}", forkchoice(block)))["payloadStatus"] == valid(block)
    assert world.chain.head == block.header


async def test_zeros_leave_labels_as_they_are() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    await world.follow(blocks)
    await world.choose(blocks[2], blocks[1], blocks[0])
    await world.choose(blocks[2])
    assert heads(world) == (3, 2, 1)


async def test_what_is_final_is_safe_where_no_safe_block_is_named() -> None:
    world = EngineWorld()
    blocks = world.branch(2)
    await world.follow(blocks)
    await world.choose(blocks[1], None, blocks[0])
    assert heads(world) == (2, 1, 1)


async def test_listeners_hear_of_heads_and_labels() -> None:
    world = EngineWorld()
    blocks = world.branch(2)
    added: list[int] = []
    labels: list[int] = []
    world.chain.on_new_head(lambda update: added.extend(block.number for block in update.added))
    world.chain.on_labels(lambda: labels.append(world.chain.safe.number))
    for block in blocks:
        await world.push(block)
    await world.choose(blocks[1], blocks[0])
    assert added == [1, 2] and labels == [1]


async def test_a_fork_becomes_canonical_and_the_other_one_again() -> None:
    world = EngineWorld()
    common = world.make(transactions=[transfer(0)])
    left, right = world.branch(2, common.header, salt=1), world.branch(3, common.header, salt=2)
    await world.follow([common, *left])
    await world.choose(left[1], left[0])
    for block in right:
        assert await world.push(block) == valid(block)
    assert world.chain.head == left[1].header
    await world.choose(right[2], common)
    assert world.chain.head == right[2].header and heads(world) == (4, 1, 0)
    assert world.chain.canonical_hash(2) == right[0].hash
    await world.choose(left[1], left[1], common)
    assert world.chain.head == left[1].header and heads(world) == (3, 3, 1)
    assert world.chain.state_at(world.chain.head).root == left[1].header.state_root == world.chain.state.flat.root


async def test_a_head_that_moves_to_a_fork_takes_the_safe_head_back_to_where_they_part() -> None:
    world = EngineWorld()
    common = world.make()
    left, right = world.branch(2, common.header, salt=1), world.branch(1, common.header, salt=2)
    await world.follow([common, *left])
    await world.choose(left[1], left[1])
    await world.push(right[0])
    await world.choose(right[0])
    assert heads(world) == (2, 1, 0)


async def test_the_head_may_go_back_to_an_ancestor() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    await world.follow(blocks)
    await world.choose(blocks[2], blocks[1])
    assert (await world.choose(blocks[0], blocks[0]))["payloadStatus"] == valid(blocks[0])
    assert heads(world) == (1, 1, 0)
    assert world.chain.canonical_hash(2) is None


async def test_an_update_to_a_head_below_the_finalized_one_is_passed_over_and_builds_nothing() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    await world.follow(blocks)
    await world.choose(blocks[2], blocks[1], blocks[1])
    answer = await world.choose(blocks[0], attributes=world.attributes(blocks[0].header))
    assert answer == {"payloadStatus": valid(blocks[0]), "payloadId": None}
    assert heads(world) == (3, 2, 2)


async def test_an_older_finalized_block_changes_nothing() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    await world.follow(blocks)
    await world.choose(blocks[2], blocks[2], blocks[1])
    await world.choose(blocks[2], blocks[2], blocks[0])
    assert heads(world) == (3, 3, 2)


async def test_a_fork_from_below_the_finalized_head_is_too_deep() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    other = world.make(blocks[0].header, salt=5)
    await world.follow(blocks)
    await world.push(other)
    await world.choose(blocks[2], blocks[1], blocks[1])
    assert await code_of(world.choose(other)) == -38006
    assert heads(world) == (3, 2, 2)


async def test_a_head_whose_state_is_gone_is_too_deep() -> None:
    world = EngineWorld()
    blocks = world.branch(4)
    await world.follow(blocks)
    await world.choose(blocks[3], blocks[3], blocks[0])
    world.chain.finalized = blocks[3].header
    prune(world.chain, window=1)
    world.chain.finalized = blocks[0].header
    assert await code_of(world.choose(blocks[1])) == -38006
    assert world.chain.head == blocks[3].header


async def test_heads_that_do_not_belong_together_move_nothing() -> None:
    world = EngineWorld()
    blocks = world.branch(3)
    other = world.make(blocks[0].header, salt=5)
    await world.follow(blocks[:2])
    await world.push(blocks[2])
    await world.push(other)
    await world.choose(blocks[1], blocks[0])
    unknown = world.make(blocks[2].header)
    for head, safe, finalized in (
        (blocks[2], other, None),
        (blocks[2], None, other),
        (blocks[2], unknown, None),
        (blocks[1], blocks[2], None),
        (other, blocks[1], None),
        (blocks[2], blocks[0], blocks[1]),
    ):
        assert await code_of(world.choose(head, safe, finalized)) == -38002
        assert heads(world) == (2, 1, 0) and world.chain.head == blocks[1].header


async def test_a_forkchoice_of_another_form_is_a_wrong_parameter() -> None:
    world = EngineWorld()
    state = forkchoice(world.chain.genesis)
    wrong: list[Any] = [state | {"headBlockHash": "0x00"}, {"headBlockHash": state["headBlockHash"]}, [], "0x", None]
    for each in wrong:
        assert await code_of(world.call("forkchoiceUpdatedV3", each)) == -32602
    assert await code_of(world.call("forkchoiceUpdatedV3", state, [])) == -32602
    assert await code_of(world.call("forkchoiceUpdatedV3", state | {"headBlockHash": to_hex(ZERO_HASH)})) == -38002


async def test_a_head_that_nobody_has_brought_is_being_waited_for() -> None:
    world = EngineWorld()
    block = world.make()
    answer = await world.choose(block, attributes=world.attributes(block.header))
    assert answer["payloadStatus"]["status"] == "SYNCING" and answer["payloadId"] is None


async def test_heads_survive_a_restart_also_with_blocks_that_no_head_was_moved_to() -> None:
    world = EngineWorld()
    blocks = world.branch(4)
    await world.follow(blocks[:3])
    await world.choose(blocks[2], blocks[1], blocks[0])
    await world.push(blocks[3])
    again = Chain(world.chain.kv, world.chain.rules, StateStore(world.chain.kv))
    assert (again.head, again.safe, again.finalized) == (blocks[2].header, blocks[1].header, blocks[0].header)
    assert again.block_by_hash(blocks[3].hash) == blocks[3]


async def test_after_a_restart_a_block_that_was_taken_before_can_become_the_head() -> None:
    world = EngineWorld()
    first, second = world.branch(2)
    await world.push(first)
    await world.push(second)
    world.restart()
    assert (await world.choose(second))["payloadStatus"] == valid(second)
    assert world.chain.head == second.header


async def test_errors_have_the_names_of_the_specification() -> None:
    world = EngineWorld()
    with pytest.raises(RpcError, match="Unknown payload: ") as unknown:
        await world.fetch("0x0300000000000000")
    assert unknown.value.to_json().keys() == {"code", "message"}
