"""The native library with a bug put into it: to see that comparing the engines finds such bugs."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import evm.native.engine
import evm.native.senders
import evm.native.steps
from evm.native import library
from tests.core.toolchain import ROOT, builder

_QUICK = ("-O", "Debug", "-fllvm")
"""A build takes a sixth of the time without optimization; the library's own checks stay."""


@dataclass(frozen=True)
class Mutation:
    """A bug: in a file below `core/src`, text that stands there once, and what takes its place."""

    file: str
    text: str
    replacement: str


MUTATIONS = {
    "ADD is one too much": Mutation("evm/ops/arithmetic.zig", "return w[0] +% w[1];", "return w[0] +% w[1] +% 1;"),
    "a warm slot costs one gas more": Mutation(
        "evm/gas.zig",
        "pub const slot_access: Access = .{ .cold = 2100, .warm = 100 };",
        "pub const slot_access: Access = .{ .cold = 2100, .warm = 101 };",
    ),
    "refunds are capped at a fourth": Mutation(
        "evm/transaction.zig",
        "const quotient: u64 = if (machine.rules.since(.london)) 5 else 2;",
        "const quotient: u64 = if (machine.rules.since(.london)) 4 else 2;",
    ),
    "logs of a reverted call stay": Mutation(
        "evm/state.zig", "self.logs.shrinkRetainingCapacity(to.logs);", "_ = to.logs;"
    ),
    "a reverted slot keeps its value": Mutation(
        "evm/state.zig", ".slot => |entry| entry.slot.value = entry.old,", ".slot => {},"
    ),
    "the operator's constant fee is forgotten": Mutation(
        "block/fees.zig", "return variable + info.operator_fee_constant;", "return variable;"
    ),
    "a deposit that fails loses its mint": Mutation(
        "block/deposit.zig",
        "if (!mayStart(machine, transaction, &payload, sender)) {",
        "if (!mayStart(machine, transaction, &payload, sender)) {\n        try state.subtractBalance(sender, deposit.mint);",
    ),
    "a low nonce is taken": Mutation(
        "block/validity.zig", "if (transaction.nonce < facts.sender_nonce) return .nonce_too_low;", ""
    ),
    "a deleted slot stays in the trie": Mutation(
        "block/trie_state.zig", "if (slot.value == 0) try storage.delete", "if (slot.value == 1) try storage.delete"
    ),
    "the base fee never falls": Mutation("block/base_fee.zig", "return base_fee -| change;", "return base_fee;"),
}


def build_mutant(mutation: Mutation, directory: Path) -> Path:
    """The library with the bug, built from a copy of the sources. Raises BuildError."""
    core = directory / "core"
    shutil.copytree(ROOT / "core" / "src", core / "src")
    file = core / "src" / mutation.file
    source = file.read_text()
    assert source.count(mutation.text) == 1, f"{mutation.file} has changed: adapt the mutation {mutation.text!r}"
    file.write_text(source.replace(mutation.text, mutation.replacement))
    output = builder.OUTPUTS["native"]
    cpu = next(argument for argument in output.arguments if argument.startswith("-mcpu="))
    target: Path = directory / builder.library_name()
    arguments = ["build-lib", "src/native.zig", "-dynamic", *_QUICK, "-fstrip", cpu, f"-femit-bin={target}"]
    command = [sys.executable, "-m", "ziglang", *arguments, "--cache-dir", str(directory / "cache")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=core)
    assert run.returncode == 0, run.stderr
    return target


@contextmanager
def native_library_at(path: Path) -> Iterator[None]:
    """Within, new engines use another library."""
    caches = (library.load_library, evm.native.engine._door, evm.native.steps._library, evm.native.senders._recover)
    before = library.LIBRARY_PATH
    library.LIBRARY_PATH = path
    try:
        for cache in caches:
            cache.cache_clear()
        yield
    finally:
        library.LIBRARY_PATH = before
        for cache in caches:
            cache.cache_clear()
