"""What came of a test case."""

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Verdict(Enum):
    """How a case ended. A skipped case is of a kind, or for a fork, that has no counterpart here."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """One case: the file it stands in, its name there, its fork and position (for state tests), and how it ended.

    `reason` says why it failed or was skipped; empty for a case that passed.
    """

    file: str
    name: str
    verdict: Verdict
    reason: str = ""
    fork: str | None = None
    indexes: tuple[int, int, int] | None = None
    """Which of the transaction's data, gas limits and values this is."""

    def to_json(self) -> dict[str, Any]:
        """`{"file", "name", "result", "reason"}`, for state tests with `fork` and `indexes`."""
        line: dict[str, Any] = {"file": self.file, "name": self.name}
        if self.fork is not None:
            line["fork"] = self.fork
        if self.indexes is not None:
            line["indexes"] = dict(zip(("data", "gas", "value"), self.indexes, strict=True))
        return {**line, "result": self.verdict.value, "reason": self.reason}
