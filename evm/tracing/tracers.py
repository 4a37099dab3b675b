"""Tracers by the names that callers know them by."""

from collections.abc import Callable, Mapping
from typing import Any

from evm.tracing.call_tracer import CallTracer
from evm.tracing.flat_call_tracer import FlatCallTracer
from evm.tracing.four_byte_tracer import FourByteTracer
from evm.tracing.mux_tracer import MuxTracer
from evm.tracing.prestate_tracer import PrestateTracer
from evm.tracing.room import Room
from evm.tracing.struct_logger import StructLogger
from evm.tracing.tracer import InvalidTracerConfig, NoopTracer, Tracer

_TRACERS: Mapping[str, Callable[[Any, Room], Tracer]] = {
    "callTracer": CallTracer,
    "flatCallTracer": FlatCallTracer,
    "prestateTracer": lambda config, room: PrestateTracer(config),
    "4byteTracer": lambda config, room: FourByteTracer(),
    "noopTracer": lambda config, room: NoopTracer(),
}


_MOST_NESTED = 4
"""How deep muxTracers may lie in each other. More has no use, and JSON has an end somewhere."""


def make_tracer(name: str | None, config: Any = None, room: Room | None = None, depth: int = 0) -> Tracer:
    """A tracer for one transaction; without a name the struct logger.

    `config`: the tracer's own settings, as JSON. `room` bounds the memory of all that share it. `depth`: in how many
    muxTracers it is. Raises InvalidTracerConfig.
    """
    room = room or Room()
    if not name:
        return StructLogger(config, room)
    if name == "muxTracer":
        return _mux(config, room, depth)
    maker = _TRACERS.get(name)
    if maker is None:
        names = ", ".join(sorted((*_TRACERS, "muxTracer")))
        raise InvalidTracerConfig(
            f"tracer {name!r} is not known: there are {names}, and the struct logger without a name; tracers in "
            "JavaScript are not run"
        )
    return maker(config, room)


def _mux(config: Any, room: Room, depth: int) -> MuxTracer:
    if depth >= _MOST_NESTED:
        raise InvalidTracerConfig(f"muxTracers may lie in each other {_MOST_NESTED} deep, not deeper")
    if config is not None and not isinstance(config, Mapping):
        raise InvalidTracerConfig("muxTracer's settings must be an object of tracer names")
    return MuxTracer({name: make_tracer(name, own, room, depth + 1) for name, own in (config or {}).items()})
