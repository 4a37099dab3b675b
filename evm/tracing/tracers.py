"""Tracers by the names that callers know them by."""

from collections.abc import Callable, Mapping
from typing import Any

from evm.tracing.call_tracer import CallTracer
from evm.tracing.four_byte_tracer import FourByteTracer
from evm.tracing.mux_tracer import MuxTracer
from evm.tracing.prestate_tracer import PrestateTracer
from evm.tracing.struct_logger import StructLogger
from evm.tracing.tracer import InvalidTracerConfig, NoopTracer, Tracer

_TRACERS: Mapping[str, Callable[[Any], Tracer]] = {
    "callTracer": CallTracer,
    "prestateTracer": PrestateTracer,
    "4byteTracer": lambda config: FourByteTracer(),
    "noopTracer": lambda config: NoopTracer(),
    "muxTracer": lambda config: _mux(config),
}


def make_tracer(name: str | None, config: Any = None) -> Tracer:
    """A tracer for one transaction; without a name the struct logger.

    `config`: the tracer's own settings, as JSON. Raises InvalidTracerConfig.
    """
    if not name:
        return StructLogger(config)
    maker = _TRACERS.get(name)
    if maker is None:
        raise InvalidTracerConfig(
            f"tracer {name!r} is not known: there are {', '.join(sorted(_TRACERS))}, and the struct logger without a "
            "name; tracers in JavaScript are not run"
        )
    return maker(config)


def _mux(config: Any) -> MuxTracer:
    if config is not None and not isinstance(config, Mapping):
        raise InvalidTracerConfig("muxTracer's settings must be an object of tracer names")
    return MuxTracer({name: make_tracer(name, own) for name, own in (config or {}).items()})
