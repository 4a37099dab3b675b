"""Blocks that a consensus client brings: which are valid, which are not, and which have to wait."""

import asyncio
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import CriticalError
from config.forks import Fork
from config.types import ZERO_HASH, to_hex
from evm.types import Block
from node.chain import Chain
from node.chain.pruning import Pruner
from node.rpc.errors import RpcError
from tests.node.engine_world import EngineWorld, forkchoice, new_payload_version, payload_json, transfer

FORKS = [Fork.REGOLITH, Fork.CANYON, Fork.ECOTONE, Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST]


def prune(chain: Chain, window: int) -> None:
    """Let go of all states that may go."""
    pruner = Pruner(chain, window)
    while pruner.step():
        pass


def valid(block: Block) -> dict[str, Any]:
    """The status of a valid block."""
    return {"status": "VALID", "latestValidHash": to_hex(block.hash), "validationError": None}


SYNCING = {"status": "SYNCING", "latestValidHash": None, "validationError": None}


async def code_of(call: Any) -> int:
    """The code of the error that a call is answered with."""
    with pytest.raises(RpcError) as caught:
        await call
    return caught.value.code


@pytest.mark.parametrize("fork", FORKS)
async def test_blocks_of_every_fork_are_taken_and_change_no_head(fork: Fork) -> None:
    world = EngineWorld(fork)
    first = world.make(transactions=[transfer(0)])
    second = world.make(first.header)
    assert await world.push(first) == valid(first)
    assert await world.push(second) == valid(second)
    assert world.chain.head == world.chain.genesis
    assert world.chain.block_by_hash(second.hash) == second


async def test_a_block_that_is_known_is_valid_again_and_not_executed_again() -> None:
    world = EngineWorld()
    block = world.make()
    assert await world.push(block) == await world.push(block) == valid(block)
    assert world.driven.blocks.executed_blocks == 1


async def test_a_block_from_before_canyon_goes_through_the_first_version_too() -> None:
    world = EngineWorld(Fork.REGOLITH)
    block = world.make()
    assert await world.call("newPayloadV1", payload_json(block)) == valid(block)
    other = payload_json(world.make(salt=1)) | {"blockHash": to_hex(ZERO_HASH)}
    assert (await world.call("newPayloadV1", other))["status"] == "INVALID_BLOCK_HASH"


async def test_a_hash_that_is_not_the_blocks_is_invalid_without_a_valid_ancestor() -> None:
    world = EngineWorld()
    status = await world.push(world.make(), gasUsed="0x1")
    assert status["status"] == "INVALID" and status["latestValidHash"] is None
    assert "block hash" in status["validationError"]


async def test_transactions_that_are_none_make_the_block_invalid() -> None:
    world = EngineWorld()
    for raw in ("0x", "0x7f01", "0x02c0"):
        status = await world.push(world.make(), transactions=[raw])
        assert status["status"] == "INVALID" and status["latestValidHash"] is None


def with_own_hash(block: Block, **changes: Any) -> tuple[Block, dict[str, Any]]:
    """A block with other header fields and the hash that goes with them."""
    changed = Block(replace(block.header, **changes), block.transactions, block.withdrawals)
    return changed, payload_json(changed)


async def test_a_block_that_does_not_give_what_it_says_is_invalid_and_its_parent_the_latest_valid() -> None:
    world = EngineWorld()
    good = world.make()
    await world.push(good)
    bad, payload = with_own_hash(world.make(good.header), state_root=ZERO_HASH)
    status = await world.push_json(payload, ZERO_HASH)
    assert status["status"] == "INVALID" and status["latestValidHash"] == to_hex(good.hash)
    assert "state_root" in status["validationError"]
    assert world.chain.header_by_hash(bad.hash) is None


async def test_what_follows_an_invalid_block_is_invalid_whether_it_comes_before_or_after() -> None:
    world = EngineWorld()
    bad, payload = with_own_hash(world.make(), state_root=ZERO_HASH)
    child, child_payload = with_own_hash(world.make(salt=1), parent_hash=bad.hash, number=2, timestamp=10**10)
    assert await world.push_json(child_payload, ZERO_HASH) == SYNCING
    genesis = to_hex(world.chain.genesis.hash)
    refused = await world.push_json(payload, ZERO_HASH)
    assert (refused["status"], refused["latestValidHash"]) == ("INVALID", genesis)
    for status in (
        (await world.call("forkchoiceUpdatedV3", forkchoice(child)))["payloadStatus"],
        await world.push_json(child_payload, ZERO_HASH),
        await world.push_json(payload, ZERO_HASH),
        (await world.call("forkchoiceUpdatedV3", forkchoice(bad)))["payloadStatus"],
    ):
        assert (status["status"], status["latestValidHash"]) == ("INVALID", genesis)
        assert "state_root" in status["validationError"]
    assert world.chain.head == world.chain.genesis


async def test_a_block_whose_ancestors_are_not_here_waits_for_them_and_is_taken_with_them() -> None:
    world = EngineWorld()
    first, second, third = world.branch(3)
    assert await world.push(third) == SYNCING
    assert (await world.choose(third))["payloadStatus"] == SYNCING
    assert await world.push(second) == SYNCING
    assert await world.push(first) == valid(first)
    answer = await world.choose(third)
    assert answer == {"payloadStatus": valid(third), "payloadId": None}
    assert world.chain.head == third.header


async def test_a_block_takes_those_that_waited_before_it_along() -> None:
    world = EngineWorld()
    first, second, third = world.branch(3)
    await world.push(second)
    await world.push(first)
    assert await world.push(third) == valid(third)


async def test_an_invalid_block_among_those_that_waited_makes_the_rest_invalid() -> None:
    world = EngineWorld()
    good = world.make()
    bad, payload = with_own_hash(world.make(good.header), state_root=ZERO_HASH)
    child, child_payload = with_own_hash(world.make(salt=1), parent_hash=bad.hash, number=3, timestamp=10**10)
    await world.push_json(payload, ZERO_HASH)
    await world.push_json(child_payload, ZERO_HASH)
    await world.push(good)
    status = (await world.call("forkchoiceUpdatedV3", forkchoice(child)))["payloadStatus"]
    assert (status["status"], status["latestValidHash"]) == ("INVALID", to_hex(good.hash))


async def test_only_so_many_blocks_wait_and_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.engine_api.importing.MOST_WAITING", 2)
    world = EngineWorld()
    blocks = world.branch(4)
    for block in reversed(blocks[1:]):
        assert await world.push(block) == SYNCING
    await world.push(blocks[0])
    assert (await world.choose(blocks[3]))["payloadStatus"] == SYNCING
    assert await world.push(blocks[3]) == valid(blocks[3])


async def test_blocks_that_wait_take_no_more_memory_than_is_meant_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.engine_api.importing.MOST_WAITING_BYTES", 0)
    world = EngineWorld()
    first = world.make(transactions=[transfer(0)])
    second = world.make(first.header, [transfer(1)])
    third = world.make(second.header, [transfer(2)])
    for block in (third, second, first):
        await world.push(block)
    assert (await world.choose(third))["payloadStatus"]["status"] == "SYNCING"


async def test_a_block_that_parts_from_the_chain_before_the_finalized_block_is_accepted_but_not_executed() -> None:
    world = EngineWorld()
    blocks = world.branch(4)
    sibling = world.make(blocks[0].header, salt=9)
    child = world.make(sibling.header)
    await world.follow(blocks)
    assert await world.push(child) == SYNCING
    await world.choose(blocks[3], blocks[2], blocks[2])
    executed = world.driven.blocks.executed_blocks
    assert (await world.push(sibling)) == {"status": "ACCEPTED", "latestValidHash": None, "validationError": None}
    assert world.driven.blocks.executed_blocks == executed
    assert (await world.choose(sibling))["payloadStatus"] == SYNCING
    assert (await world.choose(child))["payloadStatus"] == SYNCING


async def test_a_head_that_waited_too_long_is_too_deep() -> None:
    world = EngineWorld()
    blocks = world.branch(4)
    sibling = world.make(blocks[0].header, salt=9)
    child = world.make(sibling.header)
    await world.follow(blocks)
    assert await world.push(child) == SYNCING
    assert await world.push(sibling) == valid(sibling)
    await world.choose(blocks[3], blocks[3], blocks[3])
    assert await code_of(world.choose(child)) == -38006
    assert world.chain.head == blocks[3].header


async def test_blocks_follow_from_the_finalized_block_also_when_older_states_are_gone() -> None:
    world = EngineWorld()
    blocks = world.branch(4)
    await world.follow(blocks)
    await world.choose(blocks[3], blocks[2], blocks[2])
    prune(world.chain, window=1)
    fork = world.branch(2, blocks[2].header, salt=9)
    for block in fork:
        assert await world.push(block) == valid(block)
    assert (await world.choose(fork[1]))["payloadStatus"] == valid(fork[1])


async def test_blobs_and_requests_are_of_no_l2_block() -> None:
    world = EngineWorld()
    block = world.make()
    root = to_hex(ZERO_HASH)
    blobs = await world.call("newPayloadV4", payload_json(block), [root], root, [])
    requests = await world.call("newPayloadV4", payload_json(block), [], root, ["0x0001"])
    assert blobs["status"] == requests["status"] == "INVALID" and blobs["latestValidHash"] is None
    for wrong in (["0x00"], ["0x0001", "0x0002"], ["0x0101", "0x0001"], ["0x1"]):
        assert await code_of(world.call("newPayloadV4", payload_json(block), [], root, wrong)) == -32602


@pytest.mark.parametrize("fork", FORKS)
async def test_a_version_that_is_not_the_forks_is_refused(fork: Fork) -> None:
    world = EngineWorld(fork)
    payload, root = payload_json(world.make()), to_hex(ZERO_HASH)
    own = new_payload_version(fork)
    more: list[Any]
    for version, more in ((1, []), (2, []), (3, [[], root]), (4, [[], root, []])):
        if version == own or (version == 1 and fork < Fork.CANYON):
            continue
        assert await code_of(world.call(f"newPayloadV{version}", payload, *more)) in (-38005, -32602)


async def test_payloads_of_another_form_are_wrong_parameters() -> None:
    world = EngineWorld()
    payload, root = payload_json(world.make()), to_hex(ZERO_HASH)
    wrong: list[dict[str, Any]] = [{key: value for key, value in payload.items() if key != name} for name in payload]
    del wrong[list(payload).index("withdrawalsRoot")]
    wrong += [payload | {"gasLimit": hex(1 << 64)}, payload | {"stateRoot": "0x00"}, payload | {"withdrawals": [{}]}]
    wrong += [payload | {"timestamp": 5}, payload | {"transactions": None}, payload | {"blobGasUsed": None}]
    for each in wrong:
        assert await code_of(world.call("newPayloadV4", each, [], root, [])) == -32602
    others: list[list[Any]] = [
        [],
        [[]],
        [[], root],
        [None, root, []],
        [[], None, []],
        [[], root, None],
        ["0x", root, []],
    ]
    for more in others:
        assert await code_of(world.call("newPayloadV4", payload, *more)) == -32602
    assert world.driven.status.payloads == {}


async def test_a_payload_without_the_withdrawals_root_of_its_fork_is_invalid() -> None:
    world = EngineWorld()
    payload = payload_json(world.make())
    del payload["withdrawalsRoot"]
    assert (await world.push_json(payload, ZERO_HASH))["status"] == "INVALID"


async def test_after_a_disagreement_of_the_engines_no_block_is_taken() -> None:
    world = EngineWorld()
    block = world.make()
    world.driven.halt("the engines differ about block 1")
    with pytest.raises(RpcError, match="the engines differ about block 1") as caught:
        await world.push(block)
    assert caught.value.to_json()["code"] == -32000
    assert caught.value.to_json()["data"] == {"err": "the engines differ about block 1"}
    assert await code_of(world.choose(block)) == -32000


async def test_a_disagreement_about_a_block_of_the_consensus_client_stops_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = EngineWorld()

    def differ(*_: object) -> None:
        raise CriticalError("the engines differ about block 1")

    monkeypatch.setattr(world.chain.engine, "import_block", differ)
    with pytest.raises(RpcError, match="the engines differ about block 1"):
        await world.push(world.make())
    assert world.driven.status.halted_by == "the engines differ about block 1"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.text(max_size=8)
    | st.sampled_from(["0x", "0x0", "0x1", "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "ff" * 300, "0x-1", "0x1_0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


_world_of = cache(EngineWorld)


@given(st.data())
def test_garbage_in_any_place_of_a_call_is_an_answer_or_an_error_of_the_caller(data: st.DataObject) -> None:
    world = _world_of(data.draw(st.sampled_from([Fork.CANYON, Fork.HOLOCENE, Fork.KARST])))
    block, version = world.make(), new_payload_version(world.fork)
    root = to_hex(ZERO_HASH)
    more: list[Any] = [[], root, []][: {2: 0, 3: 2, 4: 3}[version]]
    attributes = world.attributes(world.chain.genesis).to_json()
    method, params = data.draw(
        st.sampled_from(
            [
                (f"newPayloadV{version}", [payload_json(block), *more]),
                (f"forkchoiceUpdatedV{min(version, 3)}", [forkchoice(world.chain.genesis), attributes]),
                (f"getPayloadV{version}", ["0x0300000000000001"]),
                ("getPayloadBodiesByHashV1", [[root]]),
                ("getPayloadBodiesByRangeV1", ["0x1", "0x1"]),
                ("exchangeCapabilities", [[]]),
                ("getClientVersionV1", [{}]),
            ]
        )
    )
    index = data.draw(st.integers(0, len(params) - 1))
    if isinstance(params[index], dict) and params[index]:
        params[index] = params[index] | {data.draw(st.sampled_from(sorted(params[index]))): data.draw(_JSON)}
    else:
        params[index] = data.draw(_JSON)
    try:
        asyncio.run(world.call(method, *params))
    except RpcError as error:
        assert error.code in (-32602, -38001, -38002, -38003, -38004, -38005), error
    assert world.driven.status.halted_by is None


async def test_bodies_are_given_by_hash_and_by_number() -> None:
    world = EngineWorld()
    first = world.make(transactions=[transfer(0)])
    second = world.make(first.header)
    await world.follow([first, second])
    bodies = [{"transactions": [to_hex(transfer(0).raw)], "withdrawals": []}, {"transactions": [], "withdrawals": []}]
    hashes = [to_hex(each) for each in (first.hash, ZERO_HASH, second.hash)]
    assert await world.call("getPayloadBodiesByHashV1", hashes) == [bodies[0], None, bodies[1]]
    assert await world.call("getPayloadBodiesByRangeV1", "0x1", "0x2") == bodies
    assert await world.call("getPayloadBodiesByRangeV1", "0x2", "0x400") == bodies[1:]
    assert await world.call("getPayloadBodiesByRangeV1", "0x9", "0x1") == []
    assert await code_of(world.call("getPayloadBodiesByRangeV1", "0x0", "0x1")) == -32602
    assert await code_of(world.call("getPayloadBodiesByRangeV1", "0x1", "0x0")) == -32602
    assert await code_of(world.call("getPayloadBodiesByRangeV1", "0x1", "0x401")) == -38004
    assert await code_of(world.call("getPayloadBodiesByHashV1", [to_hex(ZERO_HASH)] * 1025)) == -38004


async def test_a_body_from_before_canyon_has_no_withdrawals() -> None:
    world = EngineWorld(Fork.REGOLITH)
    block = world.make()
    await world.push(block)
    assert await world.call("getPayloadBodiesByHashV1", [to_hex(block.hash)]) == [
        {"transactions": [], "withdrawals": None}
    ]


async def test_capabilities_are_all_methods_but_the_one_that_asks() -> None:
    world = EngineWorld()
    assert await world.call("exchangeCapabilities", ["engine_newPayloadV1"]) == [
        *(f"engine_forkchoiceUpdatedV{version}" for version in (1, 2, 3)),
        "engine_getClientVersionV1",
        "engine_getPayloadBodiesByHashV1",
        "engine_getPayloadBodiesByRangeV1",
        *(f"engine_getPayloadV{version}" for version in (1, 2, 3, 4, 5)),
        *(f"engine_newPayloadV{version}" for version in (1, 2, 3, 4)),
    ]
    (client,) = await world.call(
        "getClientVersionV1", {"code": "OP", "name": "op-node", "version": "1", "commit": "0x"}
    )
    assert client["name"] == "Lamina" and len(client["code"]) == 2
