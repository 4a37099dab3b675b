"""Reads the settings of tracers. Names are matched whatever their case, as Go reads JSON."""

from collections.abc import Mapping
from typing import Any

from evm.tracing.tracer import InvalidTracerConfig


def flags(config: Any, *names: str) -> list[bool]:
    """The values of these boolean settings, false where they are not given. Raises InvalidTracerConfig."""
    given = members(config)
    values = []
    for name in names:
        value = given.get(name.lower())
        if value is None:
            value = False
        if not isinstance(value, bool):
            raise InvalidTracerConfig(f"tracer setting {name} must be true or false")
        values.append(value)
    return values


def members(config: Any) -> dict[str, Any]:
    """A JSON object's members by lower-case name; none for null. Raises InvalidTracerConfig for anything else."""
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise InvalidTracerConfig("tracer settings must be an object")
    return {str(name).lower(): value for name, value in config.items()}
