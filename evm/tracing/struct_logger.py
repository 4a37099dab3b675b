"""geth's default tracer: a line per instruction."""

from typing import TYPE_CHECKING, Any

import orjson

from evm.tracing.computation import refund_counter
from evm.tracing.frames import Frame, FrameEnd
from evm.tracing.opcodes import SLOAD, SSTORE, name_of
from evm.tracing.room import Room
from evm.tracing.settings import flags, members
from evm.tracing.tracer import InvalidTracerConfig, Tracer
from evm.types import to_hex

if TYPE_CHECKING:
    from evm.engine.state import EvmState

_OVERHEAD_BYTES = 50
"""What a line takes in memory besides its JSON, about."""


class StructLogger(Tracer):
    """Settings: `disableStack`, `disableStorage`, `enableMemory`, `enableReturnData`, `limit` (lines; 0: all).

    Storage shows, at SLOAD and SSTORE, every slot of the contract that such instructions have named so far.
    Lines are kept as JSON: a tenth of the memory, and nothing for the garbage collector to walk through.
    """

    wants_steps = True

    def __init__(self, config: Any = None, room: Room | None = None) -> None:
        no_stack, no_storage, self._memory, self._return_data = flags(
            config, "disableStack", "disableStorage", "enableMemory", "enableReturnData"
        )
        self._stack, self._storage = not no_stack, not no_storage
        limit = members(config).get("limit") or 0
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise InvalidTracerConfig("tracer setting limit must be a number of lines")
        self._limit: int = limit
        self._lines: list[bytes] = []
        self._slots: dict[bytes, dict[str, str]] = {}
        self._room = room or Room()
        self._depth = 0
        self._output = b""
        self._failed = False
        self._gas_used = 0

    def enter(self, frame: Frame) -> None:
        """Go one deeper."""
        self._depth += 1

    def exit(self, end: FrameEnd) -> None:
        """Come back; of the outermost message the end is kept."""
        self._depth -= 1
        if not self._depth:
            self._failed = bool(end.error)
            self._output = end.output

    def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
        """Add a line."""
        if self._limit and len(self._lines) >= self._limit:
            return None
        line: dict[str, Any] = {
            "pc": position,
            "op": name_of(opcode),
            "gas": gas,
            "gasCost": 0,
            "depth": computation.msg.depth + 1,
        }
        values = computation._stack.values
        if self._stack:
            line["stack"] = [hex(value) for value in values]
        if self._return_data and computation.return_data:
            line["returnData"] = to_hex(bytes(computation.return_data))
        if self._memory and len(computation._memory):
            memory = computation._memory._bytes.hex()
            line["memory"] = ["0x" + memory[start : start + 64] for start in range(0, len(memory), 64)]
        if self._storage and opcode in (SLOAD, SSTORE):
            storage = self._storage_line(computation, opcode, values)
            if storage is not None:
                line["storage"] = storage
        refund = refund_counter(computation)
        if refund:
            line["refund"] = refund
        self._lines.append(b"")
        return len(self._lines) - 1, line

    def _storage_line(self, computation: Any, opcode: int, values: list[int]) -> dict[str, str] | None:
        address = computation.msg.storage_address
        slots = self._slots.setdefault(address, {})
        if opcode == SLOAD and values:
            slot, value = values[-1], computation.state.get_storage(address, values[-1])
        elif opcode == SSTORE and len(values) > 1:
            slot, value = values[-1], values[-2]
        else:
            return None
        slots[f"0x{slot:064x}"] = f"0x{value:064x}"
        return dict(slots)

    def stepped(self, token: Any, cost: int, error: str) -> None:
        """Complete the line."""
        if token is None:
            return
        index, line = token
        line["gasCost"] = cost
        if error:
            line["error"] = error
        raw = orjson.dumps(line)
        self._room.take(len(raw) + _OVERHEAD_BYTES)
        self._lines[index] = raw

    def end(self, state: "EvmState", gas_used: int) -> None:
        """Keep the gas used."""
        self._gas_used = gas_used

    def result(self) -> Any:
        """geth's ExecutionResult."""
        return {
            "gas": self._gas_used,
            "failed": self._failed,
            "returnValue": to_hex(self._output),
            "structLogs": orjson.Fragment(b"[" + b",".join(self._lines) + b"]"),
        }
