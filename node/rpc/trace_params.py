"""The options object of the tracing methods."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evm.tracing.room import Room
from evm.tracing.settings import members
from evm.tracing.tracer import Tracer
from evm.tracing.tracers import make_tracer

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True)
class TraceOptions:
    """How to trace. `timeout` in seconds, None where the caller leaves it to the node; `others` are the remaining
    members by lower-case name, the struct logger's settings among them."""

    tracer: str | None
    tracer_config: Any
    timeout: float | None
    others: Mapping[str, Any]

    def new_tracer(self, room: Room) -> Tracer:
        """A tracer for one transaction. Raises InvalidTracerConfig."""
        return make_tracer(self.tracer, self.tracer_config if self.tracer else self.others, room)


def parse_trace_options(value: Any) -> TraceOptions:
    """Read an options object; None stands for an empty one. `reexec` means nothing here and is ignored.

    Raises ValueError when it is malformed. Spec: geth, "debug_traceTransaction, TraceConfig".
    """
    if value is not None and not isinstance(value, Mapping):
        raise ValueError("trace options must be an object")
    given = members(value)
    tracer, timeout = given.pop("tracer", None), given.pop("timeout", None)
    if tracer is not None and not isinstance(tracer, str):
        raise ValueError("tracer must be a string")
    return TraceOptions(
        tracer, given.pop("tracerconfig", None), None if timeout is None else parse_duration(timeout), given
    )


def parse_duration(value: Any) -> float:
    """Seconds of a duration in Go's form, such as `300ms` or `1m30s`. Raises ValueError."""
    text = value if isinstance(value, str) else ""
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"time: invalid duration {value!r}")
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
