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
