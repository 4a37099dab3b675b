"""Derivation's decoders on the bare RV64IM machine: results equal to Python's, and what they cost.

The counts are exact and the same on every machine, so the bounds here are not timings: a change that makes a decoder
dearer must raise its bound and say why.
"""

import os
import zlib
from pathlib import Path

import brotli
import pytest

from derivation.codec import Compression, encode_blob
from tests.actions.conftest import World
from tests.core import toolchain
from tests.core.preimages import BLOB_POINTS

unicorn = pytest.importorskip("unicorn", reason="unicorn runs the guest programs")

from tests.core.guest import Guest, executable_words, is_rv64im  # noqa: E402 - needs unicorn

ZLIB, BROTLI, BLOB, POINTS, CHANNEL = range(1, 6)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guest program with one decoder per operation."""
    if not toolchain.have_compiler():
        pytest.skip(f"ziglang=={toolchain.builder.ZIG_VERSION} is not installed")
    return toolchain.build_guest("guest_derivation.zig", tmp_path_factory.mktemp("guest"))


@pytest.fixture(scope="module")
def guest(elf: Path) -> Guest:
    """The same, loaded."""
    return Guest(elf)


def test_the_decoders_are_rv64im_instructions_alone(elf: Path) -> None:
    assert all(is_rv64im(word) for word in executable_words(elf))


@pytest.fixture(scope="module")
def channel_data() -> bytes:
    """What a channel of signed transactions holds: 300 blocks, one transaction each."""
    world = World.create()
    world.sequence(300)
    return zlib.decompress(world.batcher.channel([world.batcher.span(1, 300)], Compression.ZLIB))


def per_byte(instructions: int, data: bytes) -> float:
    return instructions / len(data)


def test_brotli(guest: Guest, channel_data: bytes) -> None:
    for name, sample, bound in (
        ("batches", channel_data, 45),
        ("noise", os.urandom(200_000), 15),
        ("zeros", bytes(2 << 20), 15),
    ):
        compressed = brotli.compress(sample, quality=10)
        result = guest.call(BROTLI, compressed)
        assert result.output == sample
        print(f"brotli, {name}: {result.instructions} instructions, {len(compressed)} -> {len(sample)} bytes")
        assert per_byte(result.instructions, sample) < bound


def test_zlib(guest: Guest, channel_data: bytes) -> None:
    for name, sample, bound in (
        ("batches", channel_data, 45),
        ("noise", os.urandom(200_000), 15),
        ("zeros", bytes(2 << 20), 15),
    ):
        compressed = zlib.compress(sample, 9)
        result = guest.call(ZLIB, compressed)
        assert result.output == sample
        print(f"zlib, {name}: {result.instructions} instructions, {len(compressed)} -> {len(sample)} bytes")
        assert per_byte(result.instructions, sample) < bound


def test_a_full_blob(guest: Guest) -> None:
    data = os.urandom(130_044)
    result = guest.call(BLOB, encode_blob(data))
    assert result.output == data
    print(f"blob: {result.instructions} instructions")
    assert result.instructions < 1_000_000


def test_the_evaluation_points_of_blobs(guest: Guest) -> None:
    result = guest.call(POINTS, b"")
    assert result.output == b"".join(BLOB_POINTS)
    print(f"points: {result.instructions} instructions")
    assert result.instructions < 4_000_000


def test_a_channel_of_span_batches(guest: Guest) -> None:
    world = World.create()
    world.sequence(300)
    compressed = world.batcher.channel([world.batcher.span(1, 300)])
    result = guest.call(CHANNEL, compressed)
    assert int.from_bytes(result.output, "big") == 300
    print(f"channel: {result.instructions} instructions for 300 transactions")
    assert result.instructions < 300 * 15_000
