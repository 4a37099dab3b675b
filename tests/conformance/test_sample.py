"""A fixed sample of Ethereum's public test suites; `make conformance` runs them whole."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evm.statetest import Document, Outcome, Verdict, find_documents, run_document

ONE_IN = {"ethereum-tests.tar.xz": 9, "osaka-state-tests.tar.xz": 2, "eip2537-state-tests.tar.xz": 40}
"""Of how many files one is taken."""
SLOW = (
    "vmPerformance",
    "stTimeConsuming",
    "stAttackTest",
    "stQuadraticComplexity",
    "Call50000",
    "g2_multiexp",
    "pairing_",
)


def sample(archive: Path) -> Iterator[Document]:
    """One case of every n-th file, always the same ones; suites that are not of states are taken whole."""
    for document in find_documents([archive]):
        pick = zlib.crc32(document.name.encode())
        entries: dict[str, Any] = json.loads(document.content)
        name, body = list(entries.items())[pick % len(entries)] if entries else ("", {})
        if "post" not in body:
            yield document
        elif pick % ONE_IN[archive.name] == 0 and not any(word in document.name for word in SLOW):
            body["post"] = {fork: [posts[pick % len(posts)]] for fork, posts in body["post"].items()}
            yield Document(document.name, json.dumps({name: body}).encode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "at_least"),
    [("ethereum-tests.tar.xz", 1_000), ("osaka-state-tests.tar.xz", 15), ("eip2537-state-tests.tar.xz", 15)],
)
def test_a_sample_of_a_public_suite_passes(vectors: Path, name: str, at_least: int) -> None:
    outcomes: list[Outcome] = []
    for document in sample(vectors / "evm" / name):
        outcomes.extend(run_document(document))
    failed = [outcome for outcome in outcomes if outcome.verdict == Verdict.FAILED]
    passed = sum(outcome.verdict == Verdict.PASSED for outcome in outcomes)
    assert not failed, json.dumps([outcome.to_json() for outcome in failed[:5]], indent=1)
    assert passed >= at_least
