"""The committed program is what its source builds, and what the record says of it."""

import importlib.util

import pytest

from config.registry import builtin_chain_ids
from faultproof import shipped
from faultproof.vm.elf import read_elf


def test_the_record_names_the_committed_program() -> None:
    assert shipped.recorded_digests()[shipped.FAULT_PROOF_PROGRAM.name] == shipped.shipped_digest()


def test_the_recorded_prestates_are_those_of_the_committed_program() -> None:
    prestates = shipped.prestates()
    assert shipped.recorded_prestates() == prestates
    assert set(prestates) == set(builtin_chain_ids())
    assert len(set(prestates.values())) == len(prestates)


def test_programs_take_less_than_a_megabyte() -> None:
    assert shipped.FAULT_PROOF_PROGRAM.stat().st_size < 1_000_000
    assert read_elf(shipped.FAULT_PROOF_PROGRAM.read_bytes()).segments


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="the Zig compiler (PyPI: ziglang) is not there")
def test_the_source_builds_the_recorded_program() -> None:
    (result,) = shipped.rebuild(["fpvm"])
    assert result.matches, f"{result}: run `make programs` and commit what it writes"
