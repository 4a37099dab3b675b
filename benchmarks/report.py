"""How a figure is reported: one JSON line, with the peer measured in the same run and the ratio to it."""

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value. `peer` names what it is compared with, `peer_value` was measured in the same run."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    detail: dict[str, Any] | None = None

    def line(self) -> str:
        """The JSON line."""
        data: dict[str, Any] = {"figure": self.name, "value": round(self.value, 3), "unit": self.unit}
        if self.peer is not None and self.peer_value is not None:
            data["peer"] = self.peer
            data["peerValue"] = round(self.peer_value, 3)
            data["ratio"] = round(self.value / self.peer_value, 3) if self.peer_value else None
        data.update(self.detail or {})
        data["machine"] = _machine()
        data["commit"] = _commit()
        return json.dumps(data)


def report(figure: Figure) -> None:
    """Print a figure."""
    print(figure.line(), flush=True)


@cache
def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


@cache
def _commit() -> str:
    answer = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
