"""geth's callTracer: the messages of a transaction as a tree."""

from typing import TYPE_CHECKING, Any

import orjson

from evm.tracing.frames import Frame, FrameEnd, TransactionFacts
from evm.tracing.opcodes import CREATE, CREATE2, STOP, name_of
from evm.tracing.revert import revert_reason
from evm.tracing.room import Room
from evm.tracing.settings import flags
from evm.tracing.tracer import Tracer
from evm.types import Log, to_hex

if TYPE_CHECKING:
    from evm.engine.state import EvmState
    from evm.forks import ForkRules


_FRAME_BYTES = 1500
"""About what a frame or a log takes in memory besides its data."""


class CallTracer(Tracer):
    """Settings: `onlyTopCall` leaves out inner messages, `withLog` adds the logs that were not undone.

    A log's `position` says after how many inner calls of its frame it came, `index` where it stands in the block.
    """

    def __init__(self, config: Any = None, room: Room | None = None) -> None:
        self._room = room or Room()
        self._only_top, self._with_logs = flags(config, "onlyTopCall", "withLog")
        self._open: list[dict[str, Any]] = []
        self.top: dict[str, Any] = {}
        """The outermost frame, with all in it, until the result is made of it."""
        self._gas_limit = 0
        self._next_log = 0
        self._depth = 0

    def start(self, facts: TransactionFacts, state: "EvmState", fork: "ForkRules") -> None:
        """Note the gas limit: the outermost frame shows it, and not what is left after the intrinsic gas."""
        self._gas_limit = facts.gas_limit
        self._next_log = facts.first_log

    def enter(self, frame: Frame) -> None:
        """Open a frame."""
        self._depth += 1
        if self._only_top and self._depth > 1:
            return
        self._room.take(_FRAME_BYTES + 2 * len(frame.input))
        gas = self._gas_limit if self._depth == 1 and frame.kind != STOP else frame.gas
        opened: dict[str, Any] = {
            "from": to_hex(frame.sender),
            "gas": hex(gas),
            "gasUsed": "0x0",
            "to": to_hex(frame.to),
            "input": to_hex(frame.input),
        }
        if frame.value is not None:
            opened["value"] = hex(frame.value)
        opened["type"] = name_of(frame.kind)
        if self._open:
            self._open[-1].setdefault("calls", []).append(opened)
        else:
            self.top = opened
        self._open.append(opened)

    def exit(self, end: FrameEnd) -> None:
        """Close the frame that was opened last."""
        self._depth -= 1
        if self._only_top and self._depth:
            return
        frame = self._open.pop()
        frame["gasUsed"] = hex(end.gas_used)
        if end.output:
            self._room.take(2 * len(end.output))
            frame["output"] = to_hex(end.output)
        if not end.error:
            return
        frame["error"] = end.error
        if frame["type"] in (name_of(CREATE), name_of(CREATE2), name_of(STOP)):
            del frame["to"]
        if frame["type"] == name_of(STOP):
            frame["error"] = "failed deposit transaction"
        reason = revert_reason(end.output) if end.reverted else None
        if reason is not None:
            frame["revertReason"] = reason
        self._next_log -= _drop_logs(frame)

    def forget_last(self) -> None:
        """Leave out the inner frame that ended last."""
        calls = self._open[-1]["calls"]
        calls.pop()
        if not calls:
            del self._open[-1]["calls"]

    def log(self, log: Log) -> None:
        """Note a log in the running frame."""
        if not self._with_logs or (self._only_top and self._depth > 1):
            return
        self._room.take(_FRAME_BYTES + 2 * len(log.data))
        frame = self._open[-1]
        frame.setdefault("logs", []).append(
            {
                "address": to_hex(log.address),
                "topics": [to_hex(topic) for topic in log.topics],
                "data": to_hex(log.data),
                "position": hex(len(frame.get("calls", ()))),
                "index": hex(self._next_log),
            }
        )
        self._next_log += 1

    def end(self, state: "EvmState", gas_used: int) -> None:
        """The outermost frame shows what the transaction paid for."""
        self.top["gasUsed"] = hex(gas_used)

    def result(self) -> Any:
        """geth's callFrame."""
        return orjson.Fragment(_encode(self.top))


def _drop_logs(frame: dict[str, Any]) -> int:
    """Remove the logs of a frame that failed and of those in it; how many there were."""
    dropped = len(frame.pop("logs", ()))
    waiting = list(frame.get("calls", ()))
    while waiting:
        inner = waiting.pop()
        # One that failed itself has lost them already, with all in it.
        if "error" not in inner:
            dropped += len(inner.pop("logs", ()))
            waiting.extend(inner.get("calls", ()))
    return dropped


def _encode(top: dict[str, Any]) -> bytes:
    """JSON of a tree of frames, however deep: orjson itself ends at 254 levels. Takes the tree apart."""
    parts: list[bytes] = []
    waiting: list[dict[str, Any] | bytes] = [top]
    while waiting:
        item = waiting.pop()
        if isinstance(item, bytes):
            parts.append(item)
            continue
        inner = item.pop("calls", None)
        raw = orjson.dumps(item)
        if inner is None:
            parts.append(raw)
            continue
        parts += (raw[:-1], b',"calls":[')
        waiting.append(b"]}")
        for index in range(len(inner) - 1, -1, -1):
            waiting.append(inner[index])
            if index:
                waiting.append(b",")
    return b"".join(parts)
