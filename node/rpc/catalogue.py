"""All JSON-RPC methods of the program as its code has them: for the reference page and the console."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import node
from node.rpc.dispatcher import Namespace

PLACES = (
    "node.rpc",
    "node.unsafe",
    "node.p2p.rpc",
    "node.rollup",
    "node.engine_api",
    "node.devl1",
    "node.batcher_rpc",
    "node.proposer_rpc",
    "node.challenger_rpc",
)
"""Modules, or packages of modules, that define namespaces."""


@dataclass(frozen=True)
class Method:
    """A JSON-RPC method: full name, parameters as text, its docstring in one line, whether it needs a lasting connection."""

    name: str
    parameters: str
    text: str
    lasting: bool


def namespaces(places: tuple[str, ...] = PLACES) -> dict[str, list[type[Namespace]]]:
    """The classes with methods, by the place that they are defined in. Raises ValueError for one that is in none."""
    found: dict[str, set[type[Namespace]]] = {place: set() for place in places}
    for item in pkgutil.walk_packages(node.__path__, "node."):
        if not item.name.startswith(places):
            continue
        for value in vars(importlib.import_module(item.name)).values():
            if not (inspect.isclass(value) and issubclass(value, Namespace) and value is not Namespace):
                continue
            place = next((place for place in places if value.__module__.startswith(place)), None)
            if place is None:
                raise ValueError(f"{value.__module__}.{value.__name__} is in no place where namespaces are looked for")
            found[place].add(value)
    return {place: sorted(classes, key=lambda item: item.__name__) for place, classes in found.items()}


def methods(namespace: type[Namespace]) -> Iterator[Method]:
    """The methods of a class."""
    for _, function in inspect.getmembers(namespace, inspect.isfunction):
        if "rpc" not in function.__dict__:
            continue
        name, lasting, _ = function.__dict__["rpc"]
        hints = get_type_hints(function, include_extras=True)
        parameters = []
        for parameter in list(inspect.signature(function).parameters.values())[2 if lasting else 1 :]:
            text = f"{parameter.name}: {_type_name(hints[parameter.name])}"
            parameters.append(text if parameter.default is inspect.Parameter.empty else f"[{text}]")
        yield Method(f"{namespace.name}_{name}", ", ".join(parameters), in_one_line(function.__doc__), lasting)


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        parser = get_args(hint)[1]
        return str(parser.__name__).lstrip("_").removeprefix("parse_").replace("_", " ")
    return next((name for part in get_args(hint) if (name := _type_name(part))), "")


def in_one_line(text: str | None) -> str:
    """A docstring without its line breaks."""
    return re.sub(r"\s+", " ", inspect.cleandoc(text or "")).strip()
