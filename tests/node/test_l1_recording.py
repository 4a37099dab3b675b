"""L1 saved to files: what is derived from them is what the chain is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from config.errors import CriticalError
from config.forks import Fork
from config.types import Hash32
from evm.types import Header
from evm.types.json_codec import block_to_json
from l1.data_directory import L1DataDirectory
from l1.kzg_core import commitment_of, versioned_hash
from node.l1_recording import L1Recorder, start_at
from node.offline_derivation import DerivationStart, derive_from_files
from tests.actions import chains
from tests.actions.chains import L1_CONFIG, PORTAL, FakeL1, FakeL2
from tests.actions.conftest import World
from tests.node.test_cli_derive import receipts_json


class Endpoint:
    """A FakeL1 or FakeL2 behind JSON-RPC, a beacon node and a KZG worker in one."""

    endpoint = "http://fake"

    def __init__(self, chain: FakeL1 | FakeL2) -> None:
        self.chain = chain
        self.asked: list[str] = []

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.asked.append(method)
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            return None if number >= len(self.chain.blocks) else block_to_json(self.chain.blocks[number], full=True)
        assert method == "eth_getBlockReceipts" and isinstance(self.chain, FakeL1)
        return receipts_json(self.chain._receipts[Hash32(bytes.fromhex(params[0][2:]))])

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [await self.call(*call) for call in calls]

    async def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        assert isinstance(self.chain, FakeL1)
        return self.chain.blobs(header, hashes)

    async def commitment(self, blob: bytes) -> bytes:
        return commitment_of(blob)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Deposits, calldata and a blob whose hash is a real one."""
    monkeypatch.setattr(chains, "blob_hash", lambda blob: versioned_hash(commitment_of(blob)))
    world = World.create(fork=Fork.JOVIAN)
    world.l1.deposit(PORTAL, None, 5, 3, 100_000, b"\x00")
    world.l1.mine()
    world.sequence(24)
    world.batcher.post([world.batcher.span(1, 10)])
    world.l1.mine()
    world.batcher.post_blobs([world.batcher.span(11, 24)])
    world.l1.mine(2)
    return world


def recorder(world: World, directory: Path) -> tuple[L1Recorder, Endpoint]:
    l1 = Endpoint(world.l1)
    return L1Recorder(l1, l1, l1, world.rollup, directory), l1


@pytest.mark.parametrize("start", [0, 10])
async def test_what_was_recorded_is_derived(start: int, world: World, tmp_path: Path) -> None:
    ref, document = await start_at(Endpoint(world.l2), world.rollup, start)
    assert ref == world.l2.refs()[start]
    (tmp_path / "start.json").write_text(json.dumps(document))
    recording, l1 = recorder(world, tmp_path / "l1")
    for number in range(ref.l1_origin.number, len(world.l1.blocks)):
        await recording.record(number)
    # One block has a deposit, so one needs its receipts.
    assert l1.asked.count("eth_getBlockReceipts") == (1 if ref.l1_origin.number <= 1 else 0)
    files = L1DataDirectory(tmp_path / "l1")
    blocks = list(derive_from_files(world.rollup, L1_CONFIG, files, DerivationStart.load(tmp_path / "start.json")))
    expected = [tuple(tx.raw for tx in block.transactions) for block in world.l2.blocks[start + 1 :]]
    assert [block.derived.attributes.transactions for block in blocks] == expected


async def test_an_l1_block_that_is_not_there_yet_is_named(world: World, tmp_path: Path) -> None:
    recording, _ = recorder(world, tmp_path)
    with pytest.raises(ValueError, match="has no L1 block 99 yet"):
        await recording.record(99)
    with pytest.raises(ValueError, match="has no L2 block 99"):
        await start_at(Endpoint(world.l2), world.rollup, 99)


async def test_an_l1_reorg_while_recording_is_noticed(world: World, tmp_path: Path) -> None:
    recording, _ = recorder(world, tmp_path)
    await recording.record(2)
    world.l1.reorg(1)
    world.l1.mine(3)
    with pytest.raises(CriticalError, match="was reorganised while it was recorded"):
        await recording.record(3)


async def test_an_endpoint_that_alters_a_block_is_found_out(world: World, tmp_path: Path) -> None:
    recording, l1 = recorder(world, tmp_path)
    honest = l1.call

    async def lie(method: str, params: Sequence[Any] = ()) -> Any:
        answer = await honest(method, params)
        return {**answer, "gasLimit": "0x1"} if method == "eth_getBlockByNumber" else answer

    l1.call = lie  # type: ignore[method-assign]
    with pytest.raises(CriticalError, match=r"block-2\.json"):
        await recording.record(2)
