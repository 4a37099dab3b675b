"""Both key-value stores behave alike; LevelDB keeps what was written."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evm.store.kv import KeyValueStore, LevelDbStore, MemoryStore, StoreError, WriteBatch

KEYS = st.lists(st.sampled_from([0x00, 0x61, 0x62, 0xFE, 0xFF]), max_size=4).map(bytes)


@pytest.fixture(params=["memory", "leveldb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValueStore]:
    opened: KeyValueStore = MemoryStore() if request.param == "memory" else LevelDbStore(tmp_path / "db")
    yield opened
    opened.close()


def put(store: KeyValueStore, entries: dict[bytes, bytes]) -> None:
    batch = WriteBatch()
    for key, value in entries.items():
        batch.put(key, value)
    store.write(batch)


def test_what_a_batch_puts_is_read_back_and_what_it_deletes_is_gone(store: KeyValueStore) -> None:
    put(store, {b"a": b"1", b"b": b""})
    batch = WriteBatch()
    batch.delete(b"a")
    batch.put(b"c", b"3")
    batch.delete(b"never there")
    store.write(batch, sync=False)

    assert store.get(b"a") is None
    assert store.get(b"b") == b""
    assert store.get(b"c") == b"3"


def test_the_last_operation_on_a_key_wins_within_a_batch(store: KeyValueStore) -> None:
    batch = WriteBatch()
    batch.put(b"a", b"1")
    batch.delete(b"a")
    batch.delete(b"b")
    batch.put(b"b", b"2")
    store.write(batch)

    assert len(batch) == 2
    assert store.get(b"a") is None
    assert store.get(b"b") == b"2"


def test_a_scan_gives_the_keys_of_a_prefix_in_order(store: KeyValueStore) -> None:
    put(store, {b"h\x02": b"2", b"h\x00": b"0", b"h\x01": b"1", b"i": b"x", b"g": b"y"})

    assert list(store.scan(b"h")) == [(b"h\x00", b"0"), (b"h\x01", b"1"), (b"h\x02", b"2")]
    assert [key for key, _ in store.scan(b"h", reverse=True)] == [b"h\x02", b"h\x01", b"h\x00"]


def test_a_scan_starts_at_the_given_key_in_its_direction(store: KeyValueStore) -> None:
    put(store, {b"h\x00": b"0", b"h\x02": b"2", b"h\x04": b"4", b"i": b"x"})

    assert [key for key, _ in store.scan(b"h", start=b"h\x02")] == [b"h\x02", b"h\x04"]
    assert [key for key, _ in store.scan(b"h", start=b"h\x03", reverse=True)] == [b"h\x02", b"h\x00"]
    assert [key for key, _ in store.scan(b"h", start=b"h\x02", reverse=True)] == [b"h\x02", b"h\x00"]


def test_a_scan_does_not_see_what_is_written_after_it_began(store: KeyValueStore) -> None:
    put(store, {b"a": b"1", b"b": b"2"})
    scan = store.scan(b"")
    put(store, {b"b": b"changed", b"c": b"3"})

    assert list(scan) == [(b"a", b"1"), (b"b", b"2")]


@settings(max_examples=60, deadline=None)
@given(
    entries=st.dictionaries(KEYS, st.binary(max_size=3), max_size=20),
    prefix=KEYS,
    start=KEYS | st.none(),
    reverse=st.booleans(),
)
def test_scans_agree_with_a_sorted_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    entries: dict[bytes, bytes],
    prefix: bytes,
    start: bytes | None,
    reverse: bool,
) -> None:
    expected = sorted(
        (
            (key, value)
            for key, value in entries.items()
            if key.startswith(prefix) and (start is None or (key <= start if reverse else key >= start))
        ),
        reverse=reverse,
    )
    makers: list[Callable[[], KeyValueStore]] = [
        MemoryStore,
        lambda: LevelDbStore(tmp_path_factory.mktemp("scan") / "db"),
    ]
    for make in makers:
        store = make()
        put(store, entries)
        assert list(store.scan(prefix, start, reverse)) == expected
        store.close()


def test_leveldb_keeps_what_was_written_when_it_is_opened_again(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path / "deep" / "db")
    put(store, {b"k": b"v"})
    store.close()
    store.close()

    again = LevelDbStore(tmp_path / "deep" / "db")
    assert again.get(b"k") == b"v"
    again.close()


def test_a_synced_batch_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from evm.store.kv import LevelDbStore, WriteBatch\n"
        "store = LevelDbStore(Path(sys.argv[1])); batch = WriteBatch()\n"
        "[batch.put(b'k%d' % i, b'v' * 100) for i in range(1000)]\n"
        "store.write(batch); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "db")], cwd=root, check=False)

    assert killed.returncode == -9
    store = LevelDbStore(tmp_path / "db")
    assert len(list(store.scan(b"k"))) == 1000
    store.close()


def test_a_directory_held_by_somebody_else_is_refused_with_its_path_and_what_to_do(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path / "db")
    with pytest.raises(StoreError, match=r"in use by another process: stop that process") as error:
        LevelDbStore(tmp_path / "db")
    assert str(tmp_path / "db") in str(error.value)
    store.close()


def test_a_path_that_cannot_hold_a_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(StoreError, match="cannot be opened") as error:
        LevelDbStore(tmp_path / "file")
    assert str(tmp_path / "file") in str(error.value)


def test_a_closed_database_says_so(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path / "db")
    put(store, {b"a": b"1", b"b": b"2"})
    scan = store.scan(b"")
    assert next(scan) == (b"a", b"1")
    store.close()

    uses: list[Callable[[], object]] = [
        lambda: store.get(b"a"),
        lambda: put(store, {b"c": b"3"}),
        lambda: store.scan(b""),
        lambda: list(scan),
    ]
    for use in uses:
        with pytest.raises(StoreError, match="is closed: the node is shutting down"):
            use()


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path / "db")
    put(store, {b"k": b"v"})
    store.close()
    (tmp_path / "db" / "CURRENT").write_text("MANIFEST-999999\n")

    with pytest.raises(StoreError, match=str(tmp_path)):
        LevelDbStore(tmp_path / "db")


def test_a_value_that_the_disk_has_changed_is_an_error_and_not_another_value(tmp_path: Path) -> None:
    store = LevelDbStore(tmp_path / "db")
    entries = {index.to_bytes(2, "big"): bytes([index & 255]) * 100 for index in range(2000)}
    put(store, entries)
    store.compact()
    store.close()
    table = max((tmp_path / "db").glob("*.ldb"), key=lambda path: path.stat().st_size)
    raw = bytearray(table.read_bytes())
    raw[len(raw) // 3] ^= 1
    table.write_bytes(raw)

    damaged = LevelDbStore(tmp_path / "db")
    failures = 0
    for key, value in entries.items():
        try:
            assert damaged.get(key) == value
        except StoreError as error:
            failures += 1
            assert "check the disk" in str(error) and "b'" not in str(error)
    assert failures > 0
    damaged.close()
