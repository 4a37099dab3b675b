"""The instruction loop: common opcodes in place, all others by py-evm's own functions.

Same results as py-evm's loop, about five times faster; what runs often is compiled besides (`evm.forks.hot_code`).
Gas, stack and program counter live in local variables and are written back before anything else of the computation is
used. The stack holds integers only. What is done in place holds on every fork from London on; opcodes that came later,
or whose rules changed since, are left to the fork's table.
Spec: yellow paper, 9.4 "Execution Overview" and appendix H; EIP-2929, EIP-2200, EIP-3529 for storage.
"""

from typing import Any

from eth.exceptions import (
    FullStack,
    Halt,
    InsufficientStack,
    InvalidJumpDestination,
    OutOfGas,
    WriteProtection,
)
from eth.vm.logic.invalid import InvalidOpcode

from evm.forks.memory import expand
from evm.forks.program import program
from evm.types import keccak256

_MASK = (1 << 256) - 1
_SIGN = 1 << 255
_MODULUS = 1 << 256
_STACK_LIMIT = 1023
_TICKS = 1024
"""Jumps between two looks at the budget."""

_COLD_SLOAD, _WARM_READ = 2100, 100
_SSTORE_SET, _SSTORE_RESET, _SSTORE_CLEARS = 20_000, 2_900, 4_800
_SSTORE_SENTRY = 2300


def run_code(computation: Any) -> None:
    """Run a computation's code to its end. Raises VMError when it fails, Revert included."""
    try:
        _loop(computation)
    except IndexError as error:
        raise InsufficientStack("stack underflow") from error


def _run_other(computation: Any, function: Any) -> None:
    try:
        function(computation=computation)
    except IndexError as error:
        raise RuntimeError("an opcode read beyond a list: a defect here, not of the code that runs") from error


def _sstore(computation: Any, state: Any, address: Any, slot: int, value: int, gas: int) -> int:
    """Store and charge; the gas left comes back. Spec: EIP-2200, EIP-2929, EIP-3529."""
    if computation.msg.is_static:
        raise WriteProtection("SSTORE inside a static call")
    if gas <= _SSTORE_SENTRY:
        raise OutOfGas("SSTORE with no more gas than the call stipend")
    current = state.get_storage(address, slot)
    refund = 0
    cost = _WARM_READ
    if not state.is_storage_warm(address, slot):
        state.mark_storage_warm(address, slot)
        cost += _COLD_SLOAD
    if current != value:
        original = state.get_storage(address, slot, False)
        if original == current:
            cost += (_SSTORE_SET if original == 0 else _SSTORE_RESET) - _WARM_READ
            if original and not value:
                refund = _SSTORE_CLEARS
        else:
            if original:
                if not current:
                    refund -= _SSTORE_CLEARS
                if not value:
                    refund += _SSTORE_CLEARS
            if original == value:
                refund += (_SSTORE_SET if original == 0 else _SSTORE_RESET) - _WARM_READ
    if cost > gas:
        raise OutOfGas("SSTORE")
    if refund:
        computation._gas_meter.gas_refunded += refund
    state.set_storage(address, slot, value)
    return gas - cost


def _loop(computation: Any) -> None:
    stream = computation.code
    opcodes = computation.opcodes
    has_push0 = 0x5F in opcodes
    this = program(stream._raw_code_bytes, has_push0)
    code, targets, paths, warm = this.code, this.targets, this.paths, this.warm
    code_size = len(targets)
    values: list[Any] = computation._stack.values
    push, pop = values.append, values.pop
    memory = computation._memory
    mem = memory._bytes
    meter = computation._gas_meter
    gas: int = meter.gas_remaining
    message = computation.msg
    state = computation.state
    address = message.storage_address
    warm_slots = state.warm_slots
    budget = state.budget
    ticks = _TICKS
    pc = 0
    while True:
        op = code[pc]
        pc += 1
        if op >= 0x5F:
            if op < 0x80:
                if op == 0x5F and not has_push0:
                    InvalidOpcode(op)(computation)
                size = op - 0x5F
                gas -= 3 if size else 2
                if gas < 0:
                    raise OutOfGas("PUSH")
                if len(values) > _STACK_LIMIT:
                    raise FullStack("PUSH")
                push(int.from_bytes(code[pc : pc + size], "big"))
                pc += size
                continue
            if op < 0x90:
                gas -= 3
                if gas < 0:
                    raise OutOfGas("DUP")
                if len(values) > _STACK_LIMIT:
                    raise FullStack("DUP")
                push(values[0x7F - op])
                continue
            if op < 0xA0:
                gas -= 3
                if gas < 0:
                    raise OutOfGas("SWAP")
                other = 0x8E - op
                values[-1], values[other] = values[other], values[-1]
                continue
        elif op >= 0x50:
            if op == 0x5B:
                gas -= 1
                if gas < 0:
                    raise OutOfGas("JUMPDEST")
                continue
            if op == 0x57 or op == 0x56:
                gas -= 10 if op == 0x57 else 8
                if gas < 0:
                    raise OutOfGas("JUMP")
                target = pop()
                if op == 0x57 and not pop():
                    continue
                if target >= code_size or not targets[target]:
                    raise InvalidJumpDestination(f"no JUMPDEST at {target}")
                pc = target
                if budget is not None:
                    ticks -= 1
                    if not ticks:
                        ticks = _TICKS
                        budget()
                while pc in paths or warm(pc):
                    gas, pc = paths[pc](values, gas, computation)
                    if pc < 0:
                        pc = ~pc
                        break
                    if pc >= code_size or not targets[pc]:
                        raise InvalidJumpDestination(f"no JUMPDEST at {pc}")
                    if budget is not None:
                        budget()
                mem = memory._bytes
                continue
            if op == 0x50:
                gas -= 2
                if gas < 0:
                    raise OutOfGas("POP")
                pop()
                continue
            if op == 0x52 or op == 0x51:
                gas -= 3
                if gas < 0:
                    raise OutOfGas("MSTORE" if op == 0x52 else "MLOAD")
                start = pop()
                end = start + 32
                if op == 0x52:
                    value = pop()
                    if end > len(mem):
                        gas = expand(memory, end, gas)
                        mem = memory._bytes
                    mem[start:end] = value.to_bytes(32, "big")
                    continue
                if end > len(mem):
                    gas = expand(memory, end, gas)
                    mem = memory._bytes
                push(int.from_bytes(mem[start:end], "big"))
                continue
            if op == 0x54:
                slot = values[-1]
                if (address, slot) in warm_slots:
                    gas -= _WARM_READ
                else:
                    gas -= _COLD_SLOAD
                    state.mark_storage_warm(address, slot)
                if gas < 0:
                    raise OutOfGas("SLOAD")
                values[-1] = state.get_storage(address, slot)
                continue
            if op == 0x55:
                slot = pop()
                gas = _sstore(computation, state, address, slot, pop(), gas)
                continue
            if op == 0x5A:
                gas -= 2
                if gas < 0:
                    raise OutOfGas("GAS")
                if len(values) > _STACK_LIMIT:
                    raise FullStack("GAS")
                push(gas)
                continue
        elif op >= 0x30:
            if op == 0x35:
                gas -= 3
                if gas < 0:
                    raise OutOfGas("CALLDATALOAD")
                start = values[-1]
                part = bytes(message.data[start : start + 32])
                values[-1] = int.from_bytes(part.ljust(32, b"\x00"), "big")
                continue
            if op == 0x33 or op == 0x34 or op == 0x36 or op == 0x3D or op == 0x30:
                gas -= 2
                if gas < 0:
                    raise OutOfGas("context")
                if len(values) > _STACK_LIMIT:
                    raise FullStack("context")
                if op == 0x33:
                    push(int.from_bytes(message.sender, "big"))
                elif op == 0x34:
                    push(message.value)
                elif op == 0x36:
                    push(len(message.data))
                elif op == 0x3D:
                    push(len(computation.return_data))
                else:
                    push(int.from_bytes(address, "big"))
                continue
        elif op >= 0x10:
            if op <= 0x1D:
                gas -= 3
                if gas < 0:
                    raise OutOfGas("comparison")
                a = pop()
                if op == 0x15:
                    push(0 if a else 1)
                    continue
                if op == 0x19:
                    push(a ^ _MASK)
                    continue
                b = values[-1]
                if op == 0x14:
                    values[-1] = 1 if a == b else 0
                elif op == 0x10:
                    values[-1] = 1 if a < b else 0
                elif op == 0x11:
                    values[-1] = 1 if a > b else 0
                elif op == 0x16:
                    values[-1] = a & b
                elif op == 0x1C:
                    values[-1] = b >> a if a < 256 else 0
                elif op == 0x1B:
                    values[-1] = b << a & _MASK if a < 256 else 0
                elif op == 0x17:
                    values[-1] = a | b
                elif op == 0x18:
                    values[-1] = a ^ b
                elif op == 0x12:
                    values[-1] = 1 if a ^ _SIGN < b ^ _SIGN else 0
                elif op == 0x13:
                    values[-1] = 1 if a ^ _SIGN > b ^ _SIGN else 0
                elif op == 0x1A:
                    values[-1] = b >> 8 * (31 - a) & 0xFF if a < 32 else 0
                else:
                    signed = b - _MODULUS if b & _SIGN else b
                    values[-1] = signed >> min(a, 256) & _MASK
                continue
            if op == 0x20:
                gas -= 30
                if gas < 0:
                    raise OutOfGas("KECCAK256")
                start = pop()
                size = pop()
                gas -= 6 * ((size + 31) // 32)
                if gas < 0:
                    raise OutOfGas("KECCAK256 of many bytes")
                if size and start + size > len(mem):
                    gas = expand(memory, start + size, gas)
                    mem = memory._bytes
                push(int.from_bytes(keccak256(mem[start : start + size]), "big"))
                continue
        elif op <= 0x06 and op != 0x05:
            if op == 0x00:
                meter.gas_remaining = gas
                return
            gas -= 3 if op == 0x01 or op == 0x03 else 5
            if gas < 0:
                raise OutOfGas("arithmetic")
            a = pop()
            b = values[-1]
            if op == 0x01:
                values[-1] = a + b & _MASK
            elif op == 0x03:
                values[-1] = a - b & _MASK
            elif op == 0x02:
                values[-1] = a * b & _MASK
            elif op == 0x04:
                values[-1] = a // b if b else 0
            else:
                values[-1] = a % b if b else 0
            continue
        elif op == 0x08 or op == 0x09:
            gas -= 8
            if gas < 0:
                raise OutOfGas("modular arithmetic")
            a = pop()
            b = pop()
            modulus = values[-1]
            values[-1] = (a + b if op == 0x08 else a * b) % modulus if modulus else 0
            continue
        elif op == 0x0A:
            gas -= 10
            if gas < 0:
                raise OutOfGas("EXP")
            a = pop()
            exponent = values[-1]
            gas -= 50 * ((exponent.bit_length() + 7) // 8)
            if gas < 0:
                raise OutOfGas("EXP with a long exponent")
            values[-1] = pow(a, exponent, _MODULUS)
            continue

        meter.gas_remaining = gas
        stream.program_counter = pc
        function = opcodes.get(op)
        try:
            _run_other(computation, InvalidOpcode(op) if function is None else function)
        except Halt:
            return
        gas = meter.gas_remaining
        mem = memory._bytes
        if values and type(values[-1]) is not int:
            values[-1] = int.from_bytes(values[-1], "big")
