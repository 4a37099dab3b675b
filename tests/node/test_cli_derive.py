"""`lamina derive`: attributes from files of L1 data."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from config.errors import CriticalError
from config.forks import Fork
from config.system_config import SystemConfig
from config.types import ZERO_HASH, to_hex
from evm.types import Receipt
from evm.types.json_codec import LogPosition, block_to_json, log_to_json
from evm.types.payload import PayloadAttributes
from node.cli.main import app, command_tree
from tests.actions.chains import L1_GENESIS_TIME, PORTAL, FakeL1, fork_times
from tests.actions.conftest import World

command_tree()

GENESIS = {
    "config": {
        "chainId": 900,
        "shanghaiTime": 0,
        "cancunTime": 0,
        "pragueTime": 0,
        "blobSchedule": {
            "cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477},
            "prague": {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716},
        },
    }
}


def receipts_json(receipts: tuple[Receipt, ...]) -> list[dict[str, Any]]:
    zero = LogPosition(ZERO_HASH, 0, ZERO_HASH, 0, 0)
    return [
        {
            "type": hex(receipt.type),
            "status": hex(receipt.status) if isinstance(receipt.status, int) else to_hex(receipt.status),
            "cumulativeGasUsed": hex(receipt.cumulative_gas_used),
            "logs": [log_to_json(log, zero) for log in receipt.logs],
        }
        for receipt in receipts
    ]


def save(world: World, directory: Path, start: int, config: SystemConfig) -> list[str]:
    """The files that the command reads, L1 from the start block's origin on; gives the command line."""
    l1: FakeL1 = world.l1
    ref = world.l2.refs()[start]
    data = directory / "l1"
    data.mkdir()
    for block in l1.blocks[ref.l1_origin.number :]:
        (data / f"block-{block.number}.json").write_text(json.dumps(block_to_json(block, full=True)))
        receipts = l1._receipts[block.hash]
        if any(receipt.logs for receipt in receipts):
            (data / f"receipts-{block.number}.json").write_text(json.dumps(receipts_json(receipts)))
    world.rollup.save(directory / "rollup.json")
    (directory / "l1.json").write_text(json.dumps(GENESIS))
    (directory / "start.json").write_text(json.dumps({"l2": ref.to_json(), "systemConfig": config.to_json()}))
    files = ("--rollup.config", "rollup.json"), ("--l1.chain-config", "l1.json"), ("--start", "start.json")
    return ["derive", "--l1-data", str(data), *(part for flag, name in files for part in (flag, str(directory / name)))]


def run(command: list[str]) -> Result:
    return CliRunner().invoke(app, command)


def world_of(fork: Fork) -> World:
    world = World.create(fork=fork)
    world.l1.deposit(PORTAL, None, 5, 3, 100_000, b"\x00")
    world.l1.mine()
    world.sequence(24)
    singular = [world.batcher.singular(number) for number in range(1, 13)]
    world.batcher.post(singular)
    world.l1.mine()
    delta = fork >= Fork.DELTA
    world.batcher.post(
        [world.batcher.span(10, 24)] if delta else [world.batcher.singular(number) for number in range(13, 25)]
    )
    world.l1.mine(2)
    return world


@pytest.mark.parametrize("fork", [Fork.REGOLITH, Fork.DELTA, Fork.ECOTONE, Fork.HOLOCENE, Fork.JOVIAN])
@pytest.mark.parametrize("start", [0, 5, 11])
def test_attributes_come_from_files_alone(fork: Fork, start: int, tmp_path: Path) -> None:
    world = world_of(fork)
    config = world.l2.system_config_by_l2_hash(world.l2.blocks[start].hash)
    result = run(save(world, tmp_path, start, config))
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    expected = world.l2.blocks[start + 1 :]
    assert [line["number"] for line in lines] == [block.number for block in expected]
    for line, block, ref in zip(lines, expected, world.l2.refs()[start + 1 :], strict=True):
        assert line["assumedParent"] is True
        assert line["l1origin"] == ref.l1_origin.to_json()
        attributes = PayloadAttributes.from_json(line["attributes"])
        assert line["timestamp"] == attributes.timestamp == block.header.timestamp
        assert attributes.transactions == tuple(tx.raw for tx in block.transactions)
        assert attributes.gas_limit == block.header.gas_limit


def test_a_file_that_does_not_have_its_hash_is_refused(tmp_path: Path) -> None:
    world = world_of(Fork.HOLOCENE)
    command = save(world, tmp_path, 0, world.rollup.genesis.system_config)
    path = tmp_path / "l1" / "block-3.json"
    path.write_text(path.read_text().replace('"gasUsed": "0x0"', '"gasUsed": "0x1"', 1))
    result = run(command)
    assert result.exit_code == 1
    assert isinstance(result.exception, CriticalError)
    assert "block-3.json" in str(result.exception)


def test_receipts_that_are_not_those_of_the_block_are_refused(tmp_path: Path) -> None:
    world = world_of(Fork.HOLOCENE)
    command = save(world, tmp_path, 0, world.rollup.genesis.system_config)
    (tmp_path / "l1" / "receipts-1.json").write_text("[]")
    result = run(command)
    assert isinstance(result.exception, CriticalError)
    assert "receipts-1.json" in str(result.exception)


def test_blobs_that_are_not_there_are_named(tmp_path: Path) -> None:
    world = World.create(fork=Fork.HOLOCENE)
    world.sequence(3)
    world.batcher.post_blobs([world.batcher.span(1, 3)])
    number = world.l1.mine().number
    result = run(save(world, tmp_path, 0, world.rollup.genesis.system_config))
    assert isinstance(result.exception, CriticalError)
    assert f"blobs-{number}.json" in str(result.exception)


@pytest.mark.parametrize("fork", [Fork.ECOTONE, Fork.FJORD, Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST])
def test_attributes_around_an_upgrade_are_those_that_are_derived_with_the_blocks_at_hand(
    fork: Fork, tmp_path: Path
) -> None:
    """The first block's header is not known without execution, but what follows from it is."""
    world = World.create(forks=fork_times(L1_GENESIS_TIME + 20, Fork(fork - 1), fork, 0))
    world.sequence(24, transactions=0)
    world.batcher.post([world.batcher.singular(number) for number in range(1, 25)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert len(verifier.derived) == 24
    result = run(save(world, tmp_path, 0, world.rollup.genesis.system_config))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    attributes = [PayloadAttributes.from_json(line["attributes"]) for line in lines]
    assert attributes == [derived.attributes for derived in verifier.derived]
