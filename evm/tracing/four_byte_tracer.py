"""geth's 4byteTracer: which functions were called, judged by selector and size of call data."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from evm.tracing.frames import Frame, TransactionFacts
from evm.tracing.opcodes import CALL, CALLCODE, DELEGATECALL, STATICCALL
from evm.tracing.tracer import Tracer
from evm.types import Address, to_hex

if TYPE_CHECKING:
    from evm.engine.state import EvmState
    from evm.forks import ForkRules

_CALLS = frozenset((CALL, CALLCODE, DELEGATECALL, STATICCALL))


class FourByteTracer(Tracer):
    """Counts calls by `selector-bytes of arguments`; calls of precompiles do not count. No settings."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._precompiles: frozenset[Address] = frozenset()

    def start(self, facts: TransactionFacts, state: "EvmState", fork: "ForkRules") -> None:
        """Note the fork's precompiles."""
        self._precompiles = fork.precompiles

    def enter(self, frame: Frame) -> None:
        """Count a call."""
        if frame.kind in _CALLS and len(frame.input) >= 4 and frame.to not in self._precompiles:
            self._counts[f"{to_hex(frame.input[:4])}-{len(frame.input) - 4}"] += 1

    def result(self) -> Any:
        """Calls by `selector-size`."""
        return dict(self._counts)
