"""The messages of a transaction as objects, for those who make something else of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from evm.tracing.call_tracer import CallTracer
from evm.tracing.room import Room

Node = Mapping[str, Any]


class CallTree(CallTracer):
    """A callTracer whose result is the outermost frame itself: `walk` goes through it."""

    def __init__(self, room: Room) -> None:
        super().__init__(None, room)

    def result(self) -> Any:
        """The outermost frame, inner ones under `calls`."""
        return self.top


def walk(top: Node, undone: bool = True) -> Iterator[tuple[int, Node]]:
    """Depth and frame of all messages in order; without `undone` those that failed are left out, with all in them."""
    waiting = [(0, top)]
    while waiting:
        depth, node = waiting.pop()
        if "error" in node and not undone:
            continue
        yield depth, node
        waiting.extend((depth + 1, inner) for inner in reversed(node.get("calls", ())))
