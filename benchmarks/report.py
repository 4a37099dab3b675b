"""How a figure is reported: one JSON line, with the peer measured in the same run and the ratio to it."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value. `peer` names what it is compared with, `peer_value` was measured in the same run.

    `detail` says under which conditions, and what else was seen.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    detail: dict[str, Any] | None = None

    def line(self) -> str:
        """The JSON line; it ends with the machine, its load, the commit and the command that repeats the figure."""
        data: dict[str, Any] = {"figure": self.name, "value": _rounded(self.value), "unit": self.unit}
        if self.peer is not None and self.peer_value is not None:
            data["peer"] = self.peer
            data["peerValue"] = _rounded(self.peer_value)
            data["ratio"] = round(self.value / self.peer_value, 3) if self.peer_value else None
        data.update(self.detail or {})
        data["machine"] = _machine()
        data["loadBefore"] = round(_LOAD_BEFORE, 1)
        data["commit"] = _commit()
        data["command"] = _command()
        return json.dumps(data)


_LOAD_BEFORE = os.getloadavg()[0]
"""Processes that wanted a core in the minute before: more than none means that others took part of the machine."""


def report(figure: Figure) -> None:
    """Print a figure."""
    print(figure.line(), flush=True)


def _rounded(value: float) -> float:
    return round(value, 3 if abs(value) < 100 else 1)


@cache
def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


@cache
def _commit() -> str:
    answer = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def _command() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return " ".join(["python", "-m", spec.name if spec is not None else "benchmarks", *sys.argv[1:]])
