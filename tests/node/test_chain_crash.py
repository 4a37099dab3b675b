"""The chain on disk survives a killed process and lost power: it always opens at a consistent head."""

import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.types import Hash32
from evm.store.kv import LevelDbStore, MemoryStore, WriteBatch
from evm.types import keccak256
from node.chain import Chain
from node.chain.pruning import Pruner
from node.database.verify import verify_store
from tests.node.writing_chain import WINDOW, build, extend, open_chain, run

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("LAMINA_CRASH_KILLS", "12"))
"""Processes killed, one at a time; `make adversary` kills 200."""
CUTS = 200


def _announced(output: str) -> list[tuple[int, str]]:
    lines = [line.split() for line in output.split("\n")[:-1]]
    return [(int(number), block_hash) for number, block_hash in lines]


@pytest.mark.slow
def test_a_chain_opens_consistently_after_its_process_was_killed_at_random_points(tmp_path: Path) -> None:
    generator = random.Random(20)
    directory = tmp_path / "chain"
    highest = 0
    for attempt in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.node.writing_chain", str(directory), str(attempt)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        first = process.stdout.readline()  # it writes from here on
        time.sleep(generator.random() * 0.3)
        process.kill()
        announced = _announced(first + process.stdout.read())
        process.wait()
        chain = open_chain(LevelDbStore(directory))
        try:
            number, block_hash = announced[-1]
            assert chain.head.number >= number
            canonical = chain.canonical_hash(number)
            # A block announced last is canonical unless the next, not yet announced, one replaced it.
            replaced = chain.head.number == number and chain.head.hash.hex() != block_hash
            assert canonical is not None and (canonical.hex() == block_hash or replaced)
            assert chain.head.number >= highest
            highest = chain.head.number
            report = verify_store(chain.kv)
            assert report.problems == []
            assert report.blocks == chain.head.number + 1
            assert report.state.base <= chain.finalized.number
        finally:
            chain.kv.close()


@dataclass(frozen=True)
class _Write:
    batch: WriteBatch
    sync: bool
    announced: int
    """How many heads had been announced when it was written."""


class RecordingStore(MemoryStore):
    """A store that remembers every batch in order."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[_Write] = []
        self.announced: list[tuple[int, Hash32]] = []

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        self.writes.append(_Write(batch, sync, len(self.announced)))
        super().write(batch, sync)


def copied(store: MemoryStore) -> MemoryStore:
    """A store with the same entries, to go on with."""
    batch, copy = WriteBatch(), MemoryStore()
    for key, value in store.scan(b""):
        batch.put(key, value)
    copy.write(batch)
    return copy


@pytest.mark.slow
def test_a_chain_opens_consistently_after_power_was_lost_at_200_random_writes() -> None:
    """LevelDB keeps batches in one log; a synced batch makes all before it durable, and each is there in full or not.

    So what power loss leaves is the log up to some batch at or after the last synced one.
    """
    recorded = RecordingStore()
    chain = open_chain(recorded)
    chain.on_new_head(lambda update: recorded.announced.extend((b.number, b.hash) for b in update.added[-1:]))
    run(chain, seed=3, steps=230, pruner=Pruner(chain, WINDOW))
    assert len(recorded.writes) > 500
    assert chain.history.base.number > 150
    generator = random.Random(7)
    cuts = sorted(generator.sample(range(1, len(recorded.writes)), CUTS))
    survived = MemoryStore()
    applied = 0
    for count, cut in enumerate(cuts):
        for write in recorded.writes[applied:cut]:
            survived.write(write.batch)
        applied = cut
        reopened = open_chain(copied(survived))
        # Announced heads were synced before anyone heard of them, so none of them may be gone.
        heard = recorded.writes[cut].announced
        if heard:
            number, block_hash = recorded.announced[heard - 1]
            assert reopened.canonical_hash(number) == block_hash, f"block {number} is lost after {cut} writes"
        if count % 10 == 0:
            assert verify_store(survived).problems == [], f"after {cut} writes"
        extend(reopened, reopened.head, cut)
        assert reopened.head.number >= 1
        if count % 10 == 0:
            pruner = Pruner(reopened, WINDOW)
            while pruner.step():
                pass
            assert verify_store(reopened.kv).problems == [], f"after {cut} writes, a block and pruning"


def test_a_block_that_l1_gives_again_does_not_wait_for_the_disk_and_what_is_final_does() -> None:
    recorded = RecordingStore()
    chain = open_chain(recorded)
    extend(chain, chain.head, 1)
    assert recorded.writes[-1].sync
    chain.insert(build(chain, chain.head, 2), durable=False)
    assert not recorded.writes[-1].sync
    chain.set_safe(chain.head)
    assert not recorded.writes[-1].sync
    chain.set_finalized(chain.head)
    assert recorded.writes[-1].sync, "and with it everything before it"


def test_verification_finds_what_is_damaged() -> None:
    def problems(damage: dict[bytes, bytes | None]) -> list[str]:
        store = MemoryStore()
        run(open_chain(store), seed=5, steps=6)
        batch = WriteBatch()
        for key, value in damage.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        store.write(batch)
        return verify_store(store).problems

    sound = MemoryStore()
    run(open_chain(sound), seed=5, steps=6)
    chain: Chain = open_chain(sound)
    account, slot = (next(key for key, _ in sound.scan(prefix)) for prefix in (b"sa", b"ss"))
    journal = next(key for key, _ in sound.scan(b"sj", start=b"sj" + (4).to_bytes(8, "big")))
    middle = chain.block_by_number(3)
    assert middle is not None
    node = next(key for key, _ in sound.scan(b"sn"))
    assert problems({}) == []
    assert any("trie node" in problem for problem in problems({b"sn" + chain.head.state_root: None}))
    assert any("trie node" in problem for problem in problems({b"sn" + chain.head.state_root: sound.get(node)}))
    assert any("missing in the flat state" in problem for problem in problems({account: None}))
    assert any("another value in the flat state" in problem for problem in problems({slot: b"\x07"}))
    assert any("but not in the trie" in problem for problem in problems({b"sa" + bytes(32): b"\xc0"}))
    assert any("is an orphan" in problem for problem in problems({b"sn" + keccak256(b"\xc0"): b"\xc0"}))
    assert any("is damaged" in problem for problem in problems({b"sn" + bytes(32): b"\xc0"}))
    assert any("references counted" in problem for problem in problems({b"sr" + node[2:]: b"\x09"}))
    assert any("not that of its parent" in problem for problem in problems({journal: None}))
    assert any("does not fit the change" in problem for problem in problems({journal: bytes(4)}))
    assert any("flat state is of root" in problem for problem in problems({b"smflat": bytes(32)}))
    assert any("no canonical block 3" in problem for problem in problems({b"N" + (3).to_bytes(8, "big"): None}))
    assert any("is missing" in problem for problem in problems({b"B" + middle.hash: None}))
    assert any("receipts" in problem for problem in problems({b"R" + middle.hash: b"\xc0"}))
    assert any("not indexed" in problem for problem in problems({b"T" + middle.transactions[0].hash: None}))
    assert any("head is missing" in problem for problem in problems({b"Msafe": bytes(32)}))
