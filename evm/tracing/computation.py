"""The computation of a fork as a tracer watches it: same results, and the tracer of the state is told of messages.

It is a class of its own, so code that is not traced runs as ever. Only opcodes that begin messages are wrapped; all
others run in the usual instruction loop, or for tracers that want steps in the one of `evm.tracing.stepping`.
"""

import functools
from dataclasses import replace
from typing import Any

from eth.exceptions import Halt
from eth.vm.gas_meter import GasMeter

from evm.forks import ForkRules
from evm.forks.table import stock_computation, with_precompiles
from evm.tracing.addresses import address_of_word, created_address, memory_slice
from evm.tracing.failures import failure
from evm.tracing.frames import Frame, FrameEnd
from evm.tracing.opcodes import CALL, CALLCODE, CREATE, CREATE2, DELEGATECALL, SELFDESTRUCT, STATICCALL
from evm.tracing.stepping import run_steps
from evm.types import Address, Hash32, Log

_OPERANDS = {CALL: 7, CALLCODE: 7, DELEGATECALL: 6, STATICCALL: 6, CREATE: 3, CREATE2: 4}
_DEPTH_LIMIT = 1024
_MOST_GAS = 36_028_809_887_088_637
"""The price of the largest memory that geth puts a price on; what is dearer does not count as a cost there, either."""


def traced(fork: ForkRules, steps: bool) -> ForkRules:
    """The same rules with computations that tell the state's tracer; of each instruction as well with `steps`."""
    stock = stock_computation(fork.computation)
    watched = replace(fork, computation=_traced_class(stock, steps))  # type: ignore[arg-type]
    return watched if stock is fork.computation else with_precompiles(watched, fork.computation._precompiles)


@functools.cache
def _traced_class(computation: type[Any], steps: bool) -> type[Any]:
    stock = computation.opcodes
    opcodes = {
        **stock,
        **{opcode: _WatchedCall(opcode, stock[opcode]) for opcode in _OPERANDS},
        SELFDESTRUCT: _WatchedSelfdestruct(stock[SELFDESTRUCT]),
    }
    base = SteppingComputation if steps else TracedComputation
    return type(f"Traced{computation.__name__}", (base, computation), {"opcodes": opcodes})


class ChargeMeter(GasMeter):  # type: ignore[misc]
    """Remembers what it was asked to charge, paid for or not: in all and last; and what it gave back last."""

    def __init__(self, start_gas: int, refund_strategy: Any) -> None:
        super().__init__(start_gas, refund_strategy)
        self.charged = 0
        self.last_charge = 0
        self.last_return = 0

    def consume_gas(self, amount: int, reason: str) -> None:
        """Charge for something. Raises OutOfGas."""
        if amount <= _MOST_GAS:
            self.charged += amount
        self.last_charge = amount
        super().consume_gas(amount, reason)

    def return_gas(self, amount: int) -> None:
        """Give gas back."""
        self.last_return = amount
        super().return_gas(amount)


class TracedComputation:
    """Mixed in before a fork's computation class. `state.tracer` must be set."""

    opcode = 0
    """The last opcode that was to begin a message."""
    operands: tuple[int, ...] = ()
    """Its operands, topmost first."""
    entered = False
    """Whether the message has begun."""
    forwarded = 0
    """Gas that the creation it began has taken from here."""
    code_ran = False
    """Of a creation: whether its initcode succeeded."""

    def _configure_gas_meter(self) -> ChargeMeter:
        meter = super()._configure_gas_meter()  # type: ignore[misc]
        return ChargeMeter(meter.start_gas, meter.refund_strategy)

    def add_log_entry(self: Any, account: bytes, topics: tuple[int, ...], data: bytes) -> None:
        """Emit a log."""
        super().add_log_entry(account, topics, data)  # type: ignore[misc]
        words = tuple(Hash32(topic.to_bytes(32, "big")) for topic in topics)
        self.state.tracer.log(Log(Address(account), words, bytes(data)))

    @classmethod
    def apply_message(cls: Any, state: Any, message: Any, context: Any, parent_computation: Any = None) -> Any:
        """Run a call, or for `apply_create_message` the initcode of a creation."""
        if not message.is_create:
            _enter(state.tracer, message, parent_computation)
        computation = super().apply_message(state, message, context, parent_computation)  # type: ignore[misc]
        if message.is_create:
            computation.code_ran = not computation.is_error
        else:
            _exit(state.tracer, computation)
        return computation

    @classmethod
    def apply_create_message(cls: Any, state: Any, message: Any, context: Any, parent_computation: Any = None) -> Any:
        """Create a contract."""
        _enter(state.tracer, message, parent_computation)
        computation = super().apply_create_message(state, message, context, parent_computation)  # type: ignore[misc]
        _exit(state.tracer, computation)
        return computation


class SteppingComputation(TracedComputation):
    """Tells the tracer of every instruction as well."""

    def run(self) -> None:
        """Run the code to its end. Raises VMError when it fails."""
        run_steps(self)


def _enter(tracer: Any, message: Any, parent: Any) -> None:
    if parent is None:
        kind = CREATE if message.is_create else CALL
        sender, target = message.sender, message.storage_address
    else:
        kind, sender = parent.opcode, parent.msg.storage_address
        # Of a call the operand names the account; the message, where there is a delegation, another one.
        target = message.storage_address if message.is_create else address_of_word(parent.operands[1])
        parent.entered = True
        if message.is_create:
            parent.forwarded = message.gas
        message.refund_before = refund_counter(parent)
    data = message.code if message.is_create else message.data
    value = None if kind == STATICCALL else message.value
    tracer.enter(Frame(kind, Address(sender), Address(target), bytes(data), message.gas, value))


def _exit(tracer: Any, computation: Any) -> None:
    error = failure(computation) if computation.is_error else ""
    output = b"" if error and error != "execution reverted" else bytes(computation.output)
    tracer.exit(FrameEnd(output, computation.get_gas_used(), error))


def refund_counter(computation: Any) -> int:
    """What the transaction's storage refunds stand at, as this computation sees it."""
    counter: int = getattr(computation.msg, "refund_before", 0) + computation._gas_meter.gas_refunded
    return counter


class _WatchedCall:
    """An opcode that begins a message. Tells the tracer also of a message that cannot begin, as geth does."""

    def __init__(self, opcode: int, function: Any) -> None:
        self._opcode = opcode
        self._function = function
        self._operands = _OPERANDS[opcode]

    def __call__(self, computation: Any) -> None:
        operands = tuple(computation._stack.values[: -self._operands - 1 : -1])
        computation.opcode, computation.operands = self._opcode, operands
        computation.entered = False
        nonce = computation.state.get_nonce(computation.msg.storage_address)
        self._function(computation=computation)
        if not computation.entered:
            if self._opcode in (CREATE, CREATE2):
                self._creation_failed(computation, operands, nonce)
            else:
                self._call_failed(computation, operands)

    def _call_failed(self, computation: Any, operands: tuple[int, ...]) -> None:
        has_value = self._opcode in (CALL, CALLCODE)
        start, size = operands[3:5] if has_value else operands[2:4]
        value = operands[2] if has_value else computation.msg.value if self._opcode == DELEGATECALL else None
        too_deep = computation.msg.depth >= _DEPTH_LIMIT
        tracer = computation.state.tracer
        tracer.enter(
            Frame(
                self._opcode,
                Address(computation.msg.storage_address),
                address_of_word(operands[1]),
                memory_slice(computation._memory, start, size),
                computation._gas_meter.last_return,
                value,
            )
        )
        error = "max call depth exceeded" if too_deep else "insufficient balance for transfer"
        tracer.exit(FrameEnd(b"", 0, error))

    def _creation_failed(self, computation: Any, operands: tuple[int, ...], nonce: int) -> None:
        message, meter, state = computation.msg, computation._gas_meter, computation.state
        creator = Address(message.storage_address)
        collided = state.get_nonce(creator) != nonce
        if collided:
            gas = computation.forwarded = meter.last_charge
            error = "contract address collision"
        else:
            gas = meter.gas_remaining - meter.gas_remaining // 64
            if message.depth >= _DEPTH_LIMIT:
                error = "max call depth exceeded"
            elif state.get_balance(creator) < operands[0]:
                error = "insufficient balance for transfer"
            else:
                error = "nonce uint64 overflow"
        target = created_address(self._opcode, creator, nonce, operands, computation._memory)
        initcode = memory_slice(computation._memory, operands[1], operands[2])
        state.tracer.enter(Frame(self._opcode, creator, target, initcode, gas, operands[0]))
        state.tracer.exit(FrameEnd(b"", gas if collided else 0, error))


class _WatchedSelfdestruct:
    """Tells the tracer where the money went."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, computation: Any) -> None:
        state, address = computation.state, Address(computation.msg.storage_address)
        balance = state.get_balance(address)
        operands = computation._stack.values[-1:]
        try:
            self._function(computation=computation)
        except Halt:
            state.tracer.enter(Frame(SELFDESTRUCT, address, address_of_word(operands[0]), b"", 0, balance))
            state.tracer.exit(FrameEnd(b"", 0))
            raise
