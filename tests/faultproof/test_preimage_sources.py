"""Keys of preimages, and the sources they come from."""

import sys
from hashlib import sha256
from pathlib import Path

import pytest

from config.errors import CriticalError
from config.types import Address
from evm.types import keccak256
from faultproof.preimage import (
    DirectorySource,
    InvalidPreimage,
    KeyType,
    MemorySource,
    MissingPreimage,
    RecordingSource,
    blob_key,
    check_preimage,
    keccak256_key,
    key_type,
    local_key,
    precompile_key,
    sha256_key,
)
from faultproof.preimage.server import ServerSource

DATA = b"a preimage"
KEY = keccak256_key(keccak256(DATA))


def test_a_key_is_a_type_and_31_bytes() -> None:
    digest = bytes(range(32))
    assert local_key(4) == b"\x01" + bytes(30) + b"\x04"
    assert keccak256_key(digest) == b"\x02" + digest[1:]
    assert sha256_key(digest) == b"\x04" + digest[1:]
    assert blob_key(b"\xc0" * 48, digest) == b"\x05" + keccak256(b"\xc0" * 48 + digest)[1:]
    expected = keccak256(bytes(19) + b"\x08" + (45_000).to_bytes(8, "big") + b"input")
    assert precompile_key(Address(bytes(19) + b"\x08"), 45_000, b"input") == b"\x06" + expected[1:]


@pytest.mark.parametrize("key", [bytes(32), b"\x03" + bytes(31), b"\x07" + bytes(31), b"\x02" * 31, b""])
def test_other_bytes_are_no_key(key: bytes) -> None:
    with pytest.raises(ValueError, match=r"key|KeyType"):
        key_type(key)


def test_hashes_are_checked_and_other_types_are_taken_as_they_are() -> None:
    check_preimage(KEY, DATA)
    check_preimage(sha256_key(sha256(DATA).digest()), DATA)
    check_preimage(local_key(1), b"anything")
    assert key_type(KEY) == KeyType.KECCAK256
    for key in (KEY, sha256_key(sha256(DATA).digest())):
        with pytest.raises(InvalidPreimage, match=key.hex()):
            check_preimage(key, DATA + b"!")


def test_a_directory_keeps_preimages_by_the_name_of_their_key(tmp_path: Path) -> None:
    directory = DirectorySource(tmp_path / "new")
    with pytest.raises(MissingPreimage, match=KEY.hex()):
        directory.preimage(KEY)
    directory.store(KEY, DATA)
    directory.store(local_key(2), b"")
    assert (tmp_path / "new" / KEY.hex()).read_bytes() == DATA
    assert DirectorySource(tmp_path / "new").preimage(KEY) == DATA
    assert directory.preimage(local_key(2)) == b""
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted([KEY.hex(), local_key(2).hex()])


def test_a_damaged_file_is_an_error_and_no_answer(tmp_path: Path) -> None:
    (tmp_path / KEY.hex()).write_bytes(DATA[:-1])
    with pytest.raises(InvalidPreimage):
        DirectorySource(tmp_path).preimage(KEY)
    with pytest.raises(InvalidPreimage):
        DirectorySource(tmp_path).store(KEY, b"other")


def test_a_data_directory_of_op_program_is_read(tmp_path: Path) -> None:
    path = tmp_path / f"0x{KEY.hex()}.txt"
    path.write_text(DATA.hex())
    assert DirectorySource(tmp_path).preimage(KEY) == DATA
    path.write_text(f"0x{DATA[1:].hex()}\n")
    with pytest.raises(InvalidPreimage, match=KEY.hex()):
        DirectorySource(tmp_path).preimage(KEY)
    path.write_text("no hex")
    with pytest.raises(InvalidPreimage, match=r"0x.*\.txt does not hold hex"):
        DirectorySource(tmp_path).preimage(KEY)


def test_a_recording_answers_later_without_its_source(tmp_path: Path) -> None:
    recording = RecordingSource(MemorySource({KEY: DATA}), tmp_path)
    assert recording.preimage(KEY) == DATA
    assert RecordingSource(MemorySource({}), tmp_path).preimage(KEY) == DATA
    assert DirectorySource(tmp_path).preimage(KEY) == DATA
    with pytest.raises(MissingPreimage):
        recording.preimage(local_key(9))


SERVER = """
import os, sys

def read(descriptor, size):
    data = b""
    while len(data) < size:
        more = os.read(descriptor, size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data

preimages = {}
for pair in sys.argv[1:]:
    key, _, value = pair.partition("=")
    preimages[bytes.fromhex(key)] = bytes.fromhex(value)
import select
while True:
    for ready in select.select([3, 5], [], [])[0]:
        if ready == 3:
            hint = read(3, int.from_bytes(read(3, 4), "big"))
            preimages[bytes([1]) + bytes(31)] = hint
            os.write(4, b"\\0")
        else:
            key = read(5, 32)
            if key not in preimages:
                sys.exit(3)
            value = preimages[key]
            os.write(6, len(value).to_bytes(8, "big"))
            for start in range(0, len(value), 1000):
                os.write(6, value[start : start + 1000])
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    """A server that knows two preimages, and as local data 0 the last hint."""
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    large = bytes(100_000)
    pairs = [f"{KEY.hex()}={DATA.hex()}"]
    return " ".join([sys.executable, str(path), *pairs, f"{local_key(7).hex()}={large[:3000].hex()}"])


def test_a_server_process_is_asked_over_its_descriptors(command: str) -> None:
    with ServerSource(command) as server:
        assert server.preimage(KEY) == DATA
        server.hint(b"l1-block-header 0x1234")
        assert server.preimage(local_key(0)) == b"l1-block-header 0x1234"
        assert server.preimage(local_key(7)) == bytes(3000)


def test_a_server_that_ends_instead_of_answering_is_a_missing_preimage(command: str) -> None:
    with ServerSource(command) as server:
        with pytest.raises(MissingPreimage, match="has ended at key"):
            server.preimage(local_key(8))
        with pytest.raises(MissingPreimage, match="has ended"):
            server.hint(b"anyone there?")


def test_a_server_that_lies_is_found_out(command: str) -> None:
    with ServerSource(command.replace(DATA.hex(), b"a lie".hex())) as server, pytest.raises(InvalidPreimage):
        server.preimage(KEY)


@pytest.mark.parametrize("command", ["", "no-such-program-anywhere --server"])
def test_a_server_that_is_not_there_is_said_so(command: str) -> None:
    with pytest.raises(CriticalError, match="no program"):
        ServerSource(command)
