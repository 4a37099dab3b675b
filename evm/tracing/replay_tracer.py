"""What Parity's `trace_replay...` tells of a transaction: its output, its messages, its changes to the state."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from evm.tracing.flat_call_tracer import FlatCallTracer
from evm.tracing.frames import FrameEnd
from evm.tracing.mux_tracer import MuxTracer
from evm.tracing.prestate_tracer import PrestateTracer, SeenAccount
from evm.tracing.room import Room
from evm.types import Address, to_hex

if TYPE_CHECKING:
    from evm.engine.state import EvmState

TRACE, STATE_DIFF = "trace", "stateDiff"
_SAME = "="


class ReplayTracer(MuxTracer):
    """`kinds`: which of "trace" and "stateDiff" are asked for; what is not reads empty or null."""

    def __init__(self, kinds: Collection[str], room: Room) -> None:
        self._list = FlatCallTracer({"convertParityErrors": True}, room) if TRACE in kinds else None
        self._changes = StateDiffTracer() if STATE_DIFF in kinds else None
        chosen = {TRACE: self._list, STATE_DIFF: self._changes}
        super().__init__({name: tracer for name, tracer in chosen.items() if tracer is not None})
        self._output = b""

    def exit(self, end: FrameEnd) -> None:
        """The last message to end is the outermost: what it put out, the transaction did."""
        self._output = end.output
        super().exit(end)

    def result(self) -> Any:
        """Parity's TraceResults. There are no traces of the virtual machine."""
        return {
            "output": to_hex(self._output),
            "stateDiff": None if self._changes is None else self._changes.result(),
            "trace": [] if self._list is None else list(self._list.frames()),
            "vmTrace": None,
        }


class StateDiffTracer(PrestateTracer):
    """Changes in Parity's form: `=` for what stayed, `+` for what came, `-` for what went, `*` for what became another."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, Any] = {}

    def end(self, state: "EvmState", gas_used: int) -> None:
        """Compare with what has become of the accounts."""
        for address, before in self.accounts.items():
            changes = _changes(state, address, before)
            if changes is not None:
                self._found[to_hex(address)] = changes

    def result(self) -> Any:
        """Changes by address."""
        return self._found


def _changes(state: "EvmState", address: Address, before: SeenAccount) -> dict[str, Any] | None:
    live = state.load(address)
    old = {"balance": hex(before.balance), "nonce": hex(before.nonce), "code": to_hex(before.code)}
    new = {"balance": hex(live.balance), "nonce": hex(live.nonce), "code": to_hex(state.get_code(address))}
    if not before.existed:
        if not live.exists:
            return None
        slots = {slot: value for slot in before.storage if (value := state.get_storage(address, slot))}
        return {name: {"+": value} for name, value in new.items()} | {
            "storage": {_word(slot): {"+": _word(value)} for slot, value in slots.items()}
        }
    if not live.exists:
        return {name: {"-": value} for name, value in old.items()} | {
            "storage": {_word(slot): {"-": _word(value)} for slot, value in before.storage.items() if value}
        }
    storage = {
        _word(slot): {"*": {"from": _word(was), "to": _word(value)}}
        for slot, was in before.storage.items()
        if (value := state.get_storage(address, slot)) != was
    }
    if old == new and not storage:
        return None
    fields = {name: _SAME if old[name] == new[name] else {"*": {"from": old[name], "to": new[name]}} for name in old}
    return fields | {"storage": storage}


def _word(value: int) -> str:
    return f"0x{value:064x}"
