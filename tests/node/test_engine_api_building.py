"""Blocks that a driven node makes for its consensus client."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from config.errors import CriticalError
from config.forks import Fork
from config.types import ZERO_HASH, Gas, Hash32, Timestamp, from_hex, to_address, to_hex
from evm.execution_payload import ExecutionPayload
from evm.types import PayloadAttributes
from node.engine_api.payload_id import payload_id
from node.rpc.errors import RpcError
from tests.actions.chains import FakeL1, fork_times
from tests.node.engine_world import EngineWorld, forkchoice, get_payload_version, transfer
from tests.node.rollup_world import GWEI, until
from tests.node.test_engine_api_payloads import FORKS, code_of, valid


async def begin(world: EngineWorld, *transactions: Any, with_pool: bool = False) -> str:
    """The name of a block on the head."""
    attributes = world.attributes(world.chain.head, transactions, with_pool=with_pool)
    answer = await world.choose(world.chain.head, attributes=attributes)
    assert answer["payloadStatus"] == valid_head(world)
    return str(answer["payloadId"])


def valid_head(world: EngineWorld) -> dict[str, Any]:
    """The status of the present head."""
    return {"status": "VALID", "latestValidHash": to_hex(world.chain.head.hash), "validationError": None}


def payload_of(answer: dict[str, Any]) -> ExecutionPayload:
    """The payload in an answer of `engine_getPayload` since V2."""
    root = answer.get("parentBeaconBlockRoot")
    return ExecutionPayload.from_json(answer["executionPayload"], None if root is None else Hash32(from_hex(root)))


@pytest.mark.parametrize("fork", FORKS)
async def test_a_block_is_made_of_attributes_fetched_brought_back_and_becomes_the_head(fork: Fork) -> None:
    world = EngineWorld(fork)
    expected = world.make(transactions=[transfer(0)])
    answer = await world.fetch(await begin(world, transfer(0)))
    block = payload_of(answer).block()
    assert block == expected
    assert await world.push(block) == valid(block)
    await world.choose(block, block)
    assert world.chain.head == world.chain.safe == block.header
    assert world.driven.blocks.executed_blocks == 0, "it was executed when it was made"


@pytest.mark.parametrize("fork", FORKS)
async def test_an_answer_has_the_form_of_its_version(fork: Fork) -> None:
    world = EngineWorld(fork)
    answer = await world.fetch(await begin(world, transfer(0)))
    extra = (
        {}
        if fork < Fork.ECOTONE
        else {
            "blobsBundle": {"commitments": [], "proofs": [], "blobs": []},
            "shouldOverrideBuilder": False,
            "parentBeaconBlockRoot": to_hex(ZERO_HASH),
        }
    )
    if fork >= Fork.ISTHMUS:
        extra["executionRequests"] = []
    value = hex(21_000 * GWEI)
    assert answer == {"executionPayload": answer["executionPayload"], "blockValue": value, **extra}
    assert ("withdrawalsRoot" in answer["executionPayload"]) == (fork >= Fork.ISTHMUS)
    assert ("withdrawals" in answer["executionPayload"]) == (fork >= Fork.CANYON)


@pytest.mark.parametrize("fork", FORKS)
async def test_a_block_is_given_by_the_version_of_its_fork_alone(fork: Fork) -> None:
    world = EngineWorld(fork)
    name = await begin(world)
    own = {get_payload_version(fork)} | ({1} if fork < Fork.CANYON else set())
    for version in (1, 2, 3, 4, 5):
        if version not in own:
            assert await code_of(world.call(f"getPayloadV{version}", name)) == -38005
    if fork < Fork.CANYON:
        assert (await world.call("getPayloadV1", name))["blockNumber"] == "0x1"


async def test_the_first_block_of_a_fork_is_made_with_its_rules() -> None:
    start = FakeL1().blocks[0].header.timestamp
    world = EngineWorld(forks=fork_times(start + 4, Fork.HOLOCENE, Fork.KARST, 2))
    versions = []
    for _ in range(5):
        attributes = world.attributes(world.chain.head)
        name = (await world.call("forkchoiceUpdatedV3", forkchoice(world.chain.head), attributes.to_json()))[
            "payloadId"
        ]
        for version in (3, 4, 5):
            answer = await outcome(world.call(f"getPayloadV{version}", name))
            if not isinstance(answer, int):
                versions.append(version)
                block = payload_of(answer).block()
                root = to_hex(ZERO_HASH)
                new = "newPayloadV3" if version == 3 else "newPayloadV4"
                more = [[], root] if version == 3 else [[], root, []]
                assert await world.call(new, answer["executionPayload"], *more) == valid(block)
                await world.choose(block)
    assert world.chain.head.number == 5 and versions == [3, 4, 4, 5, 5]


async def outcome(call: Any) -> Any:
    """The result of a call, or the code of its error."""
    try:
        return await call
    except RpcError as error:
        return error.code


async def test_with_the_pool_a_block_takes_what_comes_until_it_is_fetched() -> None:
    world = EngineWorld()
    world.pool.add(transfer(0))
    name = await begin(world, with_pool=True)
    build = world.driven.builds
    await until(lambda: build.looks == 1)
    world.pool.add(transfer(1))
    await until(lambda: build.looks == 2)
    block = payload_of(await world.fetch(name)).block()
    assert block.transactions == (transfer(0), transfer(1))
    world.pool.add(transfer(2))
    assert payload_of(await world.fetch(name)).block() == block, "it is finished when it is first fetched"


async def test_a_block_takes_nothing_any_more_when_its_time_is_over() -> None:
    world = EngineWorld()
    name = await begin(world, with_pool=True)
    await until(lambda: world.driven.builds.looks == 1)
    world.clock.now += 60
    world.pool.add(transfer(0))
    assert payload_of(await world.fetch(name)).transactions == ()


async def test_a_block_that_the_chain_goes_on_without_takes_no_more_but_can_be_had() -> None:
    world = EngineWorld()
    world.pool.add(transfer(0))
    name = await begin(world, with_pool=True)
    await until(lambda: world.driven.builds.looks == 1)
    await world.follow(world.branch(2, salt=3))
    world.pool.add(transfer(1))
    block = payload_of(await world.fetch(name)).block()
    assert block.header.parent_hash == world.chain.genesis.hash and block.transactions == (transfer(0),)
    assert await world.push(block) == valid(block)


async def test_a_block_that_is_fetched_at_once_has_what_the_pool_had() -> None:
    world = EngineWorld()
    world.pool.add(transfer(0))
    world.pool.add(transfer(1))
    assert payload_of(await world.fetch(await begin(world, with_pool=True))).block().transactions == (
        transfer(0),
        transfer(1),
    )


async def test_the_same_attributes_have_the_same_name_and_others_another() -> None:
    world = EngineWorld()
    first = await begin(world)
    assert await begin(world) == first
    assert await begin(world, transfer(0)) != first
    assert await begin(world, with_pool=True) != first


async def test_only_the_newest_blocks_are_kept() -> None:
    world = EngineWorld()
    names = [await begin(world, transfer(0, value)) for value in range(1, 13)]
    assert await code_of(world.fetch(names[0])) == await code_of(world.fetch(names[1])) == -38001
    assert payload_of(await world.fetch(names[2])).number == 1


async def test_names_of_nothing_are_unknown_or_malformed() -> None:
    world = EngineWorld()
    assert await code_of(world.fetch("0x0300000000000001")) == -38001
    assert await code_of(world.fetch("0x03")) == -32602


async def test_attributes_that_do_not_fit_the_version_or_fork_start_nothing_but_the_heads_have_moved() -> None:
    for fork, version, change, code in (
        (Fork.ISTHMUS, 3, {"withdrawals": None}, -38003),
        (Fork.ISTHMUS, 3, {"withdrawals": [{}]}, -38003),
        (Fork.ISTHMUS, 3, {"parentBeaconBlockRoot": None}, -38003),
        (Fork.ISTHMUS, 2, {}, -38003),
        (Fork.ISTHMUS, 2, {"parentBeaconBlockRoot": None}, -38005),
        (Fork.ISTHMUS, 1, {"parentBeaconBlockRoot": None}, -38005),
        (Fork.CANYON, 3, {"parentBeaconBlockRoot": to_hex(ZERO_HASH)}, -38005),
        (Fork.CANYON, 1, {}, -38005),
        (Fork.CANYON, 2, {"withdrawals": None}, -38003),
        (Fork.REGOLITH, 2, {"withdrawals": []}, -38003),
        (Fork.ISTHMUS, 3, {"eip1559Params": None}, -38003),
        (Fork.ISTHMUS, 3, {"eip1559Params": "0x0000000000000001"}, -38003),
        (Fork.ISTHMUS, 3, {"eip1559Params": "0x00"}, -38003),
        (Fork.GRANITE, 3, {"eip1559Params": "0x0000000100000001"}, -38003),
        (Fork.ISTHMUS, 3, {"minBaseFee": 1}, -38003),
        (Fork.JOVIAN, 3, {"minBaseFee": None}, -38003),
        (Fork.JOVIAN, 3, {"minBaseFee": 1 << 64}, -38003),
        (Fork.ISTHMUS, 3, {"gasLimit": None}, -38003),
        (Fork.ISTHMUS, 3, {"gasLimit": hex(1 << 64)}, -38003),
        (Fork.ISTHMUS, 3, {"timestamp": "0x0"}, -38003),
        (Fork.ISTHMUS, 3, {"noTxPool": "yes"}, -38003),
        (Fork.ISTHMUS, 3, {"transactions": ["0x7f"]}, -38003),
        (Fork.ISTHMUS, 3, {"transactions": [to_hex(transfer(5).raw)]}, -38003),
        (Fork.ISTHMUS, 3, {"prevRandao": None}, -38003),
    ):
        world = EngineWorld(fork)
        block = world.make()
        await world.push(block)
        attributes = world.attributes(block.header).to_json() | change
        given = {key: value for key, value in attributes.items() if value is not None}
        call = world.call(f"forkchoiceUpdatedV{version}", forkchoice(block), given)
        assert (fork, version, change, await code_of(call)) == (fork, version, change, code)
        assert world.chain.head == block.header


async def test_a_time_that_is_not_after_the_parents_is_no_attribute() -> None:
    world = EngineWorld()
    attributes = replace(world.attributes(world.chain.head), timestamp=Timestamp(world.chain.head.timestamp))
    assert await code_of(world.choose(world.chain.head, attributes=attributes)) == -38003


async def test_a_minimum_base_fee_may_be_a_number_or_a_quantity() -> None:
    world = EngineWorld(Fork.JOVIAN)
    attributes = world.attributes(world.chain.head).to_json()
    ids = set()
    for value in (7, "0x7"):
        answer = await world.call(
            "forkchoiceUpdatedV3", forkchoice(world.chain.head), attributes | {"minBaseFee": value}
        )
        ids.add(answer["payloadId"])
    (name,) = ids
    assert payload_of(await world.fetch(name)).extra_data[9:] == (7).to_bytes(8, "big")


async def test_a_disagreement_while_a_block_fills_stops_the_node_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = EngineWorld()
    name = await begin(world, with_pool=True)

    def differ(*_: object) -> None:
        raise CriticalError("the engines differ about block 1")

    monkeypatch.setattr("evm.engine.builder.BlockBuilder.seal", differ)
    assert await code_of(world.fetch(name)) == -32000
    assert world.driven.status.halted_by == "the engines differ about block 1"


async def test_blocks_in_the_making_are_given_up_when_the_node_ends() -> None:
    world = EngineWorld()
    name = await begin(world, with_pool=True)
    await world.driven.builds.close()
    assert await code_of(world.fetch(name)) == -38001
    assert len(asyncio.all_tasks()) == 1


# --- names: examples from op-geth's own computation ---


def test_a_name_is_what_op_geth_makes_of_the_same_attributes() -> None:
    parent = Hash32(bytes(range(32)))
    plain = PayloadAttributes(
        Timestamp(1_700_000_000),
        Hash32(b"\x11" * 32),
        to_address("0x4200000000000000000000000000000000000011"),
        None,
        (),
        False,
        Gas(30_000_000),
    )
    jovian = replace(
        plain,
        parent_beacon_block_root=Hash32(b"\x22" * 32),
        transactions=(transfer(0).raw,),
        no_tx_pool=True,
        eip1559_params=bytes.fromhex("000000fa00000006"),
        min_base_fee=1_000,
    )
    assert payload_id(parent, plain, 2).hex() == "02b7bbf954073c18"
    assert payload_id(parent, jovian, 3).hex() == "03c95422631b5668"


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": 2},
        {"prev_randao": Hash32(b"\x01" * 32)},
        {"suggested_fee_recipient": to_address("0x" + "43" * 20)},
        {"parent_beacon_block_root": None},
        {"transactions": (b"\x02",)},
        {"no_tx_pool": False},
        {"gas_limit": 2},
        {"eip1559_params": b"\x01" * 8},
        {"min_base_fee": 1},
    ],
    ids=str,
)
def test_every_field_of_the_attributes_counts_for_the_name(change: dict[str, Any]) -> None:
    attributes = PayloadAttributes(
        Timestamp(1), ZERO_HASH, to_address("0x" + "42" * 20), ZERO_HASH, (b"\x01",), True, Gas(1), bytes(8), 0
    )
    other = replace(attributes, **change)
    assert payload_id(ZERO_HASH, attributes, 3) != payload_id(ZERO_HASH, other, 3)
    assert payload_id(ZERO_HASH, attributes, 3)[0] == 3
