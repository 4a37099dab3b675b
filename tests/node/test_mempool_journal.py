"""Local transactions survive a restart."""

import logging
from pathlib import Path

import pytest

from node.mempool import Journal
from tests.node.pool_world import World, transfer


def test_local_transactions_come_back_after_a_restart_and_others_do_not(tmp_path: Path) -> None:
    path = tmp_path / "node" / "transactions.journal"
    world = World(journal=Journal(path))
    local, foreign = transfer(0, 0), transfer(1, 0)
    world.pool.add(local, local=True)
    world.pool.add(foreign)
    restarted = World(journal=Journal(path))
    assert restarted.pool.load_journal() == 1
    assert local.hash in restarted.pool and foreign.hash not in restarted.pool


def test_what_is_no_longer_valid_is_left_out_of_the_rewritten_journal(tmp_path: Path) -> None:
    path = tmp_path / "transactions.journal"
    world = World(journal=Journal(path))
    world.pool.add(transfer(0, 0), local=True)
    kept = transfer(0, 1)
    world.pool.add(kept, local=True)
    restarted = World(journal=Journal(path))
    restarted.set(0, nonce=1)
    assert restarted.pool.load_journal() == 1
    assert list(Journal(path).load()) == [kept.raw]


def test_an_included_transaction_is_gone_from_the_journal_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "transactions.journal"
    world = World(journal=Journal(path))
    sent = transfer(0, 0)
    world.pool.add(sent, local=True)
    world.advance(sent)
    world.pool.close()
    assert list(Journal(path).load()) == []


def test_the_journal_is_rewritten_now_and_then_so_that_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "transactions.journal"
    world = World(journal=Journal(path))
    included, waiting = transfer(0, 0), transfer(0, 1)
    for transaction in (included, waiting):
        world.pool.add(transaction, local=True)
    world.advance(included)
    assert list(Journal(path).load()) == [included.raw, waiting.raw]
    world.now = 3_600.0
    world.advance()
    assert list(Journal(path).load()) == [waiting.raw]
    later = transfer(0, 2)
    world.pool.add(later, local=True)
    assert list(Journal(path).load()) == [waiting.raw, later.raw]


def test_a_journal_that_cannot_be_written_is_reported_and_does_not_cost_the_transaction(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    world = World(journal=Journal(blocked / "transactions.journal"))
    sent = transfer(0, 0)
    with caplog.at_level(logging.ERROR, "lamina.mempool"):
        world.pool.add(sent, local=True)
    assert sent.hash in world.pool and "would not survive a restart" in caplog.text


@pytest.mark.parametrize("cut", [1, 60])
def test_a_torn_end_is_reported_and_the_rest_is_read(
    tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "transactions.journal"
    journal = Journal(path)
    first, second = transfer(0, 0), transfer(0, 1)
    journal.append(first.raw)
    journal.append(second.raw)
    journal.close()
    path.write_bytes(path.read_bytes()[:-cut])
    with caplog.at_level(logging.WARNING, "lamina.mempool"):
        assert list(Journal(path).load()) == [first.raw]
    assert "damaged" in caplog.text


def test_a_journal_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "none").load()) == []
    assert World().pool.load_journal() == 0
