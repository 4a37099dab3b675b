"""`lamina export` and `lamina import`: a chain as a file, into another directory, and what a node makes of it there."""

import copy
import gzip
import io
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.rollup import RollupConfig
from config.types import to_hex
from evm.engine import BlockInputs
from evm.rules import L2Rules
from evm.store.kv import LevelDbStore
from evm.store.state import StateStore
from evm.types import Block
from evm.types.rlp import encode
from node.chain import Chain
from node.chain.block_file import BlockFileError, RawBlock, read_blocks
from node.cli.transfer import _asked_to_stop
from node.database.transfer import Imported, ImportRefused, import_blocks
from tests.node.data_directories import lamina, lamina_json, write_directory, write_rollup
from tests.node.rollup_world import RollupWorld


class Fixture:
    """A sequencer's chain of five blocks, some with transactions, and the empty chain that it began as."""

    def __init__(self) -> None:
        self.world = RollupWorld()
        self.empty = copy.deepcopy(self.world.kv)

    async def fill(self) -> None:
        """Make the blocks."""
        for _ in range(3):
            self.world.pool.add(self.world.transfer())
        await self.world.sequence(5)

    def empty_again(self) -> None:
        """The node starts over without its blocks."""
        self.world.kv = copy.deepcopy(self.empty)
        self.world.nonce = 0
        self.world.restart()

    def blocks(self, first: int = 0) -> list[Block]:
        """The canonical blocks."""
        return [self.world.block(number) for number in range(first, self.world.chain.head.number + 1)]


@pytest.fixture
async def made() -> Fixture:
    fixture = Fixture()
    await fixture.fill()
    return fixture


def take(
    chain: Chain, blocks: list[Block], stop_after: int | None = None, rollup: RollupConfig | None = None
) -> Imported:
    result = Imported()
    data = io.BytesIO(b"".join(block.encode() for block in blocks))
    import_blocks(
        chain,
        read_blocks(data),
        result,
        lambda: None,
        lambda: stop_after is not None and result.executed >= stop_after,
        rollup,
    )
    return result


def empty_chain(made: Fixture) -> Chain:
    kv = copy.deepcopy(made.empty)
    return Chain(kv, L2Rules(made.world.rollup), StateStore(kv))


def test_an_exported_chain_gives_the_same_head_and_state_in_a_fresh_directory(made: Fixture, tmp_path: Path) -> None:
    source = write_directory(made.world.kv, tmp_path / "source")
    target = write_directory(made.empty, tmp_path / "target")
    rollup = write_rollup(made.world.rollup, tmp_path)
    file = tmp_path / "chain.rlp.gz"
    exported = lamina_json("export", file, "--datadir", source)
    assert (exported["first"], exported["last"]) == (0, 5)
    assert gzip.decompress(file.read_bytes()) == b"".join(block.encode() for block in made.blocks())
    for executed, known in ((5, 1), (0, 6)):
        report = lamina_json("import", file, "--datadir", target, "--rollup.config", rollup)
        head = made.world.chain.head
        assert report == {
            "executed": executed,
            "known": known,
            "interrupted": False,
            "head": {"number": 5, "hash": to_hex(head.hash), "stateRoot": to_hex(head.state_root)},
        }
    assert lamina_json("db", "verify", "--datadir", target)["problems"] == []
    kv = LevelDbStore(target / "chaindata")
    chain = Chain(kv, L2Rules(made.world.rollup), StateStore(kv))
    assert (chain.head.number, chain.safe.number, chain.finalized.number) == (5, 0, 0)
    kv.close()


def test_a_part_goes_through_standard_streams_and_several_files_follow_each_other(
    made: Fixture, tmp_path: Path
) -> None:
    source = write_directory(made.world.kv, tmp_path / "source")
    target = write_directory(made.empty, tmp_path / "target")
    rollup = write_rollup(made.world.rollup, tmp_path)
    lamina("export", tmp_path / "a.rlp", 1, 2, "--datadir", source)
    lamina("export", tmp_path / "b.rlp", 3, "--datadir", source)
    assert (tmp_path / "a.rlp").read_bytes() == b"".join(block.encode() for block in made.blocks(1)[:2])
    with_stream = lamina_json(
        *("import", tmp_path / "a.rlp", "-", "--datadir", target, "--rollup.config", rollup),
        stdin=(tmp_path / "b.rlp").read_bytes(),
    )
    assert (with_stream["executed"], with_stream["head"]["number"]) == (5, 5)
    with pytest.raises(ValueError, match="blocks 0 to 5, not 3 to 9"):
        lamina("export", tmp_path / "c.rlp", 3, 9, "--datadir", source)
    assert not list(tmp_path.glob("c.rlp*"))


def test_import_stops_at_the_first_bad_block_and_keeps_what_came_before(made: Fixture, tmp_path: Path) -> None:
    chain = empty_chain(made)
    blocks = made.blocks(1)
    bad = Block.decode(blocks[2].encode().replace(blocks[2].header.state_root, b"\x66" * 32))
    with pytest.raises(ImportRefused, match=f"block 3 \\({to_hex(bad.hash)}\\) is not valid: .*state"):
        take(chain, [*blocks[:2], bad, *blocks[3:]])
    assert chain.head == blocks[1].header
    assert take(chain, blocks).executed == 3


def test_a_block_that_no_node_could_begin_on_is_refused(made: Fixture) -> None:
    chain, world = empty_chain(made), made.world
    first = made.blocks(1)[0]
    strange = chain.engine.start(chain.genesis, BlockInputs.of(first)).seal().block
    with pytest.raises(ImportRefused, match=r"block 1 .* is not one of this rollup: .* L1 attributes deposit"):
        take(chain, [strange], rollup=world.rollup)
    assert take(chain, made.blocks(), rollup=world.rollup).executed == 5


def test_a_file_that_is_cut_short_gives_its_whole_blocks(made: Fixture, tmp_path: Path) -> None:
    target = write_directory(made.empty, tmp_path / "target")
    rollup = write_rollup(made.world.rollup, tmp_path)
    data = b"".join(block.encode() for block in made.blocks(1))
    (tmp_path / "cut.rlp").write_bytes(data[:-10])
    (tmp_path / "cut.rlp.gz").write_bytes(gzip.compress(data)[:-12])
    with pytest.raises(ValueError, match=r"cut\.rlp: the file is cut short.* not whole; the head is block 4"):
        lamina("import", tmp_path / "cut.rlp", "--datadir", target, "--rollup.config", rollup)
    with pytest.raises(ValueError, match=r"cut\.rlp\.gz: the packed file is cut short"):
        lamina("import", tmp_path / "cut.rlp.gz", "--datadir", target, "--rollup.config", rollup)


async def test_blocks_that_do_not_follow_the_head_are_refused_with_what_to_do(made: Fixture) -> None:
    chain = empty_chain(made)
    with pytest.raises(ImportRefused, match=r"block 3 \(0x.*first import the blocks from 1 on"):
        take(chain, made.blocks(3))
    other = Fixture()
    await other.world.sequence(2)
    take(chain, made.blocks(1))
    with pytest.raises(ImportRefused, match=r"block 1 .* is on another fork .*lamina unwind"):
        take(chain, other.blocks(1))
    stranger = Block.decode(made.blocks()[0].encode().replace(made.blocks()[0].header.state_root, b"\x66" * 32))
    with pytest.raises(ImportRefused, match="another genesis"):
        take(chain, [stranger])
    assert chain.head == made.world.chain.head


def test_an_interrupted_import_goes_on_where_it_was(made: Fixture) -> None:
    chain = empty_chain(made)
    first = take(chain, made.blocks(), stop_after=2)
    assert (first.executed, first.interrupted, chain.head.number) == (2, True, 2)
    second = take(chain, made.blocks())
    assert (second.executed, second.known, second.interrupted) == (3, 3, False)
    assert chain.head == made.world.chain.head


def test_blocks_that_were_taken_back_come_again_without_being_executed(made: Fixture) -> None:
    chain = empty_chain(made)
    take(chain, made.blocks())
    chain.set_head(made.world.header(2))
    again = take(chain, made.blocks())
    assert (again.executed, again.known) == (0, 6)
    assert chain.head == made.world.chain.head


def test_ctrl_c_asks_to_stop_and_a_second_one_does_not_wait() -> None:
    with _asked_to_stop() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


async def test_a_node_calls_imported_blocks_safe_when_l1_confirms_them_without_executing_them_again(
    made: Fixture,
) -> None:
    world, head, blocks = made.world, made.world.chain.head, made.blocks()
    world.post([1, 2, 3])
    world.l1.mine(1)
    made.empty_again()
    take(world.chain, blocks)
    await world.catch_up()
    assert world.chain.head == head
    assert world.chain.safe.number == 3
    assert world.driver.status.derived_blocks == 0


async def test_a_node_replaces_imported_blocks_that_l1_contradicts(made: Fixture) -> None:
    world = made.world
    imported = made.blocks()
    made.empty_again()
    await world.sequence(3)
    world.post([1, 2, 3])
    world.l1.mine(1)
    right = world.header(3)
    made.empty_again()
    take(world.chain, imported)
    assert world.chain.head.number == 5
    await world.catch_up()
    assert world.chain.safe == world.chain.head == right


def test_the_chain_of_the_execution_apis_is_imported_by_the_rules_of_ethereum(vectors: Path, tmp_path: Path) -> None:
    genesis = vectors / "rpc" / "genesis.json"
    lamina("init", "--genesis", genesis, "--l1.chain-config", genesis, "--datadir", tmp_path / "data")
    report = lamina_json(
        *("import", vectors / "rpc" / "chain.rlp", "--datadir", tmp_path / "data", "--l1.chain-config", genesis)
    )
    last = [entry.raw for entry in read_blocks(io.BytesIO((vectors / "rpc" / "chain.rlp").read_bytes()))][-1]
    assert report["head"]["hash"] == to_hex(Block.decode(last).hash)


class Dribble(io.RawIOBase):
    """A pipe: it gives one to three bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 1 + self._inner.tell() % 3))


@given(st.lists(st.lists(st.binary(max_size=300), max_size=4), max_size=5))
def test_what_is_written_one_behind_the_other_is_read_as_it_was(items: list[list[bytes]]) -> None:
    raws = [encode(item) for item in items]
    found = list(read_blocks(Dribble(b"".join(raws))))  # type: ignore[arg-type]
    assert found == [RawBlock(sum(map(len, raws[:index])), raw) for index, raw in enumerate(raws)]


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read_as_whole_lists(data: bytes) -> None:
    read = 0
    try:
        for entry in read_blocks(io.BytesIO(data)):
            assert entry.offset == read
            read += len(entry.raw)
            assert entry.raw[0] >= 0xC0
        assert read == len(data)
    except BlockFileError:
        assert read < len(data)
