"""geth's flatCallTracer: the messages of a transaction one after the other, as Parity began to list them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from evm.tracing.call_tracer import CallTracer
from evm.tracing.frames import Frame, FrameEnd, TransactionFacts, TransactionPlace
from evm.tracing.opcodes import CALL, CREATE, CREATE2, SELFDESTRUCT, STATICCALL, STOP, name_of
from evm.tracing.room import Room
from evm.tracing.settings import flags
from evm.tracing.tracer import Tracer
from evm.types import Address, Log, to_hex

if TYPE_CHECKING:
    from evm.engine.state import EvmState
    from evm.forks import ForkRules

_REVERTED = "execution reverted"
_WORDS = {
    "contract creation code storage out of gas": "Out of gas",
    "out of gas": "Out of gas",
    "max code size exceeded": "Out of gas",
    "invalid jump destination": "Bad jump destination",
    _REVERTED: "Reverted",
    "return data out of bounds": "Out of bounds",
}
_WORDS_BY_START = {
    "invalid opcode": "Bad instruction",
    "stack underflow": "Stack underflow",
    "stack limit reached": "Out of stack",
}
_CREATIONS = (name_of(CREATE), name_of(CREATE2))
_FRAME_BYTES = 600
"""About what a listed frame takes besides its data and its address."""
_STEP_BYTES = 4
"""About what each step of a frame's address takes."""


class FlatCallTracer(Tracer):
    """Settings: `convertParityErrors` gives errors in Parity's words, `includePrecompiles` lists calls of precompiles, too.

    A frame's `traceAddress` is the way to it: the how-manieth message of the how-manieth message.
    """

    def __init__(self, config: Any = None, room: Room | None = None) -> None:
        self._parity_words, self._with_precompiles = flags(config, "convertParityErrors", "includePrecompiles")
        self._room = room or Room()
        self._calls = CallTracer(None, self._room)
        self._precompiles: frozenset[Address] = frozenset()
        self._place: TransactionPlace | None = None
        self._facts: TransactionFacts | None = None
        self._open: list[Frame] = []

    def start(self, facts: TransactionFacts, state: "EvmState", fork: "ForkRules") -> None:
        """Note where the transaction stands."""
        self._calls.start(facts, state, fork)
        self._precompiles, self._place, self._facts = fork.precompiles, facts.place, facts

    def enter(self, frame: Frame) -> None:
        """Open a frame."""
        self._open.append(frame)
        self._calls.enter(frame)

    def exit(self, end: FrameEnd) -> None:
        """Close a frame; one of a precompile is forgotten."""
        frame = self._open.pop()
        self._calls.exit(end)
        listed = self._with_precompiles or frame.kind not in (CALL, STATICCALL) or frame.to not in self._precompiles
        if self._open and not listed:
            self._calls.forget_last()

    def log(self, log: Log) -> None:
        """Logs are not listed."""

    def end(self, state: "EvmState", gas_used: int) -> None:
        """The outermost frame shows what the transaction paid for."""
        self._calls.end(state, gas_used)

    def result(self) -> Any:
        """geth's list of flatCallFrames."""
        place = self._place
        where = {
            "blockHash": None if place is None else to_hex(place.block_hash),
            "blockNumber": 0 if place is None else place.block_number,
            "transactionHash": None if place is None or place.transaction_hash is None else to_hex(place.transaction_hash),
            "transactionPosition": 0 if place is None else place.index,
        }
        return orjson.Fragment(b"[" + b",".join(orjson.dumps(frame | where) for frame in self.frames()) + b"]")

    def frames(self) -> Iterator[dict[str, Any]]:
        """The frames without the transaction's place."""
        waiting: list[tuple[dict[str, Any], tuple[int, ...]]] = [(self._calls.top, ())]
        while waiting:
            node, address = waiting.pop()
            inner = node.get("calls", ())
            self._room.take(_FRAME_BYTES + _STEP_BYTES * len(address) + 2 * len(node["input"]))
            yield self._flat(node, list(address), len(inner))
            waiting.extend((inner[index], (*address, index)) for index in range(len(inner) - 1, -1, -1))

    def _flat(self, node: Mapping[str, Any], address: list[int], inner: int) -> dict[str, Any]:
        kind = node["type"]
        if kind in _CREATIONS:
            flat = _creation(node)
        elif kind == name_of(SELFDESTRUCT):
            flat = _destruction(node)
        else:
            flat = _call(node, self._facts if kind == name_of(STOP) else None)
        flat |= {"subtraces": inner, "traceAddress": address}
        error = node.get("error")
        if error:
            flat["error"] = self._in_words(error, node)
            if error != _REVERTED:
                flat.pop("result", None)
        return flat


    def _in_words(self, error: str, node: Mapping[str, Any]) -> str:
        if not self._parity_words:
            return error
        if error in _WORDS:
            return _WORDS[error]
        if self._with_precompiles and "to" in node and Address(bytes.fromhex(node["to"][2:])) in self._precompiles:
            return "Built-in failed"
        return next((words for start, words in _WORDS_BY_START.items() if error.startswith(start)), error)


def _creation(node: Mapping[str, Any]) -> dict[str, Any]:
    result = {"gasUsed": node["gasUsed"], "code": node.get("output", "0x")}
    if "to" in node:
        result["address"] = node["to"]
    return {
        "action": {
            "creationMethod": node["type"].lower(),
            "from": node["from"],
            "gas": node["gas"],
            "value": node["value"],
            "init": node["input"],
        },
        "result": result,
        "type": "create",
    }


def _destruction(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": {"address": node["from"], "balance": node["value"], "refundAddress": node["to"]},
        "type": "suicide",
    }


def _call(node: Mapping[str, Any], unable: TransactionFacts | None) -> dict[str, Any]:
    """`unable`: the deposit that could not be started, where the frame stands for one."""
    action = {
        "callType": "call" if unable else node["type"].lower(),
        "from": node["from"],
        "gas": node["gas"],
        "value": node.get("value", "0x0"),
        "input": node["input"],
    }
    if unable is not None:
        action["from"] = to_hex(unable.sender)
        action["to"] = None if unable.to is None else to_hex(unable.to)
    elif "to" in node:
        action["to"] = node["to"]
    return {
        "action": action,
        "result": {"gasUsed": node["gasUsed"], "output": node.get("output", "0x")},
        "type": "call",
    }
