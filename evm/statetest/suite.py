"""Runs whole suites of test files, in as many processes as asked for."""

import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from config.errors import CriticalError
from config.forks import EthFork
from evm.statetest.documents import Document
from evm.statetest.other_cases import (
    is_rlp_test,
    is_transaction_test,
    is_trie_test,
    run_rlp_test,
    run_transaction_test,
    run_trie_test,
    transaction_forks,
)
from evm.statetest.outcome import Outcome, Verdict
from evm.statetest.state_case import is_state_test, skipped_forks, state_cases
from evm.statetest.state_runner import CASE_ENGINES, run_state_case

_DEFECTS = (
    AttributeError, ArithmeticError, AssertionError, CriticalError, LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What a malformed entry or a defect of ours raises: that case has failed, the suite goes on."""


@dataclass
class Summary:
    """How many cases ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a case."""
        if outcome.verdict == Verdict.PASSED:
            self.passed += 1
        elif outcome.verdict == Verdict.FAILED:
            self.failed += 1
        else:
            self.skipped += 1

    def to_json(self) -> dict[str, int]:
        """`{"passed", "failed", "skipped"}`."""
        return {"passed": self.passed, "failed": self.failed, "skipped": self.skipped}


def run_document(document: Document, only: EthFork | None = None, engine: str = "pyevm") -> Iterator[Outcome]:
    """Every case of a test file; with `only`, state and transaction tests of that fork.

    `engine` executes the state tests (`CASE_ENGINES`); tests of other kinds have nothing to execute.
    A malformed file is one failed case: nothing of a suite is lost in silence.
    """
    try:
        entries = json.loads(document.content)
    except ValueError as error:
        yield Outcome(document.name, "", Verdict.FAILED, f"not JSON: {error}")
        return
    if not isinstance(entries, dict):
        yield Outcome(document.name, "", Verdict.SKIPPED, "not a test file: its JSON is no object")
        return
    for name, body in entries.items():
        try:
            yield from _run_entry(document.name, name, body, only, engine)
        except _DEFECTS as error:
            yield Outcome(document.name, name, Verdict.FAILED, f"cannot be run: {type(error).__name__}: {error}")


def _run_entry(file: str, name: str, body: Any, only: EthFork | None, engine: str) -> Iterator[Outcome]:
    if not isinstance(body, dict):
        yield Outcome(file, name, Verdict.SKIPPED, "not a test: its JSON is no object")
    elif is_state_test(body):
        for case in state_cases(name, body, only):
            yield run_state_case(file, case, CASE_ENGINES[engine])
        for fork_name, count in skipped_forks(body, only):
            for _ in range(count):
                yield Outcome(file, name, Verdict.SKIPPED, f"the rules of {fork_name} are not supported", fork_name)
    elif is_transaction_test(body):
        for fork_name in transaction_forks(body):
            yield _judged(file, name, run_transaction_test(body, fork_name), fork_name)
    elif is_rlp_test(body):
        yield _judged(file, name, run_rlp_test(body))
    elif is_trie_test(body):
        yield _judged(file, name, run_trie_test(body, secure="secure" in file.lower()))
    else:
        yield Outcome(file, name, Verdict.SKIPPED, "a kind of test that has no counterpart here")


def _judged(file: str, name: str, reason: str, fork: str | None = None) -> Outcome:
    return Outcome(file, name, Verdict.FAILED if reason else Verdict.PASSED, reason, fork)


def run_suite(
    documents: Iterable[Document],
    only: EthFork | None = None,
    jobs: int = 1,
    report: Callable[[str, list[Outcome]], None] = lambda name, outcomes: None,
    engine: str = "pyevm",
) -> Summary:
    """Run all files with `jobs` processes. `report` gets each file's name and cases as they are done."""
    summary = Summary()
    for name, outcomes in _all(documents, only, jobs, engine):
        for outcome in outcomes:
            summary.add(outcome)
        report(name, outcomes)
    return summary


_Task = tuple[Document, EthFork | None, str]


def _run_task(task: _Task) -> tuple[str, list[Outcome]]:
    document, only, engine = task
    return document.name, list(run_document(document, only, engine))


def _ignore_interrupt() -> None:
    # Ctrl-C reaches the whole process group; the parent answers it for all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _all(
    documents: Iterable[Document], only: EthFork | None, jobs: int, engine: str
) -> Iterator[tuple[str, list[Outcome]]]:
    tasks: Iterator[_Task] = ((document, only, engine) for document in documents)
    if jobs <= 1:
        yield from map(_run_task, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_ignore_interrupt) as pool:
        yield from pool.imap_unordered(_run_task, tasks)
